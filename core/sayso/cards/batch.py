"""Several requests on one card: what they have in common is said once, and each has a row of its own. Pure.

The rule: a row decides in favour only if it shows all of its request, and no button decides for rows that somebody has
not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sayso import model
from sayso.cards import (
    batch_facts,
    batch_tokens,
    board,
    card,
    closed,
    cutting,
    draw,
    history,
    masked,
    naming,
    oddities,
    recalled,
    tokens,
)
from sayso.content import risk, text, wording
from sayso.machine import approvers, people, schedule

Trusted = text.Trusted

_DOT = Trusted(" · ")
# Characters of a row that shows all of its request; more must be opened first.
ROW_ROOM = 480
# A command of so many characters stands beside the number, and needs no box.
_BESIDE, _LABEL = 120, 80
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One request on the card of several."""

    ref: str
    """By which a surface opens it alone, with all of its buttons."""
    number: int
    parts: tuple[card.Part, ...]
    controls: tuple[card.Button, ...]
    """What decides it from here; nothing once it is decided."""
    label: text.Foreign
    """What it is, for a menu."""
    open: bool
    whole: bool = True
    """Whether all of it is shown here."""


@dataclass(frozen=True, slots=True)
class BatchCard(card.Card):
    """A card that stands for several requests; its parts are what they have in common."""

    rows: tuple[Row, ...] = ()


def draw_card(
    ref: str,
    tickets: Sequence[model.Ticket],
    maker: tokens.TokenMaker,
    directory: people.Directory = people.NOBODY_KNOWN,
) -> BatchCard:
    """The card of these requests, in this order."""
    tickets = [masked.of(one, maker) for one in tickets]
    waiting = [one for one in tickets if one.decision is None]
    drawn = {one.id: draw.card_of(one, maker, directory) for one in waiting}
    levels: list[model.Risk | None] = [one.risk for one in drawn.values()]
    level = risk.highest(levels)
    return BatchCard(
        ticket_id=batch_tokens.id_of(ref),
        tone=_tone(tickets),
        summary=_summary(tickets, waiting, level),
        subject=Trusted(_subject(tickets)),
        parts=tuple(_head(tickets, waiting, levels, directory)),
        controls=tuple(_controls(ref, tickets, waiting, maker)),
        brief=() if waiting else _brief(tickets),
        details=None if waiting else _page(ref, tickets, maker, "Details"),
        risk=level,
        notify=tuple(dict.fromkeys(name for one in waiting for name in approvers.to_notify(one))),
        rows=_rows(tickets, drawn) if waiting else (),
    )


def fit(drawn: BatchCard, room: int) -> BatchCard:
    """The card with at most *room* characters in each row; what is cut decides nothing in favour."""
    return replace(drawn, rows=tuple(_cut(row, room) if row.open else row for row in drawn.rows))


def parts_of(
    ticket: model.Ticket, drawn: card.Card, number: int, differs: Iterable[str], total: int = 0
) -> tuple[card.Part, ...]:
    """All of one open request: what differs from the others beside its number, then its content.

    *drawn* is its own card.
    """
    content = list(draw.content_of(ticket))
    head: list[card.Inline] = [Trusted(f"{number} of {total}" if total else f"{number}")]
    for one in differs:
        told = batch_facts.FACTS[one](ticket)
        head += [_DOT, *told] if told else []
    first = content[0] if content else None
    if isinstance(first, card.Code) and not first.label and not first.diff and _is_short(first.text.text):
        head += [_DOT, first.text]
        del content[0]
    if so_far := board.words(ticket):
        content.append(card.Note((so_far,)))
    # what may come and go stands last, so that pages of the rest stay as they are
    content += history.stopped_parts(ticket)
    shown = [card.Line(tuple(head)), *recalled.parts_of(ticket)]
    shown += [part for part in drawn.parts if isinstance(part, card.Risk)]
    return (*shown, *oddities.warnings_in([*shown, *content]), *content)


def _is_short(shown: str) -> bool:
    return "\n" not in shown and len(shown) <= _BESIDE


def _tone(tickets: Sequence[model.Ticket]) -> card.Tone:
    found = {one.decision.outcome if one.decision else None for one in tickets}
    if None in found:
        return "pending"
    if found <= {"allowed", "answered"}:
        return "good"
    return "bad" if "denied" in found else "gone"


def _subject(tickets: Sequence[model.Ticket]) -> str:
    asker = naming.given_name(tickets[0].owner)
    named = (
        "agent" not in batch_facts.differences(tickets)
        and tickets[0].owner != naming.EMBEDDED
        and isinstance(asker, str)
    )
    return f"{asker if named else 'An agent'} asks to run {wording.counted(len(tickets), 'call')}"


def _summary(
    tickets: Sequence[model.Ticket], waiting: Sequence[model.Ticket], level: model.Risk | None
) -> text.Trusted:
    if not waiting:
        return Trusted(f"{_subject(tickets)}. {_sentence(batch_facts.outcome(tickets))}.")
    risky = f" · {level} risk" if level in ("medium", "high") else ""
    return Trusted(f"{_subject(tickets)}{risky} · until {min(map(schedule.ends, waiting)):%Y-%m-%d %H:%M} UTC")


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]


