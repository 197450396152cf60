"""To whom a request is put first, where its policy puts it to one person at a time.

The rule: a turn is taken before the request is stored, by compare-and-set. So over any number of copies two requests at
the same moment go to two people; a crash in between passes one over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sayso import attention, errors, machine, model
from sayso.desk.admission import direct
from sayso.desk.setup import Setup
from sayso.machine import approvers, people
from sayso.stores import Record, Store
from sayso.stores.record_kinds import TURN

# More than writers of one record could win in a row.
_TRIES = 200


async def take(store: Store, setup: Setup, terms: machine.Terms, at: datetime) -> machine.Terms:
    """The terms with whom it is put to, one after the other; the same where that is everybody."""
    if terms.policy.turns is None or terms.policy_name is None or (terms.ruled and terms.ruled.effect != "ask"):
        return terms
    names = people_of(setup.directory, terms)
    if not names:
        return terms
    for _ in range(_TRIES):
        before = await store.get(TURN, terms.policy_name)
        asked = before.value if before else {}
        order = in_order(terms.policy, names, asked)
        # whoever may not hear of it now, or is away, comes last
        order = sorted(order, key=lambda name: _is_absent(setup, name, terms.policy_name, at))
        made = Record(TURN, terms.policy_name, _with(asked, order[0]), version=before.version if before else 0)
        try:
            await store.put(made)
        except errors.Conflict:
            continue
        return _put_to(setup, terms, order)
    raise errors.StoreUnavailable("requests come too fast to take turns", hint="try again")


def people_of(directory: people.Directory, terms: machine.Terms) -> Sequence[str]:
    """Whom it can be put to: the people of the settings whom its policy names, but for whoever it is asked for."""
    own = None if terms.policy.self_approval else terms.requester
    named = directory.members(approvers.names_of(terms.policy.needs_by_stage[0]))
    return [name for name in named if name != own and name in directory.people]


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


def _put_to(setup: Setup, terms: machine.Terms, order: Sequence[str]) -> machine.Terms:
    """The terms with this order: of direct messages only the first one is written now."""
    places = ((name, direct.of_person(setup.directory, setup.chats, name)) for name in order)
    meant = [attention.Direct(person=name, place=one) for name, some in places for one in some if one in terms.route]
    later = tuple(one for one in meant if one.person != order[0])
    route = tuple(place for place in terms.route if place not in {one.place for one in later})
    return replace(terms, route=route, reach=attention.Reach(turns=tuple(order), direct=later))


def _is_absent(setup: Setup, name: str, policy: str | None, at: datetime) -> bool:
    away = any(one.of == name and at < one.until and one.covers(policy) for one in setup.directory.delegations)
    return away or (name in setup.quiet and setup.quiet[name].holds(at))
