"""`/sayso pending|mine|history|grants` in both chats: the same lists, each person sees theirs, and a grant is ended."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Callable, Sequence

import pytest

from sayso import errors, model
from sayso.cards import naming
from sayso.chat import listing, named_lists, orders
from sayso.desk import Caller, Desk
from sayso.desk.admission import granting
from sayso.desk.setup import Suggesting
from sayso.desk.upkeep import stops, suggestions
from sayso.machine import people
from sayso.stores import Query, Record, record_kinds
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord_scene import ANN as DISCORD_ANN
from tests.adapters.discord_scene import BOB as DISCORD_BOB
from tests.adapters.discord_scene import OPS
from tests.fakes import discord as fake_discord
from tests.fakes import slack as fake_slack

HOUR = 3_600.0
ANN = people.Actor("web:ann", "Ann", member=True, person="ann")
HOSTILE = "**bold** <!channel> <@U1> @everyone <@300000000000000001>"


class Slack:
    """People who type in Slack."""

    def __init__(self, scene: slack_scene.Scene) -> None:
        self.scene, self.desk = scene, scene.front
        self._shown: dict[str, fake_slack.Message] = {}

    def _person(self, name: str) -> fake_slack.Person:
        return self.scene.slack.person({"ann": "U1", "bob": "U2"}[name], name=name)

    async def type(self, name: str, words: str) -> str:
        seen = await self._person(name).command("C1", "/sayso", words)
        assert seen.acked
        self._shown[name] = seen.ephemerals[-1]
        return self.scene.slack.visible_text(seen.ephemerals[-1])

    async def type_and_wait(self, name: str, words: str, shown: str, meanwhile: Callable[[], None]) -> None:
        """Type what is answered later, so that Slack first hears only that it was received."""
        seen = await self._person(name).command("C1", "/sayso", words)
        assert seen.acked
        assert not seen.ephemerals
        meanwhile()
        account = {"ann": "U1", "bob": "U2"}[name]
        fake = self.scene.slack
        await fake.until(lambda: any(shown in fake.visible_text(one) for one in fake.ephemerals(account)))

    async def press(self, name: str, label: str) -> str:
        before = self.scene.slack.visible_text(self._shown[name])
        seen = await self._person(name).press(self._shown[name], label)
        assert seen.acked
        if seen.views:
            return self.scene.slack.visible_text(self._person(name).view)
        account = {"ann": "U1", "bob": "U2"}[name]
        await self.scene.slack.until(
            lambda: self.scene.slack.visible_text(self.scene.slack.ephemerals(account)[-1]) != before
        )
        self._shown[name] = self.scene.slack.ephemerals(account)[-1]
        return self.scene.slack.visible_text(self._shown[name])

    async def press_card(self, name: str, message: fake_slack.Message | fake_discord.Message, label: str) -> None:
        assert isinstance(message, fake_slack.Message)
        seen = await self._person(name).press(message, label)
        assert seen.acked
        await self.scene.slack.until(lambda: name == "ann" or seen.ephemerals)
        await self.scene.deliver()

    def controls(self, name: str) -> Sequence[str]:
        return self.scene.slack.controls(self._shown[name])


class Discord:
    """People who type in Discord."""

    def __init__(self, scene: discord_scene.Scene) -> None:
        self.scene, self.desk = scene, scene.front
        self._shown: dict[str, fake_discord.Message] = {}

    def _person(self, name: str) -> fake_discord.Person:
        return self.scene.discord.person({"ann": DISCORD_ANN, "bob": DISCORD_BOB}[name], name=name)

    async def type(self, name: str, words: str) -> str:
        below, _, searched = words.partition(" ")
        given = {orders.SEARCH: searched} if searched else {}
        seen = await self._person(name).command(OPS, f"sayso {below}", **given)
        (self._shown[name],) = seen.ephemerals
        assert self.scene.discord.pings(self._shown[name]) == []
        return self.scene.discord.visible_text(self._shown[name])

    async def type_and_wait(self, name: str, words: str, shown: str, meanwhile: Callable[[], None]) -> None:
        """Type what is answered later, so that Discord first shows that it is thought about."""
        seen = await self._person(name).command(OPS, f"sayso {words}")
        assert shown not in "".join(map(self.scene.discord.visible_text, seen.ephemerals))
        meanwhile()
        account, fake = {"ann": DISCORD_ANN, "bob": DISCORD_BOB}[name], self.scene.discord
        await fake.until(lambda: any(shown in fake.visible_text(one) for one in fake.ephemerals(account)))

    async def press(self, name: str, label: str) -> str:
        person, shown = self._person(name), self._shown[name]
        seen = await person.press(shown, label)
        if seen.ephemerals:
            return self.scene.discord.visible_text(seen.ephemerals[-1])
        account = {"ann": DISCORD_ANN, "bob": DISCORD_BOB}[name]
        self._shown[name] = next(one for one in self.scene.discord.ephemerals(account) if one.id == shown.id)
        return self.scene.discord.visible_text(self._shown[name])

    async def press_card(self, name: str, message: fake_slack.Message | fake_discord.Message, label: str) -> None:
        assert isinstance(message, fake_discord.Message)
        await self._person(name).press(message, label)
        await self.scene.deliver()

    def controls(self, name: str) -> Sequence[str]:
        return self.scene.discord.controls(self._shown[name])


Chat = Slack | Discord


@pytest.fixture(params=["slack", "discord"])
async def chat(request: pytest.FixtureRequest) -> AsyncGenerator[Chat]:
    policy = model.Policy(approvers=("ann",), grants=HOUR)
    accounts = {"ann": ["slack:T1/U1", f"discord:{DISCORD_ANN}"], "bob": ["slack:T1/U2", f"discord:{DISCORD_BOB}"]}
    directory = people.Directory({name: people.Profile(frozenset(found)) for name, found in accounts.items()})
    if request.param == "slack":
        async with slack_scene.scene(policy=policy, directory=directory) as built:
            yield Slack(built)
            assert built.slack.refusals == []
    else:
        async with discord_scene.scene(policy=policy, directory=directory) as there:
            yield Discord(there)
            assert there.discord.refusals == []


def run(tool: str, command: str = "make deploy") -> model.Request:
    return model.Request(kind="permission", tool=tool, input={"command": command})


async def decide(desk: Desk, tool: str, answer: model.Answer, command: str = "make deploy") -> model.Ticket:
    ticket = await desk.open(run(tool, command))
    return await desk.answer(ticket.id, answer, ANN)


async def test_every_list_is_there_and_each_person_sees_only_theirs(chat: Chat) -> None:
    desk = chat.desk
    await desk.store.put(Record(record_kinds.KEY, "k", {"name": "bobs-bot", "role": "agent"}))
    await desk.open(run("waits"))
    await desk.open(run("for-bob"), Caller("bobs-bot", requester="bob", key="k"))
    await decide(desk, "decided", model.Answer(verdict="deny"))
    await decide(desk, "granted", model.Answer(verdict="allow", standing="call"))
    words = ("pending", "mine", "history", "grants")
    shown = {name: {word: await chat.type(name, word) for word in words} for name in ("ann", "bob")}
    assert "waits" in shown["ann"]["pending"]
    assert "for-bob" in shown["ann"]["pending"]
    assert "Nothing waits for you" in shown["bob"]["pending"]
    assert "for-bob" in shown["bob"]["mine"]
    assert "Nothing was asked on your behalf" in shown["ann"]["mine"]
    assert "decided" in shown["ann"]["history"]
    assert "Denied" in shown["ann"]["history"]
    assert "waits" not in shown["ann"]["history"]
    assert "Nothing was decided yet" in shown["bob"]["history"]
    assert "granted exactly so: command make deploy" in shown["ann"]["grants"]
    assert "ends in 1 h" in shown["ann"]["grants"]
    assert "Nothing is allowed beforehand" in shown["bob"]["grants"]


async def test_what_was_asked_on_your_behalf_is_opened_and_not_what_was_not(chat: Chat) -> None:
    await chat.desk.store.put(Record(record_kinds.KEY, "k", {"name": "bobs-bot", "role": "agent"}))
    await chat.desk.open(run("for-bob"), Caller("bobs-bot", requester="bob", key="k"))
    await chat.type("bob", "mine")
    assert "make deploy" in await chat.press("bob", "Open")


async def test_a_grant_is_ended_from_the_list_and_what_comes_after_it_is_asked(chat: Chat) -> None:
    await decide(chat.desk, "Bash", model.Answer(verdict="allow", standing="call"))
    assert (await chat.desk.open(run("Bash"))).decision is not None
    await chat.type("ann", "grants")
    assert "Nothing is allowed beforehand" in await chat.press("ann", "End")
    assert (await chat.desk.open(run("Bash"))).decision is None


async def test_whoever_may_stop_ends_what_others_allowed_and_nobody_else_does(chat: Chat) -> None:
    await decide(chat.desk, "Bash", model.Answer(verdict="allow", standing="call"))
    chat.desk.setup = dataclasses.replace(chat.desk.setup, stoppers=("bob",))
    assert "granted" not in await chat.type("bob", "grants")
    # they may no more, with the list still open
    chat.desk.setup = dataclasses.replace(chat.desk.setup, stoppers=())
    assert "may not end what others allowed" in await chat.press("bob", "End")
    assert (await chat.desk.open(run("Bash"))).decision is not None
    chat.desk.setup = dataclasses.replace(chat.desk.setup, stoppers=("bob",))
    await chat.type("bob", "grants")
    await chat.press("bob", "End")
    assert await granting.listed(chat.desk.store, chat.desk.clock.now()) == []


@pytest.mark.parametrize("word", ["mine", "history"])
async def test_an_old_list_is_turned_page_by_page(chat: Chat, word: str) -> None:
    await chat.desk.store.put(Record(record_kinds.KEY, "k", {"name": "anns-bot", "role": "agent"}))
    for number in range(23):
        caller = Caller("anns-bot", requester="ann", key="k")
        ticket = await chat.desk.open(run(f"tool{number:02}"), caller)
        if word == "history":
            await chat.desk.cancel(ticket.id, caller)
        assert isinstance(chat.scene.clock, type(chat.desk.clock))
        chat.scene.clock.advance(1)
    first = await chat.type("ann", word)
    assert "tool22" in first
    assert "tool13" in first
    assert "tool12" not in first
    assert "Newest" not in chat.controls("ann")
    assert "tool12" in await chat.press("ann", "Older")
    last = await chat.press("ann", "Older")
    assert "tool00" in last
    assert "Older" not in chat.controls("ann")
    assert "tool22" in await chat.press("ann", "Newest")


async def test_hostile_text_in_a_grant_is_text(chat: Chat) -> None:
    await decide(chat.desk, HOSTILE, model.Answer(verdict="allow", standing="call"), HOSTILE)
    assert "everyone" in await chat.type("ann", "grants")


def test_every_word_is_said_where_people_look_for_it() -> None:
    for word in (*named_lists.NAMES, orders.STOP, orders.RESUME):
        assert word in orders.HINT
        assert f"/sayso {word}" in orders.HOW


def test_a_button_of_before_still_turns_the_page() -> None:
    assert named_lists.read_turn("2") == ("pending", "2")
    assert named_lists.read_turn("history.abc") == ("history", "abc")
    assert named_lists.read_turn("") == ("pending", "")


async def test_the_home_tab_leads_to_every_list_and_stops_for_whoever_may() -> None:
    async with slack_scene.scene(policy=model.Policy(approvers=("ann",), grants=HOUR)) as there:
        ann = there.slack.person("U1", name="ann")
        await decide(there.front, "Bash", model.Answer(verdict="allow", standing="call"))
        await ann.open_home()
        await there.slack.until(lambda: "U1" in there.slack.world.homes)
        assert "Stop everything…" not in there.slack.controls(ann.home)
        for label in ("Asked for you", "History", "Grants"):
            await ann.press(ann.home, label)
        await there.slack.until(lambda: "may run" in there.slack.visible_text(ann.home))
        await ann.press(ann.home, "End")
        await there.slack.until(lambda: "Nothing is allowed beforehand" in there.slack.visible_text(ann.home))
        there.front.setup = dataclasses.replace(there.front.setup, stoppers=("ann",))
        await ann.press(ann.home, "Waiting for you")
        await there.slack.until(lambda: "Stop everything…" in there.slack.controls(ann.home))
        await ann.press(ann.home, "Stop everything…")
        await there.slack.until(lambda: "Everything was stopped by ann" in there.slack.visible_text(ann.home))
        assert (await stops.standing(there.front.store)).exactly(None) is not None
        await ann.press(ann.home, "Resume everything…")
        await there.slack.until(lambda: "Lifted" in there.slack.visible_text(ann.home))
        assert (await stops.standing(there.front.store)).all == ()
        await there.front.store.put(Record(record_kinds.KEY, "k", {"name": "bot", "role": "agent"}))
        await there.front.store.put(Record(record_kinds.KEY, "o", {"name": "ops-key", "role": "operator"}))
        await ann.press(ann.home, "History")
        await there.slack.until(lambda: "Stop one agent…" in there.slack.controls(ann.home))
        await ann.choose(ann.home, "bot")
        await there.slack.until(lambda: "Resume one agent…" in there.slack.controls(ann.home))
        assert [one.agent for one in (await stops.standing(there.front.store)).all] == ["bot"]
        assert "Stop one agent…" not in there.slack.controls(ann.home)
        await ann.choose(ann.home, "bot")
        await there.slack.until(lambda: "Stop one agent…" in there.slack.controls(ann.home))
        assert (await stops.standing(there.front.store)).all == ()
        assert there.slack.refusals == []


async def test_a_suggested_rule_comes_as_a_card_is_accepted_there_and_ended_from_the_list(chat: Chat) -> None:
    desk, room = chat.desk, "slack:#ops" if isinstance(chat, Slack) else f"discord:{OPS}"
    suggesting = Suggesting(ask=("ann",), least=3, route=(room,))
    desk.setup = dataclasses.replace(desk.setup, suggesting=suggesting)
    asked = [await desk.open(run("run_tests", "unit"), Caller(owner="bot")) for _ in range(3)]
    for ticket in asked:
        await desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    assert await suggestions.look(desk) == 1
    await chat.scene.deliver()
    posted = next(one for one in chat.scene.cards() if "suggests a rule" in shown_in(chat, one))
    shown = shown_in(chat, posted)
    assert 'match = { tool = "run_tests", agent = "bot"' in shown
    assert all(one.id in shown for one in asked)
    # whoever is not asked is told so, and nothing is kept
    await chat.press_card("bob", posted, "2 · Keep asking")
    await chat.press_card("ann", posted, "1 · Allow them from now on")
    (grant,) = await granting.listed(desk.store, desk.clock.now())
    assert (grant.by, grant.standing) == ("ann", "rule")
    listed = await chat.type("ann", "grants")
    assert "wherever it matches" in listed
    assert "run_tests" in listed
    assert "Nothing is allowed beforehand" in await chat.press("ann", "End")
    assert await granting.listed(desk.store, desk.clock.now()) == []


def shown_in(chat: Chat, message: fake_slack.Message | fake_discord.Message) -> str:
    if isinstance(chat, Slack):
        assert isinstance(message, fake_slack.Message)
        return chat.scene.slack.visible_text(message)
    assert isinstance(message, fake_discord.Message)
    return chat.scene.discord.visible_text(message)


async def test_a_suggested_rule_goes_by_direct_message_to_whom_it_asks(chat: Chat) -> None:
    desk = chat.desk
    desk.setup = dataclasses.replace(desk.setup, suggesting=Suggesting(ask=("ann",), least=2))
    for _ in range(2):
        ticket = await desk.open(run("run_tests", "unit"), Caller(owner="bot"))
        await desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    await suggestions.look(desk)
    (asked,) = await desk.store.list(Query(owner=naming.SERVICE))
    assert asked.route == ("slack:@ann" if isinstance(chat, Slack) else "discord:@ann", "web")
    desk.setup = dataclasses.replace(desk.setup, suggesting=Suggesting(ask=("nobody",), least=2))
    for _ in range(2):
        ticket = await desk.open(run("other_tests", "unit"), Caller(owner="bot"))
        await desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    desk.clock.advance(86_400)  # type: ignore[attr-defined]
    await suggestions.look(desk)
    newest, _ = await desk.store.list(Query(owner=naming.SERVICE))
    assert newest.route == ("web",)


async def test_words_are_looked_for_in_each_list_and_a_button_goes_on(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = chat.desk
    for number in range(3):
        await desk.open(run(f"waits{number}", "deploy the shop"))
    await desk.open(run("other", "look at the shop"))
    await decide(desk, "decided", model.Answer(verdict="deny", reason="never the shop"))
    assert "waits1" in await chat.type("ann", "pending DEPLOY shop")
    shown = await chat.type("ann", "pending deploy shop")
    assert "Found 3, newest first" in shown
    assert "other" not in shown
    assert "decided" in await chat.type("ann", "history never")
    assert "Nothing found" in await chat.type("ann", "history nowhere")
    assert "Nothing found" in await chat.type("ann", "mine deploy")
    # whoever may not answer it finds nothing
    assert "Nothing found" in await chat.type("bob", "pending deploy")
    assert "too long" in await chat.type("ann", f"pending {'x' * 201}")
    monkeypatch.setattr(listing, "PAGE", 2)
    first = await chat.type("ann", "pending deploy shop")
    assert "Found 2, newest first so far" in first
    further = await chat.press("ann", "Look further back")
    assert all(f"waits{number}" in first + further for number in range(3))
    assert "Found 1, newest first" in further
    # words that no button can carry
    long = " ".join(["deploy"] * 8)
    assert "fewer words go on" in await chat.type("ann", f"pending {long}")
    assert "Look further back" not in chat.controls("ann")


async def test_a_button_that_nobody_made_goes_nowhere(chat: Chat) -> None:
    for page in (".a", "._w"):
        with pytest.raises(errors.NotFound):
            await named_lists.show(chat.desk, "history", ANN, page)
    # no words are looked for among grants, and so nothing of what others asked
    await chat.desk.open(run("run_tests"))
    assert (await named_lists.show(chat.desk, "grants", ANN, ".cnVuX3Rlc3Rz")).rows == ()
