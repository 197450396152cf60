"""What is remembered of a request goes with its content: the digest of its call, its words, and the reason given.

The rule: what other requests left stays. That somebody answered it stays, too.
"""

from __future__ import annotations

from sayso import model
from sayso.desk.admission import remembering
from sayso.stores import Store
from sayso.stores.record_kinds import PAST


async def forget(store: Store, ticket: model.Ticket) -> None:
    """Remove what a decided request left for later cards."""
    past = await remembering.past_of(ticket, ticket.decision) if ticket.decision else None
    if past is None or ticket.decision is None:
        return
    for kind, name in ((PAST, past), *remembering.of_agent(ticket, ticket.decision)):
        await store.remove(kind, name)
