"""Sessions, replay, intents and faults of the fake Discord's gateway, against the real discord.py and raw sockets."""

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest

from tests.fakes.discord import stage as discord_stage
from tests.fakes.discord.gateway import RESUME
from tests.fakes.discord.payloads import MESSAGE_CONTENT
from tests.fakes.discord.stage import ANN, INTENTS, OPS, App, Stage
from tests.fakes.discord.world import BOT


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with discord_stage.stage() as made:
        yield made


@pytest.fixture
async def app(stage: Stage) -> AsyncIterator[App]:
    async with stage.connected() as client:
        yield client


async def ack(i: Any) -> None:
    await i.response.defer()


async def resumed(stage: Stage, times: int = 1) -> None:
    gateway = stage.discord.gateway
    await stage.discord.until(
        lambda: len(gateway.resumes) == times and any(s.connection for s in gateway.sessions.values())
    )


async def test_a_click_made_while_the_connection_is_down_is_replayed(stage: Stage, app: App) -> None:
    app.answer = ack
    message = await stage.card("Allow")
    stage.discord.gateway.drop()
    seen = await stage.ann.press(message, "Allow")
    assert seen.acked
    assert len(stage.discord.gateway.identifies) == len(stage.discord.gateway.resumes) == 1


@pytest.mark.parametrize("code", [1000, 1001, 4000, 4009])
async def test_a_closed_connection_is_resumed(stage: Stage, app: App, code: int) -> None:
    await stage.discord.gateway.close(code)
    await resumed(stage)
    app.answer = ack
    assert (await stage.pressed("Allow", press="Allow")).acked


async def test_a_client_that_is_asked_to_reconnect_resumes(stage: Stage, app: App) -> None:
    stage.discord.gateway.reconnect()
    await resumed(stage)
    assert len(stage.discord.gateway.identifies) == 1


async def test_clicks_are_lost_with_the_session(stage: Stage, app: App) -> None:
    message = await stage.card("Allow")
    stage.discord.gateway.forget()
    seen = await stage.ann.press(message, "Allow")
    assert seen.trouble == "This interaction failed"
    assert app.clicks == []


async def test_a_session_given_up_by_its_client_cannot_be_resumed(stage: Stage) -> None:
    async with socket(stage) as raw:
        await raw.send_json({"op": 2, "d": {"token": stage.discord.bot_token, "intents": 1}})
        await stage.discord.until(lambda: stage.discord.gateway.sessions)
        session = next(iter(stage.discord.gateway.sessions))
    await stage.discord.until(lambda: not stage.discord.gateway.sessions)
    async with socket(stage) as raw:
        await raw.send_json({"op": 6, "d": {"token": stage.discord.bot_token, "session_id": session, "seq": 1}})
        assert [(await raw.receive_json())["op"] for _ in range(2)] == [10, 9]


async def test_a_wrong_token_and_intents_not_enabled_close_for_good(stage: Stage) -> None:
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with App(stage.discord.world.changed, INTENTS | MESSAGE_CONTENT) as app:
            await app.start(stage.discord.bot_token)
    with pytest.raises(discord.LoginFailure):
        async with App(stage.discord.world.changed, INTENTS) as app:
            await app.start("wrong")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (["no json"], 4002),
        (['{"op": 99}'], 4001),
        (['{"op": 3, "d": {}}'], 4003),
        (['{"op": 2, "d": {"token": "wrong", "intents": 1}}'], 4004),
        (['{"op": 2, "d": {"token": "fake.bot.token", "intents": -1}}'], 4013),
        (['{"op": 2, "d": {"token": "fake.bot.token", "intents": 32768}}'], 4014),
        (['{"op": 2, "d": {"token": "fake.bot.token", "intents": 1}}'] * 2, 4005),
        (['{"op": 1, "d": null}'] * 121, 4008),
        ([json.dumps({"op": 1, "d": "x" * 4096})], 4002),
    ],
)
async def test_a_client_that_breaks_the_rules_is_told_by_a_close_code(
    stage: Stage, frames: list[str], code: int
) -> None:
    async with socket(stage) as raw:
        for frame in frames:
            await raw.send_str(frame)
        async for _ in raw:
            pass
        assert raw.close_code == code


async def test_a_session_cannot_be_resumed_ahead_of_itself(stage: Stage, app: App) -> None:
    session = next(iter(stage.discord.gateway.sessions))
    async with socket(stage) as raw:
        await raw.send_json({"op": 6, "d": {"token": stage.discord.bot_token, "session_id": session, "seq": 999}})
        async for _ in raw:
            pass
        assert raw.close_code == 4007


