"""Any order of claims, snoozes, outages and ticks: who may answer, until when, and what is planned stay in order."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso import attention, calendars, errors, machine, model
from sayso.machine import events, places, rounds, schedule, silence
from sayso.testing.samples import NOW, permission, person, said
from tests.conftest import LONG

pytestmark = [pytest.mark.once, pytest.mark.no_cover]

NAMES = ("ann", "bob", "carl", "dora")
PLACES = ("chat:#ops", "chat:#b", "chat:@ann", "chat:@bob", "web")
NIGHT = calendars.Calendar(
    name="night", hours=(calendars.Hours(opens=0, closes=13 * 60), calendars.Hours(opens=14 * 60, closes=15 * 60))
)
QUIET = st.sampled_from((None, attention.Quiet(calendar=NIGHT), attention.Quiet(calendar=NIGHT, inside=False)))
MINUTES = st.integers(0, 400)


def _plain(count: int) -> dict[str, Any]:
    return {"approvers": ("ann", "bob", "carl"), "quorum": count}


def _mixed(count: int) -> dict[str, Any]:
    return {"needs": ({"who": ("ann", "bob", "carl"), "count": count}, {"who": ("carl", "dora")})}


def _staged(count: int) -> dict[str, Any]:
    return {"stages": ({"approvers": ("ann", "bob", "carl"), "quorum": count}, {"approvers": ("carl", "dora")})}


WHO = (_plain, _mixed, _staged)
OTHERS = {
    _mixed: (attention.Round(people=("dora", "carl"), need=1),),
    _staged: (attention.Round(people=("dora", "carl"), stage=1),),
}


@st.composite
def opened(draw: st.DrawFn) -> machine.Step:
    """A new request, with some of what a policy says of whom it reaches."""
    quiet = draw(QUIET)
    hours = draw(st.sampled_from((None, "ann", "bob")))
    who = draw(st.sampled_from(WHO))
    policy = model.Policy(
        **who(draw(st.integers(1, 2))),
        expires_in=18_000.0,
        remind=draw(st.sampled_from(((), (600.0, 4000.0, 9000.0)))),
        escalate=draw(st.sampled_from(((), (model.Escalation(after=5000.0, add=("dora",), route=("chat:#b",)),)))),
        claim_in=draw(st.sampled_from((60.0, 1200.0))),
        quiet=quiet,
    )
    turns = draw(st.sampled_from(((), ("ann", "bob", "carl"), ("bob", "ann"))))
    direct = tuple(
        attention.Direct(person=name, place=f"chat:@{name}", stage=draw(st.integers(0, 1)))
        for name in draw(st.sets(st.sampled_from(NAMES)))
    )
    others = OTHERS.get(who, ()) if turns else ()
    own = (attention.Quiet(calendar=NIGHT, person=hours),) if hours else ()
    terms = machine.Terms(
        owner="bot",
        policy=policy,
        route=draw(st.sampled_from((("chat:#ops",), ("chat:#ops", "web")))),
        reach=attention.Reach(turns=turns, others=others, direct=direct, quiet=own) if turns or direct or own else None,
        fallback=draw(st.sampled_from(((), (("chat:#b",), ("web",))))),
    )
    return machine.open_ticket(permission(), terms, id="r1", ref="A" * 22, at=NOW)


HAPPENED = st.one_of(
    st.builds(lambda at, who: events.Claimed(at=_after(at), by=person(who)), MINUTES, st.sampled_from(NAMES)),
    st.builds(
        lambda at, who, more: events.Snoozed(at=_after(at), by=person(who), until=_after(at + more)),
        MINUTES,
        st.sampled_from(NAMES),
        st.integers(0, 200),
    ),
    st.builds(
        lambda at, place: events.Delayed(at=_after(at), place=place, reason="503"), MINUTES, st.sampled_from(PLACES)
    ),
    st.builds(lambda at, place: events.Reached(at=_after(at), place=place), MINUTES, st.sampled_from(PLACES)),
    st.builds(
        lambda at, place: events.Undelivered(at=_after(at), place=place, reason="x"), MINUTES, st.sampled_from(PLACES)
    ),
    st.builds(lambda at: events.Ticked(at=_after(at)), MINUTES),
    st.builds(lambda at, who: said(who, after=at * 60.0, verdict="allow"), MINUTES, st.sampled_from(NAMES)),
)


def _after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@settings(max_examples=1_000 if LONG else 100)
@given(opened(), st.lists(HAPPENED, max_size=10))
def test_nothing_but_an_answer_or_the_end_of_time_or_of_all_places_decides(
    begun: machine.Step, happened: list[events.Event]
) -> None:
    ticket = begun.ticket
    posted = Counter(effect.place for effect in begun.effects if isinstance(effect, events.Announce))
    for event in sorted(happened, key=lambda one: one.at):
        while ticket.decision is None:
            # time acts first, as it does at the desk
            acting = machine.first(ticket, event)
            before = ticket
            try:
                step = machine.step(ticket, acting)
            except errors.Refused:
                break
            ticket = step.ticket
            posted.update(effect.place for effect in step.effects if isinstance(effect, events.Announce))
            _check(before, ticket, acting)
            if acting is event:
                break
            assert ticket.version > before.version
    assert all(count == 1 for count in posted.values())
    assert ticket == model.Ticket.model_validate_json(ticket.model_dump_json())


def _check(before: model.Ticket, after: model.Ticket, event: events.Event) -> None:
    assert (after.expires_at, after.policy, after.fallback) == (before.expires_at, before.policy, before.fallback)
    times = [one.at for one in after.plan]
    assert times == sorted(times)
    assert len(after.route) == len(set(after.route))
    if after.decision is None:
        answered = {one.person for one in places.latest(after)}
        assert answered.isdisjoint(rounds.whose(after, need) for need in rounds.free_needs(after))
        assert all(
            one.person in NAMES or one.person is None for one in (after.attending.asked if after.attending else ())
        )
        wake = machine.next_wake(after)
        assert wake is not None
        if isinstance(event, events.Due):
            assert wake > event.at
        if isinstance(event, events.Claimed | events.Snoozed | events.Delayed | events.Reached):
            assert after.answers == before.answers
    else:
        why = {"undeliverable": events.Undelivered, "expired": events.Ticked, "allowed": events.Answered}
        assert isinstance(event, why[after.decision.outcome])


@settings(max_examples=1_000 if LONG else 100)
@given(opened())
def test_whoever_waits_only_sees_an_end_and_nobody_is_called_in_their_quiet_hours(begun: machine.Step) -> None:
    ticket, called = begun.ticket, set[str | None]()
    while ticket.decision is None:
        at = machine.next_wake(ticket)
        assert at is not None
        step = machine.step(ticket, machine.first(ticket, events.Ticked(at=at)))
        assert step.ticket.version == ticket.version + 1
        ticket = step.ticket
        for effect in step.effects:
            if isinstance(effect, events.Announce) and ":@" in effect.place and ticket.decision is None:
                name = effect.place.partition("@")[2]
                assert name not in silence.silent(ticket, at)
                assert not silence.is_quiet(ticket.policy, at)
                assert name not in called
                called.add(name)
    assert ticket.decision.outcome == "expired"
    assert ticket.decision.decided_at == schedule.deadline(ticket.request, ticket.policy, NOW)
