"""On call, from the outside: the service as a process, a calendar and PagerDuty on the loopback address, both chats."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sayso import errors
from sayso_bots.settings import environment, on_call
from tests.bots.conftest import Command
from tests.bots.test_serve import key, serving
from tests.bots.test_settings import parse
from tests.conftest import BOUND, until
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

PEOPLE = """
[people.ann]
slack = "T1/U1"
email = "ann@example.com"
[people.bob]
discord = "400000000000000002"
email = "bob@example.com"
"""
TOKEN = "u+fakefakefakefakefake"


class Rotas:
    """A calendar, and PagerDuty; `now` is on call, and nothing is said while `down`."""

    def __init__(self) -> None:
        self.now = "ann@example.com"
        self.down = False
        self.url = ""

    async def calendar(self, request: web.Request) -> web.Response:
        begin = datetime.now(UTC) - timedelta(hours=1)
        event = f"DTSTART:{begin:%Y%m%dT%H%M%SZ}\r\nDURATION:PT2H\r\nSUMMARY:on call\r\nATTENDEE:mailto:{self.now}\r\n"
        frame = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n{event}END:VEVENT\r\n"
        return web.Response(text=f"{frame}END:VCALENDAR\r\n", status=503 if self.down else 200)

    async def users(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Token token={TOKEN}"
        return web.json_response({"users": [{"email": self.now}]}, status=503 if self.down else 200)


@asynccontextmanager
async def hosted() -> AsyncGenerator[Rotas]:
    rotas, app = Rotas(), web.Application()
    app.router.add_get("/payments.ics", rotas.calendar)
    app.router.add_get("/schedules/P538IZH/users", rotas.users)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rotas.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield rotas
    finally:
        await runner.cleanup()


def settings(folder: Path, source: str, more: str = "") -> None:
    group = f"[groups.payments]\non_call = {{ {source} }}\n"
    policy = '[policies.default]\napprovers = ["oncall:payments"]\n'
    (folder / "sayso.toml").write_text(more + PEOPLE + group + policy)


async def told(chat: FakeSlack | FakeDiscord, press: Callable[[], Awaitable[Any]]) -> str:
    """What somebody is told who presses, and again for as long as nobody knows: a rota may be read slowly."""
    async with asyncio.timeout(BOUND):
        while (said := await told_once(chat, press)).startswith("Could not find out"):
            pass
    return said


async def told_once(chat: FakeSlack | FakeDiscord, press: Callable[[], Awaitable[Any]]) -> str:
    seen = await press()
    shown: list[Any] = await until(lambda: seen.ephemerals)
    return chat.visible_text(shown[0])


@pytest.mark.parametrize("kind", ["ical", "pagerduty"])
async def test_in_slack_whoever_is_on_call_decides_and_others_are_told_which_of_three_it_is(
    kind: str, command: Command, tmp_path: Path
) -> None:
    agent, bob = key(command, "bot", "agent"), key(command, "bob", "approver")
    async with hosted() as rotas, FakeSlack() as slack:
        source = f'ical = "{rotas.url}/payments.ics", private = true' if kind == "ical" else 'pagerduty = "P538IZH"'
        settings(tmp_path, source, '[slack]\nchannel = "C1"\n')
        slack.channel("C1", name="ops", members=["U1", "U2"])
        ann, eve = slack.person("U1", name="ann"), slack.person("U2", name="eve")
        tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
        pagerduty = {"PAGERDUTY_TOKEN": TOKEN, "PAGERDUTY_API_URL": rotas.url}
        async with serving(command, SLACK_API_URL=slack.api_url, **tokens, **pagerduty) as served:
            own = {"SAYSO_URL": served.url, "SAYSO_KEY": agent}
            # before the card asks who is mentioned: what the rota said then would be good for a minute
            rotas.down = True
            async with command.started("ask", "permission", "--tool", "Bash", "--wait", **own) as asking:
                await asking.line("waiting for", error=True)
                await slack.until(lambda: slack.messages("C1"))
                card = slack.messages("C1")[0]
                said = await told_once(slack, lambda: ann.press(card, "Allow"))
                assert said.startswith("Could not find out who is on call for payments, so nothing")
                by_key = {"SAYSO_URL": served.url, "SAYSO_KEY": bob}
                (asked,) = json.loads((await asyncio.to_thread(command, "list", "--json", **own)).stdout)
                refused = await asyncio.to_thread(command, "answer", asked["id"], "--deny", **by_key)
                assert "could not find out who is on call for payments, so nothing was counted" in refused.stderr
                direct = ("ask", "permission", "--tool", "Bash", "--wait", "--route", "approvers")
                refused = await asyncio.to_thread(command, *direct, **own)
                assert "could not find out who is on call for payments, so nobody was asked" in refused.stderr
                rotas.down = False
                said = await told(slack, lambda: eve.press(card, "Allow"))
                assert said.endswith("it is for whoever is on call for payments.")
                assert (await ann.press(card, "Allow")).acked
                code, out, _ = await asking.ended()
    assert (code, "allowed by ann" in out) == (0, True)
    assert "payments.ics" not in out


async def test_in_discord_whoever_is_on_call_decides(command: Command, tmp_path: Path) -> None:
    agent = key(command, "bot", "agent")
    async with hosted() as rotas, FakeDiscord() as discord:
        rotas.now = "bob@example.com"
        room = discord.channel("200000000000000001", name="ops").id
        settings(tmp_path, f'ical = "{rotas.url}/payments.ics", private = true', f'[discord]\nchannel = "{room}"\n')
        bob = discord.person("400000000000000002", name="bob")
        eve = discord.person("400000000000000003", name="eve")
        aim = {"DISCORD_API_URL": discord.api_url, "DISCORD_GATEWAY_URL": discord.gateway_url}
        async with serving(command, DISCORD_BOT_TOKEN=discord.bot_token, **aim) as served:
            own = {"SAYSO_URL": served.url, "SAYSO_KEY": agent}
            async with command.started("ask", "permission", "--tool", "Bash", "--wait", **own) as asking:
                await asking.line("waiting for", error=True)
                await discord.until(lambda: discord.messages(room))
                card = discord.messages(room)[0]
                said = await told(discord, lambda: eve.press(card, "Allow"))
                assert "it is for whoever is on call for payments" in said
                await bob.press(card, "Allow")
                code, out, _ = await asking.ended()
    assert (code, "allowed by bob" in out) == (0, True)


@pytest.mark.parametrize(
    ("source", "field", "said"),
    [
        ("private = true", "groups.g.on_call", "names one source"),
        ('ical = "https://x.example.com/a", pagerduty = "P538IZH"', "groups.g.on_call", "names one source"),
        ('ical = "http://x.example.com/a"', "groups.g.on_call.ical", "over http anybody"),
        ('ical = "https://127.0.0.1/a"', "groups.g.on_call.ical", "private network"),
        ('ical = "https://calendar.internal/a"', "groups.g.on_call.ical", "not a public name"),
        ('ical = "webcal://x.example.com/a"', "groups.g.on_call.ical", "expected form"),
        ('pagerduty = "on call"', "groups.g.on_call.pagerduty", "expected form"),
        ('opsgenie = "x"', "groups.g.on_call.opsgenie", "is no setting"),
    ],
)
def test_a_rota_that_cannot_be_meant_is_refused_with_its_key(source: str, field: str, said: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        parse(f"[groups.g]\non_call = {{ {source} }}")
    assert (refused.value.field, said in refused.value.message) == (field, True)


def test_a_private_calendar_is_one_that_the_operator_says_is_private() -> None:
    parse('[groups.g]\non_call = { ical = "http://calendar.internal:8080/a", private = true }')


def test_an_address_belongs_to_one_person() -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        parse('[people.ann]\nemail = "a@x.com"\n[people.bob]\nemail = "A@x.com"')
    assert refused.value.field == "people.bob.email"


def test_a_schedule_needs_its_token_at_the_start_and_at_doctor(command: Command, tmp_path: Path) -> None:
    settings(tmp_path, 'pagerduty = "P538IZH"')
    done = command("serve", SAYSO_PORT="0")
    assert (done.returncode, "groups.payments.on_call needs PAGERDUTY_TOKEN" in done.stderr) == (2, True)
    assert "groups.payments.on_call needs PAGERDUTY_TOKEN" in command("doctor", SAYSO_PORT="0").stdout


def test_a_calendar_needs_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    chosen = parse('[groups.g]\non_call = { ical = "https://x.example.com/a" }')
    with pytest.raises(errors.InvalidSettings) as refused:
        on_call.require(environment.read({}), chosen)
    assert refused.value.hint == "in a clone of sayso: pip install '.[calendars]'"


async def test_without_its_token_a_schedule_says_nothing_at_a_terminal() -> None:
    chosen = parse('[groups.g]\non_call = { pagerduty = "P538IZH" }')
    rota = on_call.open_rotas(environment.read({}), chosen)["g"]
    with pytest.raises(errors.ChannelError, match="PAGERDUTY_TOKEN is not set here"):
        await rota.on_call()


def test_the_token_is_in_no_words_about_the_environment() -> None:
    given = environment.read({"PAGERDUTY_TOKEN": TOKEN, "PAGERDUTY_API_URL": "https://api.eu.pagerduty.com"})
    assert (given.pagerduty_token, given.pagerduty_url) == (TOKEN, "https://api.eu.pagerduty.com")
    assert TOKEN not in repr(given)


NOBODY = '[policies.default]\napprovers = ["anyone"]\n'


@pytest.mark.parametrize(
    ("more", "key_named"),
    [
        (
            '[[rules]]\nid = "r"\nmatch = { tool = "Bash" }\neffect = "ask"\nroute = ["approvers"]\n',
            "rules.r.route",
        ),
        (
            '[policies.p]\napprovers = ["anyone"]\nexpires_in = "2h"\n'
            'escalate = [{ after = "1h", route = ["approvers"] }]\n',
            "policies.p.escalate.0.route",
        ),
    ],
)
def test_a_route_to_the_approvers_of_a_policy_for_anyone_is_refused_when_it_is_read(more: str, key_named: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        parse(NOBODY + more)
    assert refused.value.field == key_named


async def test_a_key_with_such_a_route_is_not_made_and_stops_a_start_and_a_reload(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text(NOBODY)
    key(command, "other", "agent")
    line = ("keys", "add", "bot", "--role", "agent", "--route", "approvers")
    done = command(*line)
    assert (done.returncode, "nobody whom policies.default names can have a direct message" in done.stderr) == (2, True)
    named = '[slack]\nchannel = "C1"\n[people.ann]\nslack = "T1/U1"\n[policies.default]\napprovers = ["ann"]\n'
    file.write_text(named)
    assert command(*line).returncode == 0
    file.write_text(NOBODY)
    done = command("serve", SAYSO_PORT="0")
    assert (done.returncode, "the route of the key bot: nobody whom policies.default names" in done.stderr) == (2, True)
