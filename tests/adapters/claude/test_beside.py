"""The prompt tool and a hook of the settings ask about one call: one card, and one use of its allow."""

from typing import Any

import pytest

import sayso
from sayso import model
from sayso.content import digest
from sayso_claude import beside, hooks, uses
from tests.adapters.claude import wire
from tests.adapters.claude.wire import ANN
from tests.adapters.claude_service import call

MAKE = {"command": "make deploy"}


@pytest.fixture
async def desk() -> sayso.Desk:
    return (await wire.desk()).desk


def prompted(id: str) -> model.Request:
    source = model.Source(agent="Claude Code", session="s-1")
    return sayso.Permission(tool="Bash", input=MAKE, id=id, source=source)


async def opened(desk: sayso.Desk, session: beside.Beside, use: str | None = "toolu_1") -> model.Ticket:
    return await session.open(desk, "Bash", MAKE, use, prompted)


async def hooked(desk: sayso.Desk, **more: Any) -> model.Ticket:
    asked = hooks.Call.model_validate(call("PermissionRequest", **more))
    return await desk.open(hooks.request(asked, id=asked.shared_call.id(0)))


async def test_the_prompt_tool_joins_the_card_of_the_hook(desk: sayso.Desk) -> None:
    ticket = await hooked(desk)
    assert (await opened(desk, beside.Beside("s-1"))).id == ticket.id


async def test_a_card_of_the_prompt_tool_is_one_that_the_hook_finds(desk: sayso.Desk) -> None:
    ticket = await opened(desk, beside.Beside("s-1"))
    asked = hooks.Call.model_validate(call("PermissionRequest"))
    assert ticket.id == asked.shared_call.id(0)
    assert asked.shared_call.same(ticket.request)
    same = {"event": beside.EVENT, "call": digest.of_call("Bash", MAKE), "tool_use_id": "toolu_1"}
    assert ticket.request.metadata["claude"] == same


@pytest.mark.parametrize("other", [{"session_id": "s-2"}, {"input": {"command": "make"}}, {"agent_id": "a-1"}])
async def test_another_call_has_a_card_of_its_own(desk: sayso.Desk, other: dict[str, Any]) -> None:
    ticket = await hooked(desk, **other)
    assert (await opened(desk, beside.Beside("s-1"))).id != ticket.id


async def test_the_same_call_made_again_is_asked_again(desk: sayso.Desk) -> None:
    session = beside.Beside("s-1")
    first = await opened(desk, session)
    await desk.answer(first.id, model.Answer(verdict="allow"), ANN)
    assert (await opened(desk, session, "toolu_2")).id != first.id
    assert (await opened(desk, session, None)).id != first.id


async def test_both_use_an_allow_together_and_each_of_them_once(desk: sayso.Desk) -> None:
    session = beside.Beside("s-1")
    ticket = await opened(desk, session)
    await desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    decision = await desk.wait(ticket.id)
    assert (await uses.use(desk, decision, uses.TOGETHER)).allowed
    assert (await uses.use(desk, decision, session.attempt(ticket.id))).allowed
    again = await uses.use(desk, decision, session.attempt(ticket.id))
    assert not again.allowed
    assert "Do not run it again" in again.model_text
