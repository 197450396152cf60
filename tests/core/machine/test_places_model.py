"""Many random teams against an oracle that tries everything: places, stages, quorum and veto, in any order.

People have accounts on two platforms, or one that is linked to nobody; they press twice, change their minds, press out
of turn and for their own agent, and between two presses the ticket is read from its row again, as after a restart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from sayso import errors, machine, model
from sayso.machine import delegating, events, people
from sayso.machine.places import latest
from sayso.testing.samples import NOW, permission
from tests.conftest import LONG

pytestmark = [pytest.mark.once, pytest.mark.no_cover]

ASKED = permission()
GROUPS = ("a", "b", "c")
Places = list[list[tuple[set[str], int]]]


@dataclass(frozen=True)
class Member:
    """Somebody with their groups, and the accounts they press from."""

    name: str
    groups: frozenset[str]
    accounts: tuple[str, ...]
    linked: bool

    def at(self, account: str) -> model.Person:
        """As the directory knows them, who press from this account."""
        return model.Person(
            id=self.name if self.linked else account,
            name=self.name,
            account=account,
            groups=tuple(self.groups),
            platforms=tuple(one.partition(":")[0] for one in self.accounts) if self.linked else (),
        )


@dataclass
class Said:
    """A standing answer, as the oracle keeps it."""

    who: model.Person
    verdict: str
    stage: int
    accounts: set[str] = field(default_factory=set[str])


# The oracle. It knows nothing of matching: it tries everything.


def fits(who: model.Person, names: set[str]) -> bool:
    return bool({f"group:{one}" for one in who.groups} & names)


def most(people: list[model.Person], places: list[tuple[set[str], int]]) -> int:
    """How many of these people can fill different places at once, by trying every way."""
    if not people:
        return 0
    first, *rest = people
    ways = [most(rest, places)]
    for at, (names, left) in enumerate(places):
        if left and fits(first, names):
            ways.append(1 + most(rest, [*places[:at], (names, left - 1), *places[at + 1 :]]))
    return max(ways)


def crowds(said: list[Said]) -> list[list[Said]]:
    """Those who allow, in the sets of which each surely has different people."""
    allow = [one for one in said if one.verdict == "allow"]
    platforms = {
        one.who.id: set(one.who.platforms) | {account.partition(":")[0] for account in one.accounts} for one in allow
    }
    named = [one for one in allow if one.who.id != one.who.account]
    return [named, *([one for one in allow if name in platforms[one.who.id]] for name in ("chat", "talk"))]


def filled(crowd: list[Said], places: Places) -> int:
    """How many stages in a row are full."""
    for stage, needs in enumerate(places):
        if most([one.who for one in crowd if one.stage == stage], needs) < sum(count for _, count in needs):
            return stage
    return len(places)


def seats(crowd: list[Said], places: Places) -> int:
    return sum(most([one.who for one in crowd if one.stage == stage], needs) for stage, needs in enumerate(places))


def best(said: list[Said], places: Places) -> list[Said]:
    return max(crowds(said), key=lambda crowd: (filled(crowd, places), seats(crowd, places)))


def sits(who: model.Person, said: list[Said], places: Places) -> bool:
    """Whether somebody fills a place: if nobody did before who could not do without them."""
    crowd = best(said, places)
    here = next((one for one in crowd if one.who.id == who.id and one.verdict == "allow"), None)
    if here is None:
        return False
    before = [one.who for one in crowd if one.stage == here.stage]
    before = before[: [one.id for one in before].index(who.id)]
    needs = places[here.stage]
    return most([*before, who], needs) > most(before, needs)


# The teams.


def team(chance: random.Random) -> list[Member]:
    found: list[Member] = []
    for number in range(chance.randint(2, 5)):
        linked = chance.random() < 0.7
        accounts = [f"chat:T/{number}", f"talk:{number}"]
        groups = frozenset(chance.sample(GROUPS, chance.randint(0, 3)))
        mine = tuple(accounts if linked and chance.random() < 0.5 else chance.sample(accounts, 1))
        found.append(Member(f"p{number}", groups, mine, linked))
    return found


def policy_of(chance: random.Random) -> model.Policy:
    def who() -> tuple[str, ...]:
        return tuple(f"group:{one}" for one in chance.sample(GROUPS, chance.randint(1, 2)))

    def needs() -> tuple[model.Need, ...]:
        return tuple(model.Need(who=who(), count=chance.randint(1, 2)) for _ in range(chance.randint(1, 3)))

    veto = chance.choice((1, 1, 2))
    way = chance.randrange(3)
    if way == 0:
        return model.Policy(approvers=who(), quorum=chance.randint(1, 3), veto=veto)
    if way == 1:
        return model.Policy(needs=needs(), veto=veto)
    stages = tuple(
        model.Stage(needs=needs())
        if chance.random() < 0.5
        else model.Stage(approvers=who(), quorum=chance.randint(1, 2))
        for _ in range(chance.randint(1, 3))
    )
    return model.Policy(stages=stages, veto=veto)


def outcome(said: list[Said], places: Places, veto: int) -> str | None:
    if sum(one.verdict == "deny" for one in said) >= veto:
        return "denied"
    return "allowed" if filled(best(said, places), places) == len(places) else None


def expected(who: model.Person, verdict: str, said: list[Said], places: Places, requester: str | None) -> bool:
    """Whether this press counts at all."""
    everybody = set[str]().union(*(names for stage in places for names, _ in stage))
    if who.id == requester or not fits(who, everybody):
        return False
    open_now = set[str]().union(*(names for names, _ in places[filled(best(said, places), places)]))
    return verdict == "deny" or sits(who, said, places) or fits(who, open_now)


def noted(who: model.Person, verdict: str, said: list[Said], places: Places) -> list[Said]:
    """The standing answers after one that counts: whoever sits stays in the stage in which they answered."""
    stage, kept = filled(best(said, places), places), sits(who, said, places)
    mine = next((one for one in said if one.who.id == who.id), None)
    accounts = {who.account} | (mine.accounts if mine and verdict == "allow" else set())
    if mine is None:
        return [*said, Said(who, verdict, stage, accounts)]
    if kept and verdict == "allow":
        stage = mine.stage
    return [Said(who, verdict, stage, accounts) if one is mine else one for one in said]


@pytest.mark.parametrize("seed", range(20 if LONG else 1))
def test_random_teams_decide_as_the_oracle_does(seed: int) -> None:
    for case in range(1000 if LONG else 400):
        _play(random.Random(f"{seed}/{case}"))


def _play(chance: random.Random) -> None:
    members, policy = team(chance), policy_of(chance)
    requester = chance.choice([None, None, members[0].name])
    terms = machine.Terms(owner="agent", policy=policy, route=("web",), requester=requester)
    ticket = machine.open_ticket(ASKED, terms, id="r1", ref="A" * 22, at=NOW).ticket
    places: Places = [[(set(need.who), need.count) for need in needs] for needs in policy.needs_by_stage]
    said: list[Said] = []
    for turn in range(chance.randint(1, 9)):
        member = chance.choice(members)
        who = member.at(chance.choice(member.accounts))
        verdict = "deny" if chance.random() < 0.15 else "allow"
        event = events.Answered(
            at=NOW + timedelta(seconds=turn), by=who, answer=model.Answer.model_validate({"verdict": verdict})
        )
        counts = expected(who, verdict, said, places, requester)
        try:
            ticket = machine.step(ticket, event).ticket
        except errors.NotAllowed:
            assert not counts
        else:
            assert counts
            said = noted(who, verdict, said, places)
        found = ticket.decision.outcome if ticket.decision else None
        assert found == outcome(said, places, policy.veto)
        if ticket.decision is not None:
            _look_at(ticket.decision, policy, requester)
            return
        assert ticket.stage == filled(best(said, places), places)
        if chance.random() < 0.3:
            ticket = model.Ticket.model_validate_json(ticket.model_dump_json())


def _look_at(decision: model.Decision, policy: model.Policy, requester: str | None) -> None:
    """Each person once, as many as there are places, and never the one for whom it was asked."""
    by = [one.person for one in decision.by]
    assert len(set(by)) == len(by)
    assert requester not in by
    if decision.outcome == "allowed":
        assert len(by) == policy.most_needed


def test_one_human_counts_once_in_teams_with_people_who_are_away() -> None:
    decided, cases = 0, 5000 if LONG else 250
    for case in range(cases):
        decided += _play_away(random.Random(f"away/{case}"))
    assert decided > cases / 10


def _play_away(chance: random.Random) -> bool:
    """People stand in for each other, also in circles; true if it was allowed."""
    names = [f"p{number}" for number in range(chance.randint(2, 5))]
    groups = {one: people.Group(frozenset(chance.sample(names, chance.randint(1, len(names))))) for one in GROUPS}
    pairs = [chance.sample(names, 2) for _ in range(chance.randint(1, 3))]
    away = tuple(people.Delegation(of, frozenset({to}), NOW + timedelta(days=1)) for of, to in pairs)
    known = people.Directory({name: people.Profile() for name in names}, groups, away)
    policy, requester = policy_of(chance), chance.choice([None, names[0]])
    terms = machine.Terms(owner="agent", policy=policy, route=("web",), requester=requester)
    ticket = machine.open_ticket(ASKED, terms, id="r1", ref="A" * 22, at=NOW).ticket
    for turn in range(12):
        name, at = chance.choice(names), NOW + timedelta(seconds=turn)
        actor = people.Actor(f"web:{name}", name, member=True, person=name)
        who = delegating.acting(known, ticket, actor, at)
        assert who.human == name
        verdict = "deny" if chance.random() < 0.05 else "allow"
        event = events.Answered(at=at, by=who, answer=model.Answer.model_validate({"verdict": verdict}))
        try:
            ticket = machine.step(ticket, event).ticket
        except errors.NotAllowed:
            continue
        standing = [one for one in latest(ticket) if one.answer.verdict == "allow"]
        assert len({one.human for one in standing}) == len({one.person for one in standing}) == len(standing)
        if ticket.decision is not None:
            break
    decision = ticket.decision
    if decision is None or decision.outcome != "allowed":
        return False
    humans = [one.delegate or one.person for one in decision.by]
    assert len(set(humans)) == len(humans) == policy.most_needed
    assert requester not in {*humans, *(one.person for one in decision.by)}
    assert all(one.delegate is None or [one.person, one.delegate] in pairs for one in decision.by)
    return True
