"""The real Claude Code CLI in a pseudo-terminal: what a person allowed on a card, the terminal does not ask again."""

from collections.abc import AsyncGenerator, Mapping, Sequence
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


async def carried_on(
    scene: Scene, service: Service, *words: str, calls: Sequence[tuple[anthropic.ToolUse, Mapping[str, Any]]]
) -> Sequence[str]:
    """What the model read as people answered each call on its card; the terminal's own user touches no key."""
    # a session that somebody sits at starts in auto mode otherwise, and asks nobody
    scene.permissions = {"defaultMode": "default"}
    async with anthropic.serve() as model:
        model.script([*(used for used, _ in calls), anthropic.Text("done")])
        async with claude_terminal.opened(*words, "go", **scene.options(model.url)) as terminal:
            for count, (_, answer) in enumerate(calls, 1):
                await service.answer(count=count, **answer)
            await until(lambda: len(model.conversation()) > len(calls))
            read = model.tool_results()
            await terminal.until("done")
    return [one.text for one in read]


@EVENTS
@KINDS
async def test_a_denied_plan_goes_back_to_the_model_and_an_allowed_one_is_carried_out(
    tmp_path: Path, service: Service, event: str, kind: Kind
) -> None:
    scene = Scene(tmp_path, service.url, service.key, kind, event)
    better = anthropic.ToolUse("ExitPlanMode", {**PLAN.input, "plan": "Write it, and a test"})
    calls = [(PLAN, {"verdict": "deny", "reason": "add a test"}), (better, {"verdict": "allow"})]
    denied, allowed = await carried_on(scene, service, "--permission-mode", "plan", calls=calls)
    assert "add a test" in denied
    assert "approved" in allowed
    assert "approved" not in denied


async def test_a_plan_before_which_both_hooks_stand_is_asked_about_once(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, "http", also=("PermissionRequest",))
    [read] = await carried_on(scene, service, "--permission-mode", "plan", calls=[(PLAN, {"verdict": "allow"})])
    assert ("approved" in read, await service.count()) == (True, 1)


@EVENTS
async def test_what_was_answered_and_allowed_is_not_asked_again_in_the_terminal(
    tmp_path: Path, service: Service, event: str
) -> None:
    scene = Scene(tmp_path, service.url, service.key, "http", event)
    written = anthropic.ToolUse("Write", {"file_path": str(scene.cwd / "written.txt"), "content": "x"})
    calls = [(ASKED, {"choice": "us"}), (touch(), {"verdict": "allow"}), (written, {"verdict": "allow"})]
    answered, *_ = await carried_on(scene, service, calls=calls)
    assert "us" in answered
    assert scene.files() == ["made.txt", "written.txt"]
