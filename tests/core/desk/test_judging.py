"""Rules at the desk: decided at once, and like any other; counted exactly, over copies and repeated calls."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sayso import errors, machine, model, rules, stores
from sayso.cards import card, draw, history
from sayso.content import binding, text
from sayso.desk import Caller, Desk, Setup
from sayso.desk.upkeep import stopping
from sayso.machine import events
from sayso.rules import rule as words
from sayso.stores import Query, Store, memory
from sayso.testing import oracle, samples
from sayso.testing.clock import ManualClock
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]


def rule(effect: str, tool: str = "read", **more: Any) -> rules.Rule:
    match = words.read_match("x", {"tool": tool})
    return rules.Rule.model_validate({"id": f"{effect}-{tool}", "match": match, "effect": effect, **more})


def desk_of(*given: rules.Rule, store: Store | None = None, clock: ManualClock | None = None) -> Desk:
    policies = {"default": model.Policy(), "strict": model.Policy(approvers=("ann",), quorum=1)}
    setup = Setup(rules=rules.Book(given), policies=policies, digest="sha256:1", callbacks=True)
    return Desk(store or memory.MemoryStore(), samples.MINT, setup, clock or ManualClock(samples.NOW))


def call(tool: str = "read", **more: Any) -> model.Request:
    return model.Request(kind="permission", tool=tool, input={}, **more)


async def test_what_a_rule_allows_is_decided_at_once_stored_logged_and_used_once() -> None:
    desk = desk_of(rule("allow"))
    decision = await desk.ask(call(id="r1"), Caller("bot"))
    assert decision.allowed
    assert (decision.rule, decision.by) == ("allow-read", ())
    assert decision.model_text == "The tool call was allowed by the rule 'allow-read'."
    ticket = await desk.get("r1")
    assert (ticket.state, ticket.route, ticket.tell) == ("decided", (machine.INBOX,), ())
    binding.check(ticket)
    assert await desk.store.take(["slack", "web"], samples.NOW, 10) == []
    (row,) = await desk.store.log("r1")
    assert row.entry == events.Opened(
        at=samples.NOW, by="bot", digest=ticket.digest, ruled=ticket.ruled, settings="sha256:1"
    )
    await desk.use("r1", Caller("bot"))
    with pytest.raises(errors.AlreadyUsed):
        await desk.use("r1", Caller("bot"))


async def test_what_a_rule_denies_cannot_be_used_and_is_handed_to_a_callback() -> None:
    desk = desk_of(rule("deny", reason="Never."))
    ticket = await desk.open(call(id="r1", callback_url="https://hooks.example.com/x"), Caller("bot"))
    assert ticket.decision is not None
    assert "denied by the rule 'deny-read'" in ticket.decision.model_text
    assert ticket.decision.reason == "Never."
    with pytest.raises(errors.NotUsable):
        await desk.use("r1", Caller("bot"))
    assert [job.effect for job in await desk.store.take(["callback"], samples.NOW, 10)] == [events.Resume()]


async def test_a_rule_is_bound_by_the_digest() -> None:
    ticket = await desk_of(rule("allow")).open(call(), Caller("bot"))
    forged = ticket.model_copy(update={"ruled": model.Ruled(rule="other", effect="allow")})
    with pytest.raises(errors.Altered):
        binding.check(forged)


async def test_the_same_request_again_is_the_same_ticket_and_takes_nothing_more_of_an_allowance() -> None:
    desk = desk_of(rule("allow", limit=rules.Limit(count=2, per=3600)))
    first = [await desk.open(call(id="r1"), Caller("bot")) for _ in range(5)]
    assert {ticket.state for ticket in first} == {"decided"}
    assert (await desk.open(call(id="r2"), Caller("bot"))).state == "decided"
    assert (await desk.open(call(id="r3"), Caller("bot"))).state == "pending"
    assert (await desk.open(call(id="r1"), Caller("bot"))).state == "decided"


@pytest.mark.parametrize(("engine", "copies"), [("sqlite", 1), ("sqlite", 3), ("postgres", 3)])
async def test_an_allowance_is_exact_under_concurrency_and_over_copies(
    tmp_path: Path, pg_tables: str, engine: str, copies: int
) -> None:
    address = pg_tables if engine == "postgres" else f"sqlite:///{tmp_path}/a.db"
    opened = [await stores.connect(address) for _ in range(copies)]
    desks = [desk_of(rule("allow", limit=rules.Limit(count=7, per=3600)), store=store) for store in opened]
    asked = (desks[number % copies].open(call(id=f"r{number}"), Caller(f"bot{number % 4}")) for number in range(24))
    found = await asyncio.gather(*asked)
    assert [ticket.state for ticket in found].count("decided") == 7
    again = desk_of(rule("allow", limit=rules.Limit(count=7, per=3600)), store=opened[0])
    assert (await again.open(call(id="later"), Caller("bot"))).state == "pending"
    for store in opened:
        await store.close()


async def test_an_allowance_slides_and_counts_for_each_agent_or_session_as_it_says() -> None:
    clock = ManualClock(samples.NOW)
    limit = rules.Limit(count=1, per=60, by="session")
    desk = desk_of(rule("allow", limit=limit), clock=clock)

    async def state(session: str, owner: str = "bot") -> str:
        return (await desk.open(call(source=model.Source(session=session)), Caller(owner))).state

    assert [await state("a"), await state("a"), await state("b"), await state("a", "other")] == [
        "decided", "pending", "decided", "decided",
    ]  # fmt: skip
    clock.advance(59)
    assert await state("a") == "pending"
    clock.advance(1)
    assert await state("a") == "decided"


async def test_a_spent_allowance_goes_on_to_the_next_rule() -> None:
    limited = rule("allow", limit=rules.Limit(count=1, per=60))
    desk = desk_of(limited, rule("ask", policy="strict"))
    assert (await desk.open(call(), Caller("bot"))).state == "decided"
    second = await desk.open(call(), Caller("bot"))
    assert (second.state, second.policy.approvers) == ("pending", ("ann",))
    assert second.ruled == model.Ruled(rule="ask-read")


async def test_a_store_that_never_lets_it_count_asks_people() -> None:
    class Busy(memory.MemoryStore):
        async def put(self, record: stores.Record) -> None:
            raise errors.Conflict("busy")

    limited = rule("allow", limit=rules.Limit(count=1, per=60))
    assert (await desk_of(limited, store=Busy()).open(call(), Caller("bot"))).state == "pending"
    earlier = rules.After(match=words.read_match("x", {"tool": "read"}), within=60)
    with pytest.raises(errors.StoreUnavailable):
        await desk_of(rule("deny", "wipe", after=earlier), store=Busy()).open(call(), Caller("bot"))


async def test_a_delete_after_backups_went_off_is_denied_for_a_while_and_by_whom_it_says() -> None:
    clock = ManualClock(samples.NOW)
    earlier = rules.After(match=words.read_match("x", {"tool": "backups"}), within=3600, by="agent")
    desk = desk_of(rule("deny", "wipe", after=earlier), rule("allow", "wipe"), clock=clock)

    async def wiped(owner: str = "bot") -> bool:
        return (await desk.ask(call("wipe"), Caller(owner))).allowed

    assert await wiped()
    await desk.open(call("backups"), Caller("bot"))
    assert not await wiped()
    assert await wiped("other")
    clock.advance(3000)
    await desk.open(call("backups"), Caller("bot"))
    clock.advance(3000)
    assert not await wiped()
    clock.advance(601)
    assert await wiped()


async def test_a_call_is_not_its_own_earlier_call() -> None:
    earlier = rules.After(match=words.read_match("x", {"tool": "wipe"}), within=3600)
    desk = desk_of(rule("deny", "wipe", after=earlier), rule("allow", "wipe"))
    assert (await desk.ask(call("wipe"), Caller("bot"))).allowed
    assert not (await desk.ask(call("wipe"), Caller("bot"))).allowed


async def test_a_watched_rule_makes_nothing_looser_or_stricter() -> None:
    desk = desk_of(rule("allow", observed=True), rule("deny", "wipe", observed=True))
    for tool, id in (("read", "allow-read"), ("wipe", "deny-wipe")):
        ticket = await desk.open(call(tool), Caller("bot"))
        assert (ticket.state, ticket.ruled) == ("pending", model.Ruled(watched=(id,)))


async def test_an_allow_is_no_answer_to_a_question_and_a_deny_is_one() -> None:
    anything = rules.Rule(id="x", match=words.read_match("x", {"kind": "question"}), effect="allow")
    question = model.Request(kind="question", title="Which?")
    assert (await desk_of(anything).open(question, Caller("bot"))).state == "pending"
    denied = await desk_of(anything.model_copy(update={"effect": "deny"})).open(question, Caller("bot"))
    assert denied.decision is not None
    assert denied.decision.outcome == "denied"


async def test_a_place_that_cannot_be_reached_stops_no_decision_by_a_rule() -> None:
    setup = Setup(rules=rules.Book((rule("allow"),)), channels=["web"], route=("web",))
    desk = Desk(memory.MemoryStore(), samples.MINT, setup, ManualClock(samples.NOW))
    assert (await desk.open(call(route=("slack:#x",)), Caller("bot"))).state == "decided"
    with pytest.raises(errors.InvalidRequest):
        await desk.open(call("other", route=("slack:#x",)), Caller("bot"))
    assert len(await desk.store.list(Query())) == 1


async def test_an_allow_by_a_rule_is_void_after_its_time_as_any_other() -> None:
    clock = ManualClock(samples.NOW)
    desk = desk_of(rule("allow"), clock=clock)
    ticket = await desk.open(call(), Caller("bot"))
    clock.advance(timedelta(minutes=15).total_seconds())
    with pytest.raises(errors.NotUsable):
        await desk.use(ticket.id, Caller("bot"))


async def test_under_a_stop_an_allow_asks_people_and_spends_nothing_and_a_deny_denies() -> None:
    limited = rule("allow", limit=rules.Limit(count=1, per=3600, by="agent"))
    desk = desk_of(limited, rule("deny", "rm"))
    await desk.open(call("other"), Caller("bot"))
    ann = stopping.Who("ann", "Ann", "chat:T/ann")
    await stopping.stop(desk, ann, "bot")
    asked = await desk.open(call(), Caller("bot"))
    assert (asked.state, asked.stopped is not None) == ("pending", True)
    denied = (await desk.open(call("rm"), Caller("bot"))).decision
    assert denied is not None
    assert denied.outcome == "denied"
    # another agent's allows go on, and take what this one has not taken
    free = (await desk.open(call(), Caller("free"))).decision
    assert free is not None
    assert free.allowed
    await stopping.resume(desk, ann, "bot")
    given = await desk.answer(asked.id, model.Answer(verdict="allow"), samples.actor())
    assert given.decision is not None
    assert given.decision.allowed
    again = (await desk.open(call(), Caller("bot"))).decision
    assert again is not None
    assert again.rule == "allow-read"


async def test_an_honest_history_of_what_rules_decided_has_nothing_wrong() -> None:
    desk = desk_of(rule("allow"), rule("deny", "wipe"))
    decided = await desk.ask(call(id="r1"), Caller("bot"))
    await desk.use("r1", Caller("bot"))
    denied = await desk.ask(call("wipe", id="r2"), Caller("bot"))
    stored = await oracle.read(desk.store)
    asked = {id: ticket.digest for id, ticket in stored.tickets.items()}
    seen = oracle.Witnessed(asked, decided={"r1": decided, "r2": denied})
    assert oracle.violations(seen, stored) == []
    # a decision that no rule made is found
    forged = stored.tickets["r2"].model_copy(update={"ruled": model.Ruled(rule="deny-wipe")})
    wrong = oracle.violations(seen, oracle.Stored({**stored.tickets, "r2": forged}, stored.rows))
    assert "r2: the ticket is not what the rules make of its log: decision" in wrong


async def test_a_grant_is_behind_every_deny_and_behind_a_rule_that_asks_otherwise() -> None:
    policies = {"default": model.Policy(grants=3600), "freeze": model.Policy(grants=3600)}
    store, clock = memory.MemoryStore(), ManualClock(samples.NOW)

    def desk(*given: rules.Rule) -> Desk:
        setup = Setup(rules=rules.Book(given), policies=policies)
        return Desk(store, samples.MINT, setup, clock)

    async def came(using: Desk) -> tuple[str | None, model.Ruled | None]:
        ticket = await using.open(call(), Caller("bot"))
        return ticket.decision.outcome if ticket.decision else None, ticket.ruled

    first = await desk().open(call(), Caller("bot"))
    await desk().answer(first.id, model.Answer(verdict="allow", standing="call"), samples.actor())
    outcome, ruled = await came(desk(rule("ask", observed=True)))
    assert (outcome, ruled and ruled.watched) == ("allowed", ("ask-read",))
    assert (await came(desk(rule("deny"))))[0] == "denied"
    assert (await came(desk(rule("ask", policy="freeze"))))[0] is None
    assert (await came(desk(rule("ask"))))[0] == "allowed"


async def test_what_is_counted_already_by_a_call_that_was_cut_off_is_not_counted_again() -> None:
    class CutOff(memory.MemoryStore):
        cut = True

        async def commit(self, *given: Any, **more: Any) -> None:
            if self.cut:
                self.cut = False
                raise errors.StoreUnavailable("cut off")
            await super().commit(*given, **more)

    clock = ManualClock(samples.NOW)
    desk = desk_of(rule("allow", limit=rules.Limit(count=1, per=60)), store=CutOff(), clock=clock)
    with pytest.raises(errors.StoreUnavailable):
        await desk.open(call(id="r1"), Caller("bot"))
    clock.advance(50)
    assert (await desk.open(call(id="r1"), Caller("bot"))).state == "decided"
    assert (await desk.open(call(id="r2"), Caller("bot"))).state == "pending"
    # it counts from when it was allowed, and not from when somebody tried
    clock.advance(59)
    assert (await desk.open(call(id="r3"), Caller("bot"))).state == "pending"
    clock.advance(1)
    assert (await desk.open(call(id="r4"), Caller("bot"))).state == "decided"


async def test_a_rule_is_named_in_the_words_of_the_service_and_an_odd_name_is_foreign() -> None:
    ticket = await desk_of(rule("deny")).open(call(), Caller("bot"))
    assert ticket.decision is not None
    spans = history.outcome_spans(ticket, ticket.decision)
    assert not any(isinstance(one, text.Foreign) for one in spans)
    assert "".join(map(str, spans)) == "Denied by the rule deny-read"
    odd = ticket.decision.model_copy(update={"rule": "grant <!channel>"})
    assert isinstance(history.outcome_spans(ticket, odd)[2], text.Foreign)
    asked = await desk_of(rule("ask")).open(call(), Caller("bot"))
    (note,) = [part for part in draw.card_of(asked, samples.MINT).parts if isinstance(part, card.Note)][-1:]
    assert "by the rule ask-read" in "".join(card.pieces(note))
