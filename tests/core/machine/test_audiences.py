"""Whoever may answer a request is in its audience, by which lists are read, and hardly anybody else is."""

import random

import pytest

from sayso import machine, model, policies
from sayso.machine import glass
from sayso.testing import tickets
from tests.conftest import LONG

NAMES = ("ann", "bob", "carl", "dora", "group:ops", "anyone", "requester")


def opened(policy: model.Policy, kind: model.Kind = "permission") -> model.Ticket:
    request = model.Request(kind=kind, title="?", tool="Bash" if kind == "permission" else None)
    terms = machine.Terms("agent", policy, ("web",), requester="dora")
    return machine.open_ticket(request, terms, id="r1", ref="r", at=tickets.NOW).ticket


def person(id: str, *groups: str, member: bool = False) -> model.Person:
    return model.Person(id=id, name=id, account=f"chat:{id}", groups=groups, member=member)


PEOPLE = (person("ann"), person("bob", "ops"), person("carl", member=True), person("dora"), person("eve"))


def drawn(seed: int) -> model.Ticket:
    """A request under some policy, perhaps escalated."""
    chance = random.Random(seed)

    def some() -> tuple[str, ...]:
        return tuple(chance.sample(NAMES, chance.randint(1, 2)))

    def need() -> model.Need:
        return model.Need(who=some(), count=1)

    steps = [policies.Escalation(after=60, add=some()), policies.Escalation(after=90, replace=some())]
    escalate = tuple(steps[: chance.randint(0, 2)])
    broken = policies.BreakGlass(who=some(), review=("ann",)) if chance.random() < 0.3 else None
    ways: tuple[dict[str, object], ...] = (
        {"approvers": some()},
        {"needs": (need(), need())},
        {"stages": (policies.Stage(approvers=some()), policies.Stage(needs=(need(), need())))},
    )
    policy = model.Policy.model_validate({**chance.choice(ways), "escalate": escalate, "break_glass": broken})
    ticket = opened(policy, chance.choice(("permission", "question")))
    happened = [policies.Escalated(at=tickets.NOW, number=n) for n in range(chance.randint(0, len(escalate)))]
    return ticket.model_copy(update={"escalated": tuple(happened), "stage": chance.randint(0, 1)})


@pytest.mark.parametrize("seed", range(0, 3000 if LONG else 1000, 500))
def test_whoever_may_answer_or_break_the_glass_is_in_the_audience(seed: int) -> None:
    seen = 0
    for one in range(seed, seed + 500):
        ticket = drawn(one)
        for who in PEOPLE:
            if glass.may_see(ticket, who) and who.id != ticket.requester:
                seen += 1
                assert machine.concerns(machine.audience(ticket), who), (one, who.id)
    assert seen > 100


def test_whom_an_escalation_brings_in_is_in_it_only_after_that() -> None:
    policy = model.Policy(approvers=("ann",), escalate=(policies.Escalation(after=60, add=("bob",)),))
    ticket = opened(policy)
    assert not machine.concerns(machine.audience(ticket), person("bob"))
    later = ticket.model_copy(update={"escalated": (policies.Escalated(at=tickets.NOW, number=0),)})
    assert machine.concerns(machine.audience(later), person("bob"))
    assert machine.concerns(machine.audience(later), person("ann"))


def test_an_audience_that_nobody_wrote_down_may_hold_anybody() -> None:
    assert machine.concerns("", person("eve"))
