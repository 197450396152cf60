"""What waits for one person, and what they answered lately: the list behind every way in that is not a card.

The rule: a list is short and read within bounds, however much is open; and it shows only what this person may answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sayso import aside, machine, model
from sayso.cards import attended, board, card, draw, masked, phrases, urgency
from sayso.content import text, wording
from sayso.desk import Desk
from sayso.desk.admission import remembering
from sayso.desk.answering import identity, visibility
from sayso.desk.posting import batching
from sayso.machine import approvers, people, priorities, schedule, silence
from sayso.stores import Query

Trusted = text.Trusted

PAGE = 10
"""Requests on one page: as many as every chat has room for, with a button for each."""
_MOST_READ = 200
_AT_ONCE = 20
# Seconds. Chats wait three for an answer, and who it is has to be looked up as well.
_READ_WITHIN = 1.0
_MOST_COUNTED = 2_000
_LATELY = 5
# Characters of what is asked, in a line of a list.
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list, with a button."""

    ref: str
    """By which a press on its button finds what it is about; it opens nothing to somebody who may not see it."""
    headline: tuple[card.Inline, ...]
    about: text.Trusted
    """How long it waits still, what became of it, or how long it holds."""
    does: Literal["open", "end", "tell"] = "open"
    """Open a request, end a grant, or nothing: it has no button."""
    facts: tuple[tuple[card.Inline, ...], ...] = ()
    """What else is told, each in a line of its own."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A way to another page."""

    label: text.Trusted
    to: str
    """What the button carries: the list and the page, of letters that fit into any button."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list for one person, and what they answered lately."""

    title: text.Trusted
    """What it comes to, in a sentence; fit for a notification."""
    rows: tuple[Row, ...] = ()
    answered: tuple[Row, ...] = ()
    turns: tuple[Turn, ...] = ()
    unread: int = 0
    """How many open requests were not looked at; some of them may be for this person."""
    is_unsure: bool = False
    """Whether nobody could find out in which groups this person is."""

    @property
    def rest(self) -> text.Trusted | None:
        """What is said about requests that may be for this person, and are not shown."""
        said = list[str]()
        if self.unread:
            count = wording.counted(self.unread, "more open request was", "more open requests were")
            said.append(f"{count} not looked at: they expire later, and some may be for you.")
        if self.is_unsure:
            said.append("Could not find out in which groups you are: more may wait for you.")
        return Trusted(" ".join(said)) if said else None


PENDING = "pending"
ANSWERED = Trusted("What you answered lately")
NO_REQUEST = "No request stands for this message. Use this on a card, or below one."


async def list_for(desk: Desk, actor: people.Actor, page: int = 0) -> Listing:
    """A page of the list of one person; page 0 also has what they answered lately."""
    actor = await identity.complete(desk, actor)
    shown = (page + 1) * PAGE
    theirs = await visibility.concerning(desk, actor)
    waiting = Query(state="pending", audiences=theirs, soonest=True, limit=_AT_ONCE)
    # what is urgent may expire last, and stands on top nevertheless
    most = _MOST_READ if any(rule.priority for rule in desk.setup.rules.rules) else shown + 1
    found, read = await _read_waiting(desk, actor, waiting, most)
    me, at = desk.setup.directory.identify(actor).id, desk.clock.now()
    found.sort(key=lambda one: (me in silence.silent(one, at), priorities.rank(one)))
    more = len(found) > shown
    left = 0 if more else await desk.store.count(replace(waiting, limit=_MOST_COUNTED)) - read
    lately: Sequence[model.Ticket] = () if page else await _lately(desk, actor)
    rows = await rows_of(desk, found[page * PAGE : shown])
    return Listing(
        title=_title(page, len(rows), more),
        rows=rows,
        answered=await rows_of(desk, lately),
        turns=tuple(_turns(page, more)),
        unread=max(0, left),
        is_unsure=bool(actor.unknown),
    )


def _title(page: int, count: int, more: bool) -> text.Trusted:
    if not count:
        return Trusted("Nothing more waits for you" if page else "Nothing waits for you")
    if more or page:
        return Trusted(f"Waiting for you: {page * PAGE + 1} to {page * PAGE + count}, what expires first on top")
    return Trusted(f"{wording.counted(count, 'request waits', 'requests wait')} for you")


def _turns(page: int, more: bool) -> Iterator[Turn]:
    if page:
        yield Turn(Trusted("Back"), f"{PENDING}.{page - 1}")
    if more:
        yield Turn(Trusted("Next"), f"{PENDING}.{page + 1}")


async def of_session(desk: Desk, actor: people.Actor, owner: str, session: str) -> Sequence[model.Ticket]:
    """The newest requests of an agent's session that wait for this person, at most a page."""
    actor = await identity.complete(desk, actor)
    asked = await desk.store.list(Query(state="pending", owner=owner, session=session, limit=PAGE))
    whole = (one for one in asked if one.expires_at > desk.clock.now())
    return [ticket for ticket in whole if _waits_for(ticket, desk.acting(ticket, actor))]


async def shown(desk: Desk, waiting: Sequence[model.Ticket]) -> Listing:
    """These requests as a list."""
    rows = await rows_of(desk, waiting)
    return Listing(_title(0, len(rows), more=False), rows)


