"""What comes in from Slack: signatures, forms, payloads that make no sense, and what people type."""

import asyncio
import dataclasses
import hashlib
import hmac
import json
import logging
import time
import urllib.parse
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app
from slack_sdk.socket_mode.request import SocketModeRequest

import sayso
from sayso_slack import app, happenings, parse, spoken
from tests.adapters.slack_scene import Scene, scene
from tests.conftest import until
from tests.tables import each

SECRET = "fake-signing-secret"
NOW = 1_800_000_000.0


def signed(body: bytes, at: float = NOW, secret: str = SECRET) -> tuple[str, str]:
    stamp = str(int(at))
    return stamp, "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()


def test_a_signature_counts_for_five_minutes_both_ways() -> None:
    rows: list[tuple[int, bool]] = [(0, True), (300, True), (-300, True), (301, False), (-301, False)]
    for row in each(rows):
        with row as (age, taken):
            assert parse.verify(SECRET, *signed(b"x", NOW - age), b"x", NOW) is taken


STAMP, SIGNATURE = signed(b"x")
FORGED: Mapping[str, tuple[str, str | None, str | None]] = {
    "another secret": (SECRET, *signed(b"x", secret="other")),
    "no secret is set": ("", *signed(b"x", secret="")),
    "no stamp": (SECRET, None, SIGNATURE),
    "no signature": (SECRET, STAMP, None),
    "a word as stamp": (SECRET, "now", SIGNATURE),
    "a fraction as stamp": (SECRET, STAMP + ".0", SIGNATURE),
    "blanks around the stamp": (SECRET, f" {STAMP}", SIGNATURE),
    "a stamp with a line feed": (SECRET, f"{STAMP}\n", SIGNATURE),
    "a stamp in Arabic digits": (SECRET, "١٨٠٠٠٠٠٠٠٠", SIGNATURE),
    "a stamp with underscores": (SECRET, "1_800_000_000", SIGNATURE),
    "a huge stamp": (SECRET, "9" * 400, SIGNATURE),
    "a negative stamp": (SECRET, "-1", SIGNATURE),
    "another version": (SECRET, STAMP, SIGNATURE.replace("v0", "v1")),
    "no version": (SECRET, STAMP, SIGNATURE[3:]),
    "upper case": (SECRET, STAMP, SIGNATURE.upper()),
    "cut": (SECRET, STAMP, SIGNATURE[:-1]),
    "longer": (SECRET, STAMP, SIGNATURE + "0"),
    "a line feed at its end": (SECRET, STAMP, SIGNATURE + "\n"),
    "not ASCII": (SECRET, STAMP, "v0=" + "é" * 64),
    "a lone surrogate": (SECRET, STAMP, "v0=\udc80" + "0" * 63),
    "empty": (SECRET, "", ""),
}


def test_anything_odd_about_a_signature_is_a_no() -> None:
    for row in each(FORGED.values()):
        with row as forged:
            secret, stamp, signature = forged
            assert parse.verify(secret, stamp, signature, b"x", NOW) is False


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "value", "text", "user", "event", "actions", "view"]), inner)
    ),
    max_leaves=10,
)
CLICK: Any = {
    "type": "block_actions",
    "user": {"id": "U1", "team_id": "T1", "username": "ann"},
    "container": {"message_ts": "1.000200", "channel_id": "C1"},
    "actions": [{"type": "button", "action_id": "sayso:submit", "value": "s1.x", "block_id": "b"}],
    "state": {"values": {"f0:1:x": {"sayso:input": {"type": "checkboxes", "selected_options": [{"value": "2"}]}}}},
    "trigger_id": "t",
    "response_url": "https://hooks.slack.com/1",
}
SUBMISSION: Any = {
    "type": "view_submission",
    "user": {"id": "U1"},
    "view": {
        "callback_id": "sayso",
        "private_metadata": '{"token": "s1.x", "channel": "C1", "message": "1.0"}',
        "state": {"values": {"reason": {"sayso:input": {"type": "plain_text_input", "value": "no"}}}},
        "blocks": [{"type": "input", "block_id": "reason"}],
    },
}
REPLY: Any = {
    "type": "event_callback",
    "event_id": "Ev1",
    "event": {"type": "message", "user": "U1", "channel": "C1", "ts": "1.3", "thread_ts": "1.2", "text": "yes"},
}


