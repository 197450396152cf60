"""Pydantic AI: one allow for one run, each call bound to its own decision, and odd calls refused in words."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydantic_ai
import pytest
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ToolReturnPart as Returned
from pydantic_ai.models.function import FunctionModel

import sayso
import sayso_pydantic_ai
from tests.adapters.deciding import Office, office

Json = dict[str, Any]


class Away(Exception):
    """The provider, for a moment."""


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


def call(note: Any = "good", id: str = "c1") -> ToolCallPart:
    return ToolCallPart("pay", {"note": note}, tool_call_id=id)


def clerk(paid: list[Any], *turns: list[ToolCallPart] | Exception, killed: list[bool] | None = None) -> Any:
    left = list(turns)

    def talk(messages: list[ModelMessage], info: Any) -> ModelResponse:
        now = left.pop(0) if left else [TextPart("done")]
        if isinstance(now, Exception):
            raise now
        return ModelResponse(list(now))

    made: pydantic_ai.Agent[Any, Any] = pydantic_ai.Agent(FunctionModel(talk), name="clerk")

    @made.tool_plain(requires_approval=True)
    def pay(note: Any) -> str:
        paid.append(note)
        if killed and killed.pop():
            raise Away("the process died in the middle of it")
        return "paid"

    return made


def told(result: Any) -> list[str]:
    parts = [part for message in result.all_messages() if isinstance(message, ModelRequest) for part in message.parts]
    return [str(part.content) for part in parts if isinstance(part, Returned)]


async def test_a_call_that_ran_before_the_provider_failed_is_asked_about_again(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    agent = clerk(paid, [call()], Away())
    saved = tmp_path / "run.json"
    with pytest.raises(Away):
        await ann.when(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved), {"verdict": "allow"})
    again = asyncio.create_task(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved))
    [ticket] = await ann.asked()
    assert "it may have run already" in ticket.request.context["Asked before"]
    result = await ann.when(again, {"verdict": "deny"})
    assert (paid, result.output) == (["good"], "done")


async def test_a_call_that_was_cut_off_in_the_middle_is_asked_about_again(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    agent = clerk(paid, [call()], killed=[True])
    saved = tmp_path / "run.json"
    with pytest.raises(Away):
        await ann.when(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved), {"verdict": "allow"})
    await ann.when(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved), {"verdict": "allow"})
    assert (len(paid), len(await ann.all())) == (2, 2)


async def test_of_two_calls_only_the_used_one_is_asked_about_again(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    agent = clerk(paid, [call("a", "c1"), call("b", "c2")], Away())
    saved = tmp_path / "run.json"
    running = asyncio.create_task(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved))
    for ticket in await ann.asked(2):
        note = (ticket.request.input or {})["note"]
        await ann.answer(ticket, verdict="allow" if note == "a" else "deny")
    with pytest.raises(Away):
        await ann.when(running)
    await ann.when(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved), {"verdict": "deny"})
    assert (paid, len(await ann.all())) == (["a"], 3)


async def test_two_processes_with_one_saved_run_need_an_allow_each(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json"
    first = asyncio.create_task(sayso_pydantic_ai.run(ann.desk, clerk(paid, [call()]), "pay", saved=saved))
    [ticket] = await ann.asked()
    second = asyncio.create_task(sayso_pydantic_ai.run(ann.desk, clerk(paid), "pay", saved=saved))
    await ann.answer(ticket, verdict="allow")
    # whoever of the two comes second has to ask again
    await ann.say(verdict="deny")
    await ann.when(asyncio.gather(first, second))
    assert paid == ["good"]


def nested(levels: int) -> Any:
    deep: Any = "x"
    for _ in range(levels):
        deep = {"x": deep}
    return deep


# half a sign, or 300 levels, the framework itself refuses: it can neither validate nor send them
ODD = [math.nan, "x" * 1_100_000, nested(150)]


@pytest.mark.parametrize("odd", ODD, ids=["nan", "large", "deep"])
@pytest.mark.parametrize("saving", [True, False])
async def test_a_call_that_cannot_be_asked_is_denied_in_words_and_the_others_are_asked(
    ann: Office, tmp_path: Path, odd: Any, saving: bool
) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json" if saving else None
    agent = clerk(paid, [call(odd, "c1"), call("good", "c2")])
    result = await ann.when(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved), {"verdict": "allow"})
    assert (paid, len(await ann.all()), result.output) == (["good"], 1, "done")
    assert any("sayso could not ask anybody" in text for text in told(result))


@pytest.mark.parametrize("odd", ODD, ids=["nan", "large", "deep"])
async def test_a_saved_run_with_such_a_call_goes_on_in_another_process(ann: Office, tmp_path: Path, odd: Any) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json"
    agent = clerk(paid, [call(odd, "c1"), call("good", "c2")])
    first = asyncio.create_task(sayso_pydantic_ai.run(ann.desk, agent, "pay", saved=saved))
    await ann.asked()
    first.cancel()
    await asyncio.wait([first])
    result = await ann.when(
        sayso_pydantic_ai.run(ann.desk, clerk(paid), "pay", saved=saved), {"verdict": "allow"}, {"verdict": "deny"}
    )
    assert ("good" in paid, result.output) == (True, "done")
    assert not [note for note in paid if note != "good"]


async def test_what_is_wrong_with_the_whole_run_still_fails_it(ann: Office) -> None:
    with pytest.raises(sayso.InvalidRequest, match="policy"):
        await sayso_pydantic_ai.run(ann.desk, clerk([], [call()]), "pay", policy="nobody-has-this")
