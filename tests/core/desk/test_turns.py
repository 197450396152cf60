"""One person is asked first, then the next; somebody takes it on, or puts it off: each once, whoever restarts."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sayso import errors, model, rules, stores
from sayso.cards import card, draw, sections
from sayso.chat import listing
from sayso.desk import Caller, Desk, Setup, channel, courier
from sayso.desk.admission import turning
from sayso.desk.answering import attending
from sayso.machine import events, people, progress, rounds
from sayso.rules import rule as words
from sayso.testing import oracle
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW, permission
from tests.core.desk.idling import idle
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

NAMES = ("ann", "bob", "carl")
DIRECTORY = people.Directory(
    {name: people.Profile(frozenset({f"chat:T/{name}"})) for name in (*NAMES, "dora")},
    {"release": people.Group(frozenset(NAMES))},
)
POLICY = model.Policy(
    approvers=("group:release",), turns="round_robin", claim_in=300.0, expires_in=3600.0, remind=(1500.0,)
)


def actor(name: str) -> people.Actor:
    return people.Actor(account=f"chat:T/{name}", name=name.title(), member=True)


@dataclass
class Chat(Board):
    """A chat that remembers who was mentioned when."""

    clock: ManualClock = field(default_factory=ManualClock)
    said: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    numbers: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        self._say(place, drawn.notify)
        return await super().post(place, drawn, again=again)

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        # as Discord, which takes what has the same number below a card once
        if (posted.message, number) not in self.numbers:
            self.numbers.add((posted.message, number))
            self._say(posted.place, [account.rpartition("/")[2] for account in called.accounts])
        return f"m{number}"

    def _say(self, place: str, names: Sequence[str]) -> None:
        self.said.append((f"{self.clock.now():%H:%M}", place, ",".join(names)))


@dataclass
class Copies:
    """Copies of a service on one database; each does all that is due, at the same time as the others."""

    url: str
    chat: Chat
    policy: model.Policy = POLICY
    route: tuple[str, ...] = ("chat:#ops",)
    desks: list[Desk] = field(default_factory=list[Desk])

    @property
    def desk(self) -> Desk:
        return self.desks[0]

    async def start(self) -> None:
        for _ in range(1 if self.url == "memory://" else 2):
            setup = Setup({"default": self.policy}, DIRECTORY, self.route, channels={"chat", "web"})
            desk = Desk(await stores.connect(self.url), MINT, setup, self.chat.clock)
            desk.platforms["chat"] = channel.Platform(self.chat, reminder=self.chat)
            self.desks.append(desk)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        for desk in self.desks:
            await desk.store.close()
        self.desks.clear()

    async def ask(self, id: str = "r1", desk: int = 0, **given: Any) -> model.Ticket:
        return await self.desks[desk].open(permission(id=id, **given), Caller("bot"))

    async def to(self, minute: float) -> None:
        """Let time pass until so many minutes after noon, and do all that is due on the way."""
        end = NOW + timedelta(minutes=minute)
        await self.work()
        while self.chat.clock.now() < end:
            await idle(self.desk.store, self.chat.clock, 60.0, end)
            self.chat.clock.advance(min(60.0, (end - self.chat.clock.now()).total_seconds()))
            await self.work()
        await self.work()

    async def work(self) -> None:
        for desk in self.desks:
            for id in await desk.store.due(desk.clock.now()):
                await asyncio.gather(*(one.let_time_act(id) for one in self.desks))
        couriers = [courier.Courier(desk, [self.chat]) for desk in self.desks]
        while any(await asyncio.gather(*(one.deliver() for one in couriers))):
            pass


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> str:
    return f"sqlite:///{tmp_path}/sayso.db" if request.param == "sqlite" else pg_tables


@pytest.fixture
async def copies(url: str) -> AsyncIterator[Copies]:
    made = Copies(url, Chat(clock=ManualClock(NOW)))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def one() -> AsyncIterator[Copies]:
    made = Copies("memory://", Chat(clock=ManualClock(NOW)))
    await made.start()
    yield made
    await made.stop()


def seen(ticket: model.Ticket) -> str:
    return sections.text_of(draw.draw_card(ticket, MINT, DIRECTORY)).replace("\n", "")


async def first_of(where: Copies, id: str, desk: int = 0) -> str:
    return ",".join(rounds.current(await where.ask(id, desk)))


async def test_nobody_takes_it_on_so_it_goes_from_one_to_the_next_and_at_last_to_everybody(copies: Copies) -> None:
    await copies.ask()
    await copies.to(7)
    await copies.restart()
    await copies.to(20)
    assert copies.chat.said == [
        ("12:00", "chat:#ops", "ann"),
        ("12:05", "chat:#ops", "bob"),
        ("12:10", "chat:#ops", "carl"),
        ("12:15", "chat:#ops", "ann,bob,carl"),
    ]
    said = progress.said(await copies.desk.get("r1"))
    assert said is not None
    assert "put to ann at 2026-01-01 12:00 UTC; put to bob at 2026-01-01 12:05 UTC" in said
    assert "put to everybody at 2026-01-01 12:15 UTC; not taken on so far" in said
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_whoever_takes_it_on_ends_the_round_is_reminded_alone_and_others_may_take_it_over(copies: Copies) -> None:
    await copies.ask()
    await copies.to(6)
    taken = await asyncio.gather(*(attending.claim(desk, "r1", actor("bob")) for desk in copies.desks))
    assert taken[-1].attending is not None
    assert taken[-1].attending.claim is not None
    assert (taken[-1].attending.claim.person, taken[-1].version) == ("bob", 3)
    assert "Bob has taken this on" in seen(taken[-1])
    await copies.to(26)
    assert copies.chat.said[2:] == [("12:25", "chat:#ops", "bob")]
    over = await attending.claim(copies.desk, "r1", actor("carl"))
    assert "taken on by carl at 2026-01-01 12:26 UTC" in str(progress.said(over))
    done = await copies.desk.answer("r1", model.Answer(verdict="allow"), actor("ann"))
    assert done.decision is not None
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_requests_at_the_same_moment_go_to_different_people_whichever_copy_asks(copies: Copies) -> None:
    names = await asyncio.gather(*(first_of(copies, f"r{n}", n % len(copies.desks)) for n in range(6)))
    assert sorted(map(str, names)) == ["ann", "ann", "bob", "bob", "carl", "carl"]


async def test_a_round_goes_on_where_it_was_and_the_same_again_takes_no_turn(one: Copies) -> None:
    assert [await first_of(one, f"r{n}") for n in range(4)] == ["ann", "bob", "carl", "ann"]
    assert await first_of(one, "r3") == "ann"
    assert await first_of(one, "r4") == "bob"


async def test_whoever_was_asked_longest_ago_is_asked_first_and_the_next_one_counts_as_asked(one: Copies) -> None:
    one.desk.setup = dataclasses.replace(
        one.desk.setup, policies={"default": POLICY.model_copy(update={"turns": "least_recent"})}
    )
    assert await first_of(one, "r1") == "ann"
    await one.to(6)
    assert await first_of(one, "r2") == "carl"
    await one.to(7)
    assert await first_of(one, "r3") == "ann"


async def test_direct_messages_are_written_one_after_the_other(one: Copies) -> None:
    await one.ask(route=("approvers", "chat:#ops"))
    await one.to(16)
    assert sorted(one.chat.said) == [
        ("12:00", "chat:#ops", "ann"),
        ("12:00", "chat:@ann", "ann"),
        ("12:05", "chat:#ops", "bob"),
        ("12:05", "chat:@bob", "bob"),
        ("12:10", "chat:#ops", "carl"),
        ("12:10", "chat:@carl", "carl"),
        ("12:15", "chat:#ops", "ann,bob,carl"),
        ("12:15", "chat:@ann", "ann"),
        ("12:15", "chat:@bob", "bob"),
        ("12:15", "chat:@carl", "carl"),
    ]


async def test_if_the_first_cannot_be_written_to_it_is_put_to_the_next_one_at_once(one: Copies) -> None:
    await one.ask(route=("approvers",))
    await one.work()
    await one.desk.place_lost("r1", "chat:@ann", "no such person")
    await one.work()
    assert one.chat.said == [("12:00", "chat:@ann", "ann"), ("12:00", "chat:@bob", "bob")]
    for name in ("bob", "carl"):
        await one.desk.place_lost("r1", f"chat:@{name}", "no such person")
    decision = (await one.desk.get("r1")).decision
    assert decision is not None
    assert decision.outcome == "undeliverable"


async def test_what_a_rule_decides_takes_no_turn(one: Copies) -> None:
    deny = rules.Rule(id="no", match=words.read_match("no", {"tool": "Bash"}), effect="deny")
    one.desk.setup = dataclasses.replace(one.desk.setup, rules=rules.Book((deny,)))
    assert (await one.ask()).reach is None
    one.desk.setup = dataclasses.replace(one.desk.setup, rules=rules.Book())
    assert await first_of(one, "r2") == "ann"


async def test_whoever_is_away_comes_last(one: Copies) -> None:
    away = people.Delegation("ann", frozenset({"bob"}), NOW + timedelta(days=1))
    known = dataclasses.replace(DIRECTORY, delegations=(away,))
    one.desk.setup = dataclasses.replace(one.desk.setup, directory=known)
    ticket = await one.ask()
    assert ticket.reach is not None
    assert ticket.reach.turns == ("bob", "carl", "ann")


async def test_an_answer_that_is_not_enough_puts_it_to_the_next_one_at_once(one: Copies) -> None:
    two = POLICY.model_copy(update={"quorum": 2})
    one.desk.setup = dataclasses.replace(one.desk.setup, policies={"default": two})
    await one.ask()
    await one.to(1)
    await one.desk.answer("r1", model.Answer(verdict="allow"), actor("carl"))
    await one.desk.answer("r1", model.Answer(verdict="allow", reason="x"), actor("carl"))
    assert rounds.current(await one.desk.get("r1")) == ("ann",)
    await one.to(5)
    assert rounds.current(await one.desk.get("r1")) == ("bob",)
    await attending.claim(one.desk, "r1", actor("bob"))
    done = await one.desk.answer("r1", model.Answer(verdict="allow"), actor("bob"))
    assert done.decision is not None


async def test_after_the_first_of_two_allowed_it_the_next_is_asked_and_who_took_it_on_is_free(one: Copies) -> None:
    two = POLICY.model_copy(update={"quorum": 2})
    one.desk.setup = dataclasses.replace(one.desk.setup, policies={"default": two})
    await one.ask()
    await one.to(1)
    await one.desk.answer("r1", model.Answer(verdict="allow"), actor("ann"))
    await one.to(1)
    assert one.chat.said[-1] == ("12:01", "chat:#ops", "bob")
    plain = model.Policy(approvers=("group:release",), quorum=2)
    one.desk.setup = dataclasses.replace(one.desk.setup, policies={"default": plain})
    await one.ask("r2")
    await attending.claim(one.desk, "r2", actor("ann"))
    ticket = await one.desk.answer("r2", model.Answer(verdict="allow"), actor("ann"))
    assert rounds.current(ticket) == ()


async def test_nobody_is_asked_for_their_own_request_and_an_escalation_calls_others(one: Copies) -> None:
    late = model.Escalation(after=400.0, add=("dora",))
    one.desk.setup = dataclasses.replace(
        one.desk.setup, policies={"default": POLICY.model_copy(update={"escalate": (late,)})}
    )
    ticket = await one.desk.open(permission(id="r1"), Caller("bot", requester="ann"))
    assert rounds.current(ticket) == ("bob",)
    await attending.claim(one.desk, "r1", actor("bob"))
    await one.to(7)
    assert one.chat.said[-1] == ("12:07", "chat:#ops", "ann,bob,carl,dora")


async def test_a_policy_whose_people_the_settings_do_not_know_asks_everybody(one: Copies) -> None:
    one.desk.setup = dataclasses.replace(
        one.desk.setup, policies={"default": POLICY.model_copy(update={"approvers": ("anyone",)})}
    )
    ticket = await one.ask()
    assert (ticket.reach, ticket.attending) == (None, None)


async def test_turns_that_are_taken_too_fast_are_an_error(one: Copies) -> None:
    async def conflict(record: object) -> None:
        raise errors.Conflict("r1")

    one.desk.store.put = conflict  # type: ignore[method-assign]
    with pytest.raises(errors.StoreUnavailable, match="too fast to take turns"):
        await one.ask()


async def test_only_whoever_may_answer_takes_it_on_or_puts_it_off_and_it_is_on_record(one: Copies) -> None:
    await one.ask()
    for act in (attending.claim(one.desk, "r1", actor("dora")), attending.snooze(one.desk, "r1", 600, actor("dora"))):
        with pytest.raises(errors.NotAllowed):
            await act
    refused = [row.entry for row in await one.desk.store.log("r1") if isinstance(row.entry, events.AnswerRefused)]
    assert [entry.by.id for entry in refused] == ["dora", "dora"]
    await one.desk.cancel("r1")
    with pytest.raises(errors.AlreadyDecided):
        await attending.claim(one.desk, "r1", actor("ann"))


PLAIN = model.Policy(approvers=("group:release",), expires_in=3600.0, remind=(600.0, 1500.0))


async def test_whoever_puts_it_off_is_not_reminded_until_then_and_the_deadline_stays(copies: Copies) -> None:
    for desk in copies.desks:
        desk.setup = dataclasses.replace(desk.setup, policies={"default": PLAIN})
    asked = await copies.ask()
    await copies.to(1)
    put_off = await attending.snooze(copies.desk, "r1", 900, actor("ann"))
    assert put_off.expires_at == asked.expires_at
    assert "Ann has put this off until" in seen(put_off)
    await copies.to(12)
    copies.policy = PLAIN
    await copies.restart()
    await copies.to(61)
    assert copies.chat.said == [
        ("12:00", "chat:#ops", "group:release"),
        ("12:10", "chat:#ops", "bob,carl"),
        ("12:16", "chat:#ops", "ann"),
        ("12:25", "chat:#ops", "ann,bob,carl"),
    ]
    decision = (await copies.desk.get("r1")).decision
    assert decision is not None
    assert decision.outcome == "expired"
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_whoever_takes_it_on_and_puts_it_off_keeps_no_reminder_from_others(one: Copies) -> None:
    one.desk.setup = dataclasses.replace(one.desk.setup, policies={"default": PLAIN})
    await one.ask()
    await attending.claim(one.desk, "r1", actor("ann"))
    await attending.snooze(one.desk, "r1", 1200, actor("ann"))
    await one.to(31)
    assert one.chat.said[1:] == [
        ("12:10", "chat:#ops", "bob,carl"),
        ("12:20", "chat:#ops", "ann"),
        ("12:25", "chat:#ops", "ann"),
        ("12:30", "chat:#ops", "ann,bob,carl"),
    ]


async def test_a_second_snooze_takes_the_place_of_the_first_and_if_all_have_put_it_off_nobody_is_called(
    one: Copies,
) -> None:
    one.desk.setup = dataclasses.replace(one.desk.setup, policies={"default": PLAIN})
    await one.ask(route=("approvers",))
    for name in NAMES:
        await attending.snooze(one.desk, "r1", 900, actor(name))
    await attending.snooze(one.desk, "r1", 1800, actor("bob"))
    await one.to(31)
    assert sorted(one.chat.said)[3:] == [
        ("12:15", "chat:@ann", "ann"),
        ("12:15", "chat:@carl", "carl"),
        ("12:25", "chat:@ann", "ann"),
        ("12:25", "chat:@carl", "carl"),
        ("12:30", "chat:@bob", "bob"),
    ]


@pytest.mark.parametrize(("seconds", "why"), [(10, "less than a minute"), (3600, "would expire meanwhile")])
async def test_a_snooze_that_is_too_short_or_beyond_the_deadline_is_refused(
    one: Copies, seconds: float, why: str
) -> None:
    await one.ask()
    with pytest.raises(errors.Refused, match=why):
        await attending.snooze(one.desk, "r1", seconds, actor("ann"))


async def test_what_somebody_has_put_off_stands_at_the_end_of_their_own_list(one: Copies) -> None:
    one.desk.setup = dataclasses.replace(one.desk.setup, policies={"default": PLAIN})
    for id in ("r1", "r2"):
        await one.ask(id, expires_in=1000.0 if id == "r1" else 2000.0)
    await attending.snooze(one.desk, "r1", 600, actor("ann"))
    refs = {(await one.desk.get(id)).ref: id for id in ("r1", "r2")}
    assert [refs[row.ref] for row in (await listing.list_for(one.desk, actor("ann"))).rows] == ["r2", "r1"]
    assert [refs[row.ref] for row in (await listing.list_for(one.desk, actor("bob"))).rows] == ["r1", "r2"]


def test_the_order_is_that_of_the_names_until_somebody_was_asked() -> None:
    assert turning.in_order(POLICY, NAMES, {}) == list(NAMES)
    assert turning.in_order(POLICY, NAMES, {"bob": 1, "gone": 5}) == ["carl", "ann", "bob"]
