"""Quiet hours of people and policies, when something is asked: nobody is written to, and nobody mentioned. Pure.

The rule: the card is posted all the same, and they hear of it once their quiet hours are over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sayso import attention, machine, model
from sayso.desk.setup import Setup
from sayso.machine import silence


def apply(setup: Setup, terms: machine.Terms, at: datetime, also: Sequence[str] = ()) -> machine.Terms:
    """The terms with the quiet hours that matter; the same for what is urgent, or decided by a rule.

    *also* are people whom the policy means without naming them: they are on call now, or in a group of a platform.
    """
    ruled = terms.ruled
    at = (terms.reach and terms.reach.shown_at) or at
    if ruled and (ruled.effect != "ask" or ruled.priority == "urgent"):
        return terms
    named = setup.directory.members(terms.policy.everybody) if setup.quiet else ()
    named = tuple(dict.fromkeys((*named, *also)))
    named += setup.directory.deputies(named, terms.policy_name, at) if named else ()
    quiet = tuple(setup.quiet[name].model_copy(update={"person": name}) for name in named if name in setup.quiet)
    alone = {one.person for one in quiet if one.holds(at)}
    everybody = silence.is_quiet(terms.policy, at)
    put_off = [
        attention.Direct(person=name, place=place)
        for place in terms.route
        if (name := _reader(place)) and (everybody or name in alone)
    ]
    if not quiet and not put_off:
        return terms
    reach = terms.reach or attention.Reach()
    reach = reach.model_copy(update={"quiet": quiet, "direct": (*reach.direct, *put_off)})
    return replace(terms, route=_shown(setup, terms, {one.place for one in put_off}), reach=reach)


def _shown(setup: Setup, terms: machine.Terms, put_off: set[model.Place]) -> tuple[model.Place, ...]:
    """Where it is shown now: a card that only sleepers would get stands where others can find it."""
    left = tuple(place for place in terms.route if place not in put_off)
    rooms = tuple(place for place in setup.route if not _reader(place))
    return left or rooms or (machine.INBOX,)


def _reader(place: model.Place) -> str | None:
    """Whose direct message this is; None of a room."""
    _, _, address = place.partition(":")
    return address.removeprefix("@") if address.startswith("@") else None
