"""Resume each run once its request is decided: runs beside the app, and picks up what was asked before it started.

The rule: one app, one of these. A run is resumed by the public `resume`, and only if its own record says that it was
not: two at once could both find that, and the SDK takes a second resume, and may repeat a step, without a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, cast, runtime_checkable

from vercel.workflow import BaseHook, WorkflowWorldError

import sayso
from sayso import model
from sayso.asking.hooks import payloads
from sayso.cards import phrases
from sayso.chat.recent import Recent
from sayso.content import shapes
from sayso.desk import Desk
from sayso.stores import Query
from sayso_workflow import records

log = logging.getLogger(__name__)

# An older request cannot be about a run that was not resumed: none waits so long.
_OLDEST = timedelta(seconds=model.MAX_SECONDS, days=1)
# What another process asked is seen soon after.
_RECENT = timedelta(hours=1)
# Of those that were seen through, the last are remembered.
_MOST_FOLLOWED = 100_000
PAGE = 200
_PASSING = (sayso.SaysoError, WorkflowWorldError, OSError)


@contextlib.asynccontextmanager
async def resume_when_decided(desk: sayso.Asker, *hooks: type[BaseHook], every: float = 5.0) -> AsyncGenerator[None]:
    """While this is open, every request of `sayso_workflow.ask` for one of *hooks* resumes its run once it is decided.

    Also those that were asked, or decided, before. *every* that many seconds it looks for requests that other processes
    asked, and withdraws those whose run no longer waits. *desk* is embedded, or a service's with the key that asked.
    """
    resumer = _Resumer(desk, {name_of(hook): payloads.of(hook) for hook in hooks}, every)
    _present.append(resumer)
    running = asyncio.create_task(resumer.run())
    try:
        yield
    finally:
        _present.remove(resumer)
        tasks = [running, *resumer.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def present_desk() -> sayso.Asker | None:
    """The desk of the resumer in this process."""
    return _present[-1].desk if _present else None


def check(hook: type[BaseHook]) -> None:
    """Refuse a hook that the resumer of this process would leave waiting. Raises `InvalidRequest`."""
    if _present and not any(resumer.knows(hook) for resumer in _present):
        hint = f"resume_when_decided(desk, {hook.__name__})"
        raise sayso.InvalidRequest(f"nothing here resumes {name_of(hook)}", field="hook", hint=hint)


def follow(ticket: sayso.Ticket) -> None:
    """See a request through that was asked in this process."""
    for resumer in _present:
        resumer.follow(ticket)


def name_of(hook: type[BaseHook]) -> str:
    """What a hook's type is called in a request."""
    return f"{hook.__module__}.{hook.__qualname__}"


