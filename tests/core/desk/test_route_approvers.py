"""`route = ["approvers"]`: a direct message to each approver, whom the settings name or a chat or rota says."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Sequence
from datetime import timedelta

import pytest

import sayso
from sayso import errors, model
from sayso.cards import tokens
from sayso.desk import Caller, Desk, Setup
from sayso.desk import setup as setups
from sayso.desk.admission import rotas
from sayso.desk.channel import Platform
from sayso.desk.posting import reaching
from sayso.machine import people
from sayso.stores import Query, memory
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import opened
from tests.tables import each

DIRECTORY = people.Directory(
    {
        "ann": people.Profile(frozenset({"slack:T1/U1", "discord:940"})),
        "bob": people.Profile(frozenset({"discord:941"})),
        "cid": people.Profile(frozenset({"terminal:cid"})),
    },
    {"release": people.Group(frozenset({"bob", "cid"}), frozenset({"slack:S1"}))},
)


def desk(*approvers: str) -> Desk:
    setup = Setup({"default": model.Policy(approvers=approvers)}, DIRECTORY, ("web",), ("web", "slack", "discord"))
    return Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, ManualClock())


@pytest.mark.parametrize("by_key", [False, True])
async def test_each_approver_gets_a_direct_message_on_one_chat(by_key: bool) -> None:
    asked = sayso.Permission(tool="Bash", route=() if by_key else ["approvers", "web"])
    caller = Caller(route=("approvers", "web")) if by_key else Caller()
    ticket = await desk("ann", "group:release", "anyone").open(asked, caller)
    assert ticket.route == ("slack:@ann", "discord:@bob", "web")


@pytest.mark.parametrize("approvers", [("anyone",), ("cid",), (), ("requester",)])
async def test_a_policy_that_names_nobody_with_a_direct_message_is_refused(approvers: tuple[str, ...]) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await desk(*approvers).open(sayso.Permission(tool="Bash", route=["approvers"]))
    assert refused.value.field == "route"


class Rota:
    """Whoever is written there is on call; nobody finds it while it is lost."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)
        self.lost = False

    async def on_call(self) -> rotas.Shift:
        if self.lost:
            raise errors.ChannelError("the paper is lost")
        return rotas.Shift(self.names)


class Slack(Board):
    """A chat that lists who is in a user group."""

    listed: Sequence[str] | None = ()

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        assert (group, list(known)) == ("slack:S1", ["slack:T1/U1"])
        if self.listed is None:
            raise errors.ChannelError("Slack is down")
        return self.listed

    async def is_in(self, group: str, account: str) -> bool:
        return account in (self.listed or ())

    async def account_of(self, email: str) -> str | None:
        return {"dan@example.com": "slack:T1/U7"}.get(email)

    async def is_open(self, account: str) -> bool:
        return True


def looking(*approvers: str, listed: Sequence[str] | None = (), rota: Rota | None = None) -> Desk:
    """A desk whose chat and rota are asked who is meant."""
    known = dict(DIRECTORY.groups) | {"payments": people.Group(on_call=True)}
    directory = people.Directory(DIRECTORY.people, known)
    setup = Setup({"default": model.Policy(approvers=approvers)}, directory, ("slack:#ops",), ("web", "slack"))
    setup = dataclasses.replace(setup, rotas={"payments": rota} if rota else {})
    front = Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, ManualClock())
    chat = Slack("slack")
    chat.listed = listed
    front.platforms["slack"] = Platform(chat, membership=chat)
    return front


ASKED = sayso.Permission(tool="Bash", route=["approvers"], id="r1")


@pytest.mark.parametrize(
    ("listed", "route"),
    [
        (["slack:T1/U1"], ("slack:@ann",)),
        (["slack:E1/U1", "slack:T1/U9"], ("slack:@ann", "slack:@U9")),
        (["slack:T1/U9", "slack:T1/U8"], ("slack:@U9", "slack:@U8")),
    ],
    ids=["somebody of the settings", "the same of an organisation, and a stranger", "strangers"],
)
async def test_members_of_a_user_group_get_one_each(listed: list[str], route: tuple[str, ...]) -> None:
    assert (await looking("group:release", listed=listed).open(ASKED)).route == route


async def test_whoever_is_on_call_gets_one() -> None:
    rota = Rota("ann")
    front = looking("oncall:payments", rota=rota)
    assert (await front.open(ASKED)).route == ("slack:@ann",)
    rota.lost = True
    assert (await front.open(ASKED)).route == ("slack:@ann",), "the same again is not asked again"