def test_payloads_become_what_people_did() -> None:
    ann = parse.Who("U1", "T1", "ann")
    spot = parse.Spot("C1", "1.000200")
    assert parse.parse(CLICK) == parse.Click(ann, "s1.x", spot, {"f0": [2]}, "t", "https://hooks.slack.com/1")
    submitted = parse.Submission(parse.Who("U1"), "s1.x", parse.Spot("C1", "1.0"), {"reason": "no"}, ("reason",))
    assert parse.parse(SUBMISSION) == submitted
    assert parse.parse(REPLY) == parse.Reply(parse.Who("U1"), parse.Spot("C1", "1.2"), "1.3", "yes", "Ev1")


def paths(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [*found, *(path for key, value in items for path in paths(value, (*at, key)))]


def changed(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


@given(st.sampled_from([CLICK, SUBMISSION, REPLY]), st.data(), JUNK)
def test_a_payload_with_anything_in_it_never_fails(payload: Any, data: st.DataObject, junk: Any) -> None:
    path = data.draw(st.sampled_from(paths(payload)))
    found = parse.parse(changed(payload, path, junk))
    assert found is None or isinstance(found.who.user, str)


CHANGED: Any = {
    "event": {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C1",
        "message": {**REPLY["event"], "blocks": [{"elements": [{"type": "emoji", "name": "x", "unicode": "1f680"}]}]},
        "previous_message": {"text": "before"},
    }
}
RENAMED: Any = {"event": {"type": "channel_rename", "channel": {"id": "C1", "name": "ops"}}}
GONE: Any = {"event": {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": "1.2"}}


@given(st.sampled_from([CHANGED, RENAMED, GONE, REPLY]), st.data(), JUNK)
def test_what_happens_is_read_whatever_stands_in_it(payload: Any, data: st.DataObject, junk: Any) -> None:
    own = spoken.App("UBOT", "sayso")
    assert happenings.read(payload, own) is not None
    path = data.draw(st.sampled_from(paths(payload)))
    found = happenings.read(changed(payload, path, junk), own)
    if isinstance(found, happenings.Changed):
        found = found.said
    if isinstance(found, parse.Reply):
        spoken.plain(found.written, spoken.Names(emoji=dict(found.emoji)), own)
    assert happenings.read(junk, own) is None


def test_emoji_are_read_from_what_slack_says_of_them() -> None:
    rows: list[tuple[str, str | None]] = [("1f680", "🚀"), ("1f468-200d-1f4bb", "👨‍💻"), ("d83d", None), ("zz", None)]
    for row in each(rows):
        with row as (unicode, sign):
            emoji = {"type": "emoji", "name": "x", "unicode": unicode}
            blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [emoji]}]}]
            found = parse.parse({**REPLY, "event": {**REPLY["event"], "blocks": blocks}})
            assert isinstance(found, parse.Reply)
            assert dict(found.emoji).get("x") == sign


@given(JUNK)
def test_junk_is_nobodys_doing(junk: Any) -> None:
    assert parse.parse(junk) is None


def test_only_words_of_people_in_a_thread_are_replies() -> None:
    rows: list[dict[str, Any]] = [
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"bot_id": "B1"},
        {"hidden": True},
        {"thread_ts": None},
        {"thread_ts": "1.3"},
        {"user": None},
        {"type": "reaction_added"},
    ]
    for row in each(rows):
        with row as change:
            assert parse.parse({**REPLY, "event": {**REPLY["event"], **change}}) is None
            assert parse.parse({**REPLY, "event": {**REPLY["event"], "subtype": "thread_broadcast"}}) is not None


