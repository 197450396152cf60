"""The lists of a chat by their words: what waits, was asked for somebody, was decided, is granted; and overviews.

The rule: every list is a page of one index, with a button to the next; none reads more than it shows by much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, get_args

from sayso import errors, model
from sayso.cards import card, lasting, phrases
from sayso.chat import found_lists, listing, overviews
from sayso.content import text
from sayso.desk import Desk
from sayso.desk.admission import granted, granting
from sayso.desk.answering import visibility
from sayso.machine import people
from sayso.rules import written
from sayso.stores import Query

Trusted = text.Trusted

Name = Literal["pending", "mine", "history", "grants", "people", "policies", "stats"]
NAMES: tuple[Name, ...] = get_args(Name)
SAID: dict[Name, str] = {
    "pending": "Shows what waits for you",
    "mine": "Shows what agents asked on your behalf",
    "history": "Shows what was decided of all that you may answer",
    "grants": "Shows what you allowed for a while, to end it",
    "people": "Shows who is who, in which groups, and who is on call",
    "policies": "Shows what each policy and rule says, and did",
    "stats": "Shows how long people took, and what they decided",
}
"""What a platform that lists commands says of each."""
LABELS: dict[Name, text.Trusted] = {
    "pending": Trusted("Waiting for you"),
    "mine": Trusted("Asked for you"),
    "history": Trusted("History"),
    "grants": Trusted("Grants"),
    "people": Trusted("People"),
    "policies": Trusted("Policies"),
    "stats": Trusted("Numbers"),
}
"""What a button to a list says."""
_TITLES: dict[Name, tuple[str, str]] = {
    "mine": ("Asked on your behalf, newest first", "Nothing was asked on your behalf"),
    "history": ("Decided, newest first", "Nothing was decided yet"),
    "grants": ("Allowed for a while, newest first", "Nothing is allowed beforehand"),
}


SEARCHED: tuple[Name, ...] = ("pending", "mine", "history")
"""The lists in which words are looked for."""


async def show(desk: Desk, name: Name, actor: people.Actor, page: str = "", words: str = "") -> listing.Listing:
    """A page of a list for one person; *page* is what a button to it carries. With *words* only where they stand."""
    if name == "people" or name == "policies" or name == "stats":
        return await overviews.show(desk, name, actor, page)
    if name in SEARCHED and (words or "." in page):
        return await found_lists.show(desk, name, actor, page, words)
    match name:
        case "pending":
            return await listing.list_for(desk, actor, int(page) if page.isascii() and page.isdigit() else 0)
        case "mine":
            me = desk.setup.directory.identify(actor).id
            query = await _after(desk, Query(audiences=(), requester=me, limit=listing.PAGE + 1), page)
            return await _listed(desk, name, await desk.store.list(query), page)
        case "history":
            query = await _after(desk, Query(state="decided", limit=listing.PAGE + 1), page)
            return await _listed(desk, name, await visibility.tickets(desk, actor, query), page)
        case "grants":
            return await _granted(desk, await granted.seen_by(desk, actor), page)


def read_turn(carried: str) -> tuple[Name, str]:
    """The list and the page that a button leads to; one of an earlier version carries the page of what waits."""
    name, _, page = carried.partition(".")
    found: Name | None = next((one for one in NAMES if one == name), None)
    if found is None:
        return "pending", carried[:3]
    return found, page if found != "pending" or "." in page else page[:3]


def named(words: str) -> tuple[Name, str] | None:
    """The list that is meant by the words after a command, and what is looked for in it; none means what waits."""
    first, _, rest = words.strip().partition(" ")
    name: Name | None = next((one for one in NAMES if one == (first.lower() or "pending")), None)
    searched = rest.strip()
    return None if name is None or (searched and name not in SEARCHED) else (name, searched)


async def others(desk: Desk, shown: Name, actor: people.Actor) -> Sequence[listing.Turn]:
    """Buttons to the other lists that this person may see."""
    closed = await overviews.closed_to(desk, actor)
    return [listing.Turn(LABELS[one], f"{one}.") for one in NAMES if one != shown and one not in closed]


async def _after(desk: Desk, query: Query, ref: str) -> Query:
    """The same list behind a request, which stood at the end of the page before."""
    if not ref:
        return query
    last = await desk.store.load_by_ref(ref)
    return replace(query, before=(last.created_at, last.id))


async def _listed(desk: Desk, name: Name, found: Sequence[model.Ticket], page: str) -> listing.Listing:
    rows = await listing.rows_of(desk, found[: listing.PAGE])
    following = found[listing.PAGE - 1].ref if len(found) > listing.PAGE else None
    some, none = _TITLES[name]
    return listing.Listing(Trusted(some if rows else none), rows, turns=tuple(_turns(name, page, following)))


async def _granted(desk: Desk, found: Sequence[granting.Grant], page: str) -> listing.Listing:
    first = int(page) * listing.PAGE if page.isascii() and page.isdigit() and len(page) < 4 else 0
    shown, now = found[first : first + listing.PAGE], desk.clock.now()
    rows = tuple([_row(one, await _what(desk, one), now) for one in shown])
    more = str(first // listing.PAGE + 1) if len(found) > first + listing.PAGE else None
    some, none = _TITLES["grants"]
    return listing.Listing(Trusted(some if rows else none), rows, turns=tuple(_turns("grants", page, more)))


async def _what(desk: Desk, grant: granting.Grant) -> str:
    """How what was allowed begins, as its card shows it; of a suggestion its rule."""
    if grant.match is not None:
        return written.toml(grant.match)
    try:
        return await listing.beginning(desk, await desk.store.load(grant.request))
    except errors.SaysoError:
        return ""  # the request is gone, and the grant must still be seen, and ended


def _row(grant: granting.Grant, what: str, now: datetime) -> listing.Row:
    spans: list[card.Inline] = [text.line(grant.agent), Trusted(" may run "), text.line(grant.tool)]
    spans += [Trusted(" "), *lasting.covered(grant.standing, grant.session, what, grant.like)]
    spans += [Trusted(", allowed by "), text.line(grant.name)]
    return listing.Row(grant.id, tuple(spans), Trusted(f"ends in {phrases.duration(grant.until - now)}"), "end")


def _turns(name: Name, page: str, following: str | None) -> Iterator[listing.Turn]:
    if page:
        yield listing.Turn(Trusted("Newest"), f"{name}.")
    if following is not None:
        yield listing.Turn(Trusted("Older"), f"{name}.{following}")
