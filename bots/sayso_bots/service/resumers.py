"""Who hands a decision over: by the scheme of the address that the request named."""

from __future__ import annotations

from collections.abc import Mapping

from sayso import model
from sayso.desk import courier


class Resumers:
    """The courier's `Resumer` for all kinds of address: *ways* by scheme, and *otherwise* for the rest."""

    def __init__(self, ways: Mapping[str, courier.Resumer], otherwise: courier.Resumer) -> None:
        self._ways = ways
        self._otherwise = otherwise

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        """As the one for this address says."""
        return self._way(ticket).next_try(ticket, attempts)

    async def resume(self, ticket: model.Ticket) -> bool:
        """Deliver once. Raises `ChannelError`."""
        return await self._way(ticket).resume(ticket)

    def _way(self, ticket: model.Ticket) -> courier.Resumer:
        return self._ways.get((ticket.request.callback_url or "").partition(":")[0], self._otherwise)