async def test_a_compressed_stream_is_one_stream(stage: Stage) -> None:
    async with socket(stage, "compress=zlib-stream") as raw:
        await raw.send_json({"op": 2, "d": {"token": stage.discord.bot_token, "intents": INTENTS}})
        unpack = zlib.decompressobj()
        frames = [json.loads(unpack.decompress((await raw.receive()).data)) for _ in range(3)]
    assert [frame["t"] for frame in frames] == [None, "READY", "GUILD_CREATE"]


async def test_a_shut_door_and_a_silent_gateway_are_on_offer(stage: Stage) -> None:
    stage.discord.gateway.shut.add(RESUME)
    url = stage.discord.gateway_url.replace("gateway/", "gateway/resume/")
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        await stage.http.ws_connect(url)
    stage.discord.gateway.silent = True
    async with socket(stage) as raw:
        await raw.send_json({"op": 1, "d": None})
        await stage.discord.until(lambda: stage.discord.gateway.open[0].sends)
        stage.discord.gateway.silent = False
        await raw.send_json({"op": 1, "d": None})
        assert (await raw.receive_json())["op"] == 11


async def test_events_can_be_held_back_doubled_and_turned_round(stage: Stage, app: App) -> None:
    stage.discord.gateway.twice.add("MESSAGE_CREATE")
    stage.discord.gateway.hold()
    for words in ("first", "second"):
        await stage.ann.dm(words)
    assert app.said == []
    stage.discord.gateway.release(backwards=True)
    await stage.discord.until(lambda: len(app.said) == 4)
    assert [message.content for message in app.said] == ["second", "second", "first", "first"]


async def test_a_click_that_arrives_late_can_no_longer_be_acked(stage: Stage, app: App) -> None:
    stage.discord.gateway.hold()
    seen = await stage.pressed("Allow", press="Allow")
    stage.discord.gateway.release()
    await stage.discord.until(lambda: app.clicks)
    with pytest.raises(discord.NotFound):
        await app.clicks[0].response.defer()
    assert not seen.acked


async def test_content_is_blank_without_the_intent_except_where_the_app_is_meant(stage: Stage, app: App) -> None:
    question, plain = await stage.post(content="Which?"), await stage.post(content="fyi")
    await stage.ann.say(OPS, "not for the app")
    await stage.ann.say(OPS, f"<@{BOT}> named")
    await stage.ann.reply(question, "replied")
    await stage.ann.reply(plain, "without a ping", ping=False)
    await stage.ann.dm("directly")
    await stage.discord.until(lambda: len(app.said) == 5)
    assert [m.content for m in app.said] == ["", f"<@{BOT}> named", "replied", "", "directly"]
    listed = (await stage.call("GET", f"/channels/{OPS}/messages?limit=4"))[1]
    assert [m["content"] for m in listed] == ["", "replied", f"<@{BOT}> named", ""]
    assert isinstance(app.said[0].author, discord.Member)


async def test_a_reply_to_the_answer_of_an_interaction_is_blank(stage: Stage, app: App) -> None:
    async def ask(i: Any) -> None:
        await i.response.send_message("Which?")

    app.answer = ask
    await stage.pressed("Ask", press="Ask")
    await stage.ann.reply(stage.discord.messages(OPS)[-1], "this one")
    await stage.discord.until(lambda: app.said)
    assert app.said[0].content == ""


async def test_content_comes_with_the_intent_and_events_only_with_theirs(stage: Stage) -> None:
    stage.discord.world.privileged = MESSAGE_CONTENT
    async with stage.connected(1 | 1 << 9 | MESSAGE_CONTENT) as app:
        await stage.ann.dm("no intent for this")
        edited = await stage.ann.edit(await stage.ann.say(OPS, "plain"), "plainer")
        await stage.ann.react(edited, "👍")
        await stage.discord.until(lambda: app.said)
        assert [m.content for m in app.said] == ["plain"]
    assert app.reactions == []


async def test_a_reaction_comes_with_the_member_and_stays_to_be_read(stage: Stage, app: App) -> None:
    message = await stage.post(content="Deploy?")
    await stage.ann.react(message, "👍")
    await stage.discord.until(lambda: app.reactions)
    people = (await stage.call("GET", f"/channels/{OPS}/messages/{message.id}/reactions/👍"))[1]
    assert (str(app.reactions[0].emoji), app.reactions[0].member.id) == ("👍", int(ANN))
    assert [person["id"] for person in people] == [ANN]


async def test_what_the_app_cannot_see_it_does_not_hear(stage: Stage, app: App) -> None:
    stage.discord.channel("200000000000000002", name="hidden")
    stage.discord.overwrite("200000000000000002", BOT, deny=1 << 10)
    await stage.ann.say("200000000000000002", f"<@{BOT}> psst")
    await stage.ann.dm("hello")
    await stage.discord.until(lambda: app.said)
    assert [m.content for m in app.said] == ["hello"]


def socket(stage: Stage, query: str = "v=10&encoding=json") -> Any:
    return stage.http.ws_connect(f"{stage.discord.gateway_url}?{query}")
