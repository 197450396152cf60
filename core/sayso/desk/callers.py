"""The desk as one caller reaches it: for doors that let several of them in, each with a key of their own."""

from __future__ import annotations

import contextlib

from sayso import model
from sayso.desk.desk import Caller, Desk


class CallersDesk:
    """The desk for the holder of one key: they reach what they asked themselves."""

    def __init__(self, front: Desk, caller: Caller) -> None:
        self._desk = front
        self._caller = caller

    async def open(self, request: model.Request) -> model.Ticket:
        """Ask without waiting."""
        return await self._desk.open(request, self._caller)

    async def wait(self, id: str) -> model.Decision:
        """Wait for the decision."""
        await self.get(id)
        return await self._desk.wait(id, self._caller)

    def attending(self, id: str) -> contextlib.AbstractAsyncContextManager[None]:
        """As `Desk.attending`."""
        return self._desk.attending(id, self._caller)

    async def get(self, id: str) -> model.Ticket:
        """A request with its present state."""
        return await self._desk.get(id, self._caller)

    async def cancel(self, id: str, *, reason: str | None = None) -> model.Ticket:
        """Withdraw a request."""
        return await self._desk.cancel(id, self._caller, reason)

    async def use(self, id: str, *, attempt: str | None = None) -> model.Ticket:
        """Use an allow, once."""
        return await self._desk.use(id, self._caller, attempt=attempt)
