"""A third chat, as somebody else would ship it: a package and an entry point, and not a line of ours is touched."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest

from tests.bots.conftest import Command
from tests.bots.plugged import fake_teams
from tests.conftest import until
from tests.fakes.processes import environment, started, stays
from tests.test_docs import blocks, readme_channel

PLUGGED = Path(fake_teams.__file__).parent

SETTINGS = """
[teams]
channel = "ops"
[people.ann]
teams = "ann@example.com"
[people.bob]
terminal = "bob"
[policies.default]
approvers = ["ann"]
"""

# Python takes a module that is None in `sys.modules` for one that is not installed.
MISSING_AT_ONCE = """
import sys
sys.modules["sayso_teams.connection"] = None
from sayso_bots import cli
cli.run(["serve"])
"""
MISSING_LATER = """
import sys
sys.modules["teams_sdk"] = None
import sayso_teams.connection
sayso_teams.connection.connect = lambda *_: __import__("teams_sdk")
from sayso_bots import cli
cli.run(["serve"])
"""


def install(folder: Path) -> str:
    """A place on the path as an installer leaves it: the package is there, and its entry point is on record."""
    record(folder / "site", "sayso-teams", "teams = sayso_teams.plugin:chat")
    return os.pathsep.join([str(folder / "site"), str(PLUGGED), environment({})["PYTHONPATH"]])


def record(site: Path, package: str, entry: str) -> None:
    folder = site / f"{package.replace('-', '_')}-0.1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
    (folder / "entry_points.txt").write_text(f"[sayso.chats]\n{entry}\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The chat of `tests/bots/plugged`, and the one that is built up on a page of ours."""
    folder = tmp_path_factory.mktemp("teams")
    way, site = install(folder), folder / "site"
    (site / "folders.py").write_text(readme_channel())
    (site / "folder_chat.py").write_text(blocks("python", page="docs/channels.md")[-1].text)
    record(site, "folder-chat", "folder = folder_chat:chat")
    return stays(way)


@pytest.fixture
def changing(tmp_path: Path) -> str:
    """The same, for a test that changes it."""
    return install(tmp_path)


@pytest.fixture
async def teams() -> AsyncGenerator[fake_teams.FakeTeams]:
    async with fake_teams.running() as fake:
        yield fake


@pytest.fixture
def variables(installed: str, teams: fake_teams.FakeTeams) -> Mapping[str, str]:
    secrets = {"TEAMS_TOKEN": fake_teams.TOKEN, "TEAMS_SECRET": fake_teams.SECRET}
    return {"PYTHONPATH": installed, "TEAMS_API_URL": teams.url, **secrets}


async def run(command: Command, *words: str, **variables: str) -> tuple[int, str, str]:
    async with command.started(*words, **variables) as running:
        return await running.ended()


async def test_an_agent_asks_and_goes_on_when_somebody_presses_in_a_chat_that_was_plugged_in(
    command: Command, teams: fake_teams.FakeTeams, variables: Mapping[str, str]
) -> None:
    (command.folder / "sayso.toml").write_text(SETTINGS)
    async with command.started("serve", SAYSO_PORT="0", **variables) as service:
        url = (await service.line("sayso listens on")).rpartition(" ")[2]
        assert (await service.line("chat")).endswith("Teams by HTTP, at /teams/presses; requests go to ops")
        await service.line("sign in")
        key = command.key("bot", "agent", **variables)
        words = ("ask", "permission", "--tool", "Bash", "--input", '{"command": "make deploy"}', "--wait")
        async with command.started(*words, SAYSO_URL=url, SAYSO_KEY=key, **variables) as agent:
            _, shown = await teams.card()
            assert shown["room"] == "ops"
            assert "make deploy" in "\n".join(shown["text"])
            assert await teams.press(url, "Allow", "bob@example.com") == 403
            assert await teams.press(url, "Allow", "ann@example.com") == 200
            code, out, _ = await agent.ended()
        assert (code, "ann" in out) == (0, True)
        assert (await teams.card())[1]["buttons"] == {}


async def test_doctor_looks_at_it_and_the_service_does_not_start_with_what_it_finds(
    command: Command, teams: fake_teams.FakeTeams, variables: Mapping[str, str]
) -> None:
    (command.folder / "sayso.toml").write_text(SETTINGS)
    code, out, _ = await run(command, "doctor", "--json", SAYSO_PORT="0", **variables)
    found = {one["name"]: one for one in json.loads(out)}
    assert (code, found["chats"]["said"], found["teams channel"]["said"]) == (0, "teams", "ops")
    teams.rooms.clear()
    code, out, _ = await run(command, "doctor", "--json", SAYSO_PORT="0", **variables)
    wrong = [one for one in json.loads(out) if not one["ok"]]
    assert (code, [(one["name"], one["hint"]) for one in wrong]) == (2, [("teams channel", "make it")])
    code, _, err = await run(command, "serve", SAYSO_PORT="0", **variables)
    assert (code, "there is no ops" in err) == (2, True)


