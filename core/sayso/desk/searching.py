"""Which requests somebody looks for: by what stands on them, and by words.

The rule: a search reads so many requests and no more, the newest first, and says where it goes on. So it takes as long
with a million of them, and asking costs nothing for it: there is no index of words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sayso import aside, errors, model, parts
from sayso.content import risk
from sayso.machine import priorities
from sayso.stores import Query

MOST_READ = 1_000
"""Requests that one search looks at."""
# Seconds. Some requests are large, and whoever searches waits.
_WITHIN = 1.0
_AT_ONCE = 100
# Characters of one request in which words are looked for, and how deep in its input.
_MOST_TEXT = 20_000
_DEEPEST = 20
_MOST_WORDS = 10

Read = Callable[[Query], Awaitable[Sequence[model.Ticket]]]
"""Reads a page of what whoever asks may see."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a request must be; nothing of it is anything."""

    tool: str | None = None
    policy: str | None = None
    """The name of the policy in the settings."""
    rule: str | None = None
    """The rule that asked or decided."""
    place: str | None = None
    """A place of its route, or a channel: `slack:#ops`, `slack`."""
    risk: model.Risk | None = None
    """The highest of what the agent says and what the service finds."""
    priority: parts.Priority | None = None
    words: str = ""
    """All of them stand somewhere in what was asked, by whom, and what was answered."""

    @property
    def is_empty(self) -> bool:
        """Whether everything fits."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search."""

    tickets: Sequence[model.Ticket] = ()
    last: model.Ticket | None = None
    """Behind which the next page begins; None at the end."""
    looked: int = 0
    """How many requests were looked at."""


async def find(read: Read, query: Query, wanted: Filter) -> Found:
    """The newest requests of a list that fit, at most `query.limit`."""
    if wanted.is_empty:
        some = await read(replace(query, limit=query.limit + 1))
        more = len(some) > query.limit
        some = some[: query.limit]
        return Found(some, some[-1] if more else None, len(some))
    found, looked, time = list[model.Ticket](), 0, asyncio.get_running_loop().time
    ends, page = time() + _WITHIN, replace(query, limit=_AT_ONCE)
    last: model.Ticket | None = None
    while some := await read(page):
        fitting = await aside.run(_fitting, some, wanted)
        for ticket in some:
            looked, last = looked + 1, ticket
            if ticket.id in fitting:
                found.append(ticket)
            if len(found) == query.limit:
                return Found(found, last, looked)
        if looked >= MOST_READ or time() >= ends:
            return Found(found, last, looked)
        page = replace(page, before=(some[-1].created_at, some[-1].id))
    return Found(found, None, looked)


async def by_id(load: Callable[[str], Awaitable[model.Ticket]], words: str) -> model.Ticket | None:
    """The request whose id somebody typed; None if it is none."""
    if not words or " " in words:
        return None
    try:
        return await load(words)
    except errors.SaysoError:
        return None


def _fitting(tickets: Sequence[model.Ticket], wanted: Filter) -> set[str]:
    words = wanted.words.casefold().split()[:_MOST_WORDS]
    return {ticket.id for ticket in tickets if _fits(ticket, wanted) and _says(ticket, words)}


def _fits(ticket: model.Ticket, wanted: Filter) -> bool:
    request = ticket.request
    if wanted.tool is not None and (request.tool or "").casefold() != wanted.tool.casefold():
        return False
    if wanted.policy is not None and (ticket.policy_name or "default") != wanted.policy:
        return False
    if wanted.rule is not None and (ticket.ruled is None or ticket.ruled.rule != wanted.rule):
        return False
    if wanted.place is not None and not any(_is_at(place, wanted.place) for place in _places(ticket)):
        return False
    if wanted.priority is not None and priorities.of(ticket) != wanted.priority:
        return False
    return wanted.risk is None or _risk_of(request) == wanted.risk


def _places(ticket: model.Ticket) -> tuple[str, ...]:
    return (*ticket.route, *(place for one in ticket.escalated for place in one.places))


def _is_at(place: str, wanted: str) -> bool:
    return place == wanted or parts.channel_of(place) == wanted


def _risk_of(request: model.Request) -> model.Risk | None:
    return risk.highest((request.risk, *(mark.level for mark in risk.marks_of(request))))


def _says(ticket: model.Ticket, words: Sequence[str]) -> bool:
    if not words:
        return True
    said, room = list[str](), _MOST_TEXT
    for one in _texts(ticket):
        said.append(one[:room])
        room -= len(said[-1])
        if room <= 0:
            break
    whole = "\n".join(said).casefold()
    return all(word in whole for word in words)


def _texts(ticket: model.Ticket) -> Iterator[str]:
    """What people know a request by; the long ones come last."""
    request, decision = ticket.request, ticket.decision
    short = (ticket.id, request.tool, ticket.owner, request.source.agent, request.source.session, ticket.requester)
    yield from filter(None, (*short, request.source.project, ticket.policy_name, request.title))
    for given in ticket.answers:
        yield from filter(None, (given.person, given.name, given.answer.reason, given.answer.text))
    if decision is not None:
        yield from filter(None, (decision.outcome, decision.reason, decision.text))
    yield from _inside(request.input, 0)
    yield request.body or ""


def _inside(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name, one in cast("dict[str, object]", value).items():
            yield name
            yield from _inside(one, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for one in cast("list[object]", value):
            yield from _inside(one, depth + 1)
    elif isinstance(value, int | float):
        yield str(value)
