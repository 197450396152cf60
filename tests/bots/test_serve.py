"""`sayso serve` as a process: what it says, who it answers, how it stops, and what its settings change."""

import asyncio
import errno
import fcntl
import json
import os
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from sayso import errors
from sayso_bots.demo import scripted
from sayso_bots.service import database
from sayso_bots.settings import environment
from tests.bots.conftest import Command, Running
from tests.fakes.pg import pg_server, pg_url
from tests.fakes.slack import FakeSlack

__all__ = ["pg_server", "pg_url"]  # fixtures


@dataclass(frozen=True)
class Served:
    """A service in a process of its own."""

    running: Running
    url: str
    durability: str
    chat: str
    link: str


@asynccontextmanager
async def serving(command: Command, **variables: str) -> AsyncGenerator[Served]:
    async with command.started("serve", **{"SAYSO_PORT": "0", **variables}) as running:
        url = (await running.line("sayso listens on")).rpartition(" ")[2]
        lines = [await running.line(name) for name in ("database", "chat", "sign in")]
        yield Served(running, url, lines[0], lines[1], lines[2].split()[2])


def key(command: Command, name: str, role: str, *more: str) -> str:
    return command.key(name, role, *more)


@asynccontextmanager
async def browser(served: Served) -> AsyncGenerator[aiohttp.ClientSession]:
    """A browser that has followed the sign-in link."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(served.url, cookie_jar=jar, headers={"Origin": served.url}) as session:
        code = served.link.rpartition("#")[2]
        async with session.post("/signin", data={"code": code, "next": "/"}, allow_redirects=False) as response:
            assert response.status == 303
        yield session


async def test_a_database_that_others_could_read_is_closed_to_them_and_said_so(
    command: Command, tmp_path: Path
) -> None:
    async with serving(command):
        pass
    file = tmp_path / "sayso.db"
    file.chmod(0o644)
    async with command.started("serve", SAYSO_PORT="0") as running:
        assert "sayso.db" in await running.line("owner's alone", error=True)
        await running.line("sign in")
        names = await asyncio.to_thread(os.listdir, tmp_path)
        modes = {name: (tmp_path / name).stat().st_mode & 0o077 for name in names if name.startswith("sayso.db")}
    assert modes == {"sayso.db": 0, "sayso.db-wal": 0, "sayso.db-shm": 0, "sayso.db-service": 0}


async def test_the_service_says_where_it_is_what_survives_and_how_to_sign_in(command: Command) -> None:
    async with serving(command) as served, browser(served) as session, session.get("/") as page:
        assert "Signed in as <bdi>owner</bdi>" in await page.text()
    assert "synchronous=full: what is acknowledged survives a power cut" in served.durability
    assert "the inbox only" in served.chat


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_held_calls_at_once_and_the_service_with_0(command: Command, number: int) -> None:
    agent = key(command, "bot", "agent")
    async with serving(command) as served:
        headers = {"Authorization": f"Bearer {agent}"}
        async with aiohttp.ClientSession(served.url, headers=headers) as session:
            async with session.post("/v1/requests", json={"kind": "question", "title": "Hm?", "id": "q1"}) as made:
                assert made.status == 201
            held = asyncio.create_task(_state(session, "/v1/requests/q1?wait=60"))
            async with session.get("/readyz") as ready:
                assert ready.status == 200
            served.running.process.send_signal(number)
            assert await asyncio.wait_for(held, 5) in ("pending", "cut before it was read")
        code, _, err = await served.running.ended()
    assert code == 0, err
    assert "finishing what is under way" in err


async def test_a_service_that_drains_is_unready_first_and_takes_calls_until_its_end(
    command: Command, tmp_path: Path
) -> None:
    agent = key(command, "bot", "agent")
    (tmp_path / "sayso.toml").write_text("[service]\ndrain = 0.7\n")
    async with serving(command) as served:
        headers = {"Authorization": f"Bearer {agent}"}
        async with aiohttp.ClientSession(served.url, headers=headers) as session:
            async with session.post("/v1/requests", json={"kind": "question", "title": "Hm?", "id": "q1"}):
                held = asyncio.create_task(_state(session, "/v1/requests/q1?wait=60"))
            served.running.process.send_signal(signal.SIGTERM)
            await served.running.line("finishing what is under way", error=True)
            async with session.get("/readyz") as ready:
                assert (ready.status, (await ready.json())["checks"]["running"]) == (503, "failed")
            async with session.get("/healthz") as alive:
                assert alive.status == 200
            async with session.post("/v1/requests", json={"kind": "question", "title": "Hm?", "id": "q2"}) as made:
                assert made.status == 201
            assert not held.done()
            assert await asyncio.wait_for(held, 5) in ("pending", "cut before it was read")
        code, _, err = await served.running.ended()
    assert code == 0, err
    # what was asked while it drained is there after the next start
    async with serving(command) as again, aiohttp.ClientSession(again.url, headers=headers) as session:
        assert await _state(session, "/v1/requests/q2") == "pending"


async def test_flags_count_before_the_environment_and_the_log_is_json(command: Command) -> None:
    flags = ("--host", "localhost", "--port", "0", "--log-format", "json", "--log-level", "info")
    async with command.started("serve", *flags, SAYSO_HOST="192.0.2.1", SAYSO_PORT="1") as running:
        line = json.loads(await running.line("listening", error=True))
        assert line["url"].startswith("http://localhost:")
        running.process.send_signal(signal.SIGHUP)
        line = json.loads(await running.line("settings taken up", error=True))
        assert (line["level"], line["changed"]) == ("info", [])
        running.process.terminate()
        code, out, err = await running.ended()
    # no link that signs somebody in, and nothing beside the log
    assert (code, out, json.loads(err.splitlines()[0])["message"]) == (0, "", "stopping")


async def _state(session: aiohttp.ClientSession, path: str) -> str:
    try:
        async with session.get(path) as response:
            return str((await response.json())["state"])
    except aiohttp.ClientConnectionError:
        return "cut before it was read"


async def test_an_agent_asks_and_an_approver_answers_over_http(command: Command) -> None:
    agent, approver = key(command, "bot", "agent"), key(command, "ann", "approver")
    async with serving(command) as served:
        own, other = {"SAYSO_URL": served.url, "SAYSO_KEY": agent}, {"SAYSO_URL": served.url, "SAYSO_KEY": approver}
        arguments = ("ask", "permission", "--tool", "Bash", "--id", "r1", "--wait")
        async with command.started(*arguments, **own) as asking:
            await asking.line("waiting for r1; answer it in the chat or the inbox", error=True)
            self_made = await asyncio.to_thread(command, "answer", "r1", "--allow", **own)
            assert (self_made.returncode, "agent cannot answer" in self_made.stderr) == (2, True)
            listed = await asyncio.to_thread(command, "list", "--state", "pending", "--json", **other)
            assert [ticket["id"] for ticket in json.loads(listed.stdout)] == ["r1"]
            assert (await asyncio.to_thread(command, "answer", "r1", "--deny", **other)).returncode == 0
            code, out, _ = await asking.ended()
        assert (code, "denied by ann" in out) == (1, True)
        logged = await asyncio.to_thread(command, "show", "r1", "--log", "--json", **own)
        types = [row["type"] for row in json.loads(logged.stdout)["log"]]
        assert types == ["opened", "answered"]


async def test_an_agent_with_a_shell_cannot_press_in_the_inbox(command: Command) -> None:
    agent = key(command, "bot", "agent")
    async with serving(command) as served, aiohttp.ClientSession(served.url) as curl:
        headers = {"Authorization": f"Bearer {agent}"}
        async with curl.post("/v1/requests", json={"kind": "permission", "tool": "x", "id": "r1"}, headers=headers):
            pass
        async with curl.get("/requests/r1", headers=headers) as page:
            assert page.status == 401
        async with curl.post("/v1/requests/r1/answers", json={"verdict": "allow"}, headers=headers) as answered:
            assert answered.status == 403
        async with curl.post("/signin", data={"code": agent}, headers={"Origin": served.url}) as signed:
            assert signed.status == 403
        async with browser(served) as session, session.get("/requests/r1") as page:
            form = next(one for one in scripted.forms_of(await page.text()) if "Allow" in one.buttons)
            token = dict([form.buttons["Allow"]])
        async with curl.post("/press", data=form.hidden | token, headers={"Origin": served.url}) as pressed:
            assert pressed.status == 401


async def test_it_answers_only_to_the_names_it_was_given(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[service]\nhosts = ["sayso.internal"]')
    async with serving(command) as served, aiohttp.ClientSession(served.url) as session:
        found: dict[str, int] = {}
        for host in ("sayso.internal", "localhost", "evil.example.com"):
            async with session.get("/healthz", headers={"Host": host}) as response:
                found[host] = response.status
    assert found == {"sayso.internal": 200, "localhost": 200, "evil.example.com": 421}


async def test_the_link_signs_in_the_owner_of_the_settings(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[people.ann]\n[service]\nowner = "ann"')
    async with serving(command) as served, browser(served) as session, session.get("/") as page:
        assert "<bdi>ann</bdi>" in await page.text()


async def test_the_link_leads_to_the_public_address(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[service]\nurl = "https://sayso.example.com"')
    async with serving(command) as served:
        assert served.link.startswith("https://sayso.example.com/signin#")


async def test_only_named_hosts_inside_the_network_are_called_back(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[service]\ncallback_hosts = ["127.0.0.1"]')
    agent = key(command, "bot", "agent")
    async with serving(command) as served:
        headers = {"Authorization": f"Bearer {agent}"}
        asked = {"kind": "question", "title": "Hm?"}
        async with aiohttp.ClientSession(served.url, headers=headers) as session:
            statuses: list[int] = []
            for address in ("http://127.0.0.1:9/", "http://10.0.0.1/"):
                async with session.post("/v1/requests", json={**asked, "callback_url": address}) as response:
                    statuses.append(response.status)
    assert statuses == [201, 422]


@pytest.mark.parametrize(
    ("toml", "variables", "told"),
    [
        ('[slack]\nchanel = "#ops"', {}, "slack.chanel is no setting — did you mean 'channel'?"),
        ('[slack]\nchannel = "#ops"', {}, "[slack] needs SLACK_BOT_TOKEN"),
        ("", {"SLACK_BOT_TOKEN": "xoxb-1"}, "Slack's clicks have no way in (SLACK_APP_TOKEN)"),
        ("", {"SAYSO_HOST": "0.0.0.0"}, "0.0.0.0 can be reached from other machines"),
        ("", {"SAYSO_DATABASE_URL": "mysql://x"}, "this is not a database address (SAYSO_DATABASE_URL)"),
        ("", {"SAYSO_SECRET": "short"}, "SAYSO_SECRET is too short"),
        ("", {"SAYSO_CONFIG": "other.toml"}, "other.toml cannot be read (SAYSO_CONFIG)"),
    ],
)
def test_it_does_not_start_with_a_wrong_setting(
    command: Command, tmp_path: Path, toml: str, variables: dict[str, str], told: str
) -> None:
    (tmp_path / "sayso.toml").write_text(toml)
    done = command("serve", **{"SAYSO_PORT": "0", **variables})
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("[service]\nfoo = 1", "service.foo is no setting"),
        ('[slack]\nchannel = "#ops"', "[slack] needs SLACK_BOT_TOKEN"),
    ],
)
def test_where_the_log_is_json_why_it_does_not_start_is_a_line_of_it(
    command: Command, tmp_path: Path, toml: str, told: str
) -> None:
    (tmp_path / "sayso.toml").write_text(toml)
    done = command("serve", SAYSO_PORT="0", SAYSO_LOG_FORMAT="json")
    assert (done.returncode, done.stdout) == (2, "")
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert (said[-1]["level"], said[-1]["message"]) == ("error", "it does not start, or cannot go on")
    assert told in said[-1]["error"]


async def test_a_second_service_on_one_file_is_refused_and_a_command_is_not(command: Command) -> None:
    async with command.started("serve", SAYSO_PORT="0") as service:
        await service.line("sayso listens on ")
        second = await asyncio.to_thread(command, "serve", SAYSO_PORT="0")
        listed = await asyncio.to_thread(command, "list")
    assert second.returncode == 2
    assert "another sayso serve has the database" in second.stderr
    assert "docs/postgres.md" in second.stderr
    assert listed.returncode == 0


def test_a_second_service_is_refused_also_where_it_calls_the_file_by_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.db").symlink_to(tmp_path / "a.db")
    monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    with database.sole_service(environment.read()):
        monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere/b.db")
        with (
            pytest.raises(errors.InvalidSettings, match="another sayso serve has the database"),
            database.sole_service(environment.read()),
        ):
            pass


def test_where_a_folder_has_no_locks_a_service_starts_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unknown(*_given: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    with database.sole_service(environment.read()):
        assert "a second service here would not be noticed" in caplog.text


def test_a_taken_port_is_said_to_be_taken(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = command("serve", SAYSO_PORT=str(port))
    assert (done.returncode, f"port {port} is taken" in done.stderr) == (2, True)


async def test_slack_is_connected_asked_and_obeyed(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[slack]\nchannel = "#ops"\n[people.ann]\nslack = "T1/U1"')
    agent = key(command, "bot", "agent")
    async with FakeSlack() as slack:
        slack.channel("C1", name="ops", members=["U1"])
        ann = slack.person("U1", name="ann")
        tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
        async with serving(command, SLACK_API_URL=slack.api_url, **tokens) as served:
            assert "Slack by Socket Mode; requests go to #ops" in served.chat
            own = {"SAYSO_URL": served.url, "SAYSO_KEY": agent}
            async with command.started("ask", "permission", "--tool", "Bash", "--wait", **own) as asking:
                await asking.line("waiting for", error=True)
                await slack.until(lambda: slack.messages("C1"))
                assert (await ann.press(slack.messages("C1")[0], "Allow")).acked
                code, out, _ = await asking.ended()
            served.running.process.terminate()
            ended, _, err = await served.running.ended()
    assert (code, "allowed by ann" in out) == (0, True)
    assert ended == 0, err


async def test_slack_over_http_takes_only_what_it_signed(command: Command) -> None:
    async with FakeSlack() as slack:
        tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SIGNING_SECRET": slack.signing_secret}
        async with serving(command, SLACK_API_URL=slack.api_url, **tokens) as served:
            assert "Slack by HTTP" in served.chat
            session = aiohttp.ClientSession(served.url)
            async with session, session.post("/slack/interactions", data={"payload": "{}"}) as forged:
                assert forged.status == 401


async def test_two_replicas_over_postgresql_are_one_service(command: Command, pg_url: str) -> None:
    database = {"SAYSO_DATABASE_URL": pg_url}
    agent = command.key("bot", "agent", **database)
    approver = command.key("ann", "approver", **database)
    async with serving(command, **database) as one, serving(command, **database) as other:
        assert "PostgreSQL" in one.durability
        own, theirs = {"SAYSO_URL": one.url, "SAYSO_KEY": agent}, {"SAYSO_URL": other.url, "SAYSO_KEY": approver}
        async with command.started("ask", "question", "Who?", "--id", "q1", "--wait", **own) as asking:
            await asking.line("waiting for q1", error=True)
            answered = await asyncio.to_thread(command, "answer", "q1", "--text", "Acme", **theirs)
            assert answered.returncode == 0, answered.stderr
            assert (await asking.ended())[:2] == (0, "Acme\n")
