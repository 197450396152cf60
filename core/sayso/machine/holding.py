"""What an older copy of the database means for what stands in it: nothing counts until an operator says so. Pure.

The rule: what may have been decided or run after the copy was made must not be decided or run a second time by itself.
"""

from __future__ import annotations

from sayso import errors, model
from sayso.machine import outcomes


def held(ticket: model.Ticket) -> model.Ticket | None:
    """The ticket as it comes back from an older copy; None where nothing can happen twice.

    An open one waits for an operator, and its buttons are made anew: those of before are worth nothing. An answer that
    was taken is dropped. An allow that was not used yet may have been used since, so it is void.
    """
    if ticket.held:
        return None
    facts: dict[str, object] = {"held": True, "version": ticket.version + 1}
    if ticket.decision is None:
        return ticket.model_copy(update={**facts, "taken": None, "minted": ticket.minted + 1})
    if ticket.decision.outcome != "allowed" or ticket.used_at is not None:
        return None
    kept = ticket.model_copy(update=facts)
    void = outcomes.told(kept, ticket.decision.model_copy(update={"void": True}))
    return kept.model_copy(update={"decision": void})


def released(ticket: model.Ticket) -> model.Ticket | None:
    """The ticket once an operator lets people answer it again; None where nothing changes."""
    if not ticket.held or ticket.decision is not None:
        return None
    return ticket.model_copy(update={"held": False, "version": ticket.version + 1})


def check(ticket: model.Ticket) -> None:
    """Refuse an answer to a held ticket. Raises `Refused`."""
    if ticket.held and ticket.decision is None:
        hint = "the operator lets it go on, or withdraws it: sayso restore --release, or --cancel"
        raise errors.Refused("this request is held, because an older copy of the database was put back", hint=hint)


def check_use(ticket: model.Ticket) -> None:
    """Refuse the use of an allow that may have been used already. Raises `NotUsable`."""
    if ticket.held:
        since = "from before an older copy of the database was put back"
        hint = "look whether it took effect; ask again under a new id"
        raise errors.NotUsable(f"the allow of request {ticket.id} is void: it is {since}", field="id", hint=hint)
