"""Who is who, what policies and rules say, and the numbers, as lists of a chat: in short what the inbox has as pages.

The rule: only whoever the settings know sees them, and the numbers only their readers. A chat waits three seconds: what
could not be found out in one is said to be so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from sayso import errors
from sayso.cards import card
from sayso.chat import listing
from sayso.content import text
from sayso.desk import Desk
from sayso.desk.answering import acquaintance, overview
from sayso.machine import people

if TYPE_CHECKING:
    from sayso.stats import Figures, Named

Trusted = text.Trusted
Name = Literal["people", "policies", "stats"]

_WITHIN = 1.0
# Policies and rules on one page: each takes several lines.
_POLICIES = 5
# Names in one line: a chat shows no more of it anyway, and would not say so.
_MOST_NAMES = 20
# Rows of each table of the numbers, and the periods of which they are, in days.
_NAMED = 3
_PERIODS = (7, 30, 90)
_USUAL = 30

_Spans = tuple[card.Inline, ...]


async def closed_to(desk: Desk, actor: people.Actor) -> Collection[Name]:
    """Which of these this person may not see."""
    checks = overview.check_look(desk, actor), overview.check_counts(desk, actor)
    looks, counts = await asyncio.gather(*checks, return_exceptions=True)
    closed = _closed(looks, ("people", "policies"))
    return [*closed, *_closed(counts, ("stats",))]


def _closed(refused: BaseException | None, names: Sequence[Name]) -> Sequence[Name]:
    if refused is not None and not isinstance(refused, errors.NotAllowed):
        raise refused
    return names if refused else ()


async def show(desk: Desk, name: Name, actor: people.Actor, page: str) -> listing.Listing:
    """A page of one. Raises `NotAllowed`."""
    if name == "stats":
        await overview.check_counts(desk, actor)
        return await _numbers(desk, page)
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 4 else 0
    made = (_people if name == "people" else _policies)(desk, actor, number)
    # beside each other: each may wait for a chat that does not answer
    _, shown = await asyncio.gather(overview.check_look(desk, actor), made)
    return shown


async def _people(desk: Desk, _actor: people.Actor, page: int) -> listing.Listing:
    """People, and the groups behind the last of them."""
    first, known = page * listing.PAGE, len(desk.setup.directory.people)
    left = listing.PAGE - len(range(known)[first : first + listing.PAGE])
    some, circles = await asyncio.gather(
        acquaintance.of_people(desk, first, listing.PAGE, _WITHIN),
        acquaintance.of_groups(desk, max(0, first - known), left, _WITHIN),
    )
    rows = [*map(_person, some), *map(_group, circles)]
    more = known + len(desk.setup.directory.groups) > first + listing.PAGE
    none = "The settings name nobody"
    return _paged("people", "Who is who, at this moment", none if not known and not rows else "", rows, page, more)


def _person(one: acquaintance.Person) -> listing.Row:
    facts = list[_Spans]()
    if accounts := [*_names(one.accounts), *((Trusted(" by e-mail"),) if one.by_email else ())]:
        facts.append((Trusted("Accounts: "), *accounts))
    facts += [(Trusted("In: "), *_names(one.groups))] if one.groups else []
    facts += [(Trusted("Could not find out: "), *_names(one.unknown))] if one.unknown else []
    for away in one.acts_for:
        facts.append((Trusted("Acts for "), text.line(away.name), Trusted(" until "), card.Moment(away.until)))
    return listing.Row("", (text.line(one.name),), Trusted(""), "tell", tuple(facts))


def _group(one: acquaintance.Group) -> listing.Row:
    facts = list[_Spans]()
    facts += [(Trusted("Members: "), *_names(one.members))] if one.members else []
    facts += [(Trusted("And whoever is in "), *_names(one.elsewhere))] if one.elsewhere else []
    if one.unsure:
        facts.append((Trusted("Could not find out who is on call: "), text.line(one.unsure)))
    elif one.on_call is not None:
        strangers = f"{' and ' if one.on_call else ''}{one.strangers} whom the settings do not know"
        on_call = [*_names(one.on_call), *([Trusted(strangers)] if one.strangers else [])]
        facts.append((Trusted("On call: "), *(on_call or [Trusted("nobody")])))
    return listing.Row("", (Trusted("Group "), text.line(one.name)), Trusted(""), "tell", tuple(facts))


async def _policies(desk: Desk, actor: people.Actor, page: int) -> listing.Listing:
    found, first = await overview.of_policies(desk, actor, _WITHIN), page * _POLICIES
    rows = [*(_policy(one, found.default) for one in found.policies), *map(_rule, found.rules)]
    more = len(rows) > first + _POLICIES
    return _paged("policies", "What policies and rules say", "", rows[first : first + _POLICIES], page, more)


def _policy(one: overview.Policy, default: str) -> listing.Row:
    spans: list[card.Inline] = [
        text.line(one.name),
        Trusted(" (where nothing else is said)" if one.name == default else ""),
    ]
    facts = [(Trusted(f"{said.about}: "), text.line(said.words)) for said in one.says]
    return listing.Row("", (*spans, _did(one.decided)), Trusted(""), "tell", tuple(facts))


def _rule(one: overview.Rule) -> listing.Row:
    spans = (Trusted("Rule "), text.line(one.id), _did(one.decided))
    does: list[card.Inline] = [Trusted(one.effect)]
    does += [Trusted(", under "), text.line(one.policy)] if one.policy else []
    does += [Trusted(", only watched")] if one.observed else []
    facts: list[_Spans] = [tuple(does)]
    facts += [(text.line(one.reason),)] if one.reason else []
    return listing.Row("", spans, Trusted(""), "tell", tuple(facts))


def _did(count: int | None) -> text.Trusted:
    return Trusted("" if count is None else f" · {count:,} in {overview.DAYS} days")


async def _numbers(desk: Desk, page: str) -> listing.Listing:
    days = int(page) if page in {str(one) for one in _PERIODS} else _USUAL
    found = await desk.numbers.soon(days, _WITHIN)
    turns = tuple(listing.Turn(Trusted(f"{one} days"), f"stats.{one}") for one in _PERIODS if one != days)
    if found is None:
        return listing.Listing(Trusted("They are being counted: ask again in a moment"), turns=turns)
    return listing.Listing(Trusted(f"Numbers of the last {days} days"), tuple(_tables(found)), turns=turns)


def _tables(found: Figures) -> Iterator[listing.Row]:
    # slow to import, and for few programs
    from sayso.stats import sentences

    said = [*sentences.summary(found), *filter(None, [sentences.busiest(found)])]
    yield _table("All", [(Trusted(one),) for one in said])
    for title, named in sentences.tables(found):
        yield _table(f"By {title}", [_named(one) for one in named], _NAMED)
    if found.reviewers:
        habits = [(text.line(one.person), Trusted(f": {sentences.habit(one)}")) for one in found.reviewers]
        yield _table("By person", habits, _NAMED)
    if watched := [(text.line(rule), Trusted(f": {said}")) for rule, said in sentences.watched(found)]:
        yield _table("Rules that only observe", watched, _NAMED)


def _named(one: Named) -> _Spans:
    from sayso.stats import sentences

    said = f": {one.requests:,}, {sentences.within(one.to_decision)}; {sentences.counts(one.outcomes)}"
    return text.line(one.name), Trusted(said)


def _table(title: str, rows: Sequence[_Spans], most: int | None = None) -> listing.Row:
    shown, left = rows[:most], len(rows) - len(rows[:most])
    more: list[_Spans] = [(Trusted(f"and {left:,} more, in the inbox and at a terminal"),)] if left else []
    return listing.Row("", (Trusted(title),), Trusted(""), "tell", (*shown, *more))


def _names(names: Sequence[str]) -> list[card.Inline]:
    """Names with commas between them, and how many more there are."""
    left = len(names) - _MOST_NAMES
    spans: list[card.Inline] = [one for name in names[:_MOST_NAMES] for one in (Trusted(", "), text.line(name))]
    return [*spans[1:], *((Trusted(f" and {left:,} more"),) if left > 0 else ())]


def _paged(name: Name, title: str, none: str, rows: list[listing.Row], page: int, more: bool) -> listing.Listing:
    turns = [listing.Turn(Trusted("Back"), f"{name}.{page - 1}")] if page else []
    turns += [listing.Turn(Trusted("Next"), f"{name}.{page + 1}")] if more else []
    return listing.Listing(Trusted(none or title), tuple(rows), turns=tuple(turns))
