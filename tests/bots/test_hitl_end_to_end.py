"""Hooks of the dashboard against a real `sayso serve` and people in Slack; the service is killed, the hooks are not."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from sayso import clock
from sayso.desk import keys
from tests.adapters.claude_scene import Scene, running, touch
from tests.adapters.hitl.scene import Agent, Json
from tests.bots.conftest import Command, Running
from tests.bots.restarts import Setup, setup, soon
from tests.fakes.ports import free_port
from tests.fakes.slack import Message, Person

HOOK = Path(__file__).resolve().parents[2] / "bots" / "examples" / "hitl_hook.py"


@dataclass(frozen=True)
class WithHooks(Command):
    """`sayso serve` with the option, at the same port after every start."""

    port: int = 0

    def started(self, *arguments: str, **variables: str) -> AbstractAsyncContextManager[Running]:
        return super().started(*arguments, "--hitl-port", str(self.port), **variables)


@dataclass(frozen=True)
class Stage:
    """The setup, and where hooks ask."""

    there: Setup
    ann: Person
    url: str

    async def card(self, count: int = 1) -> Message:
        """The newest card, once there have been *count*."""
        await self.there.until(lambda: len(self.there.cards()) == count)
        return self.there.cards()[-1]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    port = free_port()
    async with setup(WithHooks(tmp_path, port)) as there:
        yield Stage(there, there.slack.person("U1", name="ann"), f"http://localhost:{port}")


async def respond(stage: Stage, key: str, event: Json, said: Json) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    path = f"{stage.url}/events/{event['id']}/respond"
    return (await asyncio.to_thread(requests.post, path, json=said, headers=headers, timeout=10)).status_code


async def test_a_press_in_slack_reaches_the_hook_once_and_a_second_answer_is_refused(stage: Stage) -> None:
    agent = Agent(stage.url)
    asked = asyncio.create_task(asyncio.to_thread(agent.permission, "Delete 500 records?"))
    card = await stage.card()
    text = stage.there.slack.visible_text(card)
    assert "shop" in text
    assert "Delete 500 records?" in text
    assert "s-1" in text
    assert "Edit and allow…" not in stage.there.slack.controls(card)
    assert (await stage.ann.press(card, "Allow")).acked
    assert await soon(asked) is True
    assert agent.saved is not None
    async with stage.there.stored() as store:
        approver = await keys.Keys(store).add("bob", "approver", clock.SystemClock().now())
    assert await respond(stage, approver, agent.saved, {"permission": False}) == 409
    assert await respond(stage, stage.there.key, agent.saved, {"permission": False}) == 403
    assert len(agent.heard) == 1


async def test_a_hook_outlives_a_kill_of_the_service_before_anybody_answers(stage: Stage) -> None:
    agent = Agent(stage.url)
    asked = asyncio.create_task(asyncio.to_thread(agent.choice, "Which one?", ["Jest", "Mocha"], timeout=60))
    card = await stage.card()
    await stage.there.restart()
    assert (await stage.ann.press(card, "2 · Mocha")).acked
    assert await soon(asked) == "Mocha"
    assert stage.there.posts() == 1


async def test_a_decision_that_a_killed_service_had_not_delivered_reaches_the_hook_after_the_restart(
    stage: Stage,
) -> None:
    agent = Agent(stage.url, slow=True)
    asked = asyncio.create_task(asyncio.to_thread(agent.permission, "Delete 500 records?", timeout=60))
    card = await stage.card()
    pressing = asyncio.create_task(stage.ann.press(card, "Allow"))
    id = str(card.metadata["event_payload"]["request_id"]) if card.metadata else ""
    assert (await stage.there.decision(id)).outcome == "allowed"
    # it dials somebody who does not listen yet, and dies while it tries
    await stage.there.kill()
    await pressing
    agent.may_listen.set()
    await stage.there.lapse()
    await stage.there.start()
    assert await soon(asked) is True
    assert len(agent.heard) == 1


@pytest.mark.once
async def test_the_real_cli_obeys_a_hook_that_asks_through_the_helper(stage: Stage) -> None:
    hook = f"SAYSO_URL={stage.there.url} {sys.executable} {HOOK}"
    entry = {"type": "command", "command": hook, "timeout": 60, "onFailure": "block"}
    printed = {"hooks": {"PreToolUse": [{"matcher": "*", "hooks": [entry]}]}}
    scene = Scene(stage.there.command.folder, stage.there.url, stage.there.key, printed=printed)
    async with running(scene, touch("one.txt"), touch("two.txt")) as run:
        first = await stage.card()
        assert "touch one.txt" in stage.there.slack.visible_text(first)
        assert (await stage.ann.press(first, "Allow")).acked
        assert (await stage.ann.press(await stage.card(2), "Deny")).acked
        results = await run
    assert [result.is_error for result in results] == [False, True]
    assert "Denied by ann" in results[1].text
    assert scene.files() == ["one.txt"]
