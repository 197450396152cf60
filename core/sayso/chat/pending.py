"""The requests that are open, with the cards that stand for them on one channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sayso import model
from sayso.desk.posting import batching
from sayso.stores import Query, Store

# Of one query.
_PAGE = 100
# Nobody overlooks more open requests than this; somebody who mentions the app there is asked to reply to a card.
_MOST_PENDING = 300
_JUST_DECIDED = 50


async def cards_on(store: Store, name: str) -> AsyncIterator[tuple[model.Ticket, model.PostedCard]]:
    """All that is open, with each of its cards on the channel *name*, also where it has a row among others."""
    async for page in _pages(store):
        stand = {ticket.id: ticket for ticket in page}
        for id, posted in await batching.cards_of(store, *stand):
            if posted.channel == name:
                yield stand[id], posted


async def cards_in(store: Store, name: str, conversation: str) -> list[tuple[model.Ticket, model.PostedCard]]:
    """What is open in a conversation of the channel *name*, with its cards there."""
    return [(ticket, posted) async for ticket, posted in cards_on(store, name) if posted.conversation == conversation]


async def open_at(store: Store, at: datetime, *, changed: bool) -> list[model.Ticket]:
    """What was open when words were written; *changed* says that they were changed since."""
    undecided = await store.list(Query(state="pending", limit=_MOST_PENDING))
    decided = await store.list(Query(state="decided", limit=_JUST_DECIDED))
    return [ticket for ticket in (*undecided, *decided) if was_open(ticket, at, changed=changed)]


def was_open(ticket: model.Ticket, at: datetime, *, changed: bool) -> bool:
    """Whether a request was open when words were written; *changed* says that they were changed since."""
    if ticket.decision is None:
        return True
    # what was decided at the same moment was open when words were written that are changed only now
    decided_at = ticket.decision.decided_at
    return decided_at > at or (changed and decided_at == at)


async def _pages(store: Store) -> AsyncIterator[Sequence[model.Ticket]]:
    before = None
    while page := await store.list(Query(state="pending", limit=_PAGE, before=before)):
        yield page
        before = (page[-1].created_at, page[-1].id)
