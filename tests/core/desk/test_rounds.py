"""Turns of rotas, groups of a platform, kinds of places and stages; a claim that nobody answers ends."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sayso import errors, model
from sayso.cards import attended
from sayso.desk import Caller, channel
from sayso.desk.admission import rotas
from sayso.desk.answering import attending
from sayso.machine import people, progress, rounds
from sayso.testing import oracle
from sayso.testing.clock import ManualClock
from sayso.testing.samples import NOW, permission
from tests.core.desk.test_turns import Chat, Copies, actor, pg_server, pg_tables, seen

__all__ = ["pg_server", "pg_tables"]

PLAIN: dict[str, Any] = {"turns": "round_robin", "claim_in": 300.0, "expires_in": 3600.0}
DIRECTORY = people.Directory(
    {
        name: people.Profile(frozenset({f"chat:T/{name}"}), f"{name}@example.com")
        for name in ("ann", "bob", "carl", "dora", "eve")
    },
    {
        "release": people.Group(frozenset({"ann", "bob", "eve"})),
        "security": people.Group(frozenset({"carl", "dora", "eve"})),
        "sre": people.Group(platform_groups=frozenset({"chat:S1"})),
        "payments": people.Group(on_call=True),
    },
)


@dataclass
class Rota:
    shift: rotas.Shift | None = field(default_factory=lambda: rotas.Shift(emails=frozenset({"bob@example.com"})))

    async def on_call(self) -> rotas.Shift:
        if self.shift is None:
            raise errors.ChannelError("503")
        return self.shift


@dataclass
class Members:
    """A chat that knows who is in its groups."""

    inside: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"chat:S1": ("chat:T/carl", "chat:T/U7", "chat:T/U8")}
    )
    silent: bool = False

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        if self.silent:
            raise errors.ChannelError("503")
        return self.inside[group]

    async def is_in(self, group: str, account: str) -> bool:
        return account in self.inside[group]

    async def account_of(self, email: str) -> str | None:
        return None

    async def is_open(self, account: str) -> bool:
        return True


@dataclass
class Service(Copies):
    asked_at: tuple[str, ...] = ()
    rota: Rota = field(default_factory=Rota)
    members: Members = field(default_factory=Members)

    async def start(self) -> None:
        await super().start()
        for desk in self.desks:
            desk.setup = dataclasses.replace(desk.setup, directory=DIRECTORY, rotas={"payments": self.rota})
            desk.platforms["chat"] = channel.Platform(self.chat, reminder=self.chat, membership=self.members)

    async def under(self, id: str = "r1", requester: str | None = None, **policy: Any) -> model.Ticket:
        """A request under a policy with turns."""
        self.policy = model.Policy.model_validate(PLAIN | policy)
        for desk in self.desks:
            desk.setup = dataclasses.replace(desk.setup, policies={"default": self.policy})
        return await self.desk.open(permission(id=id, route=self.asked_at), Caller("bot", requester=requester))

    async def allow(self, name: str, account: str | None = None) -> model.Ticket:
        by = people.Actor(account or f"chat:T/{name}", name=name.title(), member=True)
        return await self.desk.answer("r1", model.Answer(verdict="allow"), by)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> str:
    return f"sqlite:///{tmp_path}/sayso.db" if request.param == "sqlite" else pg_tables


@pytest.fixture
async def copies(url: str) -> AsyncIterator[Service]:
    made = Service(url, Chat(clock=ManualClock(NOW)))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def one() -> AsyncIterator[Service]:
    made = Service("memory://", Chat(clock=ManualClock(NOW)))
    await made.start()
    yield made
    await made.stop()


def orders(ticket: model.Ticket) -> list[tuple[int, int, tuple[str, ...]]]:
    return [(one.stage, one.need, one.people) for one in (ticket.reach.rounds if ticket.reach else ())]


async def test_whoever_is_on_call_is_asked_first_and_looked_up_when_it_is_asked(one: Service) -> None:
    ticket = await one.under(approvers=("oncall:payments", "ann"))
    assert orders(ticket) == [(0, 0, ("bob", "ann"))]
    one.rota.shift = rotas.Shift(names=frozenset({"carl"}))
    assert orders(await one.under("r2", approvers=("oncall:payments", "ann"))) == [(0, 0, ("carl", "ann"))]
    await one.to(6)
    assert one.chat.said[:2] == [("12:00", "chat:#ops", "bob"), ("12:00", "chat:#ops", "carl")]
    assert ("12:05", "chat:#ops", "ann") in one.chat.said


async def test_if_nobody_can_tell_who_is_on_call_it_is_put_to_those_who_are_known_or_to_everybody(one: Service) -> None:
    one.rota.shift = None
    assert orders(await one.under(approvers=("ann", "oncall:payments"))) == [(0, 0, ("ann",))]
    ticket = await one.under("r2", approvers=("oncall:payments",))
    assert (ticket.reach, rounds.current(ticket)) == (None, ())


async def test_members_of_a_user_group_take_turns_also_those_whom_the_settings_do_not_know(one: Service) -> None:
    one.asked_at = ("approvers", "chat:#ops")
    await one.under(approvers=("group:sre",))
    await one.to(11)
    assert sorted(one.chat.said) == [
        ("12:00", "chat:#ops", "carl"),
        ("12:00", "chat:@carl", "carl"),
        ("12:05", "chat:#ops", "U7"),
        ("12:05", "chat:@U7", "chat:T/U7"),
        ("12:10", "chat:#ops", "U8"),
        ("12:10", "chat:@U8", "chat:T/U8"),
    ]
    assert "Put to Chat user U8" in seen(await one.desk.get("r1"))
    taken = await attending.claim(one.desk, "r1", people.Actor("chat:T/U8", name="Uwe", member=True))
    assert attended.words(taken) == "taken on by chat:T/U8"
    done = await one.allow("uwe", "chat:T/U8")
    assert done.decision is not None


async def test_a_group_that_cannot_be_looked_up_is_asked_as_a_whole(one: Service) -> None:
    one.members.silent = True
    ticket = await one.under(approvers=("group:sre",))
    assert (ticket.reach, rounds.current(ticket)) == (None, ())


MIX: dict[str, Any] = {"needs": ({"who": ("group:release",), "count": 2}, {"who": ("group:security",)})}


async def test_each_kind_of_place_that_is_free_is_put_to_somebody_of_its_own(copies: Service) -> None:
    ticket = await copies.under(**MIX)
    assert rounds.current(ticket) == ("ann", "carl")
    assert attended.words(ticket) == "put to ann, put to carl"
    await copies.to(1)
    # of security there is one place: nobody is asked for it any more
    ticket = await copies.allow("carl")
    assert rounds.current(ticket) == ("ann",)
    await copies.restart()
    await copies.to(2)
    ticket = await copies.allow("ann")
    assert rounds.current(ticket) == ("bob",)
    await copies.to(3)
    assert copies.chat.said == [("12:00", "chat:#ops", "ann,carl"), ("12:02", "chat:#ops", "bob")]
    assert (await copies.allow("bob")).decision is not None
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_of_two_kinds_of_places_each_goes_on_by_itself(one: Service) -> None:
    await one.under(**MIX)
    await one.to(2)
    await attending.claim(one.desk, "r1", actor("carl"))
    await one.to(16)
    # release went to the next ones, and then to everybody of it; carl looks after security
    assert one.chat.said == [
        ("12:00", "chat:#ops", "ann,carl"),
        ("12:05", "chat:#ops", "bob"),
        ("12:10", "chat:#ops", "eve"),
        ("12:15", "chat:#ops", "ann,bob,eve"),
    ]
    said = seen(await one.desk.get("r1"))
    assert "Carl has taken this on for security" in said
    assert "Nobody has taken this on for release: it is put to everybody now" in said
    taken = await attending.claim(one.desk, "r1", actor("ann"))
    assert [(claim.person, claim.needs) for claim in taken.attending.claims] == [("carl", (1,)), ("ann", (0,))]  # type: ignore[union-attr]
    assert rounds.current(taken) == ("ann", "carl")
    # eve is in both groups: she takes both over
    taken = await attending.claim(one.desk, "r1", actor("eve"))
    assert [(claim.person, claim.needs) for claim in taken.attending.claims] == [("eve", ())]  # type: ignore[union-attr]
    assert attended.words(taken) == "taken on by eve"


async def test_a_place_that_is_free_again_is_put_to_the_next_one(one: Service) -> None:
    await one.under(**MIX, veto=2)
    await one.to(1)
    await one.allow("carl")
    ticket = await one.desk.answer("r1", model.Answer(verdict="deny"), actor("carl"))
    assert rounds.current(ticket) == ("ann", "dora")


STAGES: dict[str, Any] = {
    "stages": ({"approvers": ("group:release",)}, {"approvers": ("group:security",), "expires_in": 2400.0})
}


async def test_each_stage_has_turns_of_its_own_and_direct_messages_come_in_them(copies: Service) -> None:
    copies.asked_at = ("approvers", "chat:#ops")
    await copies.under(**STAGES)
    await copies.to(6)
    await copies.restart()
    for desk in copies.desks:
        desk.setup = dataclasses.replace(desk.setup, policies={"default": copies.policy})
    ticket = await copies.allow("bob")
    assert (ticket.stage, rounds.current(ticket)) == (1, ("carl",))
    await copies.to(12)
    assert sorted(copies.chat.said) == [
        ("12:00", "chat:#ops", "ann"),
        ("12:00", "chat:@ann", "ann"),
        ("12:05", "chat:#ops", "bob"),
        ("12:05", "chat:@bob", "bob"),
        ("12:06", "chat:#ops", "carl"),
        ("12:06", "chat:@carl", "carl"),
        ("12:11", "chat:#ops", "dora"),
        ("12:11", "chat:@dora", "dora"),
    ]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_a_claim_is_for_those_whose_turn_it_is_and_over_with_its_stage(one: Service) -> None:
    await one.under(**STAGES, turns=None)
    with pytest.raises(errors.Refused, match="not your turn"):
        await attending.claim(one.desk, "r1", actor("dora"))
    await attending.claim(one.desk, "r1", actor("ann"))
    ticket = await one.allow("ann")
    assert (ticket.stage, rounds.current(ticket), attended.words(ticket)) == (1, (), "")


async def test_a_claim_that_no_answer_follows_lapses_in_half_of_the_time_and_the_round_goes_on(copies: Service) -> None:
    await copies.under(approvers=("ann", "bob", "carl"))
    await copies.to(1)
    taken = await attending.claim(copies.desk, "r1", actor("bob"))
    assert "goes to the next one at 2026-01-01 12:30 UTC" in str(progress.said(taken))
    await copies.to(20)
    await copies.restart()
    await copies.to(41)
    # it stood with ann before, and bob had his time
    assert copies.chat.said == [
        ("12:00", "chat:#ops", "ann"),
        ("12:31", "chat:#ops", "carl"),
        ("12:36", "chat:#ops", "ann,bob,carl"),
    ]
    ticket = await copies.desk.get("r1")
    assert attended.words(ticket) == ""
    again = await attending.claim(copies.desk, "r1", actor("bob"))
    assert attended.words(again) == "taken on by bob"
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_without_turns_a_claim_lapses_to_everybody_and_an_answer_ends_that(one: Service) -> None:
    await one.under(approvers=("group:release",), quorum=2, turns=None)
    await one.to(0)
    await attending.claim(one.desk, "r1", actor("ann"))
    await one.to(31)
    assert one.chat.said == [("12:00", "chat:#ops", "group:release"), ("12:30", "chat:#ops", "ann,bob,eve")]
    await attending.claim(one.desk, "r1", actor("ann"))
    ticket = await one.allow("ann")
    assert ticket.plan == ()
    with pytest.raises(errors.Refused, match="it waits for others"):
        await attending.claim(one.desk, "r1", actor("ann"))


async def test_nobody_takes_a_turn_at_their_own_request(one: Service) -> None:
    assert orders(await one.under(requester="bob", **MIX)) == [(0, 0, ("ann", "eve")), (0, 1, ("carl", "dora", "eve"))]


async def test_nobody_has_a_turn_who_has_answered_for_somebody_else(one: Service) -> None:
    away = people.Delegation(of="bob", to=frozenset({"eve"}), until=NOW + timedelta(hours=8))
    directory = dataclasses.replace(DIRECTORY, delegations=(away,))
    one.desk.setup = dataclasses.replace(one.desk.setup, directory=directory)
    await one.under(stages=({"needs": ({"who": ("bob",)},)}, {"needs": ({"who": ("eve", "dora")},)}))
    ticket = await one.allow("eve")
    assert (ticket.stage, rounds.current(ticket)) == (1, ("dora",))