async def rows_of(desk: Desk, tickets: Sequence[model.Ticket]) -> tuple[Row, ...]:
    """A line for each request."""
    return tuple(await aside.run(_rows, desk, tickets, desk.clock.now()))


async def open_for(desk: Desk, ref: str, actor: people.Actor) -> model.Ticket:
    """The request behind a row.

    Raises:
        NotFound: there is no such request.
        NotAllowed: this person may not see it.
    """
    return await check(desk, await desk.store.load_by_ref(ref), actor)


async def at_message(
    desk: Desk, channel: str, spots: Iterable[tuple[str, str]], actor: people.Actor
) -> model.Ticket | None:
    """The request of the first of these messages, by conversation and id, that is a card. Raises as `check`."""
    for conversation, message in spots:
        if posted := await desk.store.find_card(channel, conversation, message):
            return await check(desk, await batching.ticket_at(desk, posted), actor)
    return None


async def check(desk: Desk, ticket: model.Ticket, actor: people.Actor) -> model.Ticket:
    """The request as it is now, for somebody who may answer it, or see what became of it.

    Raises `NotAllowed`, `MembershipUnknown`.
    """
    person = await identity.find(desk, ticket, actor)
    refused = approvers.refused(ticket, person, directory=desk.setup.directory)
    if refused and not visibility.may_look_back(ticket, person):
        raise refused
    return machine.read(ticket, desk.clock.now())


async def _read_waiting(desk: Desk, actor: people.Actor, waiting: Query, most: int) -> tuple[list[model.Ticket], int]:
    """What waits for somebody, what expires first at the top, and how many open requests were read for it.

    A few requests at a time are read until there are enough, or a bound is met.
    """
    found, read, time = list[model.Ticket](), 0, asyncio.get_running_loop().time
    ends = time() + _READ_WITHIN
    while read < _MOST_READ and len(found) < most and time() < ends:
        if not (some := await desk.store.list(waiting)):
            break
        whole = (one for one in some if one.expires_at > desk.clock.now())
        found += [ticket for ticket in whole if _waits_for(ticket, desk.acting(ticket, actor))]
        read += len(some)
        waiting = replace(waiting, before=(some[-1].expires_at, some[-1].id))
    return found, read


def _waits_for(ticket: model.Ticket, person: model.Person) -> bool:
    if ticket.decision is not None or ticket.held or ticket.taken is not None:
        return False
    return approvers.is_awaited(ticket, person)


async def _lately(desk: Desk, actor: people.Actor) -> Sequence[model.Ticket]:
    ids = (await remembering.answered_by(desk.store, desk.setup.directory.identify(actor).id))[:_LATELY]
    loaded = await asyncio.gather(*map(desk.store.load, ids), return_exceptions=True)
    # one that is gone or cannot be read must not hide the others
    return [one for one in loaded if isinstance(one, model.Ticket)]


async def beginning(desk: Desk, ticket: model.Ticket) -> str:
    """How what a request would run begins, in a few words."""
    drawn = await desk.draw(ticket)
    return _shorten(_begin(drawn.parts))


def _rows(desk: Desk, tickets: Sequence[model.Ticket], now: datetime) -> list[Row]:
    return [Row(ticket.ref, _headline(desk, ticket), _about(ticket, now)) for ticket in tickets]


def _headline(desk: Desk, ticket: model.Ticket) -> tuple[card.Inline, ...]:
    """The card's own headline, and how what it asks begins."""
    parts = draw.card_of(ticket, desk.mint, desk.setup.directory).parts
    shown = masked.of(ticket, desk.mint).request
    asked = shown.title if shown.kind != "permission" else _begin(parts)
    first = tuple(parts[0].inlines())
    if not asked or any(card.words_of(one) == asked for one in first):
        return first
    return (*first, Trusted(" · "), text.line(_shorten(asked)))


def _shorten(asked: str) -> str:
    return model.cut(asked, _SHOWN + 1)


def _begin(parts: Sequence[card.Part]) -> str:
    """How the arguments begin that would run."""
    inputs = (part for part in parts if isinstance(part, card.Code | card.Line) and part.role == "input")
    first = next(inputs, None)
    if first is None:
        return ""
    shown = first.text.text if isinstance(first, card.Code) else "".join(card.pieces(first))
    begun = shown[: _SHOWN + 1].strip()
    first_row = begun.partition("\n")[0]
    # of several arguments the first row is a bracket alone
    return first_row if first_row.strip("{[ ") else " ".join(begun.split())


def _about(ticket: model.Ticket, now: datetime) -> text.Trusted:
    if ticket.decision is not None:
        said = phrases.outcome_words(ticket.request.kind, ticket.decision)
        return Trusted(f"{said} · {phrases.duration(now - ticket.decision.decided_at)} ago")
    risk = f"{ticket.request.risk} risk · " if ticket.request.risk else ""
    risk = f"{said} · {risk}" if (said := urgency.words(ticket)) else risk
    if ticket.stopped is not None:
        return Trusted(f"{risk}stopped")
    so_far = "".join(f" · {said}" for said in (board.words(ticket), attended.words(ticket)) if said)
    return Trusted(f"{risk}expires in {phrases.duration(schedule.ends(ticket) - now)}{so_far}")
