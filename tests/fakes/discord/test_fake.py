"""Clicks and modals of the fake Discord, against the real discord.py."""

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest

from tests.fakes.discord import stage as discord_stage
from tests.fakes.discord.errors import Json
from tests.fakes.discord.stage import ANN, BOB, OPS, App, Stage, button, row

NOBODY = discord.AllowedMentions.none()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with discord_stage.stage() as made:
        yield made


@pytest.fixture
async def app(stage: Stage) -> AsyncIterator[App]:
    async with stage.connected() as client:
        yield client


async def test_a_click_is_acked_and_the_app_can_answer_change_and_follow_up(stage: Stage, app: App) -> None:
    async def allow(i: Any) -> None:
        await i.response.defer()
        await i.followup.send("Noted", ephemeral=True)
        channel = app.get_partial_messageable(i.channel_id, guild_id=i.guild_id)
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(discord.ui.TextDisplay(f"Allowed by <@{i.user.id}>"))
        view.stop()
        await channel.get_partial_message(i.message.id).edit(view=view, allowed_mentions=NOBODY)

    app.answer = allow
    seen = await stage.pressed("Allow", "Deny", press="Allow")
    await stage.discord.until(lambda: stage.discord.messages(OPS)[0].edits)
    message = stage.discord.messages(OPS)[0]
    assert (seen.acked, seen.trouble) == (True, "")
    assert [hidden.content for hidden in seen.ephemerals] == ["Noted"]
    assert stage.discord.visible_text(message) == "Allowed by @Ann"
    assert (stage.discord.pings(message), stage.discord.mentions(message)) == ([], [f"<@{ANN}>"])
    assert stage.discord.refusals == []


async def test_roles_and_permissions_come_with_the_click(stage: Stage, app: App) -> None:
    stage.discord.role("500000000000000001", name="approvers", permissions=1 << 13)
    stage.discord.overwrite(OPS, "500000000000000001", deny=1 << 11)
    bob = stage.discord.person(BOB, name="bob", roles=("500000000000000001",))
    await bob.press(await stage.card("Allow"), "Allow")
    click = app.clicks[0]
    assert [role.id for role in click.user.roles[1:]] == [500000000000000001]
    assert (click.permissions.manage_messages, click.permissions.send_messages) == (True, False)
    assert click.message.id == int(stage.discord.messages(OPS)[0].id)


async def test_a_click_in_a_direct_message_has_a_user_and_no_roles(stage: Stage, app: App) -> None:
    await (await app.fetch_user(int(ANN))).send("Deploy?", view=view("Allow"))
    await stage.ann.press(stage.discord.dms(ANN)[0], "Allow")
    payload = stage.discord.interactions[0].payload
    assert isinstance(app.clicks[0].user, discord.User)
    assert (payload["context"], payload["user"]["id"], "member" in payload) == (1, ANN, False)


async def test_nobody_answers_and_the_person_sees_a_failure(stage: Stage, app: App) -> None:
    seen = await stage.pressed("Allow", press="Allow")
    with pytest.raises(discord.NotFound) as caught:
        await app.clicks[0].response.defer()
    assert (seen.acked, seen.trouble) == (False, "This interaction failed")
    assert caught.value.code == 10062


async def test_an_answer_after_three_seconds_by_the_clock_is_too_late(stage: Stage, app: App) -> None:
    codes: list[int] = []

    async def dawdle(i: Any) -> None:
        stage.clock.now += 3.1
        try:
            await i.response.defer()
        except discord.NotFound as error:
            codes.append(error.code)

    app.answer = dawdle
    assert not (await stage.pressed("Allow", press="Allow")).acked
    assert codes == [10062]


async def test_a_second_first_answer_is_refused(stage: Stage, app: App) -> None:
    async def defer(i: Any) -> None:
        await i.response.defer()

    app.answer = defer
    seen = await stage.pressed("Allow", press="Allow")
    made = seen.interactions[0]
    status, answer = await stage.call("POST", f"/interactions/{made.id}/{made.token}/callback", {"type": 6})
    assert (status, answer["code"]) == (400, 40060)