def _head(
    tickets: Sequence[model.Ticket],
    waiting: Sequence[model.Ticket],
    levels: Sequence[model.Risk | None],
    directory: people.Directory,
) -> Iterator[card.Part]:
    yield card.Line(batch_facts.headline(tickets), strong=True)
    if waiting:
        # all are asked under the same policy; what expires first counts
        yield from list(board.terms(min(waiting, key=schedule.ends), directory))[:1]
    if any(one.request.batch and one.request.batch.whole for one in waiting):
        yield card.Line((Trusted("All or none: one answer counts for all of them."),))
    yield from batch_facts.common(tickets)
    if len(waiting) < len(tickets):
        yield card.Line((Trusted(_sentence(batch_facts.outcome(tickets))),))
    elif said := _risky(levels):
        yield card.Line((said,))


def _risky(levels: Sequence[model.Risk | None]) -> text.Trusted | None:
    counted = {word: levels.count(word) for word in ("high", "medium") if word in levels}
    said = " · ".join(f"{word} risk: {count} of {len(levels)}" for word, count in counted.items())
    return Trusted(_sentence(said)) if said else None


def _controls(
    ref: str, tickets: Sequence[model.Ticket], waiting: Sequence[model.Ticket], maker: tokens.TokenMaker
) -> Iterator[card.Button]:
    if not any(_is_answerable(one) for one in waiting):
        return
    yield _page(ref, tickets, maker, f"Review {wording.all_of(len(waiting))}…")
    denies = batch_tokens.write(maker, ref, batch_tokens.digest_of(tickets), "deny")
    yield card.Button(Trusted(f"Deny {wording.all_of(len(waiting))}…"), denies, "deny", "danger", first=True)


def _page(ref: str, tickets: Sequence[model.Ticket], maker: tokens.TokenMaker, label: str) -> card.Button:
    opens = batch_tokens.write(maker, ref, batch_tokens.digest_of(tickets), "page")
    return card.Button(Trusted(label), opens, "review", first=True)


def _is_answerable(ticket: model.Ticket) -> bool:
    return ticket.decision is None and not ticket.held


def _rows(tickets: Sequence[model.Ticket], drawn: Mapping[str, card.Card]) -> tuple[Row, ...]:
    differs = batch_facts.differences(tickets)
    return tuple(
        _closed(one, number, differs) if one.decision else _open(one, drawn[one.id], number, differs)
        for number, one in enumerate(tickets, 1)
    )


def _open(ticket: model.Ticket, drawn: card.Card, number: int, differs: Sequence[str]) -> Row:
    parts = parts_of(ticket, drawn, number, differs)
    # of those that are decided together none is decided by its own button
    alone = ticket.request.batch is None or not ticket.request.batch.whole
    first = (one for one in drawn.controls if isinstance(one, card.Button) and one.first and alone)
    controls = tuple(replace(one, label=numbered(one.label, number)) for one in first)
    return _cut(Row(ticket.ref, number, parts, controls, _label(ticket, number), open=True), ROW_ROOM)


def numbered(label: text.Trusted, number: int) -> text.Trusted:
    """The words of a button with the number of its row, so that no two on a card are called alike."""
    words = label.removesuffix("…")
    return Trusted(f"{words} {number}{label[len(words) :]}")


def _closed(ticket: model.Ticket, number: int, differs: Sequence[str]) -> Row:
    verdict, about = closed.brief_parts(ticket)[:2]
    # who asks stands first there, and above all rows if it is the same for all
    said = tuple(about.inlines())[0 if "agent" in differs else 2 :]
    line = card.Line((Trusted(f"{number} · "), *verdict.inlines(), _DOT, *said))
    return Row(ticket.ref, number, (line,), (), _label(ticket, number), open=False)


def _cut(row: Row, room: int) -> Row:
    if sum(map(cutting.size, row.parts)) <= room:
        return row
    share = max(_BESIDE // 2, room - cutting.size(row.parts[0]))
    # risks and warnings stand before the content, and the first of the content says most
    kept: list[card.Part] = []
    for part in row.parts:
        shown = part if isinstance(part, card.Risk | card.Warn) else cutting.shorten(part, share)
        if kept and sum(map(cutting.size, [*kept, shown])) > room + _BESIDE:
            break
        kept.append(shown)
    kept.append(card.Note((Trusted("Not all of it is shown here. Open it, or review all."),)))
    return replace(row, parts=tuple(kept), controls=tuple(one for one in row.controls if not one.deciding), whole=False)


def _label(ticket: model.Ticket, number: int) -> text.Foreign:
    content = next((part for part in draw.content_of(ticket) if isinstance(part, card.Code | card.Line)), None)
    said = f"{ticket.request.tool or ''} · {''.join(card.pieces(content)) if content else ''}"
    return text.line(model.cut(f"{number} · {said[: 2 * _LABEL]}", _LABEL))


def _brief(tickets: Sequence[model.Ticket]) -> tuple[card.Part, ...]:
    decisions = [one.decision for one in tickets if one.decision]
    names = list(dict.fromkeys(by.name for one in decisions for by in one.by))
    shown, more = names[:_MOST_NAMES], max(0, len(names) - _MOST_NAMES)
    spans: list[card.Inline] = [Trusted(_sentence(batch_facts.outcome(tickets)))]
    for index, name in enumerate(shown):
        spans += [wording.between(index, len(shown) + bool(more)) or Trusted(" by "), text.line(name)]
    spans += [Trusted(f" and {more} more")] if more else []
    last = max(one.decided_at for one in decisions)
    return (
        card.Line((*spans, _DOT, card.Moment(last)), strong=True),
        card.Line(batch_facts.headline(tickets)),
    )
