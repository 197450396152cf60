"""What is remembered of a request goes with its content: the digest of its call, its words, and the reason given.

The rule: what other requests left stays. That somebody answered it stays, too.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from sayso import errors, model
from sayso.desk.admission import remembering
from sayso.stores import Store
from sayso.stores.record_kinds import PAST


async def forget(store: Store, ticket: model.Ticket) -> None:
    """Remove what a decided request left for later cards."""
    past = await remembering.past_of(ticket, ticket.decision) if ticket.decision else None
    if past is None:
        return
    await store.remove(PAST, past)
    for kind, name in remembering.of_agent(ticket.owner):
        await _leave_out(store, kind, name, ticket.id)


async def _leave_out(store: Store, kind: str, name: str, id: str) -> None:
    while found := await store.get(kind, name):
        calls = found.value.get("calls")
        kept = [one for one in calls if one.get("id") != id] if isinstance(calls, list) else calls  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if kept == calls:
            return
        # somebody decides for the same agent at this moment
        with contextlib.suppress(errors.Conflict):
            await store.put(replace(found, value={"calls": kept}))
            return
