"""The SDK with the real Claude Code CLI and a scripted model: people decide, and it obeys."""

import asyncio
import contextlib
import dataclasses
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import claude_agent_sdk
import pytest
from claude_agent_sdk import ClaudeAgentOptions, types

import sayso
from sayso import errors, model
from sayso_claude import defer, sdk, settings, wire
from tests.adapters import claude_service
from tests.adapters.claude import wire as claude_wire
from tests.adapters.claude.test_sdk_questions import DB, REGIONS
from tests.adapters.claude.wire import Desk
from tests.adapters.claude_scene import touch
from tests.fakes import anthropic, claude_cli

SESSION = "11111111-1111-4111-8111-111111111111"


@dataclass
class Stage:
    """A folder, a model with a script, and Ann at a desk."""

    folder: Path
    api: anthropic.FakeAnthropic
    ann: Desk

    @property
    def given(self) -> ClaudeAgentOptions:
        home = self.folder / "home"
        return ClaudeAgentOptions(cwd=self.folder / "work", env=claude_cli.cli_env(home, self.api.url))

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "work").iterdir())

    async def until_done(self, messages: AsyncIterator[types.Message]) -> list[types.ResultMessage]:
        async with asyncio.timeout(30):
            return [message async for message in messages if isinstance(message, types.ResultMessage)]

    @asynccontextmanager
    async def running(
        self, messages: AsyncIterator[types.Message]
    ) -> AsyncGenerator[asyncio.Task[list[types.ResultMessage]]]:
        task = asyncio.create_task(self.until_done(messages))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    claude_cli.find_cli()
    (tmp_path / "work").mkdir()
    async with anthropic.serve() as api:
        yield Stage(tmp_path, api, await claude_wire.desk())


def told(stage: Stage) -> list[str]:
    """What the model read about each of its calls."""
    return [result.text for result in stage.api.tool_results()]


# A process takes half a second to start: what may share one does.


async def test_one_client_with_every_kind_of_answer_a_tool_of_ones_own_an_interrupted_call_and_a_subagent(
    stage: Stage,
) -> None:
    given = dataclasses.replace(stage.given, mcp_servers={"shop": shop(stage.ann.desk)})
    async with claude_agent_sdk.ClaudeSDKClient(sdk.options(stage.ann.desk, given)) as client:
        await answer_in_every_way(stage, client)
        assert stage.files() == ["a.txt", "c.txt"]
        await fill_in_a_form_and_interrupt(stage, client)
        assert stage.files() == ["a.txt", "c.txt"]
        await allow_a_subagent(stage, client)


async def answer_in_every_way(stage: Stage, client: claude_agent_sdk.ClaudeSDKClient) -> None:
    ask = anthropic.ToolUse("AskUserQuestion", {"questions": [DB, REGIONS]})
    calls = [touch("a.txt"), touch("a.txt"), touch("b.txt"), touch("d.txt"), ask]
    stage.api.script([*calls, anthropic.Text("done")])
    await client.query("go")
    async with stage.running(client.receive_response()) as run:
        first = await stage.ann.answer(1, verdict="allow", grant="s0")
        assert [offer.kind for offer in first.request.offers] == ["rule", "rule", "folder", "mode"]
        assert first.request.context["Folder"] == str(stage.folder / "work")
        await stage.ann.answer(2, verdict="allow", input={"command": "touch c.txt"})
        await stage.ann.answer(3, verdict="deny", reason="not on a Friday")
        last = await stage.ann.answer(4, values={"q0": "SQLite", "q1": ["eu", "mars"]})
        [result] = await run
    assert {last.request.source.session, first.request.source.session} == {result.session_id}
    assert "Reason: not on a Friday" in told(stage)[3]
    assert '"Which database?"="SQLite", "Which regions?"="eu, mars"' in told(stage)[4]
    assert [denial["tool_use_id"] for denial in result.permission_denials or []] == ["toolu_4"]


def shop(desk: sayso.Desk) -> types.McpSdkServerConfig:
    """A tool of one's own that asks with a form."""

    @claude_agent_sdk.tool("refund", "Ask the team for a refund", {"order": str})
    async def refund(arguments: dict[str, Any]) -> dict[str, Any]:
        fields = [model.Field(name="amount", label="How much?", kind="number")]
        decision = await sayso.held(desk, sayso.Form(f"Refund {arguments['order']}", fields))
        return {"content": [{"type": "text", "text": json.dumps(decision.values)}]}

    return claude_agent_sdk.create_sdk_mcp_server("shop", tools=[refund])


