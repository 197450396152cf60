"""Permissions, threads, files, nonces and faults of the fake Discord's REST API, raw and by the real discord.py."""

import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest

from tests.fakes.discord import permissions as may
from tests.fakes.discord import spec
from tests.fakes.discord import stage as discord_stage
from tests.fakes.discord.errors import Json
from tests.fakes.discord.stage import ANN, BOB, OPS, App, Stage, button, row
from tests.fakes.discord.world import BOT, FORUM

NOWHERE, FORUM_ID, ROLE = "200000000000000099", "200000000000000005", "500000000000000001"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with discord_stage.stage() as made:
        yield made


@pytest.fixture
async def app(stage: Stage) -> AsyncIterator[App]:
    async with stage.connected() as client:
        yield client


async def code(stage: Stage, method: str, path: str, body: Any = None) -> tuple[int, int]:
    status, answer = await stage.call(method, path, body)
    return status, answer["code"] if status >= 400 else 0


@pytest.mark.parametrize(
    ("denied", "body", "expected"),
    [
        (may.VIEW, {"content": "x"}, (403, 50001)),
        (may.SEND, {"content": "x"}, (403, 50013)),
        (may.EMBED_LINKS, {"embeds": [{"title": "x"}]}, (403, 50013)),
        (may.EMBED_LINKS, {"content": "x"}, (200, 0)),
        (may.READ_HISTORY, {"content": "x", "message_reference": {"message_id": "1"}}, (403, 160002)),
    ],
)
async def test_a_missing_permission_refuses_what_needs_it(
    stage: Stage, denied: int, body: Json, expected: tuple[int, int]
) -> None:
    stage.discord.overwrite(OPS, BOT, deny=denied)
    assert await code(stage, "POST", f"/channels/{OPS}/messages", body) == expected


async def test_overwrites_of_a_member_beat_those_of_roles(stage: Stage) -> None:
    stage.discord.overwrite(OPS, stage.discord.bot_role_id, deny=may.SEND)
    assert await code(stage, "POST", f"/channels/{OPS}/messages", {"content": "x"}) == (403, 50013)
    stage.discord.overwrite(OPS, BOT, allow=may.SEND)
    assert await code(stage, "POST", f"/channels/{OPS}/messages", {"content": "x"}) == (200, 0)


async def test_what_does_not_exist_is_named(stage: Stage) -> None:
    assert await code(stage, "POST", f"/channels/{NOWHERE}/messages", {"content": "x"}) == (404, 10003)
    assert await code(stage, "GET", f"/channels/{OPS}/messages/1") == (404, 10008)
    assert await code(stage, "GET", f"/guilds/{stage.discord.guild_id}/members/1") == (404, 10013)
    assert await code(stage, "POST", "/users/@me/channels", {"recipient_id": "1"}) == (400, 50033)
    assert await code(stage, "POST", f"/webhooks/{stage.discord.application_id}/none", {"content": "x"}) == (404, 10015)
    assert await code(stage, "POST", "/interactions/1/none/callback", {"type": 6}) == (404, 10062)
    assert await code(stage, "GET", "/nowhere") == (404, 0)
    assert (await stage.call("GET", "/users/@me", token=False))[0] == 401


async def test_only_own_messages_can_be_changed(stage: Stage) -> None:
    said = await stage.ann.say(OPS, "mine")
    path = f"/channels/{OPS}/messages/{said.id}"
    assert await code(stage, "PATCH", path, {"content": "yours"}) == (403, 50005)
    assert await code(stage, "DELETE", path) == (403, 50013)
    stage.discord.role(ROLE, name="moderators", permissions=may.MANAGE_MESSAGES)
    await stage.discord.person(BOB, name="bob", roles=(ROLE,)).delete(said)
    assert await code(stage, "GET", path) == (404, 10008)


