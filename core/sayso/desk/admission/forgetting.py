"""What is remembered of a request goes with its content: the digest of its call, its words, and the reason given.

The rule: what other requests left stays. That somebody answered it stays, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sayso import model
from sayso.desk.admission import asking_back, remembering
from sayso.stores import Record, Store, record_kinds
from sayso.stores.record_kinds import PAST

# Whatever else somebody typed for a request is kept for a day at most, and this is later.
_TYPED = timedelta(days=2)


async def forget(store: Store, ticket: model.Ticket, at: datetime) -> None:
    """Remove what a decided request left for later cards, and what was typed for it."""
    decided = ticket.decision.decided_at if ticket.decision else at
    for record in await _typed(store, ticket) if at - decided < _TYPED else ():
        await store.remove(record.kind, record.name)
    past = await remembering.past_of(ticket, ticket.decision) if ticket.decision else None
    if past is None or ticket.decision is None:
        return
    for kind, name in ((PAST, past), *remembering.of_agent(ticket, ticket.decision)):
        await store.remove(kind, name)


async def _typed(store: Store, ticket: model.Ticket) -> Sequence[Record]:
    """Drafts of answers, the question back for the agent's next request, and messages that became answers."""
    chats = {*map(model.channel_of, ticket.route), *(one.via.partition(":")[0] for one in ticket.answers)}
    found = [*await store.scan(record_kinds.DRAFT, f"{ticket.ref}/"), *await asking_back.kept(store, ticket)]
    for chat in sorted(chats):
        said = await store.scan(record_kinds.words(chat))
        found += [one for one in said if one.value.get("ticket") == ticket.id]
    return found
