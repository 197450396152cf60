"""What several requests have in common, and what is different: who asks, for what, and what became of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sayso import model
from sayso.cards import card, naming, risks
from sayso.content import text, wording

Trusted = text.Trusted

_ORDER: dict[model.Risk | None, int] = {"high": 0, "medium": 1, "low": 2, None: 3}
_OUTCOMES: dict[str, str] = {
    "allowed": "allowed",
    "denied": "denied",
    "answered": "answered instead",
    "expired": "expired",
    "cancelled": "withdrawn",
    "superseded": "replaced",
    "undeliverable": "not delivered",
    "open": "open",
}


def ordered(tickets: Iterable[model.Ticket]) -> list[model.Ticket]:
    """The order of rows: what is most risky first, then what is alike beside each other."""
    return sorted(tickets, key=lambda one: (_ORDER[_level(one)], one.request.tool or "", one.created_at, one.id))


def differences(tickets: Sequence[model.Ticket]) -> list[str]:
    """Which facts are not the same for all of them."""
    return [name for name, told in FACTS.items() if len({_plain(told(one)) for one in tickets}) > 1]


def common(tickets: Sequence[model.Ticket]) -> Iterator[card.Line]:
    """What else is the same for all of them, beside who asks and for what."""
    differs = differences(tickets)
    for name in ("session", "link"):
        told = () if name in differs else FACTS[name](tickets[0])
        if told:
            first = card.words_of(told[0])
            yield card.Line((Trusted(first[:1].upper() + first[1:]), *told[1:]))


def outcome(tickets: Iterable[model.Ticket]) -> Trusted:
    """What became of them, in numbers."""
    counted = Counter(one.decision.outcome if one.decision else "open" for one in tickets)
    return Trusted(", ".join(f"{counted[name]} {words}" for name, words in _OUTCOMES.items() if counted[name]))


def headline(tickets: Sequence[model.Ticket]) -> tuple[card.Inline, ...]:
    """Who asks for how many calls, of what."""
    differs = differences(tickets)
    who = (Trusted("Several agents"),) if "agent" in differs else naming.asker(tickets[0])
    whose = () if "agent" in differs else naming.on_behalf(tickets[0])
    if "tool" in differs or not tickets[0].request.tool:
        return (
            *who,
            Trusted(f" ask{'' if 'agent' in differs else 's'} to run {wording.counted(len(tickets), 'call')}"),
            *whose,
        )
    verb = " ask to run " if "agent" in differs else " asks to run "
    times = Trusted(f" {len(tickets)} times") if len(tickets) > 1 else Trusted("")
    return (*who, Trusted(verb), text.line(tickets[0].request.tool), times, *whose)


def _tool(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    return (text.line(ticket.request.tool or ""),)


def _session(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    named = naming.project_and_session(ticket.request)
    return (Trusted("session "), named) if named else ()


def _link(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    url = ticket.request.source.url
    return (Trusted("link given by the agent "), text.line(url)) if url else ()


def _plain(spans: Iterable[card.Inline]) -> str:
    return "".join(map(card.words_of, spans))


def _level(ticket: model.Ticket) -> model.Risk | None:
    return risks.of(ticket).level


FACTS = {"agent": naming.asker, "tool": _tool, "session": _session, "link": _link}
"""What is said once if it is the same for all, by name."""
