"""The real Claude Code CLI in a pseudo-terminal: what a person allowed on a card, the terminal does not ask again."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters import claude_service
from tests.adapters.claude_scene import Kind, Scene, touch
from tests.adapters.claude_service import Service
from tests.conftest import until
from tests.fakes import anthropic, claude_terminal

pytestmark = pytest.mark.once

PLAN = anthropic.ToolUse("ExitPlanMode", {"plan": "1. touch it"})
OPTIONS = [{"label": "eu", "description": "Frankfurt"}, {"label": "us", "description": "Ohio"}]
QUESTION = {"question": "Which region?", "header": "Region", "options": OPTIONS, "multiSelect": False}
ASKED = anthropic.ToolUse("AskUserQuestion", {"questions": [QUESTION]})

EVENTS = pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
KINDS = pytest.mark.parametrize("kind", ["http", "command"])


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path) as found:
        yield found


async def carried_on(scene: Scene, service: Service, *words: str, used: anthropic.ToolUse, answer: Any) -> str:
    """What the model read once a person answered on the card; the terminal's own user touches no key."""
    # a session that somebody sits at starts in auto mode otherwise, and asks nobody
    scene.permissions = {"defaultMode": "default"}
    async with anthropic.serve() as model:
        model.script([used, anthropic.Text("done")])
        async with claude_terminal.opened(*words, "go", **scene.options(model.url)) as terminal:
            await service.answer(**answer)
            await until(lambda: len(model.conversation()) > 1)
            (read,) = model.tool_results()
            await terminal.until("done")
    return read.text


@EVENTS
@KINDS
async def test_an_allowed_plan_is_carried_out(tmp_path: Path, service: Service, event: str, kind: Kind) -> None:
    scene = Scene(tmp_path, service.url, service.key, kind, event)
    read = await carried_on(scene, service, "--permission-mode", "plan", used=PLAN, answer={"verdict": "allow"})
    assert "approved" in read


async def test_a_plan_before_which_both_hooks_stand_is_asked_about_once(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, "http", also=("PermissionRequest",))
    read = await carried_on(scene, service, "--permission-mode", "plan", used=PLAN, answer={"verdict": "allow"})
    assert ("approved" in read, await service.count()) == (True, 1)


@EVENTS
async def test_a_denied_plan_goes_back_to_the_model(tmp_path: Path, service: Service, event: str) -> None:
    scene = Scene(tmp_path, service.url, service.key, "http", event)
    answer = {"verdict": "deny", "reason": "add a test"}
    assert "add a test" in await carried_on(scene, service, "--permission-mode", "plan", used=PLAN, answer=answer)


@EVENTS
async def test_an_answered_question_is_not_asked_again_in_the_terminal(
    tmp_path: Path, service: Service, event: str
) -> None:
    scene = Scene(tmp_path, service.url, service.key, "http", event)
    assert "us" in await carried_on(scene, service, used=ASKED, answer={"choice": "us"})


@EVENTS
@pytest.mark.parametrize("used", [touch(), anthropic.ToolUse("Write", {"file_path": "{cwd}/made.txt", "content": "x"})])
async def test_an_allowed_call_runs_without_a_key_being_touched(
    tmp_path: Path, service: Service, event: str, used: anthropic.ToolUse
) -> None:
    scene = Scene(tmp_path, service.url, service.key, "http", event)
    given = {name: str(value).replace("{cwd}", str(scene.cwd)) for name, value in used.input.items()}
    await carried_on(scene, service, used=anthropic.ToolUse(used.name, given), answer={"verdict": "allow"})
    assert scene.files() == ["made.txt"]
