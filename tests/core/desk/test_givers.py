"""Grants whose giver may not give them any more, and calls that are riskier than the card was: people are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.desk import Desk, channel
from sayso.machine import people
from sayso.stores import Record, memory, record_kinds
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW

BOT = sayso.Caller(owner="bot", key="k1")
ANN = people.Actor("chat:T/ann", name="Ann", member=True)
BOB = people.Actor("chat:T/bob", name="Bob", member=True)
TOOL = model.Answer(verdict="allow", standing="tool")
CALL = model.Answer(verdict="allow", standing="call")


def directory(*names: str, members: tuple[str, ...] = ("ann",), **given: Any) -> people.Directory:
    profiles = {name: people.Profile(frozenset({f"chat:T/{name}"})) for name in names}
    return people.Directory(profiles, {"release": people.Group(members=frozenset(members))}, **given)


def setup(found: people.Directory, *approvers: str) -> sayso.Setup:
    policy = model.Policy(approvers=approvers or ("group:release",), grants=3_600.0)
    return sayso.Setup({"default": policy}, found)


async def desk_of(found: sayso.Setup) -> Desk:
    made = Desk(memory.MemoryStore(), MINT, found, ManualClock(NOW))
    await made.store.put(Record(record_kinds.KEY, "k1", {"name": "bot", "role": "agent"}))
    return made


def writes(path: str = "/srv/app/a", text: str = "x", **given: Any) -> model.Request:
    return sayso.Permission(
        tool="write_file",
        input={"path": path, "content": text},
        source=model.Source(session="s-1"),
        context={"folder": "/srv/app"},
        **given,
    )


async def outcome(desk: Desk, request: model.Request) -> str:
    ticket = await desk.open(request, BOT)
    return ticket.decision.outcome if ticket.decision else "asked"


async def granted(desk: Desk, request: model.Request, answer: model.Answer = TOOL, by: people.Actor = ANN) -> None:
    ticket = await desk.open(request, BOT)
    await desk.answer(ticket.id, answer, by)


@pytest.mark.parametrize(
    "riskier",
    [
        writes("/etc/cron.d/job"),
        writes(text="ghp_" + "a1B2" * 9),
        writes(text="x" * 30_000),
        writes(risk="high"),
    ],
    ids=["outside", "a credential", "not read to its end", "as the agent says"],
)
async def test_a_call_with_a_risk_that_the_card_did_not_show_is_asked(riskier: model.Request) -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes())
    assert await outcome(desk, writes("/srv/app/b")) == "allowed"
    assert await outcome(desk, riskier) == "asked"


async def test_what_the_card_showed_may_be_in_a_later_call_too() -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes("/etc/cron.d/job"))
    assert await outcome(desk, writes("/etc/cron.d/other")) == "allowed"


async def test_the_same_call_in_another_folder_is_asked_if_it_writes_outside_there() -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes(), CALL)
    assert await outcome(desk, writes()) == "allowed"
    assert await outcome(desk, writes().model_copy(update={"context": {"folder": "/srv/other"}})) == "asked"


@pytest.mark.parametrize("context", [{}, {"folder": "/"}, {"folder": "/etc"}, {"note": "/srv/app"}], ids=str)
async def test_an_agent_that_names_another_folder_is_asked(context: model.JsonObject) -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes())
    elsewhere = writes("/etc/cron.d/job").model_copy(update={"context": context})
    assert await outcome(desk, elsewhere) == "asked"


async def test_the_same_long_call_is_allowed_again() -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes(text="x" * 30_000), CALL)
    assert await outcome(desk, writes(text="x" * 30_000)) == "allowed"


@pytest.mark.parametrize(
    "later",
    [
        setup(directory("bob")),
        setup(directory("ann", "bob", members=("bob",))),
        setup(directory("ann", "bob"), "bob"),
    ],
    ids=["left the settings", "left the group", "is not named any more"],
)
async def test_a_grant_whose_giver_lost_the_right_does_not_count(later: sayso.Setup) -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes())
    assert await outcome(desk, writes()) == "allowed"
    desk.setup = later
    assert await outcome(desk, writes()) == "asked"


async def test_who_was_in_the_settings_does_not_count_as_anyone_once_they_left() -> None:
    desk = await desk_of(setup(directory("ann"), "anyone"))
    await granted(desk, writes())
    desk.setup = setup(directory("bob"), "anyone")
    assert await outcome(desk, writes()) == "asked"
    stranger = await desk_of(setup(directory("ann"), "anyone"))
    await granted(stranger, writes(), by=BOB)
    assert await outcome(stranger, writes()) == "allowed"


async def test_what_a_delegate_granted_ends_with_the_delegation() -> None:
    away = people.Delegation("ann", frozenset({"bob"}), NOW + timedelta(minutes=10))
    desk = await desk_of(setup(directory("ann", "bob", delegations=(away,)), "ann"))
    await granted(desk, writes(), by=BOB)
    assert await outcome(desk, writes()) == "allowed"
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(601)
    assert await outcome(desk, writes()) == "asked"


class Chat:
    """A chat that says who is still there."""

    def __init__(self, says: Callable[[], bool]) -> None:
        self.says = says

    async def is_in(self, group: str, account: str) -> bool:
        return self.says()

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        return ()

    async def account_of(self, email: str) -> str | None:
        return None

    async def is_open(self, account: str) -> bool:
        return self.says()


def unclear() -> bool:
    raise errors.ChannelError("the chat is down")


@pytest.mark.parametrize(("says", "came"), [(lambda: True, "allowed"), (lambda: False, "asked"), (unclear, "asked")])
async def test_an_account_that_was_closed_or_of_which_nobody_knows_gives_no_grant(
    says: Callable[[], bool], came: str
) -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes())
    desk.platforms["chat"] = channel.Platform(Board("chat"), membership=Chat(says))
    assert await outcome(desk, writes()) == came


async def test_a_grant_on_behalf_of_oneself_counts_only_where_that_may_be() -> None:
    own = sayso.Caller(owner="bot", key="k1", requester="ann")
    policy = model.Policy(approvers=("requester",), self_approval=True, grants=3_600.0)
    desk = await desk_of(sayso.Setup({"default": policy}, directory("ann")))
    ticket = await desk.open(writes(), own)
    await desk.answer(ticket.id, TOOL, ANN)
    assert (await desk.open(writes(), own)).decision is not None
    desk.setup = sayso.Setup({"default": policy.model_copy(update={"self_approval": False})}, directory("ann"))
    assert (await desk.open(writes(), own)).decision is None


async def test_a_grant_of_an_older_version_counts_for_what_has_no_risk() -> None:
    desk = await desk_of(setup(directory("ann")))
    await granted(desk, writes("/etc/cron.d/job"))
    (kept,) = await desk.store.scan(record_kinds.GRANT)
    older = {name: kept.value[name] for name in kept.value if name not in ("via", "configured", "delegate", "risks")}
    await desk.store.put(Record(kept.kind, kept.name, older, kept.expires_at, kept.version))
    assert await outcome(desk, writes()) == "allowed"
    assert await outcome(desk, writes("/etc/cron.d/job")) == "asked"
