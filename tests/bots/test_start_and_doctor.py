"""What stops `sayso serve` is named by `sayso doctor`, in the same words, with the platforms there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Generator
from concurrent import futures
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

import sayso
from sayso import errors, stores
from sayso.desk import keys
from sayso_bots.commands import serve
from sayso_bots.commands.doctor import finding, findings, silent
from sayso_bots.service import database
from sayso_bots.settings import environment, toml
from sayso_bots.terminal import local_desk
from sayso_discord import pace
from sayso_slack import api
from tests.adapters.discord_scene import OPS
from tests.bots.test_on_call import hosted
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord import permissions as may
from tests.fakes.processes import PATIENCE
from tests.fakes.slack import FakeSlack

SLACK, DISCORD = '[slack]\nchannel = "#ops"\n', f'[discord]\nchannel = "{OPS}"\n'
NOBODY_LISTENS = "127.0.0.1:9"


@dataclass
class Place:
    """A folder, both platforms, and what the environment says."""

    folder: Path
    slack: FakeSlack
    discord: FakeDiscord
    patch: pytest.MonkeyPatch

    def given(self, **variables: str) -> None:
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def settings(self, toml: str) -> None:
        (self.folder / "sayso.toml").write_text(toml)

    async def stops(self, hitl_port: int | None = None) -> errors.SaysoError:
        """What `sayso serve` ends with."""
        try:
            given = environment.read()
            await serve._serve(given, toml.load(given.config), hitl_port)  # pyright: ignore[reportPrivateUsage]
        except errors.SaysoError as error:
            return error
        pytest.fail("it started, and was stopped")

    async def named(self, hitl_port: int | None = None) -> list[finding.Finding]:
        """What `sayso doctor` finds wrong."""
        found = await findings.find_all(hitl_port)
        return [one for one in found if not one.ok]


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.chdir(tmp_path)
    async with FakeSlack() as slack, FakeDiscord() as discord:
        slack.channel("C1", name="ops")
        discord.channel(OPS, name="ops")
        there = Place(tmp_path, slack, discord, monkeypatch)
        there.given(
            SLACK_API_URL=slack.api_url,
            DISCORD_API_URL=discord.api_url,
            DISCORD_GATEWAY_URL=discord.gateway_url,
            SAYSO_PORT="0",
        )
        yield there


def for_slack(there: Place) -> None:
    there.settings(SLACK)
    there.given(SLACK_BOT_TOKEN=there.slack.bot_token, SLACK_APP_TOKEN=there.slack.app_token)


def for_discord(there: Place) -> None:
    there.settings(DISCORD)
    there.given(DISCORD_BOT_TOKEN=there.discord.bot_token)


def archived(there: Place) -> None:
    for_slack(there)
    there.settings('[slack]\nchannel = "C1"\n')
    there.slack.world.channels["C1"].is_archived = True


def without_the_app(there: Place) -> None:
    for_slack(there)
    there.slack.world.channels["C1"].members.discard("UBOT")


def hidden(there: Place) -> None:
    for_discord(there)
    there.discord.overwrite(OPS, there.discord.bot_role_id, deny=may.VIEW)


def may_not_send(there: Place) -> None:
    for_discord(there)
    there.discord.overwrite(OPS, there.discord.bot_role_id, deny=may.SEND)


def somebody_elses_file(there: Place) -> None:
    (there.folder / "sayso.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)


def of_a_newer_version(there: Place) -> None:
    async def made() -> None:
        await (await stores.connect("sqlite:///sayso.db")).close()

    with futures.ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, made()).result()
    with contextlib.closing(apsw.Connection("sayso.db")) as db:
        db.execute("pragma user_version = 9999")


def a_folder_for_a_file(there: Place) -> None:
    (there.folder / "sayso.db").mkdir()


def _with(first: Callable[[Place], None], toml: str | None = None, **variables: str) -> Callable[[Place], None]:
    def prepared(there: Place) -> None:
        first(there)
        if toml is not None:
            there.settings(toml)
        there.given(**variables)

    return prepared


def nothing(there: Place) -> None:
    """All as it comes."""


@pytest.mark.parametrize(
    ("prepare", "name"),
    [
        (_with(nothing, SAYSO_SECRET="short"), "secret"),
        (_with(nothing, SAYSO_HOST="0.0.0.0"), "address"),
        (_with(nothing, '[service]\nhosts = ["x"]', SAYSO_HOST="203.0.113.1"), "address"),
        (_with(nothing, SAYSO_PORT="nine"), "settings"),
        (_with(nothing, SAYSO_CONFG="sayso.toml"), "settings"),
        (_with(nothing, SAYSO_CONFIG="missing.toml"), "settings"),
        (_with(nothing, "[service]\nconnections = 3"), "settings"),
        (_with(nothing, '[service]\nheaders_within = "never"'), "settings"),
        (_with(nothing, '[service]\ngrace = "2h"'), "settings"),
        (_with(nothing, '[service]\nowner = "ann"\n[people.bob]'), "settings"),
        (_with(nothing, '[service]\npolicy = "none"'), "settings"),
        (_with(nothing, SAYSO_DATABASE_URL="mysql://x"), "database"),
        (_with(nothing, SAYSO_DATABASE_URL="sqlite:///no/such/sayso.db"), "database"),
        (_with(nothing, SAYSO_DATABASE_URL=f"postgresql://nobody@{NOBODY_LISTENS}/x"), "database"),
        (somebody_elses_file, "database"),
        (a_folder_for_a_file, "database"),
        (of_a_newer_version, "database"),
        (_with(nothing, SLACK), "slack"),
        (_with(nothing, SLACK, SLACK_BOT_TOKEN="xoxb-x"), "slack"),
        (_with(nothing, SLACK, SLACK_BOT_TOKEN="xapp-x"), "settings"),
        (_with(for_slack, SLACK_BOT_TOKEN="xoxb-wrong"), "slack SLACK_BOT_TOKEN"),
        (_with(for_slack, SLACK_APP_TOKEN="xapp-wrong"), "slack SLACK_APP_TOKEN"),
        (_with(for_slack, SLACK_API_URL=f"http://{NOBODY_LISTENS}/api"), "slack connection"),
        (_with(for_slack, '[slack]\nchannel = "#nowhere"'), "slack channel"),
        (_with(for_slack, '[slack]\nchannel = "C404"'), "slack channel"),
        (archived, "slack channel"),
        (without_the_app, "slack channel"),
        (_with(nothing, DISCORD), "discord"),
        (_with(for_discord, DISCORD_BOT_TOKEN="wrong"), "discord DISCORD_BOT_TOKEN"),
        (_with(for_discord, DISCORD_PUBLIC_KEY="none"), "settings"),
        (_with(for_discord, DISCORD_API_URL=f"http://{NOBODY_LISTENS}/api/v10"), "discord connection"),
        (_with(for_discord, DISCORD_API_URL="http://example.com/api"), "discord DISCORD_API_URL"),
        (_with(for_discord, '[discord]\nchannel = "404"'), "discord channel"),
        (hidden, "discord channel"),
        (may_not_send, "discord permissions"),
    ],
)
async def test_what_stops_the_start_is_said_the_same_by_both(
    place: Place, prepare: Callable[[Place], None], name: str
) -> None:
    prepare(place)
    named = await place.named()
    stopped = await place.stops()
    assert name in {one.name for one in named}
    (finding,) = [one for one in named if one.name == name][:1]
    assert finding.said.removesuffix(f" ({stopped.field})") in stopped.message
    assert finding.hint
    assert stopped.hint in (finding.hint, None), "both say the same to do"


async def test_the_port_of_the_dashboards_hooks_is_looked_at_where_it_is_asked_for(place: Place) -> None:
    with taken() as port:
        (finding,) = await place.named(port)
        assert finding.name == "hitl port"
        assert (await place.stops(port)).message in finding.said
    assert await place.named(port) == []
    assert await place.named() == []


@contextlib.contextmanager
def taken() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("says", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])
async def test_nothing_that_answers_in_a_platforms_place_ends_doctor(place: Place, scheme: str, says: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(says)
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    place.given(SLACK_BOT_TOKEN="xoxb-1", SLACK_APP_TOKEN="xapp-1", DISCORD_BOT_TOKEN="x")
    place.given(SLACK_API_URL=f"{scheme}://127.0.0.1:{port}/api", DISCORD_API_URL=f"{scheme}://127.0.0.1:{port}/api")
    async with other:
        named = await place.named()
        assert (await place.stops()).message, "an error of ours, not a traceback"
    assert {one.name.partition(" ")[0] for one in named} >= {"slack", "discord"}
    assert all(one.said for one in named)


@pytest.mark.parametrize("chat", ["slack", "discord"])
async def test_a_platform_that_never_answers_is_not_waited_for(place: Place, chat: str) -> None:
    place.patch.setattr(pace, "CALL_WITHIN", 0.1)
    place.patch.setattr(api, "_CALL_WITHIN", 0.1)
    for_slack(place) if chat == "slack" else for_discord(place)
    place.slack.fail_next("auth.test", "hang", times=4)
    place.discord.fail_next("get_my_user", "hang", times=4)
    async with asyncio.timeout(PATIENCE):
        (finding,) = await place.named()
        stopped = await place.stops()
    assert (finding.name, finding.said) == (f"{chat} connection", stopped.message)
    assert "TimeoutError" in finding.said


@pytest.mark.parametrize("chat", ["slack", "discord"])
async def test_a_proxy_of_the_environment_is_the_way_to_both_platforms(place: Place, chat: str) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
    place.given(HTTPS_PROXY=f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    place.given(**{"slack": {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}}.get(chat, {}))
    place.given(**{"discord": {"DISCORD_BOT_TOKEN": "x"}}.get(chat, {}))
    place.given(SLACK_API_URL="https://chat.invalid/api", DISCORD_API_URL="https://chat.invalid/api/v10")
    async with proxy:
        named = await place.named()
        assert (await place.stops()).message in [one.said for one in named]
    assert [one.name for one in named] == [f"{chat} connection"]
    assert set(asked) == {b"CONNECT chat.invalid:443 HTTP/1.1\r\n"}


async def test_a_quorum_that_the_members_of_a_group_cannot_meet_is_named(place: Place) -> None:
    for_slack(place)
    place.slack.usergroup("S1", ["U1"])
    group = '[groups.g]\nslack_group = "S1"\n[policies.default]\napprovers = ["group:g"]\nquorum = 2\n'
    place.settings(SLACK + group)
    (finding,) = await place.named()
    assert finding.name == "policies.default.quorum"
    assert finding.said.startswith("2 people must allow, and only 1 may")
    place.slack.usergroup("S1", ["U1", "U2"])
    assert await place.named() == []
    place.slack.fail_next("usergroups.list", "500")
    assert [one.name for one in await place.named()] == ["slack groups.g.slack_group"], "nobody was counted"


async def test_where_one_human_may_count_twice_somebody_is_told(place: Place) -> None:
    for_slack(place)
    place.settings(SLACK + '[policies.default]\napprovers = ["anyone"]\nquorum = 2\n')
    (warned,) = [one for one in await findings.find_all(None) if one.warn]
    assert (warned.name, warned.ok) == ("policies.default", True)
    assert warned.said.startswith("2 people must allow, and anyone may (slack, the inbox): whoever has two accounts")
    place.settings(SLACK + '[policies.default]\napprovers = ["anyone"]\n')
    assert [one for one in await findings.find_all(None) if one.warn] == []


async def test_who_is_on_call_is_asked_and_a_rota_that_does_not_say_is_named(place: Place) -> None:
    people = '[people.ann]\nslack = "T1/U1"\nemail = "ann@example.com"\n'
    place.slack.person("U1", name="ann")
    for_slack(place)
    async with hosted() as rotas:
        group = f'[groups.payments]\non_call = {{ ical = "{rotas.url}/payments.ics", private = true }}\n'
        place.settings(SLACK + people + group)
        said = {one.name: one for one in await findings.find_all(None)}["groups.payments.on_call"]
        assert (said.ok, said.warn, said.said) == (True, False, "on call now: ann")
        rotas.now = "zoe@example.com"
        said = {one.name: one for one in await findings.find_all(None)}["groups.payments.on_call"]
        assert (said.ok, said.warn) == (True, True)
        assert said.said == "nobody whom the settings know is on call now; and 1 whom they do not know"
        rotas.down = True
        (failed,) = await place.named()
    assert failed.name == "groups.payments.on_call"
    assert failed.said == (
        "could not find out who is on call: the address of groups.payments.on_call answers with status 503"
    )


ROOMS = """
[policies.default]
approvers = ["anyone"]
fallback = ["slack:C404", "slack:C3", "discord:{other}", "web"]
escalate = [{{ after = "10m", route = ["discord:300000000000000405"] }}]
break_glass = {{ who = ["ann"], review = ["bob"], tell = ["slack:#nowhere"] }}
[people.ann]
terminal = "ann"
[people.bob]
terminal = "bob"
[[rules]]
id = "prod"
match = {{ tool = "deploy" }}
effect = "ask"
route = ["slack:C2", "slack:C1"]
"""


async def test_each_room_that_a_route_or_a_fallback_names_is_looked_up_and_told_by_its_key(place: Place) -> None:
    for_slack(place)
    for_discord(place)
    place.slack.channel("C2", name="prod", with_app=False)
    place.slack.channel("C3", name="old", is_archived=True)
    other = "300000000000000777"
    place.discord.channel(other, name="other")
    place.discord.overwrite(other, place.discord.bot_role_id, deny=may.SEND)
    place.settings(SLACK + DISCORD + ROOMS.format(other=other))
    wrong = await place.named()
    assert sorted(f"{one.name} | {one.said}" for one in wrong) == [
        "discord policies.default.escalate.0.route | discord:300000000000000405: Discord refused: 404 10003",
        f"discord policies.default.fallback | discord:{other}: missing: Send Messages (post cards)",
        "slack policies.default.break_glass.tell | slack:#nowhere: Slack refused: channel_not_found #nowhere",
        "slack policies.default.fallback | slack:C3: C3 is archived",
        "slack policies.default.fallback | slack:C404: Slack refused: channel_not_found",
        "slack rules.prod.route | slack:C2: the app is not in C2",
    ]
    assert all(one.hint for one in wrong)


async def test_a_rule_that_asks_on_a_chat_that_is_not_set_up_is_told(place: Place) -> None:
    place.settings('[[rules]]\nid = "prod"\nmatch = { tool = "x" }\neffect = "ask"\nroute = ["slack:C2"]\n')
    (wrong,) = await place.named()
    assert (wrong.name, wrong.said) == ("rules.prod.route", "rules.prod.route: no chat 'slack' is connected")


async def test_a_delegation_that_is_over_is_told(place: Place) -> None:
    people = "[people.ann]\n[people.bob]\n" + '[[delegations]]\nof = "ann"\nto = ["bob"]\nuntil = '
    place.settings(f"{people}{datetime.now(UTC).date()}\n")
    assert "delegations.0.until" not in {one.name for one in await findings.find_all(None)}
    place.settings(f"{people}2026-01-31\n")
    (warned,) = [one for one in await findings.find_all(None) if one.name == "delegations.0.until"]
    assert (warned.ok, warned.warn) == (True, True)
    assert warned.said == "nobody acts for ann since 2026-02-01: it is over"


async def test_a_key_whose_route_is_in_no_chat_that_is_connected_is_told(place: Place) -> None:
    place.settings("[people.ann]\n")
    async with database.connect(environment.read(), create=True) as store:
        for name, route in (("bot", ("web",)), ("other", ("slack:#ops", "web"))):
            await keys.Keys(store).add(name, "agent", datetime.now(UTC), route=route)
        (wrong,) = [one for one in await findings.find_all(None) if one.name.startswith("key ")]
    assert (wrong.name, wrong.ok) == ("key other", False)
    assert wrong.said == "no chat 'slack' is connected, and its route names one: nothing that it asks is taken"


async def test_an_open_request_that_nobody_can_allow_any_more_is_told(place: Place) -> None:
    people = "[people.ann]\n[people.bob]\n[people.cid]\n"
    two = '[policies.default]\nneeds = [{ who = ["ann", "bob"] }, { who = ["group:security"] }]\n'
    place.settings(f'{people}[groups.security]\nmembers = ["cid"]\n{two}')
    async with local_desk.connect(environment.read(), create=True) as desk:
        await desk.open(sayso.Permission(tool="deploy", input={}, id="d1"))
        assert "request d1" not in {one.name for one in await findings.find_all(None)}
        place.settings(f'{people}[policies.default]\napprovers = ["ann"]\n')
        (warned,) = [one for one in await findings.find_all(None) if one.name == "request d1"]
        assert (warned.ok, warned.warn) == (True, True)
        assert warned.said.startswith("nobody can allow it any more: 2 people must allow, and only 1 may")
        await desk.cancel("d1")
        assert "request d1" not in {one.name for one in await findings.find_all(None)}


async def test_a_request_whose_only_approver_has_left_is_told(place: Place) -> None:
    place.settings('[people.ann]\n[people.bob]\n[policies.default]\napprovers = ["ann"]\n')
    async with local_desk.connect(environment.read(), create=True) as desk:
        await desk.open(sayso.Permission(tool="deploy", input={}, id="d1"))
        place.settings('[people.bob]\n[policies.default]\napprovers = ["bob"]\n')
        (warned,) = [one for one in await findings.find_all(None) if one.name == "request d1"]
    assert warned.said.startswith("nobody can allow it any more: 1 person must allow, and only 0 may")


async def test_quiet_hours_that_are_longer_than_a_request_waits_are_told(place: Place) -> None:
    quiet = (
        '[calendars.office]\ndays = ["mon", "tue", "wed", "thu", "fri"]\nhours = "09:00-18:00"\nzone = "UTC"\n'
        '[policies.default]\napprovers = ["anyone"]\nquiet = "!office"\nexpires_in = '
    )
    place.settings(quiet + '"20h"\n')
    (warned,) = [one for one in await findings.find_all(None) if one.warn]
    assert (warned.name, warned.ok) == ("policies.default.quiet", True)
    # a night alone is shorter
    (found,) = silent.look(toml.setup(toml.load(None)), datetime(2026, 11, 25, 12, tzinfo=UTC))
    assert found.said == (
        "what is asked at Fri 2026-11-27 18:00 UTC expires at Sat 2026-11-28 14:00 UTC; "
        "nobody is mentioned before Mon 2026-11-30 09:00 UTC"
    )
    place.settings(quiet + '"3d"\n')
    assert [one for one in await findings.find_all(None) if one.warn] == []
    place.settings(quiet + '"20h"\nclock = "office"\n')
    assert [one for one in await findings.find_all(None) if one.warn] == []
