"""The real Claude Code CLI asks through our hooks, with the settings we print: people decide, and it obeys."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from sayso.testing.clock import ManualClock
from sayso_claude import presence
from tests.adapters import claude_service
from tests.adapters.claude_scene import Kind, Scene, command_on_path, running, touch
from tests.adapters.claude_service import Service
from tests.fakes import anthropic, claude_runs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.once]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cli(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[claude_runs.Cli]:
    folder = tmp_path_factory.mktemp("agent")
    async with claude_runs.opened(folder, **command_on_path(folder)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path) as found:
        yield found


def bash(command: str) -> anthropic.ToolUse:
    return anthropic.ToolUse("Bash", {"command": command})


def write(scene: Scene, name: str) -> anthropic.ToolUse:
    return anthropic.ToolUse("Write", {"file_path": str(scene.cwd / name), "content": "x"})


@pytest.mark.parametrize("kind", ["http", "command"])
@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
async def test_commands_run_as_people_allowed_or_edited_them_and_the_model_reads_why_others_did_not(
    tmp_path: Path, cli: claude_runs.Cli, service: Service, kind: Kind, event: str
) -> None:
    names = ["made", "edited", "denied", "withdrawn", "stopped", "late"]
    # what the settings allow beforehand does not run all the same
    before = [f"Bash(touch {name}.txt)" for name in names[2:]]
    permissions = {"allow": before} if event == "PreToolUse" else {}
    scene = Scene(tmp_path, service.url, service.key, kind, event, permissions=permissions, cli=cli)
    async with running(scene, *(touch(f"{name}.txt") for name in names), stopped=True) as run:
        ticket = await service.answer(verdict="allow")
        await service.answer(count=2, verdict="allow", input={"command": "touch other.txt"})
        await service.answer(count=3, verdict="deny", reason="not on a Friday")
        await service.desk.cancel((await service.asked(4)).id, reason="changed my mind")
        await service.answer(count=5, verdict="stop", reason="wrong branch")
        results = await run
    assert [result.is_error for result in results] == [False, False, True, True]
    assert scene.files() == ["made.txt", "other.txt"]
    assert (ticket.request.tool, ticket.request.input) == ("Bash", {"command": "touch made.txt"})
    assert ticket.request.context["Folder"] == str(scene.cwd)
    said = "denied by test:ann. Do not run it and do not work around it. Reason: not on a Friday"
    assert said in results[2].text
    assert "withdrawn before anybody decided" in results[3].text
    assert len(scene.model.conversation()) == 5, "the turn ends where it was stopped"
    # only before a tool is there a place to say it
    assert ("with an edited input" in str(scene.model.conversation()[-1])) is (event == "PreToolUse")


async def test_a_rule_that_asks_after_the_hook_allowed_neither_asks_twice_nor_drops_it(
    tmp_path: Path, cli: claude_runs.Cli, service: Service
) -> None:
    scene = Scene(
        tmp_path, service.url, service.key, also=("PermissionRequest",), permissions={"ask": ["Bash", "Write"]}, cli=cli
    )
    async with running(scene, touch(), write(scene, "written.txt")) as run:
        await service.answer(verdict="allow")
        await service.answer(count=2, verdict="allow")
        await run
    assert scene.files() == ["made.txt", "written.txt"]
    assert await service.count() == 2


# test_hook has both for the command, and for HTTP the one answer is an error like the other
@pytest.mark.parametrize(("kind", "broken"), [("http", "key"), ("command", "address")])
async def test_an_allowed_command_does_not_run_without_the_service(
    tmp_path: Path, cli: claude_runs.Cli, service: Service, kind: Kind, broken: str
) -> None:
    url = f"{service.url}/elsewhere" if broken == "address" else service.url
    key = "sayso_agent_unknown" if broken == "key" else service.key
    scene = Scene(tmp_path, url, key, kind, permissions={"allow": ["Bash"]}, cli=cli)
    (result,) = await scene.run()
    assert scene.files() == []
    assert result.is_error


# The rules hold until the process ends, so that this stands behind all but the last.
LONGER = (
    "touch b.txt",
    "touch a.txt b.txt",
    "touch a.txt; touch b.txt",
    "touch a.txt > b.txt",
    "echo b.txt | xargs touch a.txt",
    "PATH=. touch a.txt",
    "cd .. && touch a.txt",
)


async def test_a_rule_that_a_person_chose_covers_what_the_card_said_where_it_said_and_nothing_longer(
    tmp_path: Path, cli: claude_runs.Cli, service: Service
) -> None:
    scene = Scene(
        tmp_path, service.url, service.key, event="PermissionRequest", permissions={"ask": ["Write"]}, cli=cli
    )
    calls = [touch("a.txt"), touch("a.txt"), *map(bash, LONGER), bash("npm run a"), bash("npm run b")]
    npm = cli.folder / "bin" / "npm"
    npm.write_text("#!/bin/sh\ntouch $2.run\n")
    npm.chmod(0o755)
    async with running(scene, *calls, write(scene, "written.txt")) as run:
        touching = await service.answer(verdict="allow", grant="s0")
        for count, more in enumerate(LONGER, 2):
            ticket = await service.answer(count=count, verdict="deny")
            assert ticket.request.input == {"command": more}
        npm_run = await service.answer(count=len(LONGER) + 2, verdict="allow", grant="s1")
        # a rule of the settings that asks does not drop what a person allowed
        await service.answer(count=len(LONGER) + 3, verdict="allow")
        results = await run
    assert "Bash(touch a.txt)" in touching.request.offers[0].effect
    assert [offer.effect for offer in npm_run.request.offers] == [
        "Bash(npm run a) to what runs without asking · until this session ends",
        "Bash(npm run *) to what runs without asking · from now on, for you in this project"
        " (.claude/settings.local.json)",
    ]
    assert [result.is_error for result in results] == [False, False, *[True] * len(LONGER), False, False, False]
    assert scene.files() == [".claude", "a.run", "a.txt", "b.run", "written.txt"]
    kept = json.loads((scene.cwd / ".claude" / "settings.local.json").read_text())
    assert kept == {"permissions": {"allow": ["Bash(npm run *)"]}}
    assert await service.count() == len(LONGER) + 3


# that of a command is killed in test_hook_end_to_end
async def test_a_killed_cli_withdraws_its_request(tmp_path: Path, cli: claude_runs.Cli) -> None:
    clock = ManualClock()
    async with claude_service.serve(tmp_path, now=clock) as service:
        async with running(Scene(tmp_path, service.url, service.key, "http", cli=cli)):
            await service.waiting()
            await cli.kill()
            await service.missed(clock)
        clock.advance(presence.GRACE)
        decision = await service.decided((await service.asked()).id)
    assert (decision.outcome, decision.reason) == ("cancelled", "the agent hung up")
