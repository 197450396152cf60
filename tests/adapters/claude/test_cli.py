"""The real Claude Code CLI asks through our hooks, with the settings we print: people decide, and it obeys."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from sayso.testing.clock import ManualClock
from sayso_claude import presence
from tests.adapters import claude_service
from tests.adapters.claude_scene import Kind, Scene, running, touch
from tests.adapters.claude_service import Service
from tests.conftest import until
from tests.fakes import anthropic, claude_cli

pytestmark = pytest.mark.once


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path) as found:
        yield found


KINDS = pytest.mark.parametrize("kind", ["http", "command"])
BOTH = pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])


@KINDS
@BOTH
async def test_a_command_runs_as_a_person_allowed_or_edited_it_and_the_model_reads_why_another_one_did_not(
    tmp_path: Path, service: Service, kind: Kind, event: str
) -> None:
    # what the settings allow beforehand is denied all the same
    permissions = {"allow": ["Bash(touch denied.txt)"]} if event == "PreToolUse" else {}
    scene = Scene(tmp_path, service.url, service.key, kind, event, permissions=permissions)
    async with running(scene, touch(), touch("denied.txt"), touch("edited.txt")) as run:
        ticket = await service.answer(verdict="allow")
        await service.answer(count=2, verdict="deny", reason="not on a Friday")
        await service.answer(count=3, verdict="allow", input={"command": "touch other.txt"})
        results = await run
    assert [result.is_error for result in results] == [False, True, False]
    assert scene.files() == ["made.txt", "other.txt"]
    assert (ticket.request.tool, ticket.request.input) == ("Bash", {"command": "touch made.txt"})
    assert ticket.request.context["Folder"] == str(scene.cwd)
    said = "denied by test:ann. Do not run it and do not work around it. Reason: not on a Friday"
    assert said in results[1].text


async def test_the_model_is_told_that_its_command_was_edited(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key)
    async with anthropic.serve() as model:
        model.script([touch(), anthropic.Text("done")])
        task = asyncio.create_task(claude_cli.run_cli("go", **scene.options(model.url), timeout=40))
        await service.answer(verdict="allow", input={"command": "touch other.txt"})
        await task
        assert "with an edited input" in str(model.conversation()[-1]["messages"])


async def test_allowing_for_the_session_asks_once_and_only_for_that_command(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, event="PermissionRequest")
    async with running(scene, touch("a.txt"), touch("a.txt"), touch("b.txt")) as run:
        ticket = await service.answer(verdict="allow", grant="s0")
        assert "Bash(touch a.txt)" in ticket.request.offers[0].effect
        other = await service.answer(count=2, verdict="deny")
        results = await run
    assert other.request.input == {"command": "touch b.txt"}
    assert [result.is_error for result in results] == [False, False, True]
    assert scene.files() == ["a.txt"]
    assert await service.count() == 2


LONGER = (
    "touch a.txt b.txt",
    "touch a.txt; touch b.txt",
    "touch a.txt > b.txt",
    "echo b.txt | xargs touch a.txt",
    "PATH=. touch a.txt",
    "cd .. && touch a.txt",
)


async def test_a_session_rule_covers_nothing_longer(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, event="PermissionRequest")
    longer = [anthropic.ToolUse("Bash", {"command": more}) for more in LONGER]
    async with running(scene, touch("a.txt"), *longer) as run:
        await service.answer(verdict="allow", grant="s0")
        for count, more in enumerate(LONGER, 2):
            ticket = await service.answer(count=count, verdict="deny")
            assert ticket.request.input == {"command": more}
        await run
    assert scene.files() == ["a.txt"]


async def test_a_suggestion_of_claude_code_that_a_person_chose_is_kept_where_the_card_said(
    tmp_path: Path, service: Service
) -> None:
    scene = Scene(tmp_path, service.url, service.key, event="PermissionRequest")
    calls = [anthropic.ToolUse("Bash", {"command": f"npm run {name}"}) for name in ("a", "b")]
    async with running(scene, *calls) as run:
        ticket = await service.answer(verdict="allow", grant="s1")
        await run
    assert [offer.effect for offer in ticket.request.offers] == [
        "Bash(npm run a) to what runs without asking · until this session ends",
        "Bash(npm run *) to what runs without asking · from now on, for you in this project"
        " (.claude/settings.local.json)",
    ]
    kept = json.loads((scene.cwd / ".claude" / "settings.local.json").read_text())
    assert kept == {"permissions": {"allow": ["Bash(npm run *)"]}}
    assert await service.count() == 1


async def test_a_rule_that_asks_after_the_hook_allowed_does_not_ask_the_person_twice(
    tmp_path: Path, service: Service
) -> None:
    scene = Scene(tmp_path, service.url, service.key, also=("PermissionRequest",), permissions={"ask": ["Bash"]})
    async with running(scene) as run:
        await service.answer(verdict="allow")
        await run
    assert scene.files() == ["made.txt"]
    assert await service.count() == 1


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
async def test_a_rule_that_asks_does_not_drop_what_a_person_allowed(
    tmp_path: Path, service: Service, event: str
) -> None:
    also = ("PermissionRequest",) if event == "PreToolUse" else ()
    scene = Scene(tmp_path, service.url, service.key, event=event, also=also, permissions={"ask": ["Write"]})
    async with running(
        scene, anthropic.ToolUse("Write", {"file_path": str(scene.cwd / "made.txt"), "content": "x"})
    ) as run:
        await service.answer(verdict="allow")
        await run
    assert scene.files() == ["made.txt"]


@KINDS
async def test_nobody_answers_and_an_allowed_command_does_not_run(tmp_path: Path, service: Service, kind: Kind) -> None:
    scene = Scene(tmp_path, service.url, service.key, kind, permissions={"allow": ["Bash"]})
    async with running(scene) as run:
        ticket = await service.asked()
        await service.desk.cancel(ticket.id, reason="changed my mind")
        (result,) = await run
    assert scene.files() == []
    assert "withdrawn before anybody decided" in result.text


@KINDS
@pytest.mark.parametrize("broken", ["address", "key"])
async def test_an_allowed_command_does_not_run_without_the_service(
    tmp_path: Path, service: Service, kind: Kind, broken: str
) -> None:
    url = f"{service.url}/elsewhere" if broken == "address" else service.url
    key = "sayso_agent_unknown" if broken == "key" else service.key
    scene = Scene(tmp_path, url, key, kind, permissions={"allow": ["Bash"]})
    (result,) = await scene.run()
    assert scene.files() == []
    assert result.is_error


@KINDS
async def test_a_killed_cli_withdraws_its_request(tmp_path: Path, kind: Kind) -> None:
    clock = ManualClock()
    async with claude_service.serve(tmp_path, now=clock) as service, anthropic.serve() as model:
        scene = Scene(tmp_path, service.url, service.key, kind)
        model.script([touch()])
        async with claude_cli.start_cli("go", **scene.options(model.url)) as process:
            await service.waiting()
            os.killpg(process.pid, signal.SIGKILL)
            await service.missed(clock)
        clock.advance(presence.GRACE)
        decision = await service.decided((await service.asked()).id)
    assert (decision.outcome, decision.reason) == ("cancelled", "the agent hung up")


async def test_a_restarted_service_still_hands_the_decision_to_the_cli(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        scene = Scene(tmp_path, service.url, service.key, "command")
        run = asyncio.create_task(scene.run())
        await service.waiting()
        port = int(service.url.rpartition(":")[2])
    async with claude_service.serve(tmp_path, port=port, key=service.key) as restarted:
        await restarted.answer(verdict="allow")
        await run
    assert scene.files() == ["made.txt"]
    await until(run.done)
