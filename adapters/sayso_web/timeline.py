"""The life of a request in order: what happened, when it was decided, and what time does next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sayso import model, policies
from sayso.cards import card, history, naming, phrases, reminding
from sayso.content import text
from sayso.machine import events, rounds, schedule
from sayso.stores import Row
from sayso_web import story

Trusted = text.Trusted


@dataclass(frozen=True, slots=True)
class Moment:
    """One line."""

    at: datetime
    said: Sequence[card.Inline]
    sign: str
    """What it is at a glance; the words say it as well."""
    kind: str = ""
    after: str = ""
    """How long after the request was asked."""


_SIGNS: dict[str, tuple[str, str]] = {
    "opened": ("?", "asked"),
    "delivered": ("↗", ""),
    "reminded": ("!", "soon"),
    "due": ("↑", "soon"),
    "passed": ("→", "soon"),
    "claimed": ("✋", "soon"),
    "snoozed": ("⏸", ""),
    "delayed": ("✕", "bad"),
    "reached": ("↗", ""),
    "refused": ("✕", "bad"),
    "undelivered": ("✕", "bad"),
    "used": ("▸", "good"),
    "redeemed": ("▸", "good"),
    "use_refused": ("✕", "bad"),
    "stopped": ("■", "bad"),
    "ticked": ("⧗", ""),
}
_PLANNED = {
    "remind": Trusted("Those who are missing are reminded"),
    "open": Trusted("Quiet hours end, and everybody is told"),
    "turn": Trusted("It is put to "),
    "expire": Trusted("It expires, which is a denial"),
}


def past(ticket: model.Ticket, rows: Sequence[Row]) -> list[Moment]:
    """What happened, oldest first, with the decision where it was made."""
    told = [_moment(ticket, row) for row in rows]
    if (decision := ticket.decision) is None:
        return told
    kind = {"allowed": "good", "answered": "good", "denied": "bad"}.get(decision.outcome, "")
    spans = (Trusted("Decided: "), *history.outcome_spans(ticket, decision))
    decided = Moment(decision.decided_at, spans, "=", f"decided {kind}", _after(ticket, decision.decided_at))
    # behind the answer that made it, which is of the same moment
    before = sum(1 for row in rows if row.entry.at <= decision.decided_at and not isinstance(row.entry, _LATER))
    return [*told[:before], decided, *told[before:]]


_LATER = (events.Used, events.Redeemed, events.UseRefused, events.Erased)


def coming(ticket: model.Ticket) -> Iterator[Moment]:
    """What time does next, if nobody decides it before."""
    if ticket.decision is not None or ticket.stopped is not None or ticket.held:
        return
    ends = schedule.ends(ticket)
    for one in ticket.plan:
        if one.does != "expire" and one.at < ends:
            yield Moment(one.at, tuple(_planned(ticket, one)), "…", "next")
    yield Moment(ends, (_PLANNED["expire"],), "…", "next")


def _planned(ticket: model.Ticket, planned: policies.Planned) -> Iterator[card.Inline]:
    if planned.does == "escalate":
        yield from (Trusted("It goes to "), *reminding.names_of(ticket.policy.escalate[planned.number]))
    elif planned.to is not None:
        again = Trusted(" is told again" if planned.does == "remind" else " is told: their quiet hours end")
        yield from (naming.given_name(planned.to), again)
    else:
        yield _PLANNED[planned.does]
        if planned.does == "turn":
            yield naming.somebody(rounds.following(ticket, planned.need, planned.at) or "everybody")


def _moment(ticket: model.Ticket, row: Row) -> Moment:
    sign, kind = _SIGNS.get(row.entry.type, ("·", ""))
    if isinstance(row.entry, events.Answered):
        against = row.entry.answer.verdict in ("deny", "stop")
        sign, kind = ("✕", "bad") if against else ("✓", "good")
    return Moment(row.entry.at, story.tell(row, ticket.request), sign, kind, _after(ticket, row.entry.at))


def _after(ticket: model.Ticket, at: datetime) -> str:
    since = at - ticket.created_at
    seconds = since.total_seconds()
    if seconds < 1:
        return ""
    return f"after {int(seconds)} s" if seconds < 60 else f"after {phrases.duration(since)}"
