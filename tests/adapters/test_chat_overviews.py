"""`/sayso people|policies|stats` in both chats: the same as in the inbox, in short, and only for whom it is for."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from sayso import errors, model, rules, stats
from sayso.chat import named_lists
from sayso.desk.admission import rotas
from sayso.machine import people
from sayso.rules.rule import read_match
from tests.adapters import slack_scene
from tests.adapters.test_chat_lists import ANN, HOSTILE, Chat, Slack, chat, decide

__all__ = ["chat"]


class Rota:
    """On call are bob and one whom the settings do not know; or nobody can find out."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails

    async def on_call(self) -> rotas.Shift:
        if self.fails:
            raise errors.ChannelError(self.fails)
        return rotas.Shift(frozenset({"bob", "zoe"}))


def name_groups(chat: Chat, rota: rotas.Rota, **more: people.Group) -> None:
    desk = chat.desk
    groups = {
        "release": people.Group(
            members=frozenset({"ann"}),
            platform_groups=frozenset({"discord:7" if isinstance(chat, Slack) else "slack:S1"}),
        ),
        "payments": people.Group(on_call=True),
        **more,
    }
    now = desk.clock.now()
    away = people.Delegation("ann", frozenset({"bob"}), now + timedelta(days=2), frozenset())
    directory = dataclasses.replace(desk.setup.directory, groups=groups, delegations=(away,))
    desk.setup = dataclasses.replace(desk.setup, directory=directory, rotas={"payments": rota})


def tick(chat: Chat) -> None:
    """What was decided a moment ago counts."""
    assert isinstance(chat.scene.clock, type(chat.desk.clock))
    chat.scene.clock.advance(1)


async def test_who_is_who_with_groups_and_who_is_on_call(chat: Chat) -> None:
    name_groups(chat, Rota())
    shown = await chat.type("bob", "people")
    assert "Who is who, at this moment" in shown
    for said in ("U2", "In: ", "Acts for ", "Group ", "And whoever is in ", "On call: "):
        assert said in shown
    assert "1 whom the settings do not know" in shown
    # the other chat is not connected here
    assert "Could not find out: " in shown
    name_groups(chat, Rota("PagerDuty does not answer"))
    assert "PagerDuty does not answer" in await chat.type("bob", "people")


async def test_whoever_has_no_account_and_rules_that_only_observe_are_told_of_too(chat: Chat) -> None:
    desk = chat.desk
    known = {**desk.setup.directory.people, "dan": people.Profile(), "eve": people.Profile(email="eve@example.com")}
    watched = rules.Rule(id="watches", match=read_match("watches", {"tool": "npm"}), effect="deny", observed=True)
    directory = dataclasses.replace(desk.setup.directory, people=known)
    desk.setup = dataclasses.replace(desk.setup, directory=directory, rules=rules.Book((watched,)))
    shown = await chat.type("ann", "people")
    assert "dan" in shown
    assert "by e-mail" in shown
    await decide(desk, "npm", model.Answer(verdict="allow"))
    tick(chat)
    shown = await chat.type("ann", "stats")
    assert "Rules that only observe" in shown
    assert "would have counted 1 time (1 allowed)" in shown


async def test_many_people_and_groups_are_turned_page_by_page(chat: Chat) -> None:
    name_groups(chat, Rota(), **{f"team{number:02}": people.Group() for number in range(12)})
    shown = [await chat.type("ann", "people"), await chat.press("ann", "Next")]
    assert "Next" not in chat.controls("ann")
    assert all(sum(f"team{number:02}" in one for one in shown) == 1 for number in range(12))
    assert "Who is who" in await chat.press("ann", "Back")


async def test_large_groups_with_any_names_are_shown_as_far_as_there_is_room(chat: Chat) -> None:
    names = [f"{HOSTILE[:40]}{number:03}" for number in range(300)]
    circles = {f"team{number}": people.Group(members=frozenset(names)) for number in range(9)}
    name_groups(chat, Rota(), **circles)
    now, directory = chat.desk.clock.now(), chat.desk.setup.directory
    known = {**directory.people, **{f"p{number}": people.Profile() for number in range(8)}}
    away = [people.Delegation(one, frozenset(known), now + timedelta(days=2), frozenset()) for one in names]
    directory = dataclasses.replace(directory, people=known, delegations=tuple(away))
    chat.desk.setup = dataclasses.replace(chat.desk.setup, directory=directory)
    first = await chat.type("ann", "people")
    assert "Who is who" in first
    assert "Acts for" in first
    assert "p7" in first
    assert "team7" in await chat.press("ann", "Next")


async def test_of_a_long_line_of_names_it_is_said_how_many_are_left(chat: Chat) -> None:
    names = [f"member{number:03}" for number in range(300)]
    name_groups(chat, Rota(), big=people.Group(members=frozenset(names)))
    assert "member019 and 280 more" in (await chat.type("ann", "people")).replace("`", "")