async def test_the_same_enforced_nonce_gives_the_same_message_for_a_while(stage: Stage, app: App) -> None:
    channel = app.get_partial_messageable(int(OPS))
    first, again = [await channel.send(words, nonce="request-1") for words in ("one", "two")]
    stage.clock.now += 301
    later = await channel.send("three", nonce="request-1")
    assert (first.id, again.content) == (again.id, "one")
    assert later.id != first.id


async def test_an_answer_lost_after_the_commit_can_be_asked_for_again(stage: Stage, app: App) -> None:
    stage.discord.fail_next("create_message", "lost")
    channel = app.get_partial_messageable(int(OPS))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await channel.send("once", nonce="request-1")
    await channel.send("once", nonce="request-1")
    assert [message.content for message in stage.discord.messages(OPS)] == ["once"]


async def test_rates_are_counted_and_more_is_answered_429(stage: Stage) -> None:
    stage.discord.rates["create_message"] = (2, 5.0)
    path = f"{stage.discord.api_url}/channels/{OPS}/messages"
    token = {"Authorization": f"Bot {stage.discord.bot_token}"}
    found = [await stage.http.post(path, json={"content": "x"}, headers=token) for _ in range(3)]
    heads = [(response.status, response.headers["X-RateLimit-Remaining"]) for response in found]
    assert heads == [(200, "1"), (200, "0"), (429, "0")]
    assert (found[2].headers["X-RateLimit-Scope"], found[2].headers["Via"]) == ("user", "1.1 google")
    assert await found[2].json() == {"message": "You are being rate limited.", "retry_after": 5.0, "global": False}
    stage.clock.now += 5
    assert await code(stage, "POST", f"/channels/{OPS}/messages", {"content": "x"}) == (200, 0)


@pytest.mark.parametrize("how", ["429", "429 shared", "429 global", "reset", "500"])
async def test_calls_fail_on_demand_and_then_work_again(stage: Stage, how: str) -> None:
    stage.discord.fail_next("create_message", how, retry_after=0.25)
    try:
        status, answer = await stage.call("POST", f"/channels/{OPS}/messages", {"content": "x"})
    except aiohttp.ServerDisconnectedError:
        assert how == "reset"
    else:
        assert str(status) == how[:3]
        assert answer.get("global", False) == (how == "429 global")
    assert await code(stage, "POST", f"/channels/{OPS}/messages", {"content": "x"}) == (200, 0)
    assert len(stage.discord.messages(OPS)) == 1


async def test_discord_py_waits_for_a_429_but_takes_one_without_via_for_a_ban(stage: Stage, app: App) -> None:
    channel = app.get_partial_messageable(int(OPS))
    stage.discord.fail_next("create_message", "429", retry_after=0.01)
    await channel.send("waited")
    stage.discord.fail_next("create_message", "429 cloudflare")
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send("banned")
    stage.discord.fail_next("create_message", "50013")
    with pytest.raises(discord.Forbidden):
        await channel.send("forbidden")
    assert caught.value.status == 429
    assert [message.content for message in stage.discord.messages(OPS)] == ["waited"]


async def test_a_fault_for_a_route_that_is_not_there_is_an_error(stage: Stage) -> None:
    with pytest.raises(LookupError, match="create_message"):
        stage.discord.fail_next("post_message", "500")


async def test_a_message_has_one_thread_with_its_own_id(stage: Stage, app: App) -> None:
    message = await stage.post(content="Deploy?")
    partial = app.get_partial_messageable(int(OPS), guild_id=int(stage.discord.guild_id)).get_partial_message(
        int(message.id)
    )
    thread = await partial.create_thread(name="Details", auto_archive_duration=10080)
    with pytest.raises(discord.HTTPException) as caught:
        await partial.create_thread(name="Again")
    await thread.send("Here")
    await stage.ann.say(str(thread.id), "Thanks")
    await stage.discord.until(lambda: app.said)
    assert (thread.id, caught.value.code) == (int(message.id), 160004)
    assert [m.content for m in stage.discord.messages(str(thread.id))] == ["Here", "Thanks"]
    assert app.said[0].channel.id == thread.id


