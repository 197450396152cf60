"""Which requests somebody looks for: by what stands on them, and by words.

The rule: a search reads so many requests and no more, the newest first, and says where it goes on. So it takes as long
with a million of them, and asking costs nothing for it: there is no index of words.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from sayso import aside, errors, model, parts
from sayso.cards import masked, tokens
from sayso.content import risk
from sayso.desk.answering import visibility
from sayso.machine import people, priorities
from sayso.stores import Query, Store

if TYPE_CHECKING:
    from sayso.desk.shell import Shell

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


Whose = Literal["me", "mine"]
"""Those that somebody may answer; those that were asked on their behalf."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a request must be; nothing of it is anything."""

    state: model.State | None = None
    agent: str | None = None
    """The name of the key."""
    session: str | None = None
    whose: Whose | None = None
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
    search: str = ""
    """Words; all of them stand somewhere in what was asked, by whom, and what was answered."""


CHOICES: Mapping[str, Sequence[str]] = {
    "state": get_args(model.State),
    "whose": get_args(Whose),
    "risk": get_args(model.Risk),
    "priority": get_args(parts.Priority),
}
"""What is chosen from a few; the rest is typed."""
NAMES = tuple(one.name for one in fields(Filter))
"""The names of all that may be wanted, the same on every surface."""
LONGEST = 200
"""Characters of one of them."""


def read(given: Mapping[str, str]) -> Filter:
    """What somebody wants, from texts by name. Raises `InvalidRequest`."""
    asked = {name: said for name in NAMES if (said := given.get(name, "").strip())}
    for name, said in asked.items():
        if len(said) > LONGEST:
            raise errors.InvalidRequest(f"{name} is too long", field=name, hint=f"at most {LONGEST} characters")
        if said not in CHOICES.get(name, (said,)):
            raise errors.InvalidRequest(f"there is no such {name}", field=name, hint=", ".join(CHOICES[name]))
    return Filter(**cast("dict[str, Any]", asked))


def written(wanted: Filter) -> dict[str, str]:
    """The same as texts by name, without what is not wanted."""
    return {name: said for name in NAMES if (said := getattr(wanted, name))}


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search."""

    tickets: Sequence[model.Ticket] = ()
    last: model.Ticket | None = None
    """Behind which the next page begins; None at the end."""
    looked: int = 0
    """How many requests were looked at."""


async def run(
    shell: Shell,
    wanted: Filter,
    limit: int,
    before: tuple[datetime, str] | None = None,
    *,
    actor: people.Actor | None = None,
    reader: Read | None = None,
) -> Found:
    """A page of what fits, for an actor or for whoever reads by *reader*. Raises `InvalidRequest`."""
    if wanted.whose is not None and actor is None:
        raise errors.InvalidRequest("nobody in person asks", field="whose", hint="use the key of an approver")
    query, rest = _indexed(wanted, alone=reader is None)
    query = replace(query, before=before, limit=limit)
    if wanted.whose == "me" and actor is not None:
        reader = functools.partial(visibility.tickets, shell, actor)
    elif wanted.whose == "mine" and actor is not None:
        query = replace(query, audiences=(), requester=shell.setup.directory.identify(actor).id)
        reader = shell.store.list
    return await find(reader or shell.store.list, query, rest, functools.partial(masked.of, maker=shell.mint))


async def among_all(
    store: Store, mint: tokens.TokenMaker, wanted: Filter, limit: int, before: tuple[datetime, str] | None = None
) -> Found:
    """A page of what fits, for whoever may read everything and is nobody in person. Raises `InvalidRequest`."""
    query, rest = _indexed(wanted, alone=True)
    shown = functools.partial(masked.of, maker=mint)
    return await find(store.list, replace(query, before=before, limit=limit), rest, shown)


def _indexed(wanted: Filter, *, alone: bool) -> tuple[Query, Filter]:
    """What an index finds, and what is left to look at: two indexes at once would be a walk through one of them."""
    query, rest = Query(state=wanted.state), replace(wanted, state=None, whose=None)
    if wanted.whose is not None or not alone:
        return query, rest
    if wanted.session is not None:
        return replace(query, session=wanted.session), replace(rest, session=None)
    return replace(query, owner=wanted.agent), replace(rest, agent=None)


async def find(
    reader: Read, query: Query, wanted: Filter, shown: Callable[[model.Ticket], model.Ticket] = lambda ticket: ticket
) -> Found:
    """The newest requests of a list that fit, at most `query.limit`. Words are looked for in what is *shown* of one."""
    if wanted == Filter():
        some = await reader(replace(query, limit=query.limit + 1))
        more = len(some) > query.limit
        some = some[: query.limit]
        return Found(some, some[-1] if more else None, len(some))
    found, looked, time = list[model.Ticket](), 0, asyncio.get_running_loop().time
    ends, page = time() + _WITHIN, replace(query, limit=_AT_ONCE)
    last: model.Ticket | None = None
    while some := await reader(page):
        fitting = await aside.run(_fitting, some, wanted, shown)
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


def _fitting(
    tickets: Sequence[model.Ticket], wanted: Filter, shown: Callable[[model.Ticket], model.Ticket]
) -> set[str]:
    words = wanted.search.casefold().split()[:_MOST_WORDS]
    found = (ticket for ticket in tickets if _fits(ticket, wanted) and _says(ticket, words))
    # whoever may not read a secret must not find it out by searching for it, letter by letter
    return {ticket.id for ticket in found if not words or _says(shown(ticket), words)}


def _fits(ticket: model.Ticket, wanted: Filter) -> bool:
    request = ticket.request
    if wanted.agent not in (None, ticket.owner) or wanted.session not in (None, request.source.session):
        return False
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
    return wanted.risk is None or risk.level_of(request) == wanted.risk


def _places(ticket: model.Ticket) -> tuple[str, ...]:
    return (*ticket.route, *(place for one in ticket.escalated for place in one.places))


def _is_at(place: str, wanted: str) -> bool:
    return place == wanted or parts.channel_of(place) == wanted


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
