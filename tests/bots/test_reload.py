"""A change of the settings is taken up by the service while it runs: whole, or not at all, and everybody is told."""

import asyncio
import json
import signal
from collections.abc import Awaitable
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

from sayso.desk import Desk
from sayso.desk.upkeep import reloads
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT
from sayso_bots.service import reloading
from sayso_bots.settings import environment, schema, toml
from tests.bots.conftest import Command
from tests.bots.test_serve import Served, browser, key, serving
from tests.conftest import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.pg import pg_server, pg_url
from tests.fakes.processes import hurried
from tests.fakes.slack import FakeSlack

__all__ = ["pg_server", "pg_url"]  # fixtures

PEOPLE = '[people.ann]\nslack = "T1/U1"\n[people.bob]\nslack = "T1/U2"\n'
ANNS = f'{PEOPLE}[policies.default]\napprovers = ["ann"]\n'
BOBS = f'{PEOPLE}[policies.default]\napprovers = ["bob"]\n[policies.night]\napprovers = ["bob"]\n'
WRONG = f'{PEOPLE}[policies.default]\napprovers = ["zoe"]\n'

# a copy looks once a second whether it was asked
SOON = hurried({"sayso_bots.service.reloading._LOOK": 0.02})


async def ask(served: Served, agent: str, id: str, **more: str) -> tuple[int, dict[str, object]]:
    headers = {"Authorization": f"Bearer {agent}"}
    body = {"id": id, "kind": "permission", "tool": "Bash", "input": {}, **more}
    async with (
        aiohttp.ClientSession(served.url, headers=headers) as session,
        session.post("/v1/requests", json=body) as answer,
    ):
        return answer.status, await answer.json()


async def verdict(served: Served, approver: str, id: str) -> int:
    headers = {"Authorization": f"Bearer {approver}"}
    async with (
        aiohttp.ClientSession(served.url, headers=headers) as session,
        session.post(f"/v1/requests/{id}/answers", json={"verdict": "allow"}) as answer,
    ):
        return answer.status


async def reload(command: Command) -> tuple[int, str]:
    done = await asyncio.to_thread(command, "reload")
    return done.returncode, done.stdout + done.stderr


