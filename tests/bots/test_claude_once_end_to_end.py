"""A hook of the settings and the SDK's callback ask about one call at once: one card, and one press answers both."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage

import sayso
from sayso import model
from sayso.stores import Store
from sayso_claude import sdk
from tests.adapters.claude.test_sdk_questions import DB
from tests.adapters.claude_scene import Scene, touch
from tests.bots.conftest import Command
from tests.bots.restarts import WITHIN, Setup, request_of, setup
from tests.conftest import until
from tests.fakes import anthropic, claude_cli
from tests.fakes.slack import Person

pytestmark = pytest.mark.once


@pytest.fixture
async def there(command: Command) -> AsyncGenerator[Setup, None]:
    async with setup(command) as built:
        yield built


@pytest.fixture
def ann(there: Setup) -> Person:
    return there.slack.person("U1", name="ann")


def options(there: Setup, folder: Path, api_url: str) -> ClaudeAgentOptions:
    """An agent whose settings have a hook that asks at the same service."""
    folder.mkdir()
    scene = Scene(folder, there.url, there.key, "http", "PermissionRequest")
    given = scene.options(api_url)
    home = given["home"]
    home.mkdir()
    env = {**claude_cli.cli_env(home, api_url), **given.get("env", {})}
    return ClaudeAgentOptions(cwd=scene.cwd, env=env, settings=json.dumps(given.get("settings")), setting_sources=[])


def watched(desk: sayso.Asker, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the SDK's callback waits for at *desk*, as it goes on."""
    waited, wait = list[str](), desk.wait

    async def waits(id: str) -> model.Decision:
        waited.append(id)
        return await wait(id)

    monkeypatch.setattr(desk, "wait", waits)
    return waited


async def result(client: ClaudeSDKClient) -> list[str | None]:
    return [message.result async for message in client.receive_response() if isinstance(message, ResultMessage)]


async def test_a_hook_and_the_sdk_ask_about_one_call_with_one_card(
    there: Setup, ann: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with anthropic.serve() as api, sayso.open(there.url, key=there.key) as desk, there.stored() as store:
        asks = anthropic.ToolUse("AskUserQuestion", {"questions": [DB]})
        api.script([touch("a.txt"), touch("a.txt"), asks, anthropic.Text("done")])
        waited = watched(desk, monkeypatch)
        given = sdk.options(desk, options(there, tmp_path / "agent", api.url))
        async with ClaudeSDKClient(given) as client:
            await client.query("go")
            run = asyncio.create_task(result(client))
            await press(there, ann, await asked_by_both(store, waited, 1), 1)
            # the same call again is another card
            await press(there, ann, await asked_by_both(store, waited, 2), 2)
            # questions of the agent are, too
            await press(there, ann, await asked_by_both(store, waited, 3), 3, "2 · SQLite")
            assert await run == ["done"]
        assert [told.is_error for told in api.tool_results()] == [False, False, False]
        assert '"Which database?"="SQLite"' in api.tool_results()[-1].text
    assert "Which database?" in there.slack.visible_text(there.slack.messages("C1")[-1])
    assert len(there.slack.messages("C1")) == 3
    assert len(set(waited)) == 3


async def asked_by_both(store: Store, waited: list[str], count: int) -> str:
    """The request that the callback waits for as its *count*th, once a hook has taken it, too."""
    await until(lambda: len(waited) == count, within=WITHIN)
    async with asyncio.timeout(WITHIN):
        while not await store.get("claude-call", waited[-1]):  # noqa: ASYNC110 (another process writes it)
            await asyncio.sleep(0.01)
    return waited[-1]


async def press(there: Setup, ann: Person, id: str, count: int, label: str = "Allow") -> None:
    """Ann presses the newest of *count* cards, which is of this very request."""
    cards = there.slack.messages
    await there.slack.until(lambda: len(cards("C1")) == count, within=WITHIN)
    assert request_of(cards("C1")[-1]) == id
    assert (await ann.press(cards("C1")[-1], label)).acked
