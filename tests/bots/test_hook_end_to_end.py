"""From the model to Slack and back: the real CLI, `sayso hook`, `sayso serve` and the real Slack SDK, on loopback."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.adapters.claude_scene import Kind, Scene, running, touch
from tests.bots.conftest import Command, Running
from tests.bots.test_hook import run
from tests.fakes import anthropic, claude_cli
from tests.fakes.slack import FakeSlack, Message, Person

pytestmark = pytest.mark.once

WITHIN = 20.0


@asynccontextmanager
async def serving(command: Command, slack: FakeSlack, port: str = "0") -> AsyncGenerator[tuple[Running, str], None]:
    """`sayso serve`, connected to *slack*, and its address."""
    (command.folder / "sayso.toml").write_text('[slack]\nchannel = "#ops"\n')
    tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url}
    async with command.started("serve", SAYSO_PORT=port, **tokens) as service:
        url = (await service.line("sayso listens on")).rpartition(" ")[2]
        await service.line("sign in")
        yield service, url


@pytest.fixture
async def slack() -> AsyncGenerator[FakeSlack, None]:
    async with FakeSlack(ack_within=WITHIN) as found:
        found.channel("C1", name="ops", members=["U1"])
        yield found


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    return slack.person("U1", name="ann")


def scene(command: Command, url: str, kind: Kind, event: str, permissions: Any = None) -> Scene:
    """A run with a key and with the settings that the command printed."""
    key = command.key("claude", "agent")
    http = ["--http"] if kind == "http" else []
    printed = json.loads(command("init", "claude-code", "--url", url, "--event", event, *http).stdout)
    return Scene(command.folder, url, key, kind, event, permissions=permissions or {}, printed=printed)


async def card(slack: FakeSlack) -> Message:
    """The card, once it is there."""
    await slack.until(lambda: slack.messages("C1"), within=WITHIN)
    return slack.messages("C1")[0]


# test_claude_cli has every event by every kind of hook; here each of them meets the whole service once
@pytest.mark.parametrize(("kind", "event"), [("command", "PreToolUse"), ("http", "PermissionRequest")])
async def test_a_person_allows_in_slack_and_the_command_runs(
    command: Command, slack: FakeSlack, ann: Person, kind: Kind, event: str
) -> None:
    async with serving(command, slack) as (_, url):
        set_up = scene(command, url, kind, event)
        async with running(set_up) as ran:
            asked = await card(slack)
            shown = slack.visible_text(asked)
            assert "claude (calls itself Claude Code) asks to run Bash" in shown
            assert "touch made.txt" in shown
            assert str(set_up.cwd) in shown
            assert set_up.files() == []
            assert (await ann.press(asked, "Allow")).acked
            assert [result.is_error for result in await ran] == [False]
        assert set_up.files() == ["made.txt"]
        await slack.until(lambda: "Allowed by ann" in slack.visible_text(slack.messages("C1")[0]), within=WITHIN)
    assert slack.controls(slack.messages("C1")[0]) == ["Details"]


@pytest.mark.parametrize("kind", ["command"])
async def test_a_person_denies_in_slack_and_the_model_reads_the_reason(
    command: Command, slack: FakeSlack, ann: Person, kind: Kind
) -> None:
    async with serving(command, slack) as (_, url):
        set_up = scene(command, url, kind, "PreToolUse", {"allow": ["Bash"]})
        async with running(set_up) as ran:
            seen = await ann.press(await card(slack), "Deny with reason…")
            await slack.until(lambda: seen.views, within=WITHIN)
            await ann.fill(ann.view, {"Why not? The agent reads this.": "not on a Friday"})
            assert (await ann.submit(ann.view)).errors == {}
            (result,) = await ran
    assert result.is_error
    assert result.text.endswith("Do not run it and do not work around it. Reason: not on a Friday")
    assert set_up.files() == []


async def test_a_person_edits_in_slack_and_the_edited_command_runs(
    command: Command, slack: FakeSlack, ann: Person
) -> None:
    async with serving(command, slack) as (_, url):
        set_up = scene(command, url, "command", "PreToolUse")
        async with running(set_up) as ran:
            seen = await ann.press(await card(slack), "Edit and allow…")
            await slack.until(lambda: seen.views, within=WITHIN)
            await ann.fill(ann.view, {"command": "touch other.txt"})
            assert (await ann.submit(ann.view)).errors == {}
            await ran
    assert set_up.files() == ["other.txt"]


async def test_a_person_reads_the_rule_and_allows_for_the_session(
    command: Command, slack: FakeSlack, ann: Person
) -> None:
    async with serving(command, slack) as (_, url):
        set_up = scene(command, url, "command", "PermissionRequest")
        async with running(set_up, touch(), touch()) as ran:
            asked = await card(slack)
            assert "Bash(touch made.txt) to what runs without asking" in slack.visible_text(asked)
            seen = await ann.press(asked, "Add rule 1 and allow…")
            await slack.until(lambda: seen.views, within=WITHIN)
            assert "Bash(touch made.txt) to what runs without asking · until this session ends" in slack.visible_text(
                ann.view
            )
            assert (await ann.submit(ann.view)).errors == {}
            assert [result.is_error for result in await ran] == [False, False]
    assert len(slack.messages("C1")) == 1


async def test_a_killed_service_comes_back_and_the_press_on_the_old_card_counts(
    command: Command, slack: FakeSlack, ann: Person
) -> None:
    async with serving(command, slack) as (service, url):
        set_up = scene(command, url, "command", "PreToolUse")
        ran = asyncio.create_task(set_up.run(touch()))
        asked = await card(slack)
        service.process.send_signal(signal.SIGKILL)
        await service.process.wait()
    async with serving(command, slack, url.rpartition(":")[2]):
        await slack.until(lambda: slack.sockets.open, within=WITHIN)
        assert (await ann.press(asked, "Allow")).acked
        assert [result.is_error for result in await ran] == [False]
    assert set_up.files() == ["made.txt"]
    assert len(slack.messages("C1")) == 1


async def test_a_killed_cli_leaves_a_card_that_says_so(command: Command, slack: FakeSlack, ann: Person) -> None:
    async with serving(command, slack) as (_, url), anthropic.serve() as model:
        set_up = scene(command, url, "command", "PreToolUse")
        model.script([touch()])
        async with claude_cli.start_cli("go", **set_up.options(model.url)):
            await card(slack)
        await slack.until(lambda: "Withdrawn" in slack.visible_text(slack.messages("C1")[0]), within=WITHIN)
    assert slack.controls(slack.messages("C1")[0]) == ["Details"]


async def test_what_claude_code_tells_its_user_is_told_in_a_thread_of_its_session(
    command: Command, slack: FakeSlack
) -> None:
    said = {"hook_event_name": "Notification", "session_id": "s-1", "message": "Claude is waiting for your input"}
    async with serving(command, slack) as (_, url):
        key = command.key("claude", "agent")
        assert (await run(payload=said, SAYSO_URL=url, SAYSO_KEY=key)).json == {}
        await slack.until(lambda: len(slack.messages("C1")) == 2, within=WITHIN)
    opening, note = slack.messages("C1")
    assert note.thread_ts == opening.ts
    assert slack.visible_text(note).endswith("Claude is waiting for your input")