@pytest.mark.parametrize(
    ("approvers", "said"),
    [
        ("oncall:payments", "could not find out who is on call for payments, so nobody was asked"),
        ("group:release", "could not find out who is in the group release, so nobody was asked"),
    ],
)
async def test_where_nobody_could_find_out_who_it_is_nothing_is_asked_and_nobody_else(
    approvers: str, said: str
) -> None:
    rota = Rota("ann")
    rota.lost = True
    front = looking(approvers, listed=None, rota=rota)
    with pytest.raises(errors.MembershipUnknown) as refused:
        await front.open(ASKED)
    assert (refused.value.message, refused.value.status) == (said, 503)
    assert await front.store.list(Query()) == []


async def test_a_rota_that_fails_keeps_nobody_else_from_being_asked() -> None:
    rota = Rota()
    rota.lost = True
    assert (await looking("ann", "oncall:payments", rota=rota).open(ASKED)).route == ("slack:@ann",)


async def test_nobody_on_call_is_nobody_to_ask() -> None:
    with pytest.raises(errors.InvalidRequest):
        await looking("oncall:payments", rota=Rota()).open(ASKED)
    with pytest.raises(errors.InvalidRequest):
        await looking("oncall:payments").open(ASKED)


async def test_a_chat_that_is_not_connected_tells_nobody() -> None:
    front = looking("group:release")
    del front.platforms["slack"]
    with pytest.raises(errors.MembershipUnknown):
        await front.open(ASKED)


def test_a_route_to_nobody_is_refused_beforehand() -> None:
    for row in each(
        [
            (("anyone",), True),
            ((), True),
            (("cid",), True),
            (("group:release",), False),
            (("oncall:payments",), False),
            (("requester",), False),
            (("ann",), False),
        ]
    ):
        with row as (approvers, refused):
            made = looking(*approvers).setup
            setups.check_route(made, ("slack:#ops",), "default", "rules.0.route")
            setups.check_route(made, ("approvers",), "of another file", "rules.0.route")
            told = pytest.raises(errors.InvalidSettings) if refused else contextlib.nullcontext()
            with told as caught:
                setups.check_route(made, ("approvers",), "default", "rules.0.route")
            assert caught is None or caught.value.field == "rules.0.route"


async def test_somebody_known_by_an_address_alone_is_found_by_it_on_a_chat_that_knows_it() -> None:
    front = looking("dan", "group:team", "zoe")
    known = {"dan": people.Profile(email="dan@example.com"), "zoe": people.Profile(email="zoe@example.com")}
    directory = people.Directory(known, {"team": people.Group(frozenset({"dan"}))})
    front.setup = dataclasses.replace(front.setup, directory=directory)
    setups.check_route(front.setup, ("approvers",), "default", "rules.0.route")
    assert (await front.open(ASKED)).route == ("slack:@U7",)


def standing_in(front: Desk, of: str, policies: frozenset[str] = frozenset()) -> None:
    """Dan and bob act for somebody; dan is known by an address alone, and bob has no account on this chat."""
    known = {**DIRECTORY.people, "dan": people.Profile(email="dan@example.com")}
    away = people.Delegation(of, frozenset({"dan", "bob"}), front.clock.now() + timedelta(days=1), policies)
    directory = dataclasses.replace(front.setup.directory, people=known, delegations=(away,))
    front.setup = dataclasses.replace(front.setup, directory=directory)


async def test_whoever_acts_for_somebody_is_found_by_an_address_as_well() -> None:
    front = looking("ann")
    standing_in(front, "ann")
    assert (await front.open(ASKED)).route == ("slack:@ann", "slack:@U7")
    standing_in(front, "ann", frozenset({"other"}))
    later = ASKED.model_copy(update={"id": "r2"})
    assert (await front.open(later)).route == ("slack:@ann",), "they act under another policy"


async def test_whoever_acts_for_somebody_on_call_gets_one_too() -> None:
    front = looking("oncall:payments", rota=Rota("ann"))
    standing_in(front, "ann")
    assert (await front.open(ASKED)).route == ("slack:@ann", "slack:@U7")
    front = looking("oncall:payments", rota=Rota("cid", "ann"))
    standing_in(front, "nobody")
    assert (await front.open(ASKED)).route == ("slack:@ann",)


async def test_a_rota_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Rota):
        async def on_call(self) -> rotas.Shift:
            await asyncio.Event().wait()
            return rotas.Shift()

    monkeypatch.setattr(reaching, "_WITHIN", 0.01)
    front = looking("oncall:payments", rota=Silent())
    with pytest.raises(errors.MembershipUnknown):
        await front.open(ASKED)
    assert await reaching.in_person(front, opened(), ("oncall:payments", "ann")) == ("ann",)
