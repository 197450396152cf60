"""From the model to Slack and back: the real CLI, `sayso hook`, `sayso serve` and the real Slack SDK, on loopback."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.adapters.claude_scene import Kind, Scene, command_on_path, running, touch
from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup
from tests.bots.test_hook import run
from tests.fakes import claude_runs
from tests.fakes.slack import Message, Person

pytestmark = pytest.mark.once

WITHIN = 20.0
WHY = "Why not? The agent reads this."


@pytest.fixture
async def there(command: Command) -> AsyncGenerator[Setup, None]:
    async with setup(command) as built:
        yield built


@pytest.fixture
def ann(there: Setup) -> Person:
    return there.slack.person("U1", name="ann")


def scene(there: Setup, cli: claude_runs.Cli, kind: Kind, event: str, permissions: Any = None) -> Scene:
    """A run with the settings that the command printed."""
    http = ["--http"] if kind == "http" else []
    printed = json.loads(there.command("init", "claude-code", "--url", there.url, "--event", event, *http).stdout)
    return Scene(
        there.command.folder, there.url, there.key, kind, event, permissions=permissions or {}, printed=printed, cli=cli
    )


async def card(there: Setup, number: int) -> Message:
    """The card of the n-th call, once it is there."""
    await there.until(lambda: len(there.cards()) == number, within=WITHIN)
    return there.cards()[-1]


async def submit(there: Setup, ann: Person, card: Message, label: str, typed: dict[str, Any], said: str = "") -> None:
    """Ann opens a window, reads what is *said* there, fills it in and sends it."""
    seen = await ann.press(card, label)
    await there.until(lambda: seen.views, within=WITHIN)
    assert said in there.slack.visible_text(ann.view)
    await ann.fill(ann.view, typed)
    assert (await ann.submit(ann.view)).errors == {}


# test_cli has every event by every kind of hook; here each of them meets the whole service once


async def test_people_in_slack_allow_for_a_session_and_decide_though_the_service_and_at_last_the_cli_are_killed(
    there: Setup, ann: Person
) -> None:
    folder = there.command.folder
    async with claude_runs.opened(folder, **command_on_path(folder)) as cli:
        await read_the_rule_and_allow_for_the_session(scene(there, cli, "http", "PermissionRequest"), there, ann)
        set_up = scene(there, cli, "command", "PreToolUse", {"allow": ["Bash(touch denied.txt)"]})
        async with running(set_up, *(touch(f"{name}.txt") for name in ("made", "denied", "edited", "later", "never"))):
            await decide(set_up, there, ann)
            await cli.kill()
    results = cli.model.tool_results()
    assert [result.is_error for result in results] == [False, True, False, False]
    assert results[1].text.endswith("Do not run it and do not work around it. Reason: not on a Friday")
    assert set_up.files() == ["later.txt", "made.txt", "other.txt"]
    said = ("Allowed by ann", "Denied by ann", "Allowed by ann", "Allowed by ann", "Withdrawn")
    await there.until(
        lambda: all(word in there.slack.visible_text(one) for word, one in zip(said, there.cards()[2:], strict=True)),
        within=WITHIN,
    )
    assert {tuple(there.slack.controls(one)) for one in there.cards()} == {("Details",)}
    assert there.posts() == 7


async def read_the_rule_and_allow_for_the_session(set_up: Scene, there: Setup, ann: Person) -> None:
    async with running(set_up, touch(), touch("again.txt"), touch("again.txt")) as ran:
        assert (await ann.press(await card(there, 1), "Allow")).acked
        asked, rule = await card(there, 2), "Bash(touch again.txt) to what runs without asking"
        assert rule in there.slack.visible_text(asked)
        await submit(there, ann, asked, "Add rule 1 and allow…", {}, f"{rule} · until this session ends")
        assert [result.is_error for result in await ran] == [False, False, False]
    assert set_up.files() == ["again.txt", "made.txt"]
    assert there.posts() == 2


async def decide(set_up: Scene, there: Setup, ann: Person) -> None:
    """Until the fifth call waits, the service was killed while the fourth did."""
    asked = await card(there, 3)
    shown = there.slack.visible_text(asked)
    assert "bot (calls itself Claude Code) asks to run Bash" in shown
    assert "touch made.txt" in shown
    assert str(set_up.cwd) in shown
    assert set_up.files() == []
    assert (await ann.press(asked, "Allow")).acked
    await submit(there, ann, await card(there, 4), "Deny with reason…", {WHY: "not on a Friday"})
    await submit(there, ann, await card(there, 5), "Edit and allow…", {"command": "touch other.txt"})
    asked = await card(there, 6)
    await there.restart()
    assert (await ann.press(asked, "Allow")).acked
    await card(there, 7)


async def test_what_claude_code_tells_its_user_is_told_in_a_thread_of_its_session(there: Setup) -> None:
    said = {"hook_event_name": "Notification", "session_id": "s-1", "message": "Claude is waiting for your input"}
    assert (await run(payload=said, SAYSO_URL=there.url, SAYSO_KEY=there.key)).json == {}
    await there.until(lambda: len(there.slack.messages("C1")) == 2, within=WITHIN)
    opening, note = there.slack.messages("C1")
    assert note.thread_ts == opening.ts
    assert there.slack.visible_text(note).endswith("Claude is waiting for your input")