async def fill_in_a_form_and_interrupt(stage: Stage, client: claude_agent_sdk.ClaudeSDKClient) -> None:
    stage.api.script([anthropic.ToolUse("mcp__shop__refund", {"order": "1042"}), touch("late.txt")])
    await client.query("go")
    async with stage.running(client.receive_response()) as run:
        await stage.ann.answer(5, verdict="allow")
        await stage.ann.answer(6, values={"amount": 12.5})
        ticket = await stage.ann.asked(7)
        await client.interrupt()
        async with asyncio.timeout(10):
            assert (await stage.ann.desk.wait(ticket.id)).outcome == "cancelled"
        await run
    assert "12.5" in told(stage)[5]


async def allow_a_subagent(stage: Stage, client: claude_agent_sdk.ClaudeSDKClient) -> None:
    """It is named on the card."""
    agent = anthropic.ToolUse("Agent", {"description": "d", "prompt": "p", "subagent_type": "general-purpose"})
    # the agent and its subagent read the script in turns, in no order
    stage.api.script([agent, touch("e.txt"), touch("f.txt"), *[anthropic.Text("done")] * 4])
    await client.query("go")
    async with stage.running(client.receive_response()) as run:
        tickets = [await stage.ann.answer(number, verdict="allow") for number in (8, 9)]
        await run
    agents = sorted(ticket.request.source.agent or "" for ticket in tickets)
    assert agents == ["Claude agent", "Claude agent (general-purpose)"]
    assert ["Subagent" in ticket.request.context for ticket in tickets].count(True) == 1


class SignedIn:
    """A desk as an agent with the hook's key sees it."""

    def __init__(self, desk: sayso.Desk) -> None:
        self._desk = desk
        self._caller = sayso.Caller("agent", "bob")
        self.wait = desk.wait

    async def open(self, request: model.Request) -> model.Ticket:
        return await self._desk.open(request, self._caller)

    async def get(self, id: str) -> model.Ticket:
        return await self._desk.get(id, self._caller)

    async def cancel(self, id: str, *, reason: str | None = None) -> model.Ticket:
        return await self._desk.cancel(id, self._caller, reason)

    async def use(self, id: str, *, attempt: str | None = None) -> model.Ticket:
        return await self._desk.use(id, self._caller, attempt=attempt)


async def test_a_hook_of_the_settings_and_the_callback_at_a_desk_of_this_process_show_one_card(stage: Stage) -> None:
    asked = anthropic.ToolUse("AskUserQuestion", {"questions": [DB]})
    stage.api.script([touch("a.txt"), asked, anthropic.Text("done")])
    async with claude_service.serve(stage.folder) as service:
        hooks = settings.settings(service.url, events=["PermissionRequest"], kind="http", timeout=30)
        env = {**stage.given.env, "SAYSO_KEY": service.key}
        given = dataclasses.replace(stage.given, settings=json.dumps(hooks), env=env)
        desk: Any = SignedIn(service.desk)
        async with stage.running(claude_agent_sdk.query(prompt="go", options=sdk.options(desk, given))) as run:
            await service.answer(verdict="allow")
            question = await service.answer(count=2, choice="SQLite")
            await run
        assert await service.count() == 2
    assert stage.files() == ["a.txt"]
    assert (question.request.kind, question.request.title) == ("choice", "Which database?")
    assert '"Which database?"="SQLite"' in told(stage)[1]


async def test_what_the_wire_says_rules_out_one_press_and_rules_and_a_stop_ends_the_run(stage: Stage) -> None:
    dangerous = anthropic.ToolUse("Bash", {"command": "rm -rf $(cat there)"})
    stage.api.script([anthropic.ToolUse("ExitPlanMode", {}), dangerous, touch(), anthropic.Text("done")])
    given = dataclasses.replace(stage.given, permission_mode="plan")
    options = sdk.options(stage.ann.desk, given)
    messages = claude_agent_sdk.query(prompt="go", options=options, transport=wire.Wire(options))
    async with stage.running(messages) as run:
        plan = await stage.ann.answer(1, verdict="allow")
        removal = await stage.ann.answer(2, verdict="deny")
        await stage.ann.answer(3, verdict="stop", reason="enough")
        with pytest.raises(claude_agent_sdk.ResultError):
            await run
    assert (plan.request.tool, plan.request.confirm) == ("ExitPlanMode", True)
    assert "Dangerous rm" in removal.request.context["Why it asks"]
    assert removal.request.offers == ()
    assert (stage.files(), len(stage.api.conversation())) == ([], 3)


