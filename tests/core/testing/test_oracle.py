"""The oracle finds what it is there to find: every planted lie, and nothing in an honest history."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sayso import asking, errors, model, rules
from sayso.desk import Desk, Setup
from sayso.desk.upkeep import purging, stopping
from sayso.machine import events
from sayso.rules import rule
from sayso.stores import Row, memory
from sayso.testing import oracle
from sayso.testing.clock import ManualClock
from sayso.testing.oracle import Stored, Witnessed
from sayso.testing.samples import MINT, actor, permission
from sayso_signing import keyring

ANN, BOB = actor("ann"), actor("bob")


async def history() -> tuple[Witnessed, Stored]:
    """Two people allow `r1`, one is too late; `r2` is still open."""
    setup = Setup({"default": model.Policy(quorum=2)}, route=("chat:#ops",))
    front = Desk(memory.MemoryStore(), MINT, setup)
    asked = [await front.open(permission(id=id)) for id in ("r1", "r2")]
    for who in (ANN, BOB):
        decided = await front.answer("r1", model.Answer(verdict="allow"), who)
    with pytest.raises(errors.AlreadyDecided):
        await front.answer("r1", model.Answer(verdict="deny"), ANN)
    assert decided.decision is not None
    pressed = [("r1", who.account) for who in (ANN, BOB, ANN)]
    seen = Witnessed({one.id: one.digest for one in asked}, pressed, {"r1": decided.decision})
    stored = await oracle.read(front.store)
    await front.store.close()
    return seen, stored


def stored_without(rows: Callable[[Any], bool]) -> Callable[[Witnessed, Stored], Stored]:
    def changed(_: Witnessed, stored: Stored) -> Stored:
        kept = {id: [row for row in log if not rows(row.entry)] for id, log in stored.rows.items()}
        return dataclasses.replace(stored, rows=kept)

    return changed


def used_twice(_: Witnessed, stored: Stored) -> Stored:
    ticket = stored.tickets["r1"]
    assert ticket.decision is not None
    used = [Row(100 + n, "r1", 4 + n, events.Used(at=ticket.decision.decided_at, by="bot")) for n in range(2)]
    return Stored(
        {**stored.tickets, "r1": ticket.model_copy(update={"version": 5})},
        {**stored.rows, "r1": [*stored.rows["r1"], *used]},
    )


def repeated(_: Witnessed, stored: Stored) -> Stored:
    return dataclasses.replace(stored, rows={**stored.rows, "r1": [*stored.rows["r1"], stored.rows["r1"][2]]})


def lost(_: Witnessed, stored: Stored) -> Stored:
    return Stored({"r1": stored.tickets["r1"]}, {"r1": stored.rows["r1"]})


def forgotten(_: Witnessed, stored: Stored) -> Stored:
    ticket = stored.tickets["r1"].model_copy(update={"decision": None})
    return dataclasses.replace(stored, tickets={**stored.tickets, "r1": ticket})


def never_pressed(seen: Witnessed, stored: Stored) -> Stored:
    seen.pressed.append(("r2", BOB.account))
    return stored


def told_otherwise(seen: Witnessed, stored: Stored) -> Stored:
    seen.decided["r1"] = seen.decided["r1"].model_copy(update={"outcome": "denied"})
    return stored


async def test_an_honest_history_has_no_fault() -> None:
    assert oracle.violations(*await history()) == []


async def test_an_honest_history_of_taken_answers_and_used_allows_has_no_fault() -> None:
    clock = ManualClock()
    front = Desk(memory.MemoryStore(), MINT, Setup(route=("chat:#ops",)), clock)
    await front.open(asking.Question("Which?", id="r1"))
    for text in ("Acme", "Acme Ltd"):
        await front.answer("r1", model.Answer(text=text), ANN, grace=timedelta(seconds=10))
        if text == "Acme":
            await front.take_back("r1", ANN)
    clock.advance(10)
    answered = await front.wait("r1")
    await front.open(permission(id="r2"))
    await front.answer("r2", model.Answer(verdict="allow"), BOB)
    allowed = await front.wait("r2")
    await front.use("r2")
    await front.open(permission(id="r3", supersedes="r2"))
    seen = Witnessed({}, [("r1", ANN.account), ("r2", BOB.account)], {"r1": answered, "r2": allowed})
    assert oracle.violations(seen, await oracle.read(front.store)) == []
    await front.store.close()


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (lost, "r2: it was acknowledged"),
        (never_pressed, "r2: a press of chat:T/bob was acknowledged"),
        (told_otherwise, "r1: the agent was told denied"),
        (forgotten, "r1: the ticket is not what the rules make of its log"),
        (used_twice, "r1: the log has an answer that had to be refused: the allow of request r1 was used"),
        (repeated, "r1: version 3 follows from rows of versions [1, 2, 3, 3]"),
        (stored_without(lambda entry: isinstance(entry, events.Answered)), "rows of versions [1]"),
    ],
)
async def test_a_lie_is_found(lie: Callable[[Witnessed, Stored], Stored], found: str) -> None:
    seen, stored = await history()
    assert any(found in wrong for wrong in oracle.violations(seen, lie(seen, stored)))


async def test_an_honest_history_whose_content_was_erased_has_no_fault_and_who_decided_it_is_compared() -> None:
    clock = ManualClock()
    front = Desk(memory.MemoryStore(), MINT, Setup(route=("chat:#ops",)), clock)
    await front.open(asking.Question("Which?", id="r1"))
    await front.answer("r1", model.Answer(text="Acme"), ANN)
    seen = Witnessed({}, [("r1", ANN.account)], {"r1": await front.wait("r1")})
    await purging.erase(front.store, "r1", clock.now(), "ops")
    stored = await oracle.read(front.store)
    assert oracle.violations(seen, stored) == []
    assert "r1: the agent was told denied" in oracle.violations(seen, told_otherwise(seen, stored))[0]
    await front.store.close()


@pytest.mark.parametrize("effect", ["allow", "deny"])
async def test_what_a_rule_decides_has_no_plan_whatever_its_policy_plans(effect: rule.Effect) -> None:
    decides = rules.Rule(id="all", match=rule.read_match("all", {"tool": "*"}), effect=effect)
    policies = {"default": model.Policy(remind=(30.0,), expires_in=60.0)}
    front = Desk(memory.MemoryStore(), MINT, Setup(policies, route=("chat:#ops",), rules=rules.Book((decides,))))
    ticket = await front.open(permission(id="r1"))
    assert (ticket.state, ticket.plan) == ("decided", ())
    assert oracle.violations(Witnessed({"r1": ticket.digest}), await oracle.read(front.store)) == []
    await front.store.close()


async def test_a_stop_of_an_allow_whose_receipt_is_not_used_is_what_the_rules_make_of_it() -> None:
    front = Desk(memory.MemoryStore(), MINT, Setup(route=("chat:#ops",), audience="tools"))
    front.issuer = keyring.Keyring([b"k" * 32])
    await front.open(permission(id="r1"))
    await front.answer("r1", model.Answer(verdict="allow"), ANN)
    await front.use("r1")
    await stopping.stop(front, stopping.Who("ops", "Ops", "terminal:ops"))
    receipt = (await front.wait("r1")).receipt
    with pytest.raises(errors.NotUsable):
        await front.redeem(receipt or "")
    stored = await oracle.read(front.store)
    assert stored.tickets["r1"].stopped is not None
    assert oracle.violations(Witnessed(), stored) == []
    await front.store.close()
