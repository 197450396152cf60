"""A chat that several processes share: a table, in which a message is there as soon as it was taken."""

from __future__ import annotations

from typing import Any

import asyncpg  # type: ignore[import-untyped]

from sayso import errors, model
from sayso.cards import batch, card
from sayso.machine import people

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

TABLE = """create table if not exists chat (
    number bigserial primary key, place text, ticket text, kind text, count bigint, open bigint)"""


class TableChat:
    """A `Channel` that reminds. A message is one row: `open` is how many requests can be answered on it."""

    name = "chat"

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        """See `channel.Channel.post`."""
        found = "select number from chat where place = $1 and ticket = $2 and kind = 'card' order by number limit 1"
        number = await self._fetch(found, place, drawn.ticket_id) if again else None
        if number is None:
            new = "insert into chat (place, ticket, kind, count, open) values ($1, $2, 'card', 0, $3) returning number"
            number = await self._fetch(new, place, drawn.ticket_id, _open(drawn))
        posted = model.PostedCard(drawn.ticket_id, place, self.name, place, str(number))
        if again:
            await self.edit(posted, drawn)
        return posted

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        """See `channel.Channel.edit`."""
        await self._fetch("update chat set open = $2 where number = $1", int(posted.message), _open(drawn))

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        """See `channel.Reminder.remind`."""
        found = "select number from chat where ticket = $1 and place = $2 and kind = 'reminder' and count = $3"
        message = await self._fetch(found, posted.ticket_id, posted.message, number) if again else None
        if message is None:
            new = "insert into chat (ticket, place, kind, count) values ($1, $2, 'reminder', $3) returning number"
            message = await self._fetch(new, posted.ticket_id, posted.message, number)
        return str(message)

    async def _fetch(self, text: str, *values: object) -> Any:
        try:
            return await self._pool.fetchval(text, *values, timeout=5)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise errors.ChannelError(f"the chat is away: {error!r}", unsure=True) from error


def _open(drawn: card.Card) -> int:
    if isinstance(drawn, batch.BatchCard):
        return sum(row.open for row in drawn.rows)
    return int(drawn.tone == "pending")
