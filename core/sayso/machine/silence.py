"""Who is not to be mentioned or written to for now. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sayso import model


def silent(ticket: model.Ticket, at: datetime) -> frozenset[str]:
    """The people who are left alone at this moment: they have put it off."""
    snoozed = ticket.attending.snoozed if ticket.attending else ()
    return frozenset(one.person for one in snoozed if at < one.until)


def over(ticket: model.Ticket, names: Collection[str]) -> model.Ticket:
    """The ticket once these people are told of it again."""
    attending = ticket.attending
    if attending is None or not names:
        return ticket
    kept = tuple(one for one in attending.snoozed if one.person not in names)
    return ticket.model_copy(update={"attending": attending.model_copy(update={"snoozed": kept})})
