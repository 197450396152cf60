"""Who may answer by a group or by being on call: in, out, or could not find out."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

import sayso
from sayso import errors, model
from sayso.cards import tokens
from sayso.chat import listing
from sayso.desk import Desk, Setup
from sayso.desk.admission import rotas
from sayso.desk.answering import identity, overview
from sayso.desk.channel import Platform
from sayso.desk.posting import reaching
from sayso.machine import approvers, people, staffing
from sayso.stores import memory
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import opened

DIRECTORY = people.Directory(
    {
        "ann": people.Profile(frozenset({"slack:T1/U1"}), "Ann@example.com"),
        "bob": people.Profile(frozenset({"discord:941"}), "bob@example.com"),
        "cid": people.Profile(frozenset({"slack:T1/U3"})),
    },
    {
        "payments": people.Group(on_call=True),
        "release": people.Group(frozenset({"cid"}), frozenset({"slack:S1"})),
        "other": people.Group(platform_groups=frozenset({"slack:S2"})),
    },
)
ANN = people.Actor("slack:T1/U1", "ann", member=True)
BOB = people.Actor("discord:941", "bob", member=True)
AT_A_KEY = people.Actor("key:ann", "ann", member=True, person="ann")
EVE = people.Actor("slack:T1/U9", "eve", member=True)


class Paper:
    """A rota on paper: whoever is written there; nobody finds it while it is lost."""

    def __init__(self, *names: str, emails: tuple[str, ...] = ()) -> None:
        self.shift = rotas.Shift(frozenset(names), frozenset(emails))
        self.lost = self.slow = False

    async def on_call(self) -> rotas.Shift:
        if self.slow:
            await asyncio.Event().wait()
        if self.lost:
            raise errors.ChannelError("the paper is lost")
        return self.shift


class Knowing(Board):
    """A chat whose user groups are known; it fails while it is down."""

    def __init__(self, **groups: set[str]) -> None:
        super().__init__("slack")
        self.groups = groups
        self.down = False

    async def is_in(self, group: str, account: str) -> bool:
        if self.down:
            raise errors.ChannelError("Slack is down")
        return account in self.groups.get(group.removeprefix("slack:"), set())

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        return sorted(self.groups.get(group.removeprefix("slack:"), set()))

    async def account_of(self, email: str) -> str | None:
        return {"bob@example.com": "slack:T1/U2"}.get(email)

    async def is_open(self, account: str) -> bool:
        return True


def desk(*approvers: str, rota: Paper | None = None, slack: Knowing | None = None) -> Desk:
    policies = {"default": model.Policy(approvers=approvers)}
    setup = Setup(policies, DIRECTORY, ("web",), rotas={"payments": rota} if rota else {})
    front = Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, ManualClock())
    if slack:
        front.platforms["slack"] = Platform(slack, membership=slack)
    return front


async def asked(front: Desk) -> model.Ticket:
    return await front.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}))


@pytest.mark.parametrize(
    ("rota", "actor"),
    [(Paper("ann"), ANN), (Paper(emails=("ann@EXAMPLE.com",)), ANN), (Paper("bob"), BOB), (Paper("ann"), AT_A_KEY)],
    ids=["by the name in the settings", "by the address", "on another chat", "with a key"],
)
async def test_whoever_is_on_call_may_answer(rota: Paper, actor: people.Actor) -> None:
    front = desk("oncall:payments", rota=rota)
    ticket = await asked(front)
    answered = await front.answer(ticket.id, sayso.Answer(verdict="allow"), actor)
    assert answered.decision is not None
    assert answered.decision.allowed
    assert answered.answers[0].person == (actor.person or DIRECTORY.identify(actor).id)


@pytest.mark.parametrize("actor", [BOB, EVE], ids=["of the settings", "a stranger"])
async def test_whoever_is_not_on_call_is_told_for_whom_it_is(actor: people.Actor) -> None:
    front = desk("oncall:payments", rota=Paper("ann"))
    ticket = await asked(front)
    with pytest.raises(errors.NotAllowed) as refused:
        await front.answer(ticket.id, sayso.Answer(verdict="allow"), actor)
    assert refused.value.message.endswith("it is for whoever is on call for payments")


@pytest.mark.parametrize("fault", ["lost", "slow"])
async def test_a_rota_that_does_not_answer_refuses_in_its_own_words_and_counts_nobody(fault: str) -> None:
    rota = Paper("ann")
    setattr(rota, fault, True)
    front = desk("oncall:payments", rota=rota)
    ticket = await asked(front)
    answers = [sayso.Answer(verdict="allow"), sayso.Answer(verdict="deny")]
    # both at once: a slow one is waited for
    said = await asyncio.gather(*(front.answer(ticket.id, one, ANN) for one in answers), return_exceptions=True)
    for refused in said:
        assert isinstance(refused, errors.MembershipUnknown)
        assert refused.message == "could not find out who is on call for payments, so nothing was counted"
    assert (await front.get(ticket.id)).answers == ()
    log = [row.entry for row in await front.store.log(ticket.id)]
    assert [getattr(entry, "code", "") for entry in log[1:]] == ["could_not_find_out"] * 2


async def test_a_rota_that_is_gone_from_the_settings_has_nobody_on_call() -> None:
    front = desk("oncall:payments")
    with pytest.raises(errors.NotAllowed):
        await front.answer((await asked(front)).id, sayso.Answer(verdict="allow"), ANN)


async def test_a_rota_that_fails_refuses_nobody_who_may_answer_by_another_name() -> None:
    rota = Paper()
    rota.lost = True
    front = desk("oncall:payments", "group:release", rota=rota, slack=Knowing(S1={"slack:T1/U9"}))
    ticket = await asked(front)
    answered = await front.answer(ticket.id, sayso.Answer(verdict="allow"), EVE)
    assert answered.decision is not None
    assert answered.decision.allowed


@pytest.mark.parametrize("actor", [AT_A_KEY, people.Actor("web:ann", "ann", member=True, person="ann")])
async def test_a_member_of_a_user_group_is_one_at_the_inbox_and_with_a_key_too(actor: people.Actor) -> None:
    slack = Knowing(S1={"slack:T1/U1"})
    front = desk("group:release", slack=slack)
    ticket = await asked(front)
    slack.down = True
    with pytest.raises(errors.MembershipUnknown) as refused:
        await front.answer(ticket.id, sayso.Answer(verdict="allow"), actor)
    assert refused.value.message.startswith("could not find out whether you are in the group release")
    slack.down = False
    assert (await front.answer(ticket.id, sayso.Answer(verdict="allow"), actor)).decision


async def test_a_chat_that_is_not_connected_here_says_nothing_about_its_groups() -> None:
    front = desk("group:release")
    with pytest.raises(errors.MembershipUnknown):
        await front.answer((await asked(front)).id, sayso.Answer(verdict="allow"), AT_A_KEY)


async def test_a_platform_that_told_every_group_of_somebody_is_not_asked_again() -> None:
    front = desk("group:release")
    told = people.Actor("slack:T1/U9", "eve", member=True, complete=frozenset({"slack"}))
    with pytest.raises(errors.NotAllowed):
        await front.answer((await asked(front)).id, sayso.Answer(verdict="allow"), told)


async def test_a_delegate_acts_for_somebody_who_is_on_call_or_in_a_user_group() -> None:
    rota, slack = Paper("ann"), Knowing(S1={"slack:T1/U1"})
    for approver in ("oncall:payments", "group:release"):
        front = desk(approver, rota=rota, slack=slack)
        away = people.Delegation("ann", frozenset({"bob"}), front.clock.now() + timedelta(days=1))
        front.setup = replace(front.setup, directory=replace(DIRECTORY, delegations=(away,)))
        rota.lost = slack.down = True
        ticket = await asked(front)
        with pytest.raises(errors.MembershipUnknown):
            await front.answer(ticket.id, sayso.Answer(verdict="allow"), BOB)
        rota.lost = slack.down = False
        answered = await front.answer(ticket.id, sayso.Answer(verdict="allow"), BOB)
        assert [(one.person, one.delegate) for one in answered.answers] == [("ann", "bob")]
        with pytest.raises(errors.Refused):
            await front.answer((await asked(front)).id, sayso.Answer(verdict="allow"), EVE)


async def test_whoever_is_on_call_is_mentioned_on_the_card_and_nobody_if_nobody_can_tell() -> None:
    rota = Paper("ann", "cid")
    front = desk("oncall:payments", "bob", rota=rota)
    named = approvers.to_notify(await asked(front))
    assert named == ("oncall:payments", "bob")
    assert await reaching.in_person(front, opened(), named) == ("ann", "cid", "bob")
    rota.lost = True
    assert await reaching.in_person(front, opened(), named) == ("bob",)
    assert await reaching.in_person(desk("anyone"), opened(), ("oncall:payments",)) == ()


async def test_somebody_without_an_account_there_is_in_none_of_its_groups_and_nobody_is_asked() -> None:
    front = desk("group:release")
    at_inbox = people.Actor("web:dan", "dan", member=True, person="dan")
    with pytest.raises(errors.NotAllowed):
        await front.answer((await asked(front)).id, sayso.Answer(verdict="allow"), at_inbox)


@pytest.mark.parametrize(("listed", "inside"), [({"slack:T1/U2"}, True), ({"slack:T1/U9"}, False)])
async def test_an_account_that_is_known_by_an_address_alone_is_looked_up_in_groups(
    listed: set[str], inside: bool
) -> None:
    actor = await identity.complete(desk("anyone", slack=Knowing(S1=listed)), BOB, ("slack:S1",))
    assert ("slack:S1" in actor.groups) == inside
    assert actor.unknown == frozenset()


@pytest.mark.parametrize(
    ("names", "inside"),
    [(("ann",), True), (("group:other",), True), (("oncall:payments",), True), (("anyone",), True), (("bob",), False)],
)
async def test_whoever_is_among_some_names_is_so_by_name_by_group_or_on_call(
    names: tuple[str, ...], inside: bool
) -> None:
    front = desk("anyone", rota=Paper("ann"), slack=Knowing(S2={"slack:T1/U1"}))
    assert identity.is_among(names, await identity.of(front, ANN, names)) == inside


async def test_a_list_has_what_somebody_may_answer_by_being_on_call() -> None:
    rota = Paper("ann")
    front = desk("oncall:payments", rota=rota, slack=Knowing())
    await asked(front)
    assert len((await listing.list_for(front, ANN)).rows) == 1
    assert len((await listing.list_for(front, BOB)).rows) == 0
    rota.lost = True
    assert len((await listing.list_for(front, ANN)).rows) == 0


async def test_all_groups_of_the_settings_are_known_of_somebody_where_none_is_named() -> None:
    front = desk("anyone", rota=Paper("ann"), slack=Knowing(S1={"slack:T1/U1"}))
    actor = await identity.complete(front, ANN)
    assert (sorted(actor.groups), sorted(actor.unknown)) == (["oncall:payments", "slack:S1"], [])
    assert DIRECTORY.identify(actor).groups == ("oncall:payments", "release")


def test_a_rota_tells_who_of_the_settings_is_on_call_and_how_many_are_strangers() -> None:
    shift = rotas.Shift(frozenset({"cid", "zoe"}), frozenset({"ann@example.com", "dan@example.com"}))
    assert shift.of(DIRECTORY) == ("ann", "cid")
    assert shift.strangers(DIRECTORY) == 2


@pytest.mark.parametrize("name", ["oncall:release", "oncall:nobody"])
def test_a_policy_that_names_a_rota_which_no_group_has_is_refused(name: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        staffing.check(DIRECTORY, model.Policy(approvers=(name,)), "p")
    assert refused.value.field == "policies.p.approvers"
    assert refused.value.hint == f'add to [groups.{name[7:]}]: on_call = {{ ical = "https://…" }}'


def test_how_many_are_on_call_is_nothing_that_the_settings_know() -> None:
    staffing.check(DIRECTORY, model.Policy(approvers=("oncall:payments",), quorum=2), "p")
    assert DIRECTORY.called(("oncall:payments",), "slack") == people.Called()


async def test_whoever_looks_no_more_leaves_no_look_behind() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    class Endless:
        async def on_call(self) -> rotas.Shift:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return rotas.Shift()

    setup = Setup(directory=DIRECTORY, rotas={"payments": Endless()})
    desk = Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, ManualClock())
    looking = asyncio.ensure_future(identity.complete(desk, ANN, {"oncall:payments"}))
    await asyncio.wait_for(asked.wait(), 5)
    looking.cancel()
    await asyncio.wait({looking})
    await asyncio.wait_for(ended.wait(), 5)


async def test_who_is_on_call_is_known_of_each_person_as_it_is_of_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_WITHIN", 0.02)
    read, loop = asyncio.Event(), asyncio.get_running_loop()

    class Cold:
        """Takes longer than whoever presses can wait, and has it for those who come after."""

        async def on_call(self) -> rotas.Shift:
            loop.call_later(0.2, read.set)
            await read.wait()
            return rotas.Shift(names=frozenset({"ann"}))

    setup = Setup(directory=DIRECTORY, rotas={"payments": Cold()})
    page = await overview.of_people(Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, ManualClock()))
    assert [one.on_call for one in page.groups if one.on_call] == [("ann",)]
    assert [one.name for one in page.people if "oncall:payments" in one.groups] == ["ann"]
    assert not any("oncall:payments" in one.unknown for one in page.people)
