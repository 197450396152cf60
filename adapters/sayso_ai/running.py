"""A run, watched: each hook that waits becomes one request, each decision resolves its hook, on the run's own loop.

The rule: a hook's future is the truth. While it is open people are asked; once it is done, by whomever, nobody is.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, Unpack

import ai
import pydantic
from ai.agents import agent as agents

from sayso import asking, errors, model
from sayso.asking import permits, runs
from sayso.desk import asker
from sayso_ai import hooks

log = logging.getLogger(__name__)

Output = TypeVar("Output")


@contextlib.asynccontextmanager
async def people(
    desk: asker.Asker,
    run: AbstractAsyncContextManager[agents.AgentStream[Output]],
    *,
    forms: Iterable[type[pydantic.BaseModel]] = (),
    durable: str | None = None,
    **common: Unpack[asking.Common],
) -> AsyncGenerator[Stream[Output]]:
    """The stream of *run*, in which people at *desk* decide what its hooks wait for.

        async with sayso_ai.people(desk, agent.run(model, messages)) as stream:
            async for event in stream: ...

    *forms* are the payload models of its own hooks (`ai.hook(…, payload=Refund)`), *common* any other key of a request
    (`policy`, `route`, `expires_in` …). When the block ends, requests that are still open are withdrawn.

    With *durable*, a name for this run that no other has, the gate of a tool does not wait: it is deferred, the run
    ends, and `Stream.deferred` has the ids to wait for. A run of the same messages under the same name goes on from
    there, in any process.

    Raises:
        InvalidRequest: a key in *common* is one that each hook has of its own.
    """
    runs.refuse(common, "a hook", "title", "verdicts", "grants", "offers", "editable")
    # two calls of one turn may have the same id
    how = runs.Run(desk=desk, prefix="ai", name=durable, session=durable, common=common, shared=True)
    async with run as inner:
        stream = Stream(inner, how, {shape.__name__: shape for shape in forms})
        try:
            yield stream
        finally:
            await stream.aclose()


class Stream(agents.AgentStream[Output]):
    """What `agent.run` gives, with the same properties, and with what became of it."""

    def __init__(self, inner: agents.AgentStream[Output], run: runs.Run, forms: hooks.Forms) -> None:
        super().__init__(self._events(), inner.context, inner.hook_registry)
        self.deferred: list[str] = []
        """Ids of the requests that a durable run left open when it ended."""
        self._inner = inner
        self._run = run
        self._forms = forms
        self._asks: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._lasting = hooks.taken_up(run.name, inner.messages) if run.name else set[str]()
        self._stop: asyncio.Future[model.Decision] = asyncio.get_running_loop().create_future()

    @property
    def stopped(self) -> model.Decision | None:
        """The decision by which a person ended the run, if one did."""
        return self._stop.result() if self._stop.done() else None

    async def _events(self) -> AsyncGenerator[ai.events.AgentEvent]:
        # The run's own generator sets context variables, so all its steps are taken in one context.
        inside = contextvars.copy_context()
        ended = False
        try:
            while (event := await self._next(inside)) is not None:
                for part, nested in hooks.pending(event):
                    self._ask(part, nested)
                yield event
            ended = True
        finally:
            await asyncio.create_task(self._inner.aclose(), context=inside)
            await self._withdraw(ended)
        if self._stop.done():
            for part in self.deferred_hooks:
                yield hooks.cancel_event(part)

    async def _next(self, inside: contextvars.Context) -> ai.events.AgentEvent | None:
        """The next event, or None once the run has ended, or a person has ended it."""

        async def step() -> ai.events.AgentEvent | None:
            return await anext(self._inner, None)

        taken = asyncio.create_task(step(), context=inside)
        try:
            either: set[asyncio.Future[Any]] = {taken, self._stop}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return None if self._stop.done() else taken.result()
        finally:
            taken.cancel()
            await asyncio.gather(taken, return_exceptions=True)

    def _ask(self, part: hooks.Part, nested: bool) -> None:
        live = self.hook_registry._live_hooks.get(part.hook_id)  # pyright: ignore[reportPrivateUsage]
        if live is None or live[0].done():
            # it was settled before anybody saw that it waits; the library tells of some ends of a wait, not of all
            return
        future = live[0]
        before = self._waiting.get(part.hook_id)
        if live[1] != part.metadata or (before is not None and not before.done()):
            # the registry has lost the first: whichever of them is allowed now, the other one would run
            hint = "the model gave two of its calls the same id, or two agents within tools did: run it again"
            raise errors.InvalidRequest(f"two pauses of this run are called {part.hook_id}", field="hook_id", hint=hint)
        self._waiting[part.hook_id] = future
        if not nested and hooks.is_gate(part) and hooks.ran_before(part, self._inner.messages):
            ai.resolve_hook(part, ai.tools.ToolApproval(granted=True), registry=self.hook_registry)
            return
        ask = asyncio.create_task(self._settle(part, future, nested))
        self._asks.add(ask)
        ask.add_done_callback(self._asks.discard)
        future.add_done_callback(lambda _: ask.cancel())

    async def _settle(self, part: hooks.Part, future: asyncio.Future[Any], nested: bool) -> None:
        try:
            id = self._lasting_id(part) if not nested else None
            asked = hooks.request(part, self._run, self._forms, id)
            call = self._run.call(asked)
            decision = await (self._ask_later(call, part) if id else self._ask_now(call))
            if decision is None:
                return
            if decision.stop:
                return self._end(decision)
            said = hooks.resolution(part, asked, decision)
        except Exception as error:
            known = isinstance(error, errors.SaysoError)
            log.warning("hook %s got no decision: %s", part.hook_id, error, exc_info=not known)
            said = hooks.refusal(part, error)
        if future.done() or self._stop.done():
            return
        if isinstance(said, Exception) and part.tool_call_id is not None:
            # it holds a call back, as a gate does, and from there an exception would hang the run
            await ai.cancel_hook(part, reason=str(said), registry=self.hook_registry)
        else:
            ai.resolve_hook(part, said, registry=self.hook_registry)

    def _end(self, decision: model.Decision) -> None:
        """A person ends the run: its hook stays unresolved, so the run can do nothing until it is closed."""
        if not self._stop.done():
            self._stop.set_result(decision)
        for ask in self._asks - {asyncio.current_task()}:
            ask.cancel()

    def _lasting_id(self, part: hooks.Part) -> str | None:
        """The id of what is deferred: only what is found again by its call, in the messages of this very run."""
        if self._run.name is None or not hooks.is_gate(part) or part.tool_call_id is None:
            return None
        return hooks.request_id(self._run.name, part.hook_id, part.tool_call_id)

    async def _ask_now(self, call: permits.Call) -> model.Decision:
        return await call.use(await call.ask())

    async def _ask_later(self, call: permits.Call, part: hooks.Part) -> model.Decision | None:
        """The decision if there is one; without, the hook is deferred. What ran on an allow before is asked again."""
        while True:
            ticket = await call.open()
            self._lasting.add(ticket.id)
            if ticket.decision is None:
                self.deferred.append(ticket.id)
                ai.defer_hook(part, registry=self.hook_registry)
                return None
            self._lasting.discard(ticket.id)
            decision = await self._run.desk.wait(ticket.id)
            if decision.outcome != "allowed" or await call.try_use(decision):
                return decision

    async def _withdraw(self, ended: bool) -> None:
        """Nobody waits any more; and if the run itself is over, nobody comes back for what it does not defer."""
        for ask in self._asks:
            ask.cancel()
        await asyncio.gather(*self._asks, return_exceptions=True)
        if self._stop.done():
            self.deferred.clear()
        for id in self._lasting - set(self.deferred) if ended else ():
            with contextlib.suppress(errors.SaysoError):
                await self._run.desk.cancel(id, reason="the run went on without it")