async def test_threads_are_private_by_default_and_people_must_be_let_in(stage: Stage) -> None:
    path = f"/channels/{OPS}/threads"
    made = (await stage.call("POST", path, {"name": "Quiet"}))[1]
    assert made["type"] == 12
    with pytest.raises(LookupError, match="may not write"):
        await stage.ann.say(made["id"], "hello")
    assert await code(stage, "PUT", f"/channels/{made['id']}/thread-members/{ANN}") == (204, 0)
    await stage.ann.say(made["id"], "hello")
    assert await code(stage, "POST", path, {"name": "x" * 101}) == (400, 50035)
    assert await code(stage, "POST", path, {"name": "x", "auto_archive_duration": 5}) == (400, 50035)
    assert await code(stage, "POST", f"/channels/{made['id']}/threads", {"name": "x"}) == (403, 50024)
    stage.discord.overwrite(OPS, BOT, deny=may.SEND_IN_THREADS)
    assert await code(stage, "POST", f"/channels/{made['id']}/messages", {"content": "x"}) == (403, 50013)


async def test_an_archived_thread_sleeps_until_somebody_writes(stage: Stage) -> None:
    made = (await stage.call("POST", f"/channels/{OPS}/threads", {"name": "x", "type": 11}))[1]
    path = f"/channels/{made['id']}"
    card = (await stage.call("POST", f"{path}/messages", {"components": [row(button("Go"))]}))[1]
    await stage.ann.archive(made["id"])
    message = f"{path}/messages/{card['id']}"
    assert (await stage.ann.press(stage.seen(card["id"]), "Go")).trouble == "This interaction failed"
    assert await code(stage, "PATCH", message, {"content": "x"}) == (400, 50083)
    assert await code(stage, "PUT", f"{message}/reactions/👍/@me") == (400, 50083)
    assert await code(stage, "PUT", f"{path}/thread-members/{ANN}") == (400, 50083)
    assert await code(stage, "POST", f"{path}/messages", {"content": "wake up"}) == (200, 0)
    assert await code(stage, "PATCH", message, {"content": "x"}) == (200, 0)
    assert await code(stage, "PATCH", path, {"archived": True}) == (200, 0)
    assert await code(stage, "PATCH", path, {"name": "y"}) == (400, 50083)
    assert await code(stage, "PATCH", path, {"archived": False, "name": "y"}) == (200, 0)


async def test_a_locked_thread_stays_shut_without_the_permission(stage: Stage) -> None:
    made = (await stage.call("POST", f"/channels/{OPS}/threads", {"name": "x", "type": 11}))[1]
    await stage.ann.archive(made["id"], lock=True)
    with pytest.raises(LookupError, match="locked"):
        await stage.ann.say(made["id"], "hello")
    assert await code(stage, "POST", f"/channels/{made['id']}/messages", {"content": "x"}) == (403, 50013)
    stage.discord.overwrite(OPS, BOT, allow=may.MANAGE_THREADS)
    assert await code(stage, "POST", f"/channels/{made['id']}/messages", {"content": "x"}) == (200, 0)


async def test_a_forum_takes_posts_and_may_ask_for_a_tag(stage: Stage) -> None:
    stage.discord.channel(FORUM_ID, name="forum", type=FORUM, tag_required=True)
    path, post = f"/channels/{FORUM_ID}/threads", {"name": "Deploy?", "message": {"content": "now"}}
    assert await code(stage, "POST", path, post) == (400, 40067)
    status, answer = await stage.call("POST", path, {**post, "applied_tags": ["1"]})
    assert (status, answer["message"]["content"]) == (201, "now")
    assert await code(stage, "POST", f"/channels/{FORUM_ID}/messages", {"content": "x"}) == (403, 50024)