async def test_a_token_dies_after_fifteen_minutes_and_the_bot_can_still_edit(stage: Stage, app: App) -> None:
    async def later(i: Any) -> None:
        await i.response.send_message("Working on it")

    app.answer = later
    await stage.pressed("Allow", press="Allow")
    click = app.clicks[0]
    await click.edit_original_response(content="Half way")
    stage.clock.now += 901
    with pytest.raises(discord.HTTPException) as caught:
        await click.edit_original_response(content="Done")
    answered = stage.discord.messages(OPS)[1]
    await app.get_partial_messageable(int(OPS)).get_partial_message(int(answered.id)).edit(content="Done")
    assert (caught.value.status, caught.value.code) == (401, 50027)
    assert stage.seen(answered.id).content == "Done"


async def test_a_deferred_answer_is_filled_by_the_first_follow_up(stage: Stage, app: App) -> None:
    async def later(i: Any) -> None:
        await i.response.defer(ephemeral=True, thinking=True)
        await i.followup.send("Here it is")

    app.answer = later
    seen = await stage.pressed("Allow", press="Allow")
    await stage.discord.until(lambda: seen.ephemerals[0].content)
    assert [(m.content, m.flags & 128) for m in seen.ephemerals] == [("Here it is", 0)]
    assert len(stage.discord.messages(OPS)) == 1


async def test_an_ephemeral_answer_has_buttons_of_its_own_and_is_out_of_the_bots_reach(stage: Stage, app: App) -> None:
    async def ask_again(i: Any) -> None:
        if i.data["custom_id"] == "allow":
            await i.response.send_message("Sure?", view=view("Yes"), ephemeral=True)
        else:
            await i.response.edit_message(content="Fine", view=None)

    app.answer = ask_again
    hidden = (await stage.pressed("Allow", press="Allow")).ephemerals[0]
    with pytest.raises(LookupError, match="cannot see"):
        await stage.discord.person(BOB, name="bob").press(hidden, "Yes")
    status, _ = await stage.call("GET", f"/channels/{OPS}/messages/{hidden.id}")
    await stage.ann.press(hidden, "Yes")
    assert status == 404
    assert [(m.content, m.components) for m in stage.discord.ephemerals(ANN)] == [("Fine", ())]


async def test_a_double_click_arrives_twice_and_a_repeated_delivery_has_the_same_id(stage: Stage, app: App) -> None:
    async def defer(i: Any) -> None:
        await i.response.defer()

    app.answer = defer
    seen = await stage.ann.press(await stage.card("Allow"), "Allow", times=2)
    assert len({click.id for click in app.clicks}) == 2
    app.answer = None
    await stage.discord.redeliver(seen.interactions[0])
    await stage.discord.until(lambda: len(app.clicks) == 3)
    assert app.clicks[2].id == app.clicks[0].id


async def test_what_is_missing_greyed_out_or_gone_cannot_be_pressed(stage: Stage, app: App) -> None:
    message = await stage.post(components=[row(button("Allow", disabled=True), button("Deny"))])
    for words in ("Allow", "Approve"):
        with pytest.raises(LookupError, match="on the screen"):
            await stage.ann.press(message, words)
    await stage.call("PATCH", f"/channels/{OPS}/messages/{message.id}", {"content": "Decided", "components": []})
    seen = await stage.ann.press(message, "Deny")
    assert (seen.trouble, seen.interactions, app.clicks) == ("This interaction failed", (), [])


async def test_a_select_sends_the_values_behind_the_words(stage: Stage, app: App) -> None:
    options = [{"label": word, "value": word.lower()} for word in ("Red", "Green", "Blue")]
    menu = {"type": 3, "custom_id": "colour", "options": options, "min_values": 1, "max_values": 2}
    people = {"type": 5, "custom_id": "who", "placeholder": "Who?"}
    message = await stage.post(components=[row(menu), row(people)])
    await stage.ann.choose(message, "Red", "Blue")
    await stage.ann.choose(message, ANN, label="Who?")
    with pytest.raises(LookupError, match="between 1 and 2"):
        await stage.ann.choose(message, "Red", "Green", "Blue")
    assert [click.data["values"] for click in app.clicks] == [["red", "blue"], [ANN]]
    assert app.clicks[1].data["resolved"]["users"][ANN]["username"] == "ann"


