"""Waits for people while a client waits for us. A request is withdrawn only when nobody can come back for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Protocol

import anyio

from sayso import errors, model
from sayso.cards import tokens
from sayso.content import wording
from sayso.desk import asker
from sayso.machine import progress

# Seconds between two signs of life: clients that count silence begin at 60.
_BEAT = 15.0
# The second one comes sooner: by then it is known whether a card can be shown.
_SOON = 5.0
# Seconds that a withdrawal may take: the client that ends us does not wait long.
_FAREWELL = 3.0


class Progress(Protocol):
    """The part of a tool call that waiting needs."""

    async def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> Any:
        """Send a sign of life; does nothing if the client did not ask for any."""
        ...


class Waits:
    """All that is waited for in this process."""

    def __init__(self) -> None:
        self._unknown: dict[str, asker.Asker] = {}

    async def ask(
        self, desk: asker.Asker, request: model.Request, call: Progress, *, patience: float
    ) -> tuple[model.Ticket, model.Decision | None]:
        """Ask, and wait for *patience* seconds at most; None if nobody has decided by then.

        Until it is told, only this call knows an id that it did not choose: if it ends early, the request is withdrawn.
        """
        if request.id is not None:
            ticket = await desk.open(request)
            return ticket, await self.decision(desk, ticket.id, call, patience=patience)
        named = request.model_copy(update={"id": tokens.new_id()})
        id = str(named.id)
        # on record before there is a card that somebody could press
        async with self._withdraw_unless_told(desk, id), asker.attending(desk, id):
            ticket = await desk.open(named)
            return ticket, await self.decision(desk, id, call, patience=patience)

    async def held(
        self, desk: asker.Asker, opened: Awaitable[model.Ticket], call: Progress, *, patience: float
    ) -> tuple[model.Ticket, model.Decision | None]:
        """As `ask`, for a request that *opened* opens under an id that others may know: they leave with this call."""
        ticket = await opened
        async with self._withdraw_unless_told(desk, ticket.id):
            return ticket, await self.decision(desk, ticket.id, call, patience=patience)

    async def decision(self, desk: asker.Asker, id: str, call: Progress, *, patience: float) -> model.Decision | None:
        """Wait for *patience* seconds at most; None if nobody has decided by then."""
        beats = asyncio.create_task(_beat(desk, call, id))
        try:
            with anyio.move_on_after(patience):
                return await desk.wait(id)
        finally:
            beats.cancel()
        return None

    async def leave(self) -> None:
        """Withdraw what nobody can come back for, because this process ends."""
        farewells = [withdraw(desk, id) for id, desk in self._unknown.items()]
        await asyncio.gather(*farewells)

    @contextlib.asynccontextmanager
    async def _withdraw_unless_told(self, desk: asker.Asker, id: str) -> AsyncGenerator[None]:
        self._unknown[id] = desk
        try:
            yield
        except BaseException:
            await withdraw(desk, id)
            raise
        finally:
            del self._unknown[id]


async def hand_over(
    desk: asker.Asker, id: str, decision: model.Decision, *, attempt: str | None = None
) -> model.Decision:
    """The decision as this answer may tell it: an allow is used by that, and one that was used before says when."""
    if decision.outcome != "allowed":
        return decision
    try:
        used = await (desk.use(id, attempt=attempt) if attempt else desk.use(id))
    except (errors.AlreadyUsed, errors.NotUsable):
        return (await desk.get(id)).decision or decision
    return wording.before_use(used, decision)


async def withdraw(desk: asker.Asker, id: str, reason: str = "the agent hung up") -> None:
    """Withdraw a request, also while the caller itself is being cancelled; give up soon."""
    with anyio.move_on_after(_FAREWELL, shield=True), contextlib.suppress(errors.SaysoError):
        await desk.cancel(id, reason=reason)


async def _beat(desk: asker.Asker, call: Progress, id: str) -> None:
    beats = 0
    # nobody is there to hear it: the transport tells those who wait
    with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        while True:
            now = await _now(desk, id)
            await call.report_progress(beats, None, f"waiting for a person to decide request {id}{now}")
            await asyncio.sleep(_BEAT if beats else _SOON)
            beats += 1


async def _now(desk: asker.Asker, id: str) -> str:
    """What goes on with it; nothing if that cannot be found out."""
    with contextlib.suppress(errors.SaysoError):
        said = progress.said(await desk.get(id))
        return f": {said}" if said else ""
    return ""