async def test_new_settings_hold_for_new_requests_and_open_ones_keep_their_policy(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text(ANNS)
    agent, ann, bob = key(command, "bot", "agent"), key(command, "ann", "approver"), key(command, "bob", "approver")
    async with serving(command, **SOON) as served:
        assert (await ask(served, agent, "before"))[0] == 201
        assert (await ask(served, agent, "x", policy="night"))[0] == 422
        file.write_text(BOBS)
        code, said = await reload(command)
        assert (code, "taken up: policies.default, policies.night" in said) == (0, True)
        assert (await ask(served, agent, "after"))[0] == 201
        assert (await ask(served, agent, "x", policy="night"))[0] == 201
        assert [await verdict(served, bob, id) for id in ("before", "after")] == [404, 200]
        assert await verdict(served, ann, "before") == 200
        assert "nothing changed that can be taken up" in (await reload(command))[1]
        shown = json.loads((await asyncio.to_thread(command, "reload", "--json")).stdout)
        assert [(one["taken_up"], one["refused"], one["restart"]) for one in shown] == [(True, None, [])]


async def test_settings_that_are_refused_change_nothing_and_say_so_everywhere(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text(ANNS)
    agent, ann = key(command, "bot", "agent"), key(command, "ann", "approver")
    async with serving(command, **SOON) as served, browser(served) as session:
        file.write_text(WRONG)
        code, said = await reload(command)
        wrong = "policies.default.approvers: 'zoe' is unknown (add [people.zoe])"
        why = f"the settings on disk are refused: {wrong}; those of "
        assert (code, why in said, "UTC are in force" in said) == (2, True, True)
        await served.running.line("settings refused; those from before are in force", error=True)
        doctor = (await asyncio.to_thread(command, "doctor")).stdout
        assert why in doctor
        async with session.get("/") as page:
            shown = await page.text()
        assert 'role="alert"' in shown
        assert "The settings on disk are refused: policies.default.approvers: &#39;zoe&#39; is unknown" in shown
        assert (await ask(served, agent, "still"))[0] == 201
        assert await verdict(served, ann, "still") == 200
        file.write_text("[people.ann\n")
        assert "is not TOML" in (await reload(command))[1]
        file.write_text(BOBS)
        assert (await reload(command))[0] == 0
        async with session.get("/") as page:
            assert 'role="alert"' not in await page.text()


async def test_a_file_that_nobody_took_up_is_named_by_doctor(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text(ANNS)
    async with serving(command, **SOON) as served:
        said = (await asyncio.to_thread(command, "doctor")).stdout
        assert "settings in force" in said
        assert "those on disk, since" in said
        file.write_text(f"# the same, said otherwise\n{ANNS}")
        assert "those on disk, since" in (await asyncio.to_thread(command, "doctor")).stdout
        file.write_text(BOBS)
        assert "the settings on disk are others" in (await asyncio.to_thread(command, "doctor")).stdout
        served.running.process.terminate()
        await served.running.ended()
    assert "settings in force" not in command("doctor").stdout, "a service that ended tells nothing more"


async def test_a_hang_up_takes_the_settings_up_and_does_not_end_the_service(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text(ANNS)
    agent = key(command, "bot", "agent")
    async with serving(command, **SOON) as served:
        file.write_text(BOBS)
        served.running.process.send_signal(signal.SIGHUP)
        await served.running.line("settings taken up", error=True)
        assert (await ask(served, agent, "x", policy="night"))[0] == 201
        served.running.process.terminate()
        assert (await served.running.ended())[0] == 0


@pytest.mark.parametrize(
    ("added", "keys"),
    [
        ('[service]\nurl = "https://sayso.example.com"\n', "service.url"),
        ('[service]\nhosts = ["sayso.internal"]\nconnections = 100\n', "service.connections, service.hosts"),
    ],
)
async def test_what_cannot_change_while_it_runs_is_named_and_stays(
    added: str, keys: str, command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text(ANNS)
    agent = key(command, "bot", "agent")
    async with serving(command, **SOON) as served:
        file.write_text(BOBS + added)
        code, said = await reload(command)
        assert (code, f"need a new start of the service: {keys}" in said) == (0, True)
        assert "taken up: policies.default, policies.night" in said
        assert (await ask(served, agent, "x", policy="night"))[0] == 201
        assert f"need a new start of the service: {keys}" in (await asyncio.to_thread(command, "doctor")).stdout


def test_without_a_service_there_is_nothing_to_reload(command: Command) -> None:
    key(command, "bot", "agent")
    done = command("reload")
    assert (done.returncode, "no service runs here" in done.stderr) == (2, True)
    done = command("reload", SAYSO_URL="http://127.0.0.1:1")
    assert (done.returncode, "on the machine of the service" in done.stderr) == (2, True)


async def test_in_slack_a_person_who_was_added_decides_and_is_written_to(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "sayso.toml"
    chat = '[slack]\nchannel = "C1"\n'
    file.write_text(f'{chat}[people.ann]\nslack = "T1/U1"\n[policies.default]\napprovers = ["ann"]\n')
    agent = key(command, "bot", "agent")
    async with FakeSlack() as slack:
        slack.channel("C1", name="ops", members=["U1", "U2"])
        bob = slack.person("U2", name="bob")
        tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
        async with serving(command, **SOON, SLACK_API_URL=slack.api_url, **tokens) as served:
            file.write_text(f'{chat}[people.bob]\nslack = "T1/U2"\n[policies.default]\napprovers = ["bob"]\n')
            code, said = await reload(command)
            assert (code, "people.ann, people.bob, policies.default" in said) == (0, True)
            assert (await ask(served, agent, "x"))[0] == 201
            await slack.until(lambda: slack.messages("C1"))
            assert '"user_id": "U2"' in json.dumps(slack.messages("C1")[0].blocks)
            assert (await bob.press(slack.messages("C1")[0], "Allow")).acked
            body = {"kind": "permission", "tool": "Bash", "input": {}, "route": ["slack:@bob"], "id": "dm"}
            headers = {"Authorization": f"Bearer {agent}"}
            async with (
                aiohttp.ClientSession(served.url, headers=headers) as session,
                session.post("/v1/requests", json=body) as answer,
            ):
                assert answer.status == 201
            await slack.until(lambda: slack.dms("U2"))


async def test_in_discord_a_role_that_was_added_decides(command: Command, tmp_path: Path) -> None:
    room, bob, role = "200000000000000001", "300000000000000002", "400000000000000001"
    file = tmp_path / "sayso.toml"
    chat = f'[discord]\nchannel = "{room}"\n'
    group = f'[groups.release]\ndiscord_role = "{role}"\n[policies.default]\napprovers = ["group:release"]\n'
    file.write_text(f'{chat}[people.ann]\nterminal = "ann"\n[policies.default]\napprovers = ["ann"]\n')
    agent = key(command, "bot", "agent")
    async with FakeDiscord() as discord:
        discord.channel(room, name="ops")
        discord.role(role, name="release")
        person = discord.person(bob, name="bob", roles=(role,))
        aim = {"DISCORD_API_URL": discord.api_url, "DISCORD_GATEWAY_URL": discord.gateway_url}
        async with serving(command, **SOON, DISCORD_BOT_TOKEN=discord.bot_token, **aim) as served:
            file.write_text(chat + group)
            assert (await reload(command))[0] == 0
            assert (await ask(served, agent, "x"))[0] == 201
            await discord.until(lambda: discord.messages(room))
            await person.press(discord.messages(room)[0], "Allow")
            headers = {"Authorization": f"Bearer {agent}"}
            async with (
                aiohttp.ClientSession(served.url, headers=headers) as session,
                session.get("/v1/requests/x?wait=5") as answer,
            ):
                assert (await answer.json())["decision"]["outcome"] == "allowed"


async def test_a_copy_knows_how_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, clock = memory.MemoryStore(), ManualClock()
    desk = Desk(store, MINT, clock=clock)
    await reloads.tell(store, reloads.Stand("elsewhere", clock.now(), "sha256:1"), clock.now())
    watching = asyncio.create_task(reloading.Reloader(environment.read(), schema.Settings(), desk).run())
    await until(lambda: desk.copies == 2)
    await reloads.leave(store, "elsewhere")
    for _ in range(31):
        clock.advance(1)
        await asyncio.sleep(0.002)
    await until(lambda: desk.copies == 1)
    watching.cancel()


class Over(ManualClock):
    """Each wait is over at the very moment at which what it waits for comes."""

    async def within(self, deadline: datetime | None, waiting: Awaitable[object]) -> bool:
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        self.comes()
        task.cancel()
        await asyncio.wait([task])
        return False

    def comes(self) -> None:
        """What is waited for."""


async def test_a_hang_up_at_the_end_of_a_wait_is_heard_and_takes_up_the_first_settings_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sayso.toml").touch()
    clock, given = Over(), environment.read()
    desk = Desk(memory.MemoryStore(), MINT, clock=clock)
    reloader = reloading.Reloader(given, toml.load(given.config), desk)
    (tmp_path / "sayso.toml").write_text('[policies.night]\napprovers = ["anyone"]\n')
    # once: what a further look finds is no news
    hung_up = iter((reloader.wake,))
    monkeypatch.setattr(clock, "comes", lambda: next(hung_up, lambda: None)())
    running = asyncio.create_task(reloader.run())
    await until(lambda: reloader.stand.changed or reloader.stand.refused)
    running.cancel()
    assert (reloader.stand.changed, reloader.stand.refused) == (("policies.night",), "")


async def test_every_copy_over_one_database_takes_it_up_and_says_so(
    command: Command, tmp_path: Path, pg_url: str
) -> None:
    file, database = tmp_path / "sayso.toml", {"SAYSO_DATABASE_URL": pg_url}
    file.write_text(ANNS)
    async with serving(command, **SOON, **database) as one, serving(command, **SOON, **database) as other:
        agent = command.key("bot", "agent", **database)
        file.write_text(BOBS)
        done = await asyncio.to_thread(command, "reload", **database)
        said = done.stdout.splitlines()
        assert (done.returncode, len(said)) == (0, 2), done.stderr
        assert all(line.endswith("taken up: policies.default, policies.night") for line in said)
        for number, served in enumerate((one, other)):
            assert (await ask(served, agent, f"r{number}", policy="night"))[0] == 201
        file.write_text(WRONG)
        done = await asyncio.to_thread(command, "reload", **database)
        assert (done.returncode, done.stdout.count("are refused")) == (2, 2)
