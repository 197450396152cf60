"""The hook that defers: one ticket for a call, one call of a turn at a time, and never a silent yes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sayso import errors, model
from sayso_claude import defer, sdk
from tests.adapters.claude import wire
from tests.adapters.claude.test_sdk_questions import DB
from tests.adapters.claude.wire import Desk, Json, Line, connected

MAKE = {"command": "make deploy"}


@pytest.fixture
async def ann() -> Desk:
    return await wire.desk()


class Session:
    """A turn of one session, and the hook before its tools."""

    def __init__(self, line: Line, folder: Path) -> None:
        self.line = line
        self._told = {"transcript_path": str(folder / "s-1.jsonl"), "prompt_id": "p-1"}

    async def before(self, call: str = "toolu_1", input: Json | None = None, tool: str = "Bash", **more: Any) -> Json:
        [*_, answer] = await self.line.before(tool, input or MAKE, call, **{**self._told, **more})
        said: Json = answer["hookSpecificOutput"]
        return said


@asynccontextmanager
async def session(desk: Any, folder: Path, **common: Any) -> AsyncGenerator[Session]:
    async with connected(defer.options(desk, sdk.options(desk), tools="*", **common)) as line:
        yield Session(line, folder)


async def test_a_call_is_deferred_until_it_is_decided_and_let_go_once(ann: Desk, tmp_path: Path) -> None:
    async with session(ann.desk, tmp_path) as turn:
        assert (await turn.before())["permissionDecision"] == "defer"
        assert (await turn.before(prompt_id=None))["permissionDecision"] == "defer"
        ticket = await ann.answer(verdict="allow", input={"command": "make test"})
        assert (ticket.id, ticket.request.offers) == (defer.ticket_id("s-1", "toolu_1"), ())
        let_go = await turn.before(prompt_id=None)
        assert (let_go["permissionDecision"], let_go["updatedInput"]) == ("allow", {"command": "make test"})
        again = await turn.before(prompt_id=None)
        assert again["permissionDecision"] == "deny"
        assert "Look whether it took effect" in again["permissionDecisionReason"]
    assert await ann.count() == 1


async def test_another_process_finds_the_decision_though_it_asks_with_other_words(ann: Desk, tmp_path: Path) -> None:
    async with session(ann.desk, tmp_path) as turn:
        await turn.before()
    await ann.answer(verdict="deny", reason="not today")
    async with session(ann.desk, tmp_path, expires_in=60.0) as turn:
        assert "not today" in (await turn.before(prompt_id=None))["permissionDecisionReason"]
    assert await ann.count() == 1


async def test_the_same_id_with_another_input_is_denied(ann: Desk, tmp_path: Path) -> None:
    async with session(ann.desk, tmp_path) as turn:
        await turn.before()
        await ann.answer(verdict="allow")
        changed = await turn.before(input={"command": "make clean"})
    assert changed["permissionDecision"] == "deny"


async def test_the_other_calls_of_a_turn_are_told_to_ask_again(ann: Desk, tmp_path: Path) -> None:
    async with session(ann.desk, tmp_path) as turn:
        decisions = await asyncio.gather(turn.before("toolu_1"), turn.before("toolu_2"))
        assert sorted(one["permissionDecision"] for one in decisions) == ["defer", "deny"]
        assert (await turn.before("toolu_3", prompt_id="p-2"))["permissionDecision"] == "defer"
    assert await ann.count() == 2


async def test_a_subagents_call_waits_where_it_is(ann: Desk, tmp_path: Path) -> None:
    async with session(ann.desk, tmp_path) as turn:
        waiting = asyncio.create_task(turn.before(agent_id="a-7", agent_type="reviewer"))
        ticket = await ann.answer(verdict="allow")
        assert (await waiting)["permissionDecision"] == "allow"
    assert ticket.request.source.agent == "Claude agent (reviewer)"
    assert ticket.request.context["Subagent"] == "a-7"


async def test_an_answer_that_was_lost_on_its_way_is_given_again(ann: Desk, tmp_path: Path) -> None:
    ask: Any = {"tool": "AskUserQuestion", "input": {"questions": [DB]}}
    async with session(ann.desk, tmp_path) as turn:
        await turn.before(**ask)
        await ann.answer(choice="SQLite")
        answers = [(await turn.before(**ask))["updatedInput"]["answers"] for _ in range(2)]
    assert answers == [{"Which database?": "SQLite"}] * 2


async def test_questions_that_nobody_can_answer_are_denied(ann: Desk, tmp_path: Path) -> None:
    async with session(ann.desk, tmp_path) as turn:
        said = await turn.before(tool="AskUserQuestion", input={"questions": [DB, DB]})
    assert (said["permissionDecision"], await ann.count()) == ("deny", 0)
    assert "two questions have the same text" in said["permissionDecisionReason"]


async def test_a_desk_that_is_down_denies_and_does_not_hold_up_the_turn(ann: Desk, tmp_path: Path) -> None:
    class Flaky:
        down = True

        async def get(self, id: str) -> model.Ticket:
            if self.down:
                raise errors.StoreUnavailable("no route to 10.0.0.7")
            return await ann.desk.get(id)

        open = ann.desk.open

    flaky = Flaky()
    async with session(flaky, tmp_path) as turn:
        said = await turn.before()
        assert said["permissionDecision"] == "deny"
        assert "the approval service cannot be reached now" in said["permissionDecisionReason"]
        flaky.down = False
        assert (await turn.before("toolu_2"))["permissionDecision"] == "defer"


MARK = '{"type": "attachment", "attachment": {"type": "hook_deferred_tool", "toolUseID": "toolu_7"}}'
RESULT = '{"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_7"}]}}'
PROMPT = '{"type": "user", "message": {"role": "user", "content": "go on"}}'


@pytest.mark.parametrize(
    ("lines", "waiting"),
    [
        ([PROMPT, MARK], "toolu_7"),
        ([PROMPT, MARK, '{"type": "last-prompt"}', MARK, '{"type": "us'], "toolu_7"),
        ([PROMPT, MARK, RESULT], None),
        ([PROMPT, MARK, PROMPT], None),
        ([PROMPT], None),
        ([], None),
    ],
)
def test_a_transcript_says_which_call_waits_still(lines: list[str], waiting: str | None) -> None:
    assert defer._waiting(lines) == waiting
