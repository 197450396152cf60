"""Ids that follow from a call stay what they are: an agent of before an update finds its request after it."""

from typing import Any

from langgraph.types import Interrupt
from pydantic_ai.messages import ToolCallPart

import sayso
from sayso.asking import runs
from sayso.asking.hooks import turns
from sayso.cards import tokens
from sayso.stores import memory
from sayso.testing.samples import MINT
from sayso_claude import calls, defer, hooks
from sayso_langgraph import actions
from sayso_openai import approvals
from sayso_pydantic_ai import deferred, schemas
from tests.tables import each

MAKE = {"command": "make"}
CALL = {"hook_event_name": "PreToolUse", "session_id": "s-1", "tool_name": "Bash", "tool_input": MAKE}


def test_those_of_claude_code() -> None:
    assert calls.SharedCall("s-1", "Bash", MAKE).id(3) == "claude-5a08aff6763735663d4a902755c95f3c-3"
    assert calls.SharedCall("s-1", "Bash", MAKE, "a-7").id(0) == "claude-c83f8a84b05f7a177caba3c817117c78-0"
    assert defer.ticket_id("s-1", "toolu_1") == "claude-defer-80abb0faa7bb7b0846880a33fe04ceb5"
    call = hooks.Call.model_validate({**CALL, "tool_use_id": "toolu_1"})
    assert hooks.request_id(call, "bot", None) == "claude-6c55d98fa4e0093bd37e364552c33931ca3b7181"
    assert hooks.attempt_id("s-1", "bot", "k-1") == "claude-f3a48a2b16b2420b865d7299cc916236b3969f2c"


def test_those_of_the_openai_agents_sdk() -> None:
    named = '["clerk", "refund", "c1", "x"]'
    assert approvals._id("r1", named) == "openai-c130d411dbeebb06a55545227338e49e"
    assert approvals._id("r\ud800", "é") == "openai-1defa6cfdf68cec3abd2227be26a5ce3"


def test_those_of_langgraph() -> None:
    pause = Interrupt(value={"a": 1}, id="i-1")
    assert actions.id_of("t-1", pause) == "langgraph-10b392f84a7f050fb551e39ee1b89dde"
    odd = Interrupt(value={1: object}, id="i-1")
    assert actions.id_of("t\ud800", odd) == "langgraph-f853b729442194c17cce4b9adcfcc3a1"


def test_those_of_pydantic_ai() -> None:
    rows: list[tuple[Any, str]] = [
        ("x", "pydantic-ai-c6c9c4f1527382ec43ded894c25b1872"),
        (float("nan"), "pydantic-ai-bcfbee8b9e8ae8fee31c7c34c84b043c"),
    ]
    for row in each(rows):
        with row as (note, id):
            run = runs.Run(desk=sayso.Desk(memory.MemoryStore(), MINT), prefix="pydantic-ai", name="run-1")
            clerk = deferred._Clerk(run, (), schemas.Tools({}, {}))
            assert clerk._id(ToolCallPart("pay", {"note": note}, tool_call_id="c1"), {"note": note}) == id


def test_those_of_hooks_by_label() -> None:
    assert turns.id_of("order:1", 0) == "hook_c8bd69874287bdec71cfca9f7020bd88"
    assert turns.id_of("é", 2) == "hook_4a99557e4033c3539de2eb65472017ca.2"


def test_half_a_character_is_no_reason_to_have_no_id() -> None:
    assert tokens.id_from("x", "\ud800") != tokens.id_from("x", "\ud801")
