"""What an agent's program asks at, and asking without sitting and waiting.

A handle is what to come back with; `held` withdraws what nobody waits for any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, overload, runtime_checkable

from typing_extensions import TypeVar

from sayso import model
from sayso.cards import tokens
from sayso.content import requests

log = logging.getLogger(__name__)

T = TypeVar("T")
V = TypeVar("V", default=Any)

# Seconds that a cancelled caller is kept for the withdrawal; a service that is away may take it later.
_FAREWELL = 5.0
_STOPPED = "the agent stopped waiting"


class Asker(Protocol):
    """What an agent sees, embedded or behind a service."""

    @overload
    async def ask(self, request: model.FormRequest[V], *, wait: Literal[True] = True) -> model.Decision[V]: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[True] = True) -> model.Decision: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[False]) -> Handle: ...
    async def ask(self, request: model.Request, *, wait: bool = True) -> model.Decision | Handle:
        """Ask, and wait for the decision; with `wait=False` go on with a handle to it."""
        ...

    async def open(self, request: model.Request) -> model.Ticket:
        """Ask without waiting."""
        ...

    async def wait(self, id: str) -> model.Decision:
        """Wait for the decision on a request that was asked before."""
        ...

    async def get(self, id: str) -> model.Ticket:
        """Load a request with its present state."""
        ...

    async def cancel(self, id: str, *, reason: str | None = None) -> model.Ticket:
        """Withdraw a request."""
        ...

    async def use(self, id: str, *, attempt: str | None = None) -> model.Ticket:
        """Use an allow, immediately before what was allowed runs. One allow is good once: a second use is refused.

        A call with the same *attempt* again is the same use.
        """
        ...

    async def note(self, session: str, said: str) -> Sequence[str]:
        """Tell people what the agent of a session is doing; where it was told. Needs a service with a chat."""
        ...


@runtime_checkable
class Answerer(Protocol):
    """A desk at which somebody answers who is known to it: the person behind a key, or at this terminal."""

    async def answer(self, id: str, answer: model.Answer) -> model.Ticket:
        """Answer in the name of that person. Raises as `Desk.answer`."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """Where to post, and until when."""

    id: str
    url: str
    expires_at: datetime


@runtime_checkable
class WebhookMaker(Protocol):
    """A desk that has an address on the network, and so can take calls of other systems."""

    async def make_webhook(self, wanted: model.JsonObject) -> WebhookAddress:
        """Make an address that takes one call."""
        ...

    async def respond_webhook(self, id: str, body: Any) -> None:
        """Answer the held call of a webhook."""
        ...


class Handle:
    """A request that was asked while the agent goes on working; `await` it for the decision, as often as you like."""

    def __init__(self, desk: Asker, request: model.Request, ticket: model.Ticket) -> None:
        self._desk = desk
        self._shape = requests.shape_of(request)
        self.ticket = ticket
        """The request as it was opened."""

    @property
    def id(self) -> str:
        """The id to find it by, in this process or any other."""
        return self.ticket.id

    def __await__(self) -> Generator[Any, Any, model.Decision]:
        """Wait for the decision. Raises as `Desk.wait`, and `InvalidAnswer` if a model refuses it."""
        return self._decision().__await__()

    async def done(self) -> bool:
        """Tell whether it is decided, without waiting. Raises `NotFound`."""
        return (await self._desk.get(self.id)).decision is not None

    async def cancel(self, reason: str | None = None) -> model.Ticket:
        """Withdraw it; a closed one stays as it is. Raises `NotFound`."""
        return await self._desk.cancel(self.id, reason=reason)

    async def use(self) -> model.Ticket:
        """Use its allow, immediately before what was allowed runs. Raises as `Desk.use`."""
        return await self._desk.use(self.id)

    async def _decision(self) -> model.Decision:
        return requests.shaped(self._shape, await self._desk.wait(self.id))


async def held(desk: Asker, request: model.Request, *, reason: str = _STOPPED) -> model.Decision:
    """Ask, for as long as the caller waits: if its task is cancelled, the request is withdrawn with *reason*.

    For a pause that dies with its process. Raises as `Desk.ask`.
    """

    named = request if request.id else request.model_copy(update={"id": tokens.new_id()})

    async def opened() -> model.Ticket:
        return (await desk.ask(named, wait=False)).ticket

    # on record before there is a card that somebody could press
    async with attending(desk, str(named.id)):
        _, decision = await _wait_or_withdraw(desk, opened(), lambda ticket: desk.wait(ticket.id), reason)
    return requests.with_value(request, decision)


async def while_waited(desk: Asker, opened: Coroutine[Any, Any, model.Ticket]) -> tuple[model.Ticket, model.Decision]:
    """Do the same as `held` for a request that *opened* opens; the ticket, and the decision on it."""

    async def attended(ticket: model.Ticket) -> model.Decision:
        async with attending(desk, ticket.id):
            return await desk.wait(ticket.id)

    return await _wait_or_withdraw(desk, opened, attended, _STOPPED)


async def _wait_or_withdraw(
    desk: Asker,
    opened: Coroutine[Any, Any, model.Ticket],
    wait: Callable[[model.Ticket], Awaitable[model.Decision]],
    reason: str,
) -> tuple[model.Ticket, model.Decision]:
    asked = asyncio.ensure_future(opened)
    try:
        ticket = await asyncio.shield(asked)
        return ticket, await wait(ticket)
    except asyncio.CancelledError:
        # a call that was cut short may still have opened it
        farewell = asyncio.ensure_future(_withdraw(desk, asked, reason))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(farewell), _FAREWELL)
        raise


def attending(desk: object, id: str) -> contextlib.AbstractAsyncContextManager[None]:
    """Wait inside for a request that ends with its caller; a desk that keeps no record of that does nothing."""
    return desk.attending(id) if isinstance(desk, _Attended) else contextlib.nullcontext()


@runtime_checkable
class _Attended(Protocol):
    def attending(self, id: str) -> contextlib.AbstractAsyncContextManager[None]: ...


async def together(asked: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for the results of all, or raise the first failure at once: then nobody waits for the rest."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in asked]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _withdraw(desk: Asker, opened: asyncio.Future[model.Ticket], reason: str) -> None:
    try:
        await desk.cancel((await opened).id, reason=reason)
    except Exception as error:
        # nobody waits for this any more, so only the log can say it
        log.info("request not withdrawn", extra={"error": type(error).__name__, "reason": str(error)})