async def test_a_modal_is_filled_in_checked_and_submitted(stage: Stage, app: App) -> None:
    async def answer(i: Any) -> None:
        if i.type is discord.InteractionType.modal_submit:
            await i.response.send_message("Thanks", ephemeral=True)
        else:
            await i.response.send_modal(form())

    app.answer = answer
    modal = (await stage.pressed("Deny", press="Deny")).modals[0]
    assert stage.discord.visible_text(modal).splitlines()[:3] == ["Deny", "Why", "Please explain"]
    assert stage.discord.controls(modal) == ["Why", "Size", "Small", "Large", "Tell", "Ann", "Bob", "Sure", "Team"]
    early = await stage.ann.submit(modal)
    await stage.ann.fill(modal, {"Why": "No <b>", "Size": "Large", "Tell": ["Bob"], "Sure": True, "Team": "A"})
    seen = await stage.ann.submit(modal)
    sent: Json = {p["component"]["custom_id"]: p["component"] for p in app.clicks[1].data["components"]}
    assert early.errors == {"Why": "This field is required", "Size": "This field is required"}
    assert [sent[name].get("value", sent[name].get("values")) for name in ("why", "size", "tell", "sure", "team")] == [
        "No <b>", "l", ["b"], True, ["a"]
    ]  # fmt: skip
    assert [hidden.content for hidden in seen.ephemerals] == ["Thanks"]
    assert (stage.discord.modal(ANN), stage.discord.refusals) == (None, [])


async def test_a_modal_nobody_takes_stays_open_and_a_closed_one_is_not_reported(stage: Stage, app: App) -> None:
    async def show(i: Any) -> None:
        if i.type is discord.InteractionType.component:
            await i.response.send_modal(discord.ui.Modal(title="Deny", custom_id="f").add_item(why()))

    app.answer = show
    modal = (await stage.pressed("Deny", press="Deny")).modals[0]
    await stage.ann.fill(modal, {"Why": "x"})
    lost = await stage.ann.submit(modal)
    assert (lost.trouble[:5], stage.ann.modal) == ("Somet", modal)
    await stage.ann.close(modal)
    with pytest.raises(LookupError, match="no modal"):
        _ = stage.ann.modal
    assert len(app.clicks) == 2


async def test_a_modal_cannot_answer_a_modal(stage: Stage, app: App) -> None:
    codes: list[int] = []

    async def again(i: Any) -> None:
        try:
            await i.response.send_modal(discord.ui.Modal(title="Deny", custom_id="f").add_item(why()))
        except discord.HTTPException as error:
            codes.append(error.code)

    app.answer = again
    modal = (await stage.pressed("Deny", press="Deny")).modals[0]
    await stage.ann.fill(modal, {"Why": "x"})
    await stage.ann.submit(modal)
    assert codes == [50035]


def view(*labels: str) -> Any:
    made = discord.ui.View(timeout=None)
    for words in labels:
        made.add_item(discord.ui.Button(label=words, custom_id=words.lower()))
    made.stop()
    return made


def why() -> Any:
    return discord.ui.Label(text="Why", description="Please explain", component=discord.ui.TextInput(custom_id="why"))


def form() -> Any:
    ui = discord.ui
    sizes = [discord.RadioGroupOption(label=word, value=word[0].lower()) for word in ("Small", "Large")]
    names = [discord.CheckboxGroupOption(label=word, value=word[0].lower()) for word in ("Ann", "Bob")]
    teams = [discord.SelectOption(label="A", value="a")]
    made: Any = ui.Modal(title="Deny", custom_id="deny-form").add_item(why())
    made.add_item(ui.Label(text="Size", component=ui.RadioGroup(custom_id="size", options=sizes)))
    boxes: Any = ui.CheckboxGroup(custom_id="tell", options=names, required=False, min_values=0)
    made.add_item(ui.Label(text="Tell", component=boxes))
    made.add_item(ui.Label(text="Sure", component=ui.Checkbox(custom_id="sure")))
    menu: Any = ui.Select(custom_id="team", options=teams, required=False, min_values=0)
    return made.add_item(ui.Label(text="Team", component=menu))
