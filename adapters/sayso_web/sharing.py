"""Cards for open pages: each is drawn once for all who see the same of it, however many pages are open.

What is one's own in a card is whether one may answer, and the token of one's forms: that is put in for each page.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from sayso import aside, model
from sayso.chat import recent
from sayso.content import requests
from sayso.desk import Desk
from sayso_web import sessions, view

Made = TypeVar("Made")

# Requests and cards that are kept for the other pages. A card in a list is short; a request may have a megabyte.
_REQUESTS, _CARDS = 16, 128
# Characters; a longer card is drawn for each page.
_LARGE = 65_536


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card as it is sent, but for whose form it is."""

    text: str
    form: str
    """What stands in it in place of the token of one's forms."""

    def of(self, session: sessions.Session) -> str:
        """The card as this session gets it."""
        return self.text.replace(self.form, session.csrf)


class SharedCards:
    """The cards of the newest changes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # nobody can write it into a card
        self._stranger = secrets.token_urlsafe(32)
        self._requests = recent.Recent[tuple[str, int], asyncio.Future[model.Ticket]](_REQUESTS)
        self._cards = recent.Recent[tuple[str, int, view.Glance], asyncio.Future[Drawn]](_CARDS)

    async def load(self, id: str, number: int) -> model.Ticket:
        """A request as it was at a row of the log, or later. Raises as `Store.load`."""
        return await once(self._requests, (id, number), lambda: self._desk.store.load(id))

    async def draw(self, own: view.View, ticket: model.Ticket) -> Drawn:
        """The parts of an event about a request, as JSON without its braces."""
        seen = (ticket.id, ticket.version, own.glance(ticket))
        found = await once(self._cards, seen, lambda: self._draw(own, ticket))
        if len(found.text) > _LARGE:
            self._cards.pop(seen, None)
        return found

    async def _draw(self, own: view.View, ticket: model.Ticket) -> Drawn:
        stranger = sessions.Session(self._stranger, own.session.person)
        large = requests.is_large(ticket, aside.SMALL)
        text = await aside.run_large(large, _describe, replace(own, session=stranger), ticket)
        return Drawn(text, stranger.csrf)


def _describe(own: view.View, ticket: model.Ticket) -> str:
    row = own.draw_row(ticket) if ticket.decision else None
    about = {"id": ticket.id, "state": ticket.state, "card": own.draw_in_list(ticket), "row": row}
    return json.dumps(about)[1:-1]


async def once(
    kept: recent.Recent[recent.Key, asyncio.Future[Made]], key: recent.Key, make: Callable[[], Awaitable[Made]]
) -> Made:
    """What is kept under a key, made by whoever comes first; what failed is made again."""
    while (found := kept.get(key)) is not None and not found.cancelled():
        if found.done():
            return found.result()
        await asyncio.wait({found})
    mine: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
    kept[key] = mine
    try:
        # here, and not in a task: a short card is there before the next one asks
        mine.set_result(await make())
    finally:
        mine.cancel()
    return mine.result()
