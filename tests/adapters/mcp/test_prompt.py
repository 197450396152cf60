"""Claude Code's permission prompt: whatever happens, it reads one allow or one deny."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Unpack

import pytest

from sayso import asking, errors, model
from sayso_mcp import prompt, settings
from tests.adapters.mcp.scene import Scene, scene, text
from tests.tables import each

CALL = {"tool_name": "Bash", "input": {"command": "ls"}, "tool_use_id": "toolu_1"}


async def prompted(there: Scene, **call: Any) -> dict[str, Any]:
    """What Claude Code reads: one block of text and nothing beside it."""
    answered = await there.call("permission_prompt", **call)
    assert (answered.is_error, answered.structured_content) == (False, None)
    read: dict[str, Any] = json.loads(text(answered))
    return read


async def test_an_allowed_call_runs_with_the_input_that_was_shown() -> None:
    async with scene(settings.Settings(session="s-1", context={"Folder": "/shop"})) as there:
        call = asyncio.create_task(prompted(there, **CALL))
        ticket = await there.answer(verdict="allow")
        assert await call == {"behavior": "allow", "updatedInput": {"command": "ls"}}
    asked = ticket.request
    assert (asked.tool, asked.input, asked.context) == ("Bash", {"command": "ls"}, {"Folder": "/shop"})
    assert (asked.source.agent, asked.source.session) == ("Claude Code", "s-1")
    assert asked.metadata == {"claude": {"tool_use_id": "toolu_1"}}


async def test_an_edited_call_runs_as_edited() -> None:
    async with scene() as there:
        call = asyncio.create_task(prompted(there, **CALL))
        await there.answer(verdict="allow", input={"command": "ls -l"})
        assert await call == {"behavior": "allow", "updatedInput": {"command": "ls -l"}}


async def test_a_denial_is_read_with_its_reason() -> None:
    async with scene() as there:
        call = asyncio.create_task(prompted(there, **CALL))
        await there.answer(verdict="deny", reason="not on a Friday")
        read = await call
    assert read["behavior"] == "deny"
    assert "not on a Friday" in read["message"]


@pytest.mark.parametrize("limit", [0.02, 0.2])
async def test_it_is_denied_in_words_before_the_client_gives_up(limit: float) -> None:
    async with scene(settings.Settings(limit=limit)) as there, asyncio.timeout(5):
        read = await prompted(there, **CALL)
    assert read["behavior"] == "deny"
    assert "no consent" in read["message"] or "not consent" in read["message"]


async def test_it_never_answers_pending() -> None:
    async with scene(settings.Settings(patience=0.01)) as there:
        call = asyncio.create_task(prompted(there, **CALL))
        await there.answer(verdict="allow")
        assert (await call)["behavior"] == "allow"


async def test_a_newer_claude_code_may_send_more() -> None:
    async with scene() as there:
        call = asyncio.create_task(prompted(there, **CALL, permission_suggestions=[], mode="plan"))
        await there.answer(verdict="allow")
        assert (await call)["behavior"] == "allow"


async def test_a_call_that_cannot_be_read_is_a_denial() -> None:
    rows: list[tuple[dict[str, Any], str]] = [
        ({}, "tool_name"),
        ({"tool_name": 7, "input": {}}, "tool_name"),
        ({"tool_name": "Bash"}, "input"),
        ({"tool_name": "Bash", "input": "ls"}, "input"),
        ({"tool_name": "", "input": {}}, "tool"),
        ({"tool_name": "x" * 1000, "input": {}}, "tool"),
        ({**CALL, "tool_use_id": 7}, "tool_use_id"),
    ]
    async with scene() as there:
        for row in each(rows):
            with row as (call, said):
                read = await prompted(there, **call)
                assert read["behavior"] == "deny"
                assert said in read["message"]


async def test_keys_of_a_newer_version_do_not_get_in_the_way() -> None:
    async with scene() as there:
        call = asyncio.create_task(prompted(there, **CALL, agent_id="a-1"))
        await there.answer(verdict="allow")
        assert (await call)["behavior"] == "allow"


async def test_an_old_allow_never_answers_a_new_call() -> None:
    async with scene() as there:
        for _ in range(2):
            call = asyncio.create_task(prompted(there, **CALL))
            await there.answer(verdict="allow")
            await call
        ids = {ticket.id for ticket in await there.tickets()}
    assert len(ids) == 2


def test_an_input_that_is_not_the_allowed_one_does_not_run() -> None:
    call = prompt.read("Bash", {"command": "ls"}, None)
    forged = model.Decision.model_validate(
        {
            "outcome": "allowed",
            "input": {"command": "rm -rf /"},
            "digest": "sha256:0",
            "input_digest": "sha256:0",
            "decided_at": "2026-01-01T00:00:00Z",
            "model_text": "Allowed.",
        }
    )
    with pytest.raises(errors.DigestMismatch):
        prompt.answer(call, None, forged)


class _Who:
    """A tool that is itself a question."""

    def request(self, input: Mapping[str, Any], **common: Unpack[asking.Common]) -> model.Request:
        return asking.Question(input["who"], **common)

    def updated_input(self, input: Mapping[str, Any], decision: model.Decision) -> model.JsonObject:
        return {**input, "answer": decision.text}


async def test_a_tool_that_is_a_question_is_asked_as_one() -> None:
    async with scene(settings.Settings(session="s-1"), questions={"AskWho": _Who()}) as there:
        call = asyncio.create_task(prompted(there, tool_name="AskWho", input={"who": "Who?"}))
        ticket = await there.answer(text="Acme")
        assert await call == {"behavior": "allow", "updatedInput": {"who": "Who?", "answer": "Acme"}}
        assert (ticket.request.kind, ticket.request.source.session) == ("question", "s-1")
        withdrawn = asyncio.create_task(prompted(there, tool_name="AskWho", input={"who": "Who?"}))
        await there.desk.cancel((await there.asked()).id)
        assert (await withdrawn)["behavior"] == "deny"
        plain = asyncio.create_task(prompted(there, **CALL))
        await there.answer(verdict="deny")
        assert (await plain)["behavior"] == "deny"