def deferred(stage: Stage, given: ClaudeAgentOptions | None = None, *tools: str) -> AsyncIterator[types.Message]:
    options = defer.options(stage.ann.desk, given or stage.given, tools="|".join(tools or ("Bash",)))
    return defer.run(stage.ann.desk, "go", options, session=SESSION)


async def test_deferred_calls_are_decided_one_after_the_other_and_the_session_goes_on_until_one_is_stopped(
    stage: Stage,
) -> None:
    stage.api.script([[touch("a.txt"), touch("b.txt")], touch("b.txt"), anthropic.Text("done")])
    # allowed beforehand, and asked about all the same
    given = dataclasses.replace(stage.given, allowed_tools=["Bash"])
    async with stage.running(deferred(stage, given)) as run:
        await stage.ann.answer(1, verdict="allow", input={"command": "touch edited.txt"})
        await stage.ann.answer(2, verdict="deny", reason="one is enough")
        results = await run
    assert [bool(result.deferred_tool_use) for result in results] == [True, True, False]
    assert stage.files() == ["edited.txt"]
    said = told(stage)
    assert any("Only one call at a time" in text for text in said)
    assert "Reason: one is enough" in said[-1]
    assert await stage.ann.count() == 2
    # the session waits for nobody now, so that it gets the next prompt, and whoever stops a call ends that run
    stage.api.script([touch("c.txt"), touch("late.txt"), anthropic.Text("done")])
    async with stage.running(deferred(stage, given)) as run:
        await stage.ann.answer(3, verdict="stop")
        with contextlib.suppress(claude_agent_sdk.ResultError):
            await run
    assert {one.session_id for one in results} == {SESSION}
    assert "one is enough" in str(stage.api.conversation()[-1]["messages"]), "the prompt is one of the same session"
    assert (stage.files(), await stage.ann.count()) == (["edited.txt"], 3)


async def test_a_plan_and_questions_wait_in_the_same_way_and_are_asked_about_once(stage: Stage) -> None:
    plan, ask = anthropic.ToolUse("ExitPlanMode", {}), anthropic.ToolUse("AskUserQuestion", {"questions": [DB]})
    stage.api.script([plan, ask, anthropic.Text("done")])
    given = sdk.options(stage.ann.desk, dataclasses.replace(stage.given, permission_mode="plan"))
    async with stage.running(deferred(stage, given, "ExitPlanMode", "AskUserQuestion")) as run:
        await stage.ann.answer(1, verdict="allow")
        await stage.ann.answer(2, choice="SQLite")
        await run
    assert "approved exiting plan mode" in told(stage)[0]
    assert '"Which database?"="SQLite"' in told(stage)[1]
    assert await stage.ann.count() == 2


async def test_a_session_without_a_uuid_is_refused(stage: Stage) -> None:
    options = defer.options(stage.ann.desk, stage.given, tools="Bash")
    with pytest.raises(errors.InvalidSettings):
        await anext(defer.run(stage.ann.desk, "go", options, session="../../etc"))


async def test_the_programs_of_the_page_ask_people(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{stage.folder}/sayso.db")
    page = (Path(__file__).parents[3] / "docs" / "claude-agent-sdk.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(block, names)
    programs = ("agent", "durable")
    for program in programs:
        stage.api.script([touch(f"{program}.txt"), anthropic.Text("done")])
    async with sayso.open() as opened:
        assert isinstance(opened, sayso.Desk)
        for count, program in enumerate(programs, 1):
            own = (SESSION,) if program == "durable" else ()
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                group.create_task(names[program]("go", *own, stage.given))
                await Desk(opened).answer(count, verdict="allow")
    assert stage.files() == ["agent.txt", "durable.txt"]
    assert capsys.readouterr().out.endswith("waiting for people\ndone\n")
