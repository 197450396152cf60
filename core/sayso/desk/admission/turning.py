"""To whom a request is put first, where its policy puts it to one person at a time.

The rule: a turn is taken before the request is stored, by compare-and-set. So over any number of copies two requests at
the same moment go to two people; a crash in between passes one over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sayso import attention, errors, machine, model
from sayso.desk.setup import Setup
from sayso.stores import Record, Store
from sayso.stores.record_kinds import TURN

# Somebody by name, or by an account that nobody named, with their direct messages.
People = Mapping[str, Sequence[model.Place]]
Each = Callable[[Sequence[str]], Awaitable[People]]

# More than writers of one record could win in a row.
_TRIES = 200


async def take(store: Store, setup: Setup, each: Each, terms: machine.Terms, at: datetime) -> machine.Terms:
    """The terms with whom it is put to, one after the other; the same where that is everybody."""
    if terms.policy.turns is None or terms.policy_name is None or (terms.ruled and terms.ruled.effect != "ask"):
        return terms
    found = await _people(each, terms)
    if not found:
        return terms
    for _ in range(_TRIES):
        before = await store.get(TURN, terms.policy_name)
        asked, rounds = before.value if before else {}, list[attention.Round]()
        for (stage, need), names in found.items():
            busy = {one.people[0] for one in rounds if one.stage == stage}
            order = in_order(terms.policy, [*names], asked)
            # whoever may not hear of it now, is away, or is asked for another place of it comes last
            order = sorted(order, key=lambda name: name in busy or _is_absent(setup, name, terms.policy_name, at))
            asked = _with(asked, order[0])
            rounds.append(attention.Round(people=tuple(order), stage=stage, need=need))
        made = Record(TURN, terms.policy_name, asked, version=before.version if before else 0)
        try:
            await store.put(made)
        except errors.Conflict:
            continue
        return _put_to(terms, rounds, found)
    raise errors.StoreUnavailable("requests come too fast to take turns", hint="try again")


async def _people(each: Each, terms: machine.Terms) -> dict[tuple[int, int], People]:
    """Whom each kind of place of each stage can be put to, but for whoever it is asked for."""
    own = None if terms.policy.self_approval else terms.requester
    found = dict[tuple[int, int], People]()
    for stage, needs in enumerate(terms.policy.needs_by_stage):
        for number, need in enumerate(needs):
            if known := {name: places for name, places in (await each(need.who)).items() if name != own}:
                found[stage, number] = known
    return found


def in_order(policy: model.Policy, names: Sequence[str], asked: model.JsonObject) -> Sequence[str]:
    """These people, first whose turn it is."""
    when: dict[str, int] = {name: asked.get(name, 0) for name in names}
    if policy.turns == "least_recent":
        return sorted(names, key=lambda name: when[name])
    last = max(names, key=lambda name: when[name])
    after = 0 if not when[last] else names.index(last) + 1
    return [*names[after:], *names[:after]]


async def records(store: Store, before: model.Ticket, after: model.Ticket) -> Sequence[Record]:
    """What is kept once it was put to somebody else, and written with that."""
    new = [one for one in _asked(after)[len(_asked(before)) :] if one.person]
    # a round goes on from whoever was first in it
    if not new or after.policy.turns != "least_recent" or after.policy_name is None:
        return ()
    known = await store.get(TURN, after.policy_name)
    value = known.value if known else {}
    for one in new:
        value = _with(value, one.person or "")
    return (Record(TURN, after.policy_name, value, version=known.version if known else 0),)


def _asked(ticket: model.Ticket) -> tuple[attention.Asked, ...]:
    return ticket.attending.asked if ticket.attending else ()


def _with(asked: model.JsonObject, person: str) -> model.JsonObject:
    """Who was asked in which order, by numbers: of two at the same moment one is later."""
    return asked | {person: max(asked.values(), default=0) + 1}


def _put_to(
    terms: machine.Terms, rounds: Sequence[attention.Round], found: Mapping[tuple[int, int], People]
) -> machine.Terms:
    """The terms with this order: of direct messages only those of whoever is first are written now."""
    routes = (terms.route, *terms.stage_routes[1:])
    first = {one.people[0] for one in rounds if one.stage == 0}
    later = dict.fromkeys(
        attention.Direct(person=name, place=place, stage=one.stage)
        for one in rounds
        for name in one.people
        for place in found[one.stage, one.need][name]
        if one.stage < len(routes) and place in routes[one.stage] and (one.stage or name not in first)
    )
    put_off = {(one.stage, one.place) for one in later}
    left = [tuple(place for place in some if (at, place) not in put_off) for at, some in enumerate(routes)]
    stages = (terms.stage_routes[0], *left[1:]) if terms.stage_routes else ()
    return replace(terms, route=left[0], stage_routes=stages, reach=_reach(rounds, tuple(later)))


def _reach(rounds: Sequence[attention.Round], direct: tuple[attention.Direct, ...]) -> attention.Reach:
    turns = next((one.people for one in rounds if (one.stage, one.need) == (0, 0)), ())
    others = tuple(one for one in rounds if (one.stage, one.need) != (0, 0))
    return attention.Reach(turns=turns, others=others, direct=direct)


def _is_absent(setup: Setup, name: str, policy: str | None, at: datetime) -> bool:
    away = any(one.of == name and at < one.until and one.covers(policy) for one in setup.directory.delegations)
    return away or (name in setup.quiet and setup.quiet[name].holds(at))
