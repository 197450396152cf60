"""Asking without sitting and waiting: a handle to come back with, and a wait that withdraws what nobody waits for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from sayso import asking, model, tokens

if TYPE_CHECKING:
    from sayso import opening

log = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds that a cancelled caller is kept for the withdrawal; a service that is away may take it later.
_FAREWELL = 5.0


class Handle:
    """A request that was asked while the agent goes on working; `await` it for the decision, as often as you like."""

    def __init__(self, desk: opening.Asker, request: model.Request, ticket: model.Ticket) -> None:
        self._desk = desk
        self._shape = asking.shape_of(request)
        self.ticket = ticket
        """The request as it was opened."""

    @property
    def id(self) -> str:
        """The id to find it by, in this process or any other."""
        return self.ticket.id

    def __await__(self) -> Generator[Any, Any, model.Decision]:
        """The decision, once there is one. Raises as `Desk.wait`, and `InvalidAnswer` where a model refuses it."""
        return self._decision().__await__()

    async def done(self) -> bool:
        """Whether it is decided, without waiting. Raises `NotFound`."""
        return (await self._desk.get(self.id)).decision is not None

    async def cancel(self, reason: str | None = None) -> model.Ticket:
        """Withdraw it; a closed one stays as it is. Raises `NotFound`."""
        return await self._desk.cancel(self.id, reason=reason)

    async def use(self) -> model.Ticket:
        """Use its allow, immediately before what was allowed runs. Raises as `Desk.use`."""
        return await self._desk.use(self.id)

    async def _decision(self) -> model.Decision:
        return asking.shaped(self._shape, await self._desk.wait(self.id))


async def held(
    desk: opening.Asker, request: model.Request, *, reason: str = "the agent stopped waiting"
) -> model.Decision:
    """Ask, for as long as the caller waits: where its task is cancelled, the request is withdrawn with *reason*.

    For a pause that dies with its process. Raises as `Desk.ask`.
    """

    named = request if request.id else request.model_copy(update={"id": tokens.new_id()})

    async def opened() -> model.Ticket:
        return (await desk.ask(named, wait=False)).ticket

    # on record before there is a card that somebody could press
    async with attending(desk, str(named.id)):
        _, decision = await _waited(desk, opened(), lambda ticket: desk.wait(ticket.id), reason)
    return asking.with_value(request, decision)


async def while_waited(
    desk: opening.Asker, opened: Coroutine[Any, Any, model.Ticket], reason: str
) -> tuple[model.Ticket, model.Decision]:
    """As `held`, for a request that *opened* opens: the ticket, and the decision on it."""

    async def attended(ticket: model.Ticket) -> model.Decision:
        async with attending(desk, ticket.id):
            return await desk.wait(ticket.id)

    return await _waited(desk, opened, attended, reason)


async def _waited(
    desk: opening.Asker,
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
        farewell = asyncio.ensure_future(_withdrawn(desk, asked, reason))
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
    """The results of all of them, or the first failure at once: then nobody waits for the rest."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in asked]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _withdrawn(desk: opening.Asker, opened: asyncio.Future[model.Ticket], reason: str) -> None:
    try:
        await desk.cancel((await opened).id, reason=reason)
    except Exception as error:
        # nobody waits for this any more, so nobody else would hear of it
        log.info("request not withdrawn", extra={"error": type(error).__name__, "reason": str(error)})