async def test_files_arrive_and_can_be_shown_by_a_card(stage: Stage, app: App) -> None:
    view: Any = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay("See the file")).add_item(discord.ui.File("attachment://full.txt"))
    view.stop()
    file = discord.File(io.BytesIO(b"all of it"), "full.txt")
    sent = await app.get_partial_messageable(int(OPS)).send(view=view, file=file)
    message = stage.discord.messages(OPS)[0]
    assert stage.discord.attached(message) == {"full.txt": b"all of it"}
    assert stage.discord.visible_text(message) == "See the file\nfull.txt"
    async with stage.http.get(message.components[1]["file"]["url"]) as response:
        assert await response.read() == b"all of it"
    await sent.edit(view=view)
    assert stage.discord.attached(stage.discord.messages(OPS)[0]) == {"full.txt": b"all of it"}
    large = discord.File(io.BytesIO(b"x" * (10 * 1024 * 1024 + 1)), "large.bin")
    with pytest.raises(discord.HTTPException) as caught:
        await app.get_partial_messageable(int(OPS)).send(file=large)
    assert (caught.value.status, caught.value.code) == (413, 40005)


async def test_direct_messages_can_be_closed(stage: Stage, app: App) -> None:
    stage.discord.person(ANN, name="ann", dms_open=False)
    with pytest.raises(discord.Forbidden) as caught:
        await (await app.fetch_user(int(ANN))).send("hello")
    assert caught.value.code == 50007


async def test_pages_of_messages_come_newest_first(stage: Stage) -> None:
    for words in "abcd":
        await stage.post(content=words)
    first = stage.discord.messages(OPS)[0].id
    path = f"/channels/{OPS}/messages"
    pages = [(await stage.call("GET", path + query))[1] for query in ("?limit=2", f"?after={first}&limit=2")]
    assert [[m["content"] for m in page] for page in pages] == [["d", "c"], ["c", "b"]]
    assert await code(stage, "GET", path + "?limit=101") == (400, 50035)


async def test_reactions_are_counted_and_limited(stage: Stage) -> None:
    message = await stage.post(content="x")
    path = f"/channels/{OPS}/messages/{message.id}/reactions/"
    marks = [chr(0x1F600 + n) for n in range(21)]
    codes = [await code(stage, "PUT", f"{path}{mark}/@me") for mark in marks]
    assert codes == [(204, 0)] * 20 + [(400, 30010)]
    assert await code(stage, "PUT", f"{path}x/@me") == (400, 10014)
    assert await code(stage, "DELETE", f"{path}{marks[0]}/@me") == (204, 0)
    shown = (await stage.call("GET", f"/channels/{OPS}/messages/{message.id}"))[1]
    assert len(shown["reactions"]) == 19


async def test_what_the_fake_says_is_what_discords_own_description_says(stage: Stage) -> None:
    question = await stage.post(content=f"<@{ANN}> which?", embeds=[{"title": "x"}])
    await stage.ann.reply(question, "that one")
    await stage.card("Allow")
    await stage.call("POST", f"/channels/{OPS}/messages/{question.id}/threads", {"name": "Details"})
    messages = (await stage.call("GET", f"/channels/{OPS}/messages"))[1]
    thread = (await stage.call("GET", f"/channels/{question.id}"))[1]
    member = (await stage.call("GET", f"/guilds/{stage.discord.guild_id}/members/{ANN}"))[1]
    problems = [spec.problems_of("MessageResponse", message) for message in messages]
    problems += [
        spec.problems_of("ThreadResponse", thread),
        spec.problems_of("GuildMemberResponse", member),
    ]
    assert problems == [[]] * 5


async def test_a_body_against_discords_own_description_is_found_where_the_description_is_at_hand() -> None:
    forgotten: Json = {"type": 4, "data": {"content": "x" * 2001}}
    assert spec.problems_of_request("create_interaction_response", {"type": 6}) == []
    found = spec.problems_of_request("create_interaction_response", forgotten)
    assert bool(found) == spec.at_hand()


async def test_what_our_rules_take_and_the_description_does_not_is_on_record(stage: Stage) -> None:
    await stage.post(content="x", sticker_ids="x")
    assert [name for name, _ in stage.discord.refusals] == ["create_message"] * spec.at_hand()
