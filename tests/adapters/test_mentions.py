"""Whom a card mentions: those whom its policy has notified, on the first card, and nobody whom a text names."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sayso
from sayso import attention, calendars, model
from sayso.cards import card, draw
from sayso.desk.admission import rotas
from sayso.desk.answering import attending
from sayso.machine import people
from sayso.testing import samples
from sayso.testing.samples import NOW
from sayso_discord import measure as discord_measure
from sayso_discord import render as discord_render
from sayso_slack import measure as slack_measure
from sayso_slack import render as slack_render
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord.test_render import WORLD, shown
from tests.adapters.sample_cards import FEW, requests
from tests.fakes.discord import text as discord_text
from tests.fakes.discord.world import Message
from tests.fakes.slack import text as slack_text

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})
IDS = {"ann": "300000000000000001", "bob": "300000000000000002", "cid": "300000000000000003"}
DIRECTORY = people.Directory(
    {
        name: people.Profile(frozenset({f"slack:T1/U{number}", f"discord:{some_id}"}))
        for number, (name, some_id) in enumerate(IDS.items(), 1)
    },
    {
        "release": people.Group(frozenset({"cid"}), frozenset({"slack:S1", "discord:400000000000000001"})),
        "security": people.Group(frozenset(), frozenset({"slack:S2", "discord:400000000000000002"})),
    },
)
HOSTILE = (
    "<@U1> <@U9> <!subteam^S1> <!subteam^S9> <!channel> <!here> @everyone @here \u202e<@300000000000000002> "
    "<@&400000000000000002> <@!300000000000000009> `<@300000000000000001>` ```\n<@U2>```"
)
NAMES = st.lists(st.sampled_from(["ann", "bob", "group:release", "group:security"]), max_size=4, unique=True)


@st.composite
def tickets(draw: st.DrawFn) -> tuple[model.Ticket, set[str]]:
    """A ticket with mentions in every text, and the people and groups whom its card may mention."""
    asked = draw(requests())
    told: dict[str, Any] = {
        "body": HOSTILE,
        "source": model.Source(agent=HOSTILE[:100], session=HOSTILE, url=HOSTILE),
        "context": {HOSTILE[:100]: HOSTILE},
    }
    asked = asked.model_copy(update={**told, **({"title": HOSTILE} if draw(st.booleans()) else {})})
    approvers = draw(st.just(["anyone"]) | NAMES)
    notify = draw(st.just(["approvers"]) | NAMES | NAMES.map(lambda names: ["approvers", *names]))
    policy = model.Policy(approvers=tuple(approvers), notify=tuple(notify))
    named = {*notify, *(approvers if "approvers" in notify else ())} - {"approvers", "anyone"}
    return samples.opened(asked).model_copy(update={"policy": policy}), named


def nodes(payload: Any) -> Iterator[dict[str, Any]]:
    """Everything in a payload that has a type."""
    if isinstance(payload, list):
        for one in payload:  # pyright: ignore[reportUnknownVariableType]
            yield from nodes(one)
    elif isinstance(payload, dict):
        yield payload
        for one in payload.values():  # pyright: ignore[reportUnknownVariableType]
            yield from nodes(one)


def allowed_ids(named: set[str], platform: str) -> set[str]:
    called = DIRECTORY.called(sorted(named), platform)
    return {one.partition(":")[2].rpartition("/")[2] for one in (*called.accounts, *called.groups)}


@FEW
@given(tickets())
def test_no_chat_is_given_an_id_that_the_policy_does_not_call(made: tuple[model.Ticket, set[str]]) -> None:
    ticket, named = made
    drawn = draw.card_of(ticket, samples.MINT)
    check_slack(drawn, allowed_ids(named, "slack"))
    check_discord(drawn, allowed_ids(named, "discord"))


def check_slack(drawn: card.Card, allowed: set[str]) -> None:
    payload = slack_render.render(drawn, DIRECTORY.called(drawn.notify, "slack"))
    assert slack_measure.broken(payload) == []
    found = {str(one.get("user_id") or one.get("usergroup_id")) for one in nodes(payload) if is_mention(one)}
    assert found == allowed
    assert set(slack_text.pings([{"type": "mrkdwn", "text": payload["text"]}, *payload["blocks"]])) == found


def is_mention(node: dict[str, Any]) -> bool:
    return str(node.get("type")) in ("user", "usergroup", "broadcast", "team", "channel")


def check_discord(drawn: card.Card, allowed: set[str]) -> None:
    called = DIRECTORY.called(drawn.notify, "discord")
    first = discord_render.render(drawn, called, loud=True)
    assert discord_measure.broken(first) == []
    mentions = first["allowed_mentions"]
    assert mentions["parse"] == []
    assert {*mentions["users"], *mentions["roles"]} == allowed
    assert {one.strip("<@&!>") for one in discord_text.mentions(shown(first))} <= allowed
    again = discord_render.render(drawn, called)
    assert again["allowed_mentions"] == {"parse": []}
    message = shown(again)
    assert isinstance(message, Message)
    assert discord_text.pings(WORLD, message) == []


async def reminded(there: slack_scene.Scene, ticket: model.Ticket) -> None:
    """Ten minutes go by, and what is due then comes."""
    there.clock.advance(601)
    await there.front.let_time_act(ticket.id)
    await there.deliver()


@pytest.mark.parametrize(
    ("notify", "rings"),
    [(("approvers",), ["U1"]), ((), []), (("group:release",), ["U3", "S1"]), (("approvers", "bob"), ["U1", "U2"])],
)
async def test_slack_mentions_whom_notify_says(notify: tuple[str, ...], rings: list[str]) -> None:
    policy = model.Policy(approvers=("ann", "anyone"), notify=notify)
    async with slack_scene.scene(policy=policy, directory=DIRECTORY) as there:
        await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.card.blocks))) == rings


@pytest.mark.parametrize(
    ("notify", "rings"),
    [(("approvers",), ["ann"]), ((), []), (("bob",), ["bob"]), (("approvers", "bob"), ["ann", "bob"])],
)
async def test_discord_mentions_whom_notify_says(notify: tuple[str, ...], rings: list[str]) -> None:
    policy = model.Policy(approvers=("ann", "anyone"), notify=notify)
    async with discord_scene.scene(policy=policy, directory=DIRECTORY) as there:
        for name, some_id in IDS.items():
            there.discord.person(some_id, name=name)
        await there.ask(DEPLOY)
        assert there.discord.pings(there.card) == [f"<@{IDS[name]}>" for name in rings]


async def test_an_edit_rings_for_nobody_and_a_card_that_is_posted_again_does() -> None:
    policy = model.Policy(approvers=("ann", "bob"), quorum=2)
    async with discord_scene.scene(policy=policy, directory=DIRECTORY) as there:
        ann = there.discord.person(IDS["ann"], name="ann")
        there.discord.person(IDS["bob"], name="bob")
        await there.ask(DEPLOY)
        assert len(there.discord.pings(there.card)) == 2
        old = there.card
        await ann.press(old, "Allow")
        await there.deliver()
        assert there.discord.pings(there.card) == []
        role = there.discord.role("5", name="mod", permissions=-1)
        await there.discord.person("300000000000000099", name="mod", roles=(role.id,)).delete(old)
        await there.deliver()
        await there.discord.until(lambda: there.cards() and there.card.id != old.id)
        assert len(there.discord.pings(there.card)) == 2


AWAY = dataclasses.replace(
    DIRECTORY, delegations=(people.Delegation("ann", frozenset({"bob"}), NOW + timedelta(days=2)),)
)


async def test_while_somebody_is_away_whoever_acts_for_them_is_mentioned_and_reminded_as_well() -> None:
    policy = model.Policy(approvers=("ann",), remind=(600.0,), expires_in=3_600.0)
    async with slack_scene.scene(policy=policy, directory=AWAY) as there:
        bob = there.slack.person("U2", name="bob")
        ticket = await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.card.blocks))) == ["U1", "U2"]
        await reminded(there, ticket)
        assert list(slack_text.pings(list(there.slack.messages("C1")[-1].blocks))) == ["U1", "U2"]
        await bob.press(there.slack.messages("C1")[0], "Allow")
        assert (await there.decision(ticket)).by[0].person == "ann"
        # ann is back: nobody acts for her any more
        there.clock.advance(3 * 86_400)
        await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.slack.messages("C1")[-1].blocks))) == ["U1"]


async def test_a_direct_message_goes_to_whoever_acts_for_somebody_as_well_and_reminds_them_there() -> None:
    policy = model.Policy(approvers=("ann",), remind=(600.0,), expires_in=3_600.0)
    async with slack_scene.scene(policy=policy, directory=AWAY) as there:
        bob = there.slack.person("U2", name="bob")
        there.slack.person("U1", name="ann")
        ticket = await there.ask(DEPLOY.model_copy(update={"route": ("approvers",)}))
        assert ticket.route == ("slack:@ann", "slack:@bob")
        await reminded(there, ticket)
        card, reminder = there.slack.dms("U2")
        assert "Reminder" in there.slack.visible_text(reminder)
        # each message calls whoever reads it, and nobody else
        assert [there.slack.pings(there.slack.dms(user)[-1]) for user in ("U1", "U2")] == [["U1"], ["U2"]]
        await bob.press(card, "Allow")
        assert (await there.decision(ticket)).by[0].person == "ann"


class Rota:
    """Ann is on call."""

    async def on_call(self) -> rotas.Shift:
        return rotas.Shift(frozenset({"ann"}))


ON_CALL = dataclasses.replace(AWAY, groups={"payments": people.Group(on_call=True)})


async def test_whoever_acts_for_somebody_on_call_is_mentioned_written_to_and_reminded() -> None:
    policy = model.Policy(approvers=("oncall:payments",), remind=(600.0,), expires_in=3_600.0)
    async with slack_scene.scene(policy=policy, directory=ON_CALL) as there:
        there.front.setup = dataclasses.replace(there.front.setup, rotas={"payments": Rota()})
        bob = there.slack.person("U2", name="bob")
        there.slack.person("U1", name="ann")
        ticket = await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.card.blocks))) == ["U1", "U2"]
        await reminded(there, ticket)
        assert list(slack_text.pings(list(there.slack.messages("C1")[-1].blocks))) == ["U1", "U2"]
        second = await there.ask(DEPLOY.model_copy(update={"route": ("approvers",)}))
        assert second.route == ("slack:@ann", "slack:@bob")
        await reminded(there, second)
        card, reminder = there.slack.dms("U2")
        assert "Reminder" in there.slack.visible_text(reminder)
        await bob.press(card, "Allow")
        assert (await there.decision(second)).by[0].person == "ann"


async def test_whoever_is_on_call_and_has_put_it_off_is_not_mentioned() -> None:
    policy = model.Policy(approvers=("oncall:payments",), remind=(600.0,), expires_in=3_600.0)
    async with slack_scene.scene(policy=policy, directory=ON_CALL) as there:
        there.front.setup = dataclasses.replace(there.front.setup, rotas={"payments": Rota()})
        ticket = await there.ask(DEPLOY)
        ann = people.Actor("slack:T1/U1", "ann", member=True)
        await attending.snooze(there.front, ticket.id, 1_800, ann)
        await reminded(there, ticket)
        assert list(slack_text.pings(list(there.slack.messages("C1")[-1].blocks))) == ["U2"]


async def test_a_user_group_of_which_somebody_has_quiet_hours_is_called_by_its_other_members() -> None:
    policy = model.Policy(approvers=("group:release",), expires_in=7_200.0)
    profiles = {"ann": people.Profile(frozenset({"slack:T1/U1"}))}
    directory = people.Directory(profiles, {"release": people.Group(platform_groups=frozenset({"slack:S1"}))})
    lunch = calendars.Calendar(name="lunch", hours=(calendars.Hours(opens=11 * 60, closes=13 * 60),))
    async with slack_scene.scene(policy=policy, directory=directory) as there:
        there.slack.usergroup("S1", ["U1", "U2"])
        for account, name in (("U1", "ann"), ("U2", "bob")):
            there.slack.person(account, name=name)
        await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.card.blocks))) == ["S1"]
        quiet = {"ann": attention.Quiet(calendar=lunch)}
        there.front.setup = dataclasses.replace(there.front.setup, quiet=quiet)
        ticket = await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.slack.messages("C1")[-1].blocks))) == ["U2"]
        there.clock.advance(3_601)
        await there.front.let_time_act(ticket.id)
        await there.deliver()
        assert list(slack_text.pings(list(there.slack.messages("C1")[-1].blocks))) == ["U1"]


async def test_whoever_is_known_by_an_address_alone_is_mentioned_as_well() -> None:
    known = {"ann": people.Profile(email="ann@example.com"), "bob": people.Profile(email="bob@example.com")}
    away = people.Delegation("ann", frozenset({"bob"}), NOW + timedelta(days=2))
    directory = people.Directory(known, {"leads": people.Group(frozenset({"ann"}))}, (away,))
    async with slack_scene.scene(policy=model.Policy(approvers=("group:leads",)), directory=directory) as there:
        there.slack.person("U1", name="ann", email="ann@example.com")
        there.slack.person("U2", name="bob", email="bob@example.com")
        await there.ask(DEPLOY)
        assert sorted(slack_text.pings(list(there.card.blocks))) == ["U1", "U2"]
        there.slack.scopes.discard("users:read.email")
        there.clock.advance(120)
        await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.slack.messages("C1")[-1].blocks))) == []
        there.slack.refusals.clear()


async def test_whoever_asked_is_not_told_to_act_for_whoever_is_away() -> None:
    policy = model.Policy(approvers=("ann",))
    async with slack_scene.scene(policy=policy, directory=AWAY) as there:
        await there.ask(DEPLOY, requester="bob")
        assert list(slack_text.pings(list(there.card.blocks))) == ["U1"]


async def test_a_card_to_each_approver_closes_with_the_others() -> None:
    policy = model.Policy(approvers=("ann", "bob"))
    async with slack_scene.scene(policy=policy, directory=DIRECTORY) as there:
        ann = there.slack.person("U1", name="ann")
        there.slack.person("U2", name="bob")
        await there.ask(DEPLOY.model_copy(update={"route": ("approvers",)}))
        (mine,), (other,) = there.slack.dms("U1"), there.slack.dms("U2")
        assert there.slack.controls(other)
        await ann.press(mine, "Allow")
        await there.deliver()
        assert [there.slack.controls(one) for user in ("U1", "U2") for one in there.slack.dms(user)] == [[], []]


async def test_in_slack_each_member_of_a_user_group_gets_a_card_and_all_close_with_the_first_answer() -> None:
    policy = model.Policy(approvers=("group:release",))
    directory = people.Directory(
        {"ann": people.Profile(frozenset({"slack:T1/U1"}))},
        {"release": people.Group(platform_groups=frozenset({"slack:S1"}))},
    )
    async with slack_scene.scene(policy=policy, directory=directory) as there:
        there.slack.usergroup("S1", ["U1", "U2"])
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        await there.ask(DEPLOY.model_copy(update={"route": ("approvers",)}))
        (mine,), (other,) = there.slack.dms(ann.user.id), there.slack.dms(bob.user.id)
        assert there.slack.controls(mine)
        await bob.press(other, "Allow")
        await there.deliver()
        assert [there.slack.controls(one) for user in ("U1", "U2") for one in there.slack.dms(user)] == [[], []]


async def test_in_discord_who_has_the_role_gets_a_card_and_decides_in_the_direct_message() -> None:
    policy = model.Policy(approvers=("group:release",))
    accounts = {"ann": discord_scene.ANN, "bob": discord_scene.BOB}
    directory = people.Directory(
        {name: people.Profile(frozenset({f"discord:{account}"})) for name, account in accounts.items()},
        {"release": people.Group(platform_groups=frozenset({f"discord:{discord_scene.ROLE}"}))},
    )
    async with discord_scene.scene(policy=policy, directory=directory) as there:
        there.discord.role(discord_scene.ROLE, name="release")
        there.discord.person(discord_scene.ANN, name="ann")
        bob = there.discord.person(discord_scene.BOB, name="bob", roles=(discord_scene.ROLE,))
        ticket = await there.ask(DEPLOY.model_copy(update={"route": ("approvers",)}))
        assert ticket.route == ("discord:@bob",)
        (card,) = there.discord.dms(discord_scene.BOB)
        await bob.press(card, "Allow")
        assert (await there.decision(ticket)).by[0].person == "bob"


async def test_in_discord_a_direct_message_counts_nobody_who_has_lost_the_role() -> None:
    policy = model.Policy(approvers=("group:release",))
    async with discord_scene.scene(policy=policy, directory=discord_scene.DIRECTORY) as there:
        there.discord.role(discord_scene.ROLE, name="release")
        ann = there.discord.person(discord_scene.ANN, name="ann", roles=(discord_scene.ROLE,))
        ticket = await there.ask(DEPLOY.model_copy(update={"route": ("approvers",)}))
        there.discord.person(discord_scene.ANN, name="ann")
        there.clock.advance(61)
        seen = await ann.press(there.discord.dms(discord_scene.ANN)[0], "Allow")
        assert "may not answer" in await there.whispered(seen)
        assert (await there.front.get(ticket.id)).decision is None