async def test_what_policies_and_rules_say_and_did(chat: Chat) -> None:
    desk = chat.desk
    book = rules.Book(
        (
            rules.Rule(
                id="no-env",
                match=read_match("no-env", {"tool": "Read"}),
                effect="deny",
                reason="Secrets are for people",
            ),
            rules.Rule(
                id="npm", match=read_match("npm", {"tool": "npm"}), effect="ask", policy="default", observed=True
            ),
        )
    )
    policies = {**desk.setup.policies, **{f"p{number}": model.Policy() for number in range(4)}}
    desk.setup = dataclasses.replace(desk.setup, rules=book, policies=policies)
    await decide(desk, "Bash", model.Answer(verdict="allow"))
    tick(chat)
    first = await chat.type("ann", "policies")
    assert "where nothing else is said" in first
    assert "1 in 30 days" in first
    assert "Who: " in first
    second = await chat.press("ann", "Next")
    for said in ("Rule ", "no-env", "deny", "Secrets are for people", "ask, under ", "only watched"):
        assert said in second
    # whoever may not see numbers sees none
    desk.setup = dataclasses.replace(desk.setup, readers=("bob",))
    assert "in 30 days" not in await chat.type("ann", "policies")


async def test_the_numbers_are_for_their_readers(chat: Chat) -> None:
    for number in range(5):
        await decide(chat.desk, f"tool{number}", model.Answer(verdict="allow"))
    await decide(chat.desk, HOSTILE, model.Answer(verdict="deny"))
    tick(chat)
    shown = await chat.type("ann", "stats")
    for said in ("6 requests decided: 5 allowed, 1 denied", "By tool", "By person", "5 allowed", "and 3 more, in the"):
        assert said in shown
    assert "Numbers of the last 7 days" in await chat.press("ann", "7 days")
    chat.desk.setup = dataclasses.replace(chat.desk.setup, readers=("bob",))
    assert "the numbers are for: bob" in (await chat.type("ann", "stats")).replace("The numbers", "the numbers")
    assert "6 requests decided" in await chat.type("bob", "stats")


