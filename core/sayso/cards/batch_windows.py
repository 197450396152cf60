"""The windows of a card that stands for several requests: all of them page by page, then one answer for all. Pure.

The rule: the page that offers to allow all is the last one, and is reached only over those before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sayso import model
from sayso.cards import batch, batch_facts, batch_tokens, card, cutting, demanded, draw, inputs, tokens
from sayso.cards.dialog import Dialog
from sayso.content import text, wording
from sayso.machine import demands, people

Trusted = text.Trusted

# A token's index is the row on which a page begins, and the page within it.
_WITHIN = 1_000


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a batch, and with what."""

    ref: str
    tickets: Sequence[model.Ticket]
    account: str
    maker: tokens.TokenMaker
    limits: inputs.WindowLimits
    directory: people.Directory

    def token(self, act: batch_tokens.Act, index: int = 0) -> str:
        """The token of what follows, for this person."""
        digest = batch_tokens.digest_of(self.tickets)
        return batch_tokens.write(self.maker, self.ref, digest, act, index, self.account)


@dataclass(frozen=True, slots=True)
class Page:
    """What one window shows of a batch."""

    parts: tuple[card.Part, ...]
    shown: tuple[model.Ticket, ...]
    next: int | None
    """The index of the page after it; None if this is the last one."""


def page(reader: Reader, index: int) -> tuple[Dialog, Page]:
    """The page that begins at *index*, with the way on: to the next one, or to one answer for all."""
    found = _fill(reader, index)
    waiting = [one for one in reader.tickets if one.decision is None]
    numbers = [reader.tickets.index(one) + 1 for one in found.shown] or [len(reader.tickets)]
    span = f"{numbers[0]} to {numbers[-1]}" if numbers[0] != numbers[-1] else f"{numbers[0]}"
    title = Trusted(f"{span} of {len(reader.tickets)}")
    if found.next is not None:
        return Dialog(title, reader.token("page", found.next), found.parts, submit=Trusted("Next"), more=True), found
    if not waiting:
        return Dialog(title, reader.token("page", index), found.parts), found
    denies = card.Button(Trusted(f"Deny {wording.all_of(len(waiting))}…"), reader.token("deny"), "deny", "danger")
    allows = Trusted(f"Allow {wording.all_of(len(waiting))}")
    return Dialog(title, reader.token("allow", len(waiting)), found.parts, submit=allows, jumps=(denies,)), found


def why(reader: Reader, act: batch_tokens.Act, waiting: Sequence[model.Ticket]) -> Dialog:
    """The window that asks why, for all that are decided at once."""
    denies = act == "deny"
    required = any(demands.wants_reason(one, "deny" if denies else "allow") for one in waiting)
    label = Trusted("Why? The agent reads it." if denies else "Why? It is on record, and the agent reads it.")
    asked = inputs.Input(demanded.REASON, label, required=required, multiline=True, longest=model.MAX_REASON)
    said = Trusted(f"{'Deny' if denies else 'Allow'} {wording.all_of(len(waiting))}")
    parts = (card.Line(batch_facts.headline(reader.tickets)), card.Line((batch_facts.outcome(reader.tickets),)))
    return Dialog(said, reader.token(act, len(waiting)), parts, (asked,), said, danger=denies)


def _fill(reader: Reader, index: int) -> Page:
    """As many requests as fit, whole; one that is longer than a page goes on over several."""
    first, within = divmod(index, _WITHIN)
    tickets, shown = reader.tickets, list[model.Ticket]()
    head = (card.Line(batch_facts.headline(tickets), strong=True), *_meanwhile(tickets))
    parts: tuple[card.Part, ...] = head
    for number, ticket in _from(tickets, first):
        own = _parts(reader, ticket, number)
        if len(cutting.pages((*parts, *own), reader.limits.page)) == 1:
            parts, shown = (*parts, *own), [*shown, ticket]
            continue
        if shown:
            return Page(parts, tuple(shown), number * _WITHIN)
        return _long(reader, ticket, number, (head, own), within if number == first else 0)
    return Page(parts, tuple(shown), None)


def _long(
    reader: Reader,
    ticket: model.Ticket,
    number: int,
    told: tuple[tuple[card.Part, ...], tuple[card.Part, ...]],
    within: int,
) -> Page:
    head, own = told
    # the head stands on each page, so each has less room
    pages = cutting.pages(own, _less(reader.limits.page, head))
    within = min(within, len(pages) - 1)
    following = number * _WITHIN + within + 1 if within + 1 < len(pages) else (number + 1) * _WITHIN
    if within + 1 == len(pages) and not list(_from(reader.tickets, number + 1)):
        return Page((*head, *pages[within]), (ticket,), None)
    return Page((*head, *pages[within]), (ticket,), following)


def _less(paper: cutting.Paper, head: Sequence[card.Part]) -> cutting.Paper:
    return cutting.Paper(max(1, paper.room - sum(map(paper.part, head))), paper.part, paper.text)


def _from(tickets: Sequence[model.Ticket], first: int) -> Iterator[tuple[int, model.Ticket]]:
    """What is open from this row on; all, if nothing is open any more."""
    over = all(one.decision is not None for one in tickets)
    for number, ticket in enumerate(tickets):
        if number >= first and (over or ticket.decision is None):
            yield number, ticket


def _parts(reader: Reader, ticket: model.Ticket, number: int) -> tuple[card.Part, ...]:
    drawn = draw.card_of(ticket, reader.maker, reader.directory)
    if ticket.decision is not None:
        return (*drawn.brief, *draw.content_of(ticket))
    return batch.parts_of(ticket, drawn, number + 1, batch_facts.differences(reader.tickets), len(reader.tickets))


def _meanwhile(tickets: Sequence[model.Ticket]) -> Iterator[card.Line]:
    """What was decided already, and is left out."""
    decided = [one for one in tickets if one.decision is not None]
    if 0 < len(decided) < len(tickets):
        yield card.Line((Trusted(f"Not shown, since they are decided: {batch_facts.outcome(decided)}."),))