def test_what_a_person_typed_is_read_back() -> None:
    rows: list[tuple[str, str]] = [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("&amp;lt;", "&lt;"),
        ("<https://example.com>", "https://example.com"),
        ("<https://example.com/|example.com>", "example.com"),
        ("<https://evil.example|safe>", "safe (https://evil.example)"),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("<@U1> in <#C1|ops> and <#C2>", "@U1 in #ops and #C2"),
        ("<!here> <!subteam^S1|@ops> <!channel>", "@here @ops @channel"),
        ("1 &lt; 2", "1 < 2"),
        ("  two words \n", "two words"),
    ]
    for row in each(rows):
        with row as (written, typed):
            assert parse.spoken(written) == typed


# Over HTTP


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene("http") as built:
        yield built


class Poster:
    """Somebody who posts to the service."""

    def __init__(self, there: Scene) -> None:
        self._route: Any = there.slack._post.route  # pyright: ignore[reportPrivateUsage]

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | list[tuple[str, str]]) -> int:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        sent = [*form.items(), *(headers.items() if isinstance(headers, Mapping) else headers)]
        async with self._route._session.post(self._route._base + path, data=body, headers=sent) as answer:
            return int(answer.status)

    async def signed(self, path: str, body: bytes) -> int:
        stamp, signature = signed(body, time.time())
        return await self.post(path, body, {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature})


def form(payload: str) -> bytes:
    return urllib.parse.urlencode({"payload": payload}).encode()


async def test_an_unsigned_click_changes_nothing(there: Scene) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}))
    ann = there.slack.person("U1", name="ann")
    seen = await ann.press(there.card, "Deny with reason…")
    (actions,) = [block for block in there.card.blocks if block["type"] == "actions"]
    payload = {**seen.deliveries[0].payload, "actions": [{**actions["elements"][0], "block_id": "x"}]}
    body, poster = form(json.dumps(payload)), Poster(there)
    stamp, signature = signed(body, time.time())
    good = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
    assert await poster.post("/slack/interactions", body, {}) == 401
    assert await poster.post("/slack/interactions", body, {**good, "X-Slack-Signature": signature[:-1] + "g"}) == 401
    assert await poster.post("/slack/interactions", body, [*good.items(), *good.items()]) == 401
    assert await poster.post("/slack/interactions", body + b"&x=1", good) == 401
    old = signed(body, time.time() - 301)
    stale = {"X-Slack-Request-Timestamp": old[0], "X-Slack-Signature": old[1]}
    assert await poster.post("/slack/interactions", body, stale) == 401
    assert (await there.front.get(ticket.id)).decision is None
    assert await poster.post("/slack/interactions", body, good) == 200
    assert await poster.post("/slack/interactions", body, good) == 200
    assert len((await there.front.get(ticket.id)).answers) == 1


BODIES = {
    "empty": b"",
    "not a form": b"\xff\x00",
    "no payload": b"x=1",
    "no JSON": form("{"),
    "a list": form("[]"),
    "null": form("null"),
    "deep": form("[" * 50_000),
    "an empty object": form("{}"),
    "no actions": form('{"type": "block_actions", "user": {"id": "U1"}}'),
    "empty actions": form('{"type": "block_actions", "user": {"id": "U1"}, "actions": []}'),
    "wrong types": form('{"type": "view_submission", "user": 1, "view": [], "team": 5}'),
    "a lone surrogate": form('{"type": "block_actions", "user": {"id": "\\ud800"}, "actions": [{"action_id": "x"}]}'),
    "not UTF-8": b"payload=%FF%FE",
}


async def test_a_signed_body_that_makes_no_sense_is_refused_and_breaks_nothing(there: Scene) -> None:
    for row in each(BODIES.values()):
        with row as body:
            for path in ("/slack/interactions", "/slack/events"):
                assert 200 <= await Poster(there).signed(path, body) < 500