class _Resumer:
    def __init__(self, desk: sayso.Asker, hooks: Mapping[str, payloads.Payload[BaseHook]], every: float) -> None:
        self.desk = desk
        self.tasks: set[asyncio.Task[None]] = set()
        self._hooks = hooks
        self._every = every
        # one that is forgotten and listed all the same is found to be resumed already
        self._followed = Recent[str, None](_MOST_FOLLOWED)
        self._open: dict[str, sayso.Ticket] = {}
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        span, first = _OLDEST, True
        while True:
            try:
                async for ticket in _requests(self.desk, span):
                    # what was decided before the start was left by a process that is gone
                    self.follow(ticket, left=first and ticket.decision is not None)
                for ticket in list(self._open.values()):
                    await self._withdraw_if_gone(ticket)
                span, first = _RECENT, False
            except _PASSING as error:
                log.warning("workflow requests could not be listed", extra={"error": str(error)})
            await asyncio.sleep(self._every)

    def knows(self, hook: type[BaseHook]) -> bool:
        return name_of(hook) in self._hooks

    def follow(self, ticket: sayso.Ticket, *, left: bool = False) -> None:
        if _marks(ticket).get("hook") in self._hooks and ticket.id not in self._followed:
            self._followed[ticket.id] = None
            # a step may run on a thread of its own
            self._loop.call_soon_threadsafe(self._start, ticket, left)

    def _start(self, ticket: sayso.Ticket, left: bool) -> None:
        task = self._loop.create_task(self._see_through(ticket, left))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _see_through(self, ticket: sayso.Ticket, left: bool) -> None:
        while True:
            try:
                await self._resume(ticket, await self._decision(ticket), left)
                return
            except _PASSING as error:
                log.warning("a run could not be resumed yet", extra={"id": ticket.id, "error": str(error)})
            except Exception:
                log.exception("a run cannot be resumed", extra={"id": ticket.id})
                return
            await asyncio.sleep(self._every)

    async def _decision(self, ticket: sayso.Ticket) -> sayso.Decision:
        if ticket.decision is not None:
            return ticket.decision
        self._open[ticket.id] = ticket
        try:
            return await self.desk.wait(ticket.id)
        finally:
            del self._open[ticket.id]

    async def _resume(self, ticket: sayso.Ticket, decision: sayso.Decision, left: bool) -> None:
        marks = _marks(ticket)
        hook = await records.find_hook(marks["token"], marks["id"])
        if hook is None or await records.count_received(hook) >= marks["nth"]:
            log.info("the run no longer waits", extra={"id": ticket.id})
            if left:
                await records.wake(marks["run"])
        elif (value := await self._value(ticket, decision)) is not None:
            await records.settle(hook)
            # cut off after this was written, a new process finds it received, and only wakes the run
            await asyncio.shield(value.resume(hook))  # pyright: ignore[reportUnknownMemberType]
            log.info("a run was resumed", extra={"id": ticket.id, "outcome": decision.outcome})

    async def _value(self, ticket: sayso.Ticket, decision: sayso.Decision) -> BaseHook | None:
        """The payload that a decision means. None if nobody gave one, or somebody must be asked again."""
        marks = _marks(ticket)
        payload = self._hooks[marks["hook"]]
        if decision.outcome in ("allowed", "denied", "answered"):
            try:
                return payload.value(await self._use(ticket, decision))
            except sayso.InvalidAnswer as unfit:
                await self._ask_again(ticket, f"The last answer did not fit: {unfit.message}")
            except (sayso.AlreadyUsed, sayso.NotUsable):
                found = (await self.desk.get(ticket.id)).decision or decision
                await self._ask_again(ticket, f"Asked before: {phrases.asked_before(found)}")
            return None
        if marks["otherwise"] is not None:
            return shapes.build(payload.adapter, marks["otherwise"])
        if payload.flag is not None:
            return payload.value(decision.model_copy(update={"reason": decision.model_text}))
        log.warning("nobody decided, and the run waits on", extra={"id": ticket.id, "outcome": decision.outcome})
        return None

    async def _use(self, ticket: sayso.Ticket, decision: sayso.Decision) -> sayso.Decision:
        """The decision, as it was when it was made; an allow is used by this, once for this run's hook."""
        if decision.outcome == "allowed":
            # cut off between the use and the resume, a new process uses it for the same
            await self.desk.use(ticket.id, attempt=f"workflow {_marks(ticket)['run']}")
        return decision.model_copy(update={"used_at": None, "void": False})

    async def _ask_again(self, ticket: sayso.Ticket, why: str) -> None:
        """Ask once more, and say why: the type's own validators say no, or a yes cannot be used any more."""
        said = {"id": f"{ticket.id}.again", "body": why}
        self.follow(await self.desk.open(ticket.request.model_copy(update=said)))

    async def _withdraw_if_gone(self, ticket: sayso.Ticket) -> None:
        marks = _marks(ticket)
        if await records.find_hook(marks["token"], marks["id"]) is None:
            await self.desk.cancel(ticket.id, reason="the workflow no longer waits for this")


_present: list[_Resumer] = []


@runtime_checkable
class _Lists(Protocol):
    async def list(
        self, state: str | None = None, *, limit: int = 50, before: str | None = None
    ) -> Sequence[sayso.Ticket]: ...


async def _requests(desk: sayso.Asker, span: timedelta) -> AsyncIterator[sayso.Ticket]:
    """Requests of workflows, newest first, back to *span* before the newest of all."""
    last: sayso.Ticket | None = None
    oldest: datetime | None = None
    while True:
        page = await _page(desk, last)
        for ticket in page:
            # told by the desk's own clock
            oldest = oldest or ticket.created_at - span
            if ticket.created_at < oldest:
                return
            if ticket.id.startswith("wf_") and "nth" in _marks(ticket):
                yield ticket
        if not page:
            return
        last = page[-1]


async def _page(desk: sayso.Asker, last: sayso.Ticket | None) -> Sequence[sayso.Ticket]:
    if isinstance(desk, Desk):
        before = (last.created_at, last.id) if last else None
        return await desk.store.list(Query(limit=PAGE, before=before))
    if isinstance(desk, _Lists):
        return await desk.list(limit=PAGE, before=last.id if last else None)
    raise sayso.InvalidSettings("this desk cannot list its requests", hint="use sayso.open()")


def _marks(ticket: sayso.Ticket) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], ticket.request.metadata.get("hook", {}))