@pytest.mark.once
@pytest.mark.parametrize(
    ("settings", "given", "told"),
    [
        ('[teems]\nchannel = "ops"', {}, "teems is no setting — did you mean 'teams'?"),
        ('[teams]\nchanel = "ops"', {}, "teams.chanel is no setting — did you mean 'channel'?"),
        ("[teams]", {}, 'teams.channel is missing — channel = "approvals"'),
        ('[teams]\nchannel = "Ops!"', {}, 'teams.channel: has not the expected form — channel = "approvals"'),
        ('[people.ann]\nteams = "ann"', {}, 'people.ann.teams: has not the expected form — the address, as "ann@'),
        ('[groups.g]\nteams_group = "x"', {}, "groups.g.teams_group: has not the expected form — the number of a"),
        ('[people.ann]\nterminal = "tms-1"', {}, "people.ann.terminal looks like a secret"),
        ("", {"TEAMS_TOKEN": "swapped"}, "TEAMS_TOKEN does not begin with tms- — see: sayso init teams"),
        ("", {"TEAMS_API_URL": "ftp://x"}, "TEAMS_API_URL is no http address"),
        ('[teams]\nchannel = "ops"', {"TEAMS_SECRET": ""}, "[teams] needs TEAMS_SECRET"),
    ],
)
async def test_what_is_wrong_in_its_settings_is_said_as_for_any_chat(
    command: Command, variables: Mapping[str, str], settings: str, given: Mapping[str, str], told: str
) -> None:
    (command.folder / "sayso.toml").write_text(settings)
    code, _, err = await run(command, "serve", SAYSO_PORT="0", **{**variables, **given})
    assert code == 2
    assert err.startswith(f"sayso: {told}")
    assert "swapped" not in err


@pytest.mark.parametrize("program", [MISSING_AT_ONCE, MISSING_LATER])
async def test_a_package_that_it_needs_and_that_is_missing_is_named_with_the_way_to_get_it(
    command: Command, variables: Mapping[str, str], program: str
) -> None:
    (command.folder / "sayso.toml").write_text(SETTINGS)
    line = [sys.executable, "-c", program]
    async with started(line, command.folder, SAYSO_PORT="0", **variables) as running:
        code, _, err = await running.ended()
    assert (code, "a package is missing" in err, "pip install sayso-teams[sdk]" in err) == (2, True, True)


async def test_init_writes_its_part_of_the_file_and_says_what_it_needs(command: Command, installed: str) -> None:
    assert (await run(command, "init", PYTHONPATH=installed))[0] == 0
    written = (command.folder / "sayso.toml").read_text()
    assert '# [teams]\n# channel = "approvals"' in written
    assert '# teams = "ann@example.com"' in written
    assert '# teams_group = "7"' in written
    code, out, err = await run(command, "init", "teams", "T1", PYTHONPATH=installed)
    assert (code, json.loads(out), "TEAMS_TOKEN" in err) == (0, {"tenant": "T1"}, True)


async def test_a_chat_that_cannot_be_loaded_stops_the_start_and_is_named(command: Command, changing: str) -> None:
    points = Path(changing.partition(os.pathsep)[0]) / "sayso_teams-0.1.dist-info" / "entry_points.txt"
    points.write_text("[sayso.chats]\nteams = sayso_nowhere.plugin:chat\n")
    code, _, err = await run(command, "show", "r1", PYTHONPATH=changing)
    assert (code, "the chat teams cannot be loaded" in err) == (2, True)
    points.write_text("[sayso.chats]\nslack = sayso_teams.plugin:chat\n")
    code, _, err = await run(command, "show", "r1", PYTHONPATH=changing)
    assert (code, "is not the only chat with the name slack" in err) == (2, True)


async def test_what_the_page_shows_is_plugged_in_and_served(command: Command, installed: str) -> None:
    (command.folder / "sayso.toml").write_text('[folder]\nchannel = "ops"\n[people.ann]\nfolder = "ann"\n')
    given = {"PYTHONPATH": installed, "FOLDER_ROOT": str(command.folder), "SAYSO_PORT": "0"}
    code, out, _ = await run(command, "doctor", "--json", **given)
    wrong = [one for one in json.loads(out) if not one["ok"]]
    assert (code, [(one["name"], one["hint"]) for one in wrong]) == (
        2,
        [("folder channel", f"mkdir {command.folder}/ops")],
    )
    (command.folder / "ops").mkdir()
    async with command.started("serve", **given) as service:
        url = (await service.line("sayso listens on")).rpartition(" ")[2]
        assert f"folders in {command.folder}; requests go to ops" in await service.line("chat")
        await service.line("sign in")
        key = command.key("bot", "agent", **given)
        await run(command, "ask", "question", "Which?", "--id", "q1", SAYSO_URL=url, SAYSO_KEY=key, **given)
        card = command.folder / "ops" / "q1.json"
        await until(card.exists)
        assert "Which?" in card.read_text()