async def test_numbers_that_take_long_are_for_whoever_asks_again(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    ready, numbers = asyncio.Event(), chat.desk.numbers
    counted = numbers.of_last

    async def count(days: float) -> stats.Figures:
        await ready.wait()
        return await counted(days)

    monkeypatch.setattr(numbers, "of_last", count)
    monkeypatch.setattr("sayso.chat.overviews._WITHIN", 0.02)
    assert "ask again in a moment" in await chat.type("ann", "stats")
    assert "in 30 days" not in await chat.type("ann", "policies")
    ready.set()
    monkeypatch.setattr("sayso.chat.overviews._WITHIN", 5.0)
    assert "0 requests decided" in await chat.type("ann", "stats")


async def test_a_stranger_sees_neither(chat: Chat) -> None:
    desk = chat.desk
    directory = dataclasses.replace(desk.setup.directory, people={"ann": desk.setup.directory.people["ann"]})
    desk.setup = dataclasses.replace(desk.setup, directory=directory, readers=())
    for word in ("people", "policies", "stats"):
        shown = await chat.type("bob", word)
        assert "is for" in shown or "are for" in shown
        assert "ann" not in shown
    # whoever may answer may know who else does
    desk.setup = dataclasses.replace(desk.setup, policies={"default": model.Policy(approvers=("anyone",))})
    assert "Who is who" in await chat.type("bob", "people")


async def test_whoever_may_be_a_reader_is_told_that_nobody_could_find_out(chat: Chat) -> None:
    name_groups(chat, Rota("PagerDuty does not answer"))
    desk = chat.desk
    directory = dataclasses.replace(desk.setup.directory, people={})
    policies = {"default": model.Policy(approvers=("oncall:payments",))}
    desk.setup = dataclasses.replace(desk.setup, readers=("oncall:payments",), directory=directory, policies=policies)
    for word in ("stats", "people", "policies"):
        assert "ould not find out who is in oncall:payments" in await chat.type("bob", word)
    assert "Could not find out in which groups you are: more may wait for you." in await chat.type("bob", "pending")
    name_groups(chat, Rota())
    chat.desk.setup = dataclasses.replace(chat.desk.setup, directory=dataclasses.replace(directory, groups={}))
    assert "Could not find out" not in await chat.type("bob", "pending")


async def test_a_failed_count_is_told_and_the_next_one_counts(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(days: float) -> stats.Figures:
        raise errors.ChannelError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(chat.desk.numbers, "of_last", fail)
        with pytest.raises(errors.ChannelError):
            await named_lists.show(chat.desk, "stats", ANN)
    assert (await named_lists.show(chat.desk, "stats", ANN)).rows


class Together:
    """Answers once so many have asked."""

    def __init__(self, count: int) -> None:
        self.left, self.asked = count, asyncio.Event()

    async def on_call(self) -> rotas.Shift:
        self.left -= 1
        if self.left <= 0:
            self.asked.set()
        await self.asked.wait()
        return rotas.Shift(frozenset({"ann"}))


async def test_what_the_home_tab_shows_is_looked_up_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.desk.answering.identity._WITHIN", 60.0)
    async with slack_scene.scene(policy=model.Policy(approvers=("ann",))) as there:
        circles = {"payments": people.Group(on_call=True)}
        directory = dataclasses.replace(there.front.setup.directory, groups=circles)
        there.front.setup = dataclasses.replace(
            there.front.setup,
            directory=directory,
            readers=("oncall:payments",),
            stoppers=("oncall:payments",),
            rotas={"payments": Together(3)},
        )
        ann = there.slack.person("U1", name="ann")
        assert [one.attempt for one in (await ann.open_home()).deliveries] == [0]
        assert "Stop everything…" in there.slack.controls(ann.home)


async def test_the_home_tab_leads_to_what_somebody_may_see() -> None:
    async with slack_scene.scene(policy=model.Policy(approvers=("ann",))) as there:
        there.front.setup = dataclasses.replace(there.front.setup, readers=())
        ann = there.slack.person("U1", name="ann")
        await ann.open_home()
        await there.slack.until(lambda: "U1" in there.slack.world.homes)
        assert {"People", "Policies"} <= {*there.slack.controls(ann.home)}
        assert "Numbers" not in there.slack.controls(ann.home)
        await ann.press(ann.home, "Policies")
        await there.slack.until(lambda: "What policies and rules say" in there.slack.visible_text(ann.home))
        there.front.setup = dataclasses.replace(there.front.setup, readers=("ann",))
        await ann.press(ann.home, "People")
        await there.slack.until(lambda: "Numbers" in there.slack.controls(ann.home))
        await ann.press(ann.home, "Numbers")
        await there.slack.until(lambda: "Numbers of the last 30 days" in there.slack.visible_text(ann.home))
        assert there.slack.refusals == []


class Late:
    """Tells who is on call when somebody lets it."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def on_call(self) -> rotas.Shift:
        await self.told.wait()
        return rotas.Shift(frozenset({"ann"}))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chats wait a moment, and look-ups take as long as they want."""
    monkeypatch.setattr("sayso.desk.answering.identity._WITHIN", 60.0)
    for adapter in ("sayso_slack", "sayso_discord"):
        monkeypatch.setattr(f"{adapter}.interactions._ANSWER_WITHIN", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_a_list_that_is_found_out_later_than_a_chat_waits_is_shown_all_the_same(chat: Chat) -> None:
    rota = Late()
    name_groups(chat, rota)
    chat.desk.setup = dataclasses.replace(chat.desk.setup, readers=("oncall:payments",))
    await chat.type_and_wait("ann", "stats", "Numbers of the last 30 days", rota.told.set)
    rota.told.clear()
    await chat.type_and_wait("bob", "stats", "The numbers are for", rota.told.set)


@pytest.mark.usefixtures("impatient")
async def test_a_list_that_fails_later_than_a_chat_waits_says_so(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    rota = Late()
    name_groups(chat, rota)
    chat.desk.setup = dataclasses.replace(chat.desk.setup, readers=("oncall:payments",))

    async def fail(days: float, within: float) -> stats.Figures:
        raise errors.StoreUnavailable("the store is away")

    monkeypatch.setattr(chat.desk.numbers, "soon", fail)
    await chat.type_and_wait("ann", "stats", "again", rota.told.set)


async def test_a_list_that_fails_says_so_where_it_was_asked_for(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(days: float, within: float) -> stats.Figures:
        raise errors.StoreUnavailable("the store is away")

    chat.desk.setup = dataclasses.replace(chat.desk.setup, readers=("ann",))
    monkeypatch.setattr(chat.desk.numbers, "soon", fail)
    assert "again" in await chat.type("ann", "stats")


@pytest.mark.usefixtures("impatient")
async def test_a_home_tab_that_is_found_out_late_is_not_asked_for_again() -> None:
    async with slack_scene.scene(policy=model.Policy(approvers=("ann",))) as there:
        rota = Late()
        circles = {"payments": people.Group(on_call=True)}
        directory = dataclasses.replace(there.front.setup.directory, groups=circles)
        readers = ("oncall:payments",)
        there.front.setup = dataclasses.replace(
            there.front.setup, directory=directory, readers=readers, rotas={"payments": rota}
        )
        ann = there.slack.person("U1", name="ann")
        assert [one.attempt for one in (await ann.open_home()).deliveries] == [0]
        rota.told.set()
        await there.slack.until(lambda: "U1" in there.slack.world.homes)
        assert "Numbers" in there.slack.controls(ann.home)
