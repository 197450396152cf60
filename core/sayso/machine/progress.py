"""What goes on with a request while its agent waits, in one sentence. No text of an agent stands in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sayso import model
from sayso.content import wording
from sayso.machine import places, schedule


def said(ticket: model.Ticket) -> str | None:
    """Who is asked, what has happened, and what comes next; None once it is decided."""
    return None if ticket.decision is not None else "; ".join(_said(ticket))


def _said(ticket: model.Ticket) -> Iterator[str]:
    yield "waits for an answer"
    yield from _shown(ticket)
    if ticket.reach and ticket.reach.shown_at:
        yield f"shown together with others at {_moment(ticket.reach.shown_at)}"
    board = places.board(ticket)
    if ticket.policy.most_needed > 1:
        yield wording.so_far(len(board.by), str(ticket.policy.most_needed), "allowed it")
    if len(board.stages) > 1:
        yield f"at stage {min(ticket.stage, len(board.stages) - 1) + 1} of {len(board.stages)}"
    yield from _put_to(ticket)
    if ticket.escalated:
        yield wording.escalated(ticket)
    if ticket.stopped is not None:
        yield "stopped, so that nothing is allowed and no time runs"
        return
    if ticket.held:
        yield "held since an older copy of the database was put back, so that nobody can answer it now"
        yield _expires(ticket)
        return
    for does, words in (
        ("open", "quiet hours, so that everybody hears of it at"),
        ("turn", "goes to the next one at"),
        ("remind", "next reminder at"),
        ("escalate", "next escalation at"),
    ):
        if coming := next((one.at for one in ticket.plan if one.does == does and one.to is None), None):
            yield f"{words} {_moment(coming)}"
    yield _expires(ticket)


def _expires(ticket: model.Ticket) -> str:
    return f"expires at {_moment(schedule.ends(ticket))}"


def _shown(ticket: model.Ticket) -> Iterator[str]:
    """Where it could not be shown, and where it is instead."""
    for place in ticket.undelivered:
        yield f"could not be shown at {place}"
    for one in ticket.delayed:
        if one.until is None:
            yield f"not shown at {one.place} so far: {one.reason}, tried again"
        else:
            yield f"not its turn at {one.place} yet: {one.reason}, next try at {one.until:%H:%M:%S} UTC"
    for done in ticket.fell_back:
        if done.places:
            yield f"shown at {', '.join(done.places)} instead, since {_moment(done.at)}"


def _put_to(ticket: model.Ticket) -> Iterator[str]:
    """To whom it was put, one after the other, and who has taken it on."""
    attending = ticket.attending
    if attending is None:
        return
    for one in attending.asked:
        yield f"put to {one.person or 'everybody'} at {_moment(one.at)}"
    for claim in attending.claims:
        yield f"taken on by {claim.person} at {_moment(claim.at)}"
    if attending.asked and not attending.claims:
        yield "not taken on so far"
    for snooze in attending.snoozed:
        yield f"put off by {snooze.person} until {_moment(snooze.until)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