# what Bolt stumbles over, each in another place of its own
UNREADABLE: Any = [
    {**REPLY, "event": []},
    {**REPLY, "event": None},
    {**REPLY, "event": {"type": []}},
    {**REPLY, "authorizations": 5},
    {**REPLY, "authorizations": [None]},
    {**CLICK, "user": 5},
    {**CLICK, "actions": None},
    {**CLICK, "actions": []},
    {**CLICK, "actions": [{"action_id": 5}]},
    {**SUBMISSION, "view": 5},
    {"type": "shortcut", "callback_id": 5},
    {"command": 5},
]


@pytest.fixture(params=["http", "sockets"])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with scene(request.param) as built:
        yield built


async def test_what_slack_would_not_send_is_a_line_in_the_log_without_its_content_or_a_trace(
    either: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    for payload in UNREADABLE:
        if either.transport == "http":
            assert await Poster(either).signed("/slack/events", json.dumps(payload).encode()) == 400
        else:
            await either.slack.sockets.open[0].send_json({"type": "x", "envelope_id": "e", "payload": payload})
    await until(lambda: len(caplog.records) >= len(UNREADABLE))
    assert {(one.levelname, one.message, one.exc_info) for one in caplog.records} == {
        ("WARNING", "payload of another shape than Slack's refused", None)
    }


@pytest.mark.parametrize(("age", "secret", "hint"), [(0, "wrong", "SLACK_SIGNING_SECRET"), (900, None, "clock")])
async def test_the_log_says_once_why_posts_are_not_let_in(
    there: Scene, caplog: pytest.LogCaptureFixture, age: float, secret: str | None, hint: str
) -> None:
    poster = Poster(there)
    for _ in range(2):
        stamp, signature = signed(b"{}", time.time() - age)
        if secret:
            signature = f"v0={hmac.digest(secret.encode(), f'v0:{stamp}:{{}}'.encode(), 'sha256').hex()}"
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
        assert await poster.post("/slack/events", b"{}", headers) == 401
    (record,) = [one for one in caplog.records if one.message == "a post was not signed by its platform"]
    assert hint in vars(record)["hint"]


async def test_slack_can_check_the_address_for_events(there: Scene) -> None:
    done = await there.slack.verify_url()
    assert (done.acked, done.answer) == (True, {"challenge": "knock-knock"})


async def test_events_nobody_asked_for_are_received_and_ignored(there: Scene) -> None:
    for kind in ("app_home_opened", "tokens_revoked", "channel_rename", "reaction_added"):
        done = await there.slack.send_event({"type": kind, "user": "U1", "channel": "C1"})
        assert done.acked


async def test_without_a_signing_secret_nothing_is_served(there: Scene) -> None:
    without = dataclasses.replace(there.link, settings=dataclasses.replace(there.settings, signing_secret=None))
    with pytest.raises(sayso.InvalidSettings) as caught:
        without.add_routes(web.Application())
    assert caught.value.field == "SLACK_SIGNING_SECRET"


# In place of a part of a payload; LEFT_OUT takes the part away.
LEFT_OUT = object()
ODD: tuple[Any, ...] = (None, 5, "x", [], {}, [{}], LEFT_OUT)


def parts_of(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a payload, beside what a card shows."""
    inner: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        if key not in ("blocks", "message", "state", "private_metadata"):
            yield (*at, key)
            yield from parts_of(value, (*at, key))


def without(node: Any, path: tuple[Any, ...]) -> Any:
    copy = dict(node) if isinstance(node, dict) else list(node)
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = without(copy[path[0]], path[1:])
    return copy


async def acked(there: Scene, payload: Any) -> bool:
    """Whether it is acknowledged on a socket; otherwise nothing is sent back, and Slack says that it failed."""
    try:
        sent = SocketModeRequest(type="interactive", envelope_id="e", payload=payload)
        return bool((await run_async_bolt_app(there.link.app, sent)).status == 200)
    except app.UNREADABLE:
        return False


def is_redrawn() -> bool:
    """Whether no card waits to be brought up to date."""
    return not any("redraw" in repr(task.get_coro()) for task in asyncio.all_tasks())


@pytest.mark.parametrize("kind", ["block_actions", "view_submission"])
async def test_a_press_that_makes_no_sense_is_refused_by_http_and_on_a_socket_alike(
    there: Scene, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.CRITICAL)
    await there.ask(sayso.Permission(tool="Bash", input={}))
    ann = there.slack.person("U1", name="ann")
    seen = await ann.press(there.card, "Deny with reason…")
    if kind == "view_submission":
        await there.slack.until(lambda: seen.views)
        await ann.fill(ann.view, {"Why not? The agent reads this.": "no"})
        seen = await ann.submit(ann.view)
    sound, poster = seen.deliveries[0].payload, Poster(there)
    assert sound["type"] == kind
    told = dict[str, tuple[int, bool]]()
    for path in parts_of(sound):
        for odd in ODD:
            payload = without(sound, path) if odd is LEFT_OUT else changed(sound, path, odd)
            # another kind is handed to Bolt in both ways
            if payload.get("type") == kind:
                status = await poster.signed("/slack/interactions", form(json.dumps(payload)))
                told[f"{path} {odd}"] = status, await acked(there, payload)
    # 503: who it says that pressed is nobody
    assert {name: one for name, one in told.items() if one not in ((200, True), (400, False), (503, False))} == {}
    assert len({taken for _, taken in told.values()}) == 2

    # the card that was pressed too late is drawn anew at the pace that Slack takes it
    there.clock.advance(5)
    await until(is_redrawn)


async def test_a_card_that_is_pressed_too_late_again_and_again_is_brought_up_to_date_once(there: Scene) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={}))
    ann = there.slack.person("U1", name="ann")
    seen = await ann.press(there.card, "Deny with reason…")
    await there.slack.until(lambda: seen.views)
    await ann.fill(ann.view, {"Why not? The agent reads this.": "no"})
    late = (await ann.submit(ann.view)).deliveries[0].payload
    # until then it is edited through the press that opened the window
    there.clock.advance(30 * 60)
    there.slack.fail_next("chat.update", "429", retry_after=2)
    assert await acked(there, late)
    await until(is_redrawn)
    for _ in range(5):
        assert await acked(there, late)
    assert not is_redrawn()
    there.clock.advance(5)
    await until(is_redrawn)
    assert [call.method for call in there.slack.calls].count("chat.update") == 2
    assert there.slack.controls(there.card) == []


async def test_a_button_of_ours_that_says_nothing_is_told_not_to_count(there: Scene) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}))
    ann = there.slack.person("U1", name="ann")
    seen = await ann.press(there.card, "Deny with reason…")
    mute = without(seen.deliveries[0].payload, ("actions", 0, "value"))
    assert await acked(there, mute)
    await there.slack.until(lambda: seen.ephemerals)
    assert "card" in there.slack.visible_text(seen.ephemerals[0])
    assert (await there.front.get(ticket.id)).decision is None


@pytest.mark.parametrize("odd", ["", "[]", "{{", "[" * 3000])
async def test_a_window_of_ours_that_says_nothing_does_not_close_as_if_it_counted(there: Scene, odd: str) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={}))
    ann = there.slack.person("U1", name="ann")
    seen = await ann.press(there.card, "Deny with reason…")
    await there.slack.until(lambda: seen.views)
    await ann.fill(ann.view, {"Why not? The agent reads this.": "no"})
    sound = (await ann.submit(ann.view)).deliveries[0].payload
    payload = changed(sound, ("view", "private_metadata"), odd)
    sent = SocketModeRequest(type="interactive", envelope_id="e", payload=payload)
    answer = json.loads((await run_async_bolt_app(there.link.app, sent)).body)
    assert answer["response_action"] == "update"
    assert answer["view"]["title"]["text"] == "Not counted"
