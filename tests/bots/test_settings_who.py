"""Who decides, as sayso.toml says it: examples 2, 7 and 8 of the policy page; each wrong key has its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sayso import errors, model
from sayso.cards import draw, sections
from sayso.desk import Caller, Desk
from sayso.machine import people
from sayso.testing.clock import ManualClock
from sayso_bots.settings import schema, toml
from tests.bots.test_policy_page import AWAY, CALENDARS, CHANGE, INCIDENT, PEOPLE, PRODUCTION, asked, desk_of, parse
from tests.tables import each

ALLOW = model.Answer(verdict="allow", reason="reviewed")
SOON = datetime.now(UTC).date() + timedelta(days=10)
LATE = datetime.now(UTC).date() + timedelta(days=schema.MOST_DAYS + 1)
TODAY = datetime.now(UTC)


def move(desk: Desk, to: datetime) -> None:
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance((to - desk.clock.now()).total_seconds())


def by(name: str) -> people.Actor:
    return people.Actor(f"web:{name}", name, member=True, person=name)


async def under(desk: Desk, policy: str) -> model.Ticket:
    return await desk.open(
        model.Request(kind="permission", tool="Bash", input={"command": "terraform apply"}, policy=policy),
        Caller("bot"),
    )


async def test_two_of_release_and_one_of_security_approve_production_in_any_order() -> None:
    desk = desk_of(PRODUCTION)
    for order in (("bob", "ann", "dan"), ("dan", "bob", "cleo"), ("ann", "bob", "cleo")):
        ticket = await under(desk, "production")
        with pytest.raises(errors.InvalidAnswer, match="wants a reason for an allow"):
            await desk.answer(ticket.id, model.Answer(verdict="allow"), by(order[0]))
        for name in order:
            assert (await desk.get(ticket.id)).decision is None
            await desk.answer(ticket.id, ALLOW, by(name))
        decision = (await desk.get(ticket.id)).decision
        assert decision is not None
        # bob is in both, and moves over to where somebody is missing
        assert {one.person for one in decision.by} == set(order)
        assert decision.valid_until == decision.decided_at + timedelta(minutes=10)


async def test_somebody_of_sre_breaks_the_glass_of_an_incident_and_security_reviews_it() -> None:
    desk = desk_of(INCIDENT)
    ticket = await under(desk, "incident")
    broken = await desk.answer(
        ticket.id, model.Answer(verdict="allow", break_glass=True, reason="the site is down"), by("cleo")
    )
    assert broken.review is not None
    review = await desk.get(broken.review)
    assert (review.route, review.policy.approvers) == (("slack:#security", "web"), ("group:security",))
    assert review.expires_at - review.created_at == timedelta(days=1)
    assert (await desk.answer(review.id, model.Answer(choice="It was justified"), by("dan"))).decision is not None


async def test_bob_acts_for_ann_under_change_until_the_day_is_over_and_under_nothing_else() -> None:
    policy = '[policies.change]\napprovers = ["ann"]\n[policies.other]\napprovers = ["ann"]\n'
    desk = desk_of(policy + AWAY.replace("2026-12-24", str(SOON)), TODAY)
    change, other = await under(desk, "change"), await under(desk, "other")
    shown = [sections.text_of(draw.card_of(one, desk.mint, desk.setup.directory)) for one in (change, other)]
    assert [f"ann, away: bob until {SOON}" in "".join(one.splitlines()) for one in shown] == [True, False]
    with pytest.raises(errors.NotAllowed):
        await desk.answer(other.id, ALLOW, by("bob"))
    decided = await desk.answer(change.id, ALLOW, by("bob"))
    assert decided.decision is not None
    assert [(one.person, one.delegate) for one in decided.decision.by] == [("ann", "bob")]
    assert decided.decision.model_text.startswith("The tool call was allowed by bob (for ann).")
    own = await desk.open(
        model.Request(kind="permission", tool="Bash", input={}, policy="change"), Caller("bot", requester="ann")
    )
    with pytest.raises(errors.NotAllowed, match="you cannot approve for ann what was asked on behalf of ann"):
        await desk.answer(own.id, ALLOW, by("bob"))
    ends = datetime.combine(SOON + timedelta(days=1), datetime.min.time(), UTC)
    move(desk, ends - timedelta(seconds=1))
    last = await under(desk, "change")
    assert (await desk.answer(last.id, ALLOW, by("bob"))).decision is not None
    move(desk, ends)
    over = await under(desk, "change")
    with pytest.raises(errors.NotAllowed):
        await desk.answer(over.id, ALLOW, by("bob"))


async def test_one_human_counts_once_whomever_they_stand_in_for() -> None:
    both = '[policies.change]\napprovers = ["ann", "bob", "dan"]\nquorum = 2\n'
    desk = desk_of(both + AWAY.replace("2026-12-24", str(SOON)), TODAY)
    ticket = await under(desk, "change")
    await desk.answer(ticket.id, ALLOW, by("bob"))
    # he answered as himself, and stays himself
    assert (await desk.answer(ticket.id, ALLOW, by("bob"))).decision is None
    assert [one.person for one in (await desk.get(ticket.id)).answers] == ["bob"]
    decided = await desk.answer(ticket.id, ALLOW, by("ann"))
    assert decided.decision is not None
    assert [one.person for one in decided.decision.by] == ["bob", "ann"]


async def test_the_delegator_takes_their_place_back_by_answering() -> None:
    desk = desk_of(
        '[policies.change]\napprovers = ["ann", "dan"]\nquorum = 2\n' + AWAY.replace("2026-12-24", str(SOON)), TODAY
    )
    ticket = await under(desk, "change")
    await desk.answer(ticket.id, ALLOW, by("bob"))
    mine = await desk.answer(ticket.id, ALLOW.model_copy(update={"reason": "mine"}), by("ann"))
    assert (mine.decision, [one.delegate for one in mine.answers]) == (None, ["bob", None])
    done = await desk.answer(ticket.id, ALLOW, by("dan"))
    assert done.decision is not None
    assert [(one.person, one.delegate) for one in done.decision.by] == [("ann", None), ("dan", None)]


def delegation(**changes: str) -> str:
    written = {"of": '"ann"', "to": '["bob"]', "until": str(SOON), **changes}
    return "[[delegations]]\n" + "\n".join(f"{name} = {value}" for name, value in written.items() if value)


def policy(text: str) -> str:
    return f"[policies.p]\n{text}"


GLASS = 'approvers = ["ann"]\nbreak_glass = {{ who = ["cleo"], review = ["dan"]{} }}'


REFUSED = [
    (policy("quorum = 2"), "policies.p.approvers"),
    (policy('approvers = ["ann"]\nneeds = [{ who = ["bob"] }]'), "policies.p.needs"),
    (policy('needs = [{ who = ["bob"] }]\nquorum = 2'), "policies.p.quorum"),
    (policy("needs = []"), "policies.p.needs"),
    (policy("needs = [{ who = [] }]"), "policies.p.needs.0.who"),
    (policy('needs = [{ who = ["bob"], count = 0 }]'), "policies.p.needs.0.count"),
    (policy('needs = [{ who = ["bob"], counts = 2 }]'), "policies.p.needs.0.counts"),
    (policy('needs = [{ who = ["group:none"] }]'), "policies.p.needs.0"),
    (policy('needs = [{ who = ["bob"], count = 2 }]'), "policies.p.needs.0"),
    # one person fills one place
    (policy('needs = [{ who = ["bob"] }, { who = ["bob"] }]'), "policies.p.needs.1"),
    (policy('needs = [{ who = ["group:leads"], count = 2 }, { who = ["ann", "dan"] }]'), "policies.p.needs.1"),
    (policy("stages = [{ quorum = 1 }]"), "policies.p.stages.0.approvers"),
    (policy('stages = [{ approvers = ["ann"], needs = [{ who = ["bob"] }] }]'), "policies.p.stages.0.needs"),
    (policy('stages = [{ approvers = ["nobody-known"] }]'), "policies.p.stages.0.approvers"),
    (policy('stages = [{ approvers = ["ann"], quorum = 2 }]'), "policies.p.stages.0.quorum"),
    # one person counts in one stage
    (policy('stages = [{ approvers = ["ann"] }, { approvers = ["ann"] }]'), "policies.p.stages.1.quorum"),
    (policy('approvers = ["group:leads"]\nquorum = 3'), "policies.p.quorum"),
    (policy('approvers = ["ann"]\nreason = "never"'), "policies.p.reason"),
    (policy('approvers = ["ann"]\nconfirm = "name"'), "policies.p.confirm"),
    (policy('approvers = ["ann"]\nconfirm = "10 moons"'), "policies.p.confirm"),
    (policy('approvers = ["ann"]\nconfirm = "2h"\nexpires_in = "1h"'), "policies.p.confirm"),
    (policy('approvers = ["ann"]\nbreak_glass = { who = ["cleo"] }'), "policies.p.break_glass.review"),
    (policy(GLASS.format("").replace("dan", "cleo")), "policies.p.break_glass.review"),
    (policy('approvers = ["ann"]\nbreak_glass = { who = ["x"], review = ["dan"] }'), "policies.p.break_glass.who"),
    (policy(GLASS.format(', tell = ["teams:#x"]')), "policies.p.break_glass.tell"),
    (policy(GLASS.format(', review_in = "soon"')), "policies.p.break_glass.review_in"),
    (policy(GLASS.format(", revew = 1")), "policies.p.break_glass.revew"),
    (delegation(of='"eve"'), "delegations.0.of"),
    (delegation(to='["eve"]'), "delegations.0.to"),
    (delegation(to='["ann"]'), "delegations.0.to"),
    (delegation(to="[]"), "delegations.0.to"),
    (delegation(until=""), "delegations.0.until"),
    (delegation(until=str(LATE)), "delegations.0.until"),
    (delegation(policies='["none"]'), "delegations.0.policies"),
    (delegation(unti="1"), "delegations.0.unti"),
]  # fmt: skip


def test_what_cannot_be_meant_is_refused_at_the_start_with_its_key() -> None:
    for row in each(REFUSED):
        with row as (text, key):
            with pytest.raises(errors.InvalidSettings) as caught:
                toml.setup(parse(PEOPLE + text))
            assert str(caught.value.field).startswith(key)


def test_every_way_to_confirm_is_read() -> None:
    for written, meant in (('"10s"', 10.0), ("7", 7.0), ('"tool"', "tool"), ('"input.a.b"', "input.a.b")):
        made = toml.setup(parse(PEOPLE + policy(f'approvers = ["ann"]\nconfirm = {written}')))
        assert made.policies["p"].confirm == meant


def test_a_delegation_without_policies_holds_for_all_of_them() -> None:
    [made] = toml.setup(parse(PEOPLE + delegation())).directory.delegations
    assert made.holds("bob", "anything", TODAY)
    assert not made.holds("dan", "anything", TODAY)


async def test_the_examples_of_change_and_away_stand_together() -> None:
    desk = desk_of(CALENDARS + CHANGE + AWAY.replace("2026-12-24", str(SOON)), TODAY)
    assert desk.setup.directory.delegations[0].of == "ann"
    assert (await asked(desk, "npm")).decision is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("release", "did you mean 'group:release'? Or add [people.release]"),
        ("group:relese", "did you mean 'group:release'? Or add [groups.relese]"),
        ("anm", "did you mean 'ann'? Or add [people.anm]"),
        ("zzz", "add [people.zzz]"),
    ],
)
def test_a_name_that_is_unknown_is_told_with_the_one_that_may_be_meant(name: str, hint: str) -> None:
    text = f'[people.ann]\n[groups.release]\nmembers = ["ann"]\n[policies.p]\napprovers = ["{name}"]\n'
    with pytest.raises(errors.InvalidSettings) as refused:
        parse(text)
    assert (refused.value.field, refused.value.hint) == ("policies.p.approvers", hint)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ({"needs": [{"who": ["ann"], "from": 1}]}, "known here: who, count"),
        ({"stages": [{"needs": [{"who": ["ann"], "counts": 1}]}]}, "did you mean 'count'?"),
        ({"stages": [{"aprovers": ["ann"]}]}, "did you mean 'approvers'?"),
        ({"break_glass": {"who": ["ann"], "by": 1}}, "known here: who, review"),
        (
            {"approvers": ["ann"], "escalate": [{"after": "1h", "to": ["ann"]}]},
            "known here: after, add, replace, route",
        ),
    ],
)
def test_a_wrong_key_within_a_policy_is_told_with_the_keys_of_its_place(written: dict[str, object], hint: str) -> None:
    with pytest.raises(errors.InvalidSettings, match="is no setting") as caught:
        toml.parse({"people": {"ann": {}}, "policies": {"one": written}})
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)
