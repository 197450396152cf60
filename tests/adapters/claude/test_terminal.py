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
BETTER = anthropic.ToolUse("ExitPlanMode", {"plan": "Write it, and a test"})
OPTIONS = [{"label": "eu", "description": "Frankfurt"}, {"label": "us", "description": "Ohio"}]
QUESTION = {"question": "Which region?", "header": "Region", "options": OPTIONS, "multiSelect": False}
ASKED = anthropic.ToolUse("AskUserQuestion", {"questions": [QUESTION]})


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path) as found:
        yield found


async def carried_on(
    scene: Scene, service: Service, *calls: tuple[anthropic.ToolUse, Mapping[str, Any]]
) -> Sequence[str]:
    """What the model read as people answered each call on its card; the terminal's own user touches no key."""
    # a session that somebody sits at starts in auto mode otherwise, and asks nobody
    scene.permissions = {"defaultMode": "default"}
    async with anthropic.serve() as model:
        model.script([*(used for used, _ in calls), anthropic.Text("done")])
        async with claude_terminal.opened("--permission-mode", "plan", "go", **scene.options(model.url)) as terminal:
            for count, (_, answer) in enumerate(calls, 1):
                await service.answer(count=count, **answer)
            await until(lambda: len(model.conversation()) > len(calls))
            read = model.tool_results()
            await terminal.until("done")
    assert await service.count() == len(calls)
    return [one.text for one in read]


# test_cli has every kind of hook at every event
@pytest.mark.parametrize(("kind", "event"), [("http", "PreToolUse"), ("command", "PermissionRequest")])
async def test_a_denied_plan_goes_back_and_what_was_answered_and_allowed_is_not_asked_again_in_the_terminal(
    tmp_path: Path, service: Service, kind: Kind, event: str
) -> None:
    scene = Scene(tmp_path, service.url, service.key, kind, event)
    written = anthropic.ToolUse("Write", {"file_path": str(scene.cwd / "written.txt"), "content": "x"})
    denied, allowed, answered, *_ = await carried_on(
        scene,
        service,
        (PLAN, {"verdict": "deny", "reason": "add a test"}),
        (BETTER, {"verdict": "allow"}),
        (ASKED, {"choice": "us"}),
        (touch(), {"verdict": "allow"}),
        (written, {"verdict": "allow"}),
    )
    assert "add a test" in denied
    assert "approved" in allowed
    assert "approved" not in denied
    assert '"Which region?"="us"' in answered
    assert scene.files() == ["made.txt", "written.txt"]


async def test_a_plan_before_which_both_hooks_stand_is_asked_about_once(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, "http", also=("PermissionRequest",))
    [read] = await carried_on(scene, service, (PLAN, {"verdict": "allow"}))
    assert "approved" in read
