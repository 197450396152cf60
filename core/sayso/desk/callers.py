"""The desk as one caller reaches it: an `Asker` for the holder of one key, or for who may write the database."""

from __future__ import annotations

import contextlib
from typing import Any, Literal, overload

from typing_extensions import TypeVar

from sayso import model
from sayso.desk import asker
from sayso.desk.desk import Caller, Desk

V = TypeVar("V", default=Any)


class CallersDesk:
    """The desk for one caller, who reaches what they asked themselves; without a caller, all that is stored."""

    def __init__(self, desk: Desk, caller: Caller | None = None) -> None:
        self.desk = desk
        self._caller = caller

    @overload
    async def ask(self, request: model.FormRequest[V], *, wait: Literal[True] = True) -> model.Decision[V]: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[True] = True) -> model.Decision: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[False]) -> asker.Handle: ...
    async def ask(self, request: model.Request, *, wait: bool = True) -> model.Decision | asker.Handle:
        """Ask, and wait for the decision; with `wait=False` go on with a handle to it."""
        handle = asker.Handle(self, request, await self.open(request))
        return await handle if wait else handle

    async def open(self, request: model.Request) -> model.Ticket:
        """Ask without waiting."""
        return await self.desk.open(request, self._caller)

    async def wait(self, id: str) -> model.Decision:
        """Wait for the decision."""
        await self.get(id)
        return await self.desk.wait(id, self._caller)

    def attending(self, id: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait inside for a request that ends with this process."""
        return self.desk.attending(id, self._caller)

    async def get(self, id: str) -> model.Ticket:
        """Load a request with its present state."""
        return await self.desk.get(id, self._caller)

    async def cancel(self, id: str, *, reason: str | None = None) -> model.Ticket:
        """Withdraw a request."""
        return await self.desk.cancel(id, self._caller, reason)

    async def use(self, id: str, *, attempt: str | None = None) -> model.Ticket:
        """Use an allow, once."""
        return await self.desk.use(id, self._caller, attempt=attempt)

    async def note(self, session: str, said: str) -> tuple[model.Place, ...]:
        """Tell people what the agent of a session is doing; where it was told."""
        return await self.desk.note(session, said, self._caller)
