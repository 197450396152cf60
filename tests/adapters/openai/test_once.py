"""OpenAI Agents: one allow for one run, each call bound to its own decision, and odd calls refused in words."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import agents
import pytest
from agents.testing import ScriptedModel, assistant_message, function_call

import sayso
import sayso_openai
from tests.adapters.deciding import Office, office


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


@pytest.fixture(autouse=True)
def without_tracing() -> Iterator[None]:
    """Traces would be sent to OpenAI."""
    agents.set_tracing_disabled(True)
    yield
    agents.set_tracing_disabled(False)


def call(note: Any = "good", id: str = "c1") -> Any:
    return function_call("pay", json.dumps({"note": note}), call_id=id)


def clerk(paid: list[Any], *turns: list[Any], name: str = "clerk", ends: bool = True) -> agents.Agent[Any]:
    """An agent; unless it *ends*, its model has nothing to say after these turns, like a provider that is away."""

    @agents.function_tool(needs_approval=True, strict_mode=False)
    def pay(note: str | float) -> str:
        """Pay."""
        paid.append(note)
        return "paid"

    said = [*turns, [assistant_message("done")]] if ends else [*turns]
    return agents.Agent(name, model=ScriptedModel(said), tools=[pay])


def told(result: agents.RunResult) -> list[str]:
    return [str(item.output) for item in result.new_items if isinstance(item, agents.ToolCallOutputItem)]


async def test_a_call_that_ran_before_the_provider_failed_is_asked_about_again(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json"
    first = sayso_openai.run(ann.desk, clerk(paid, [call()], ends=False), "pay", saved=saved)
    with pytest.raises(Exception, match="no scripted steps remain"):
        await ann.when(first, {"verdict": "allow"})
    again = asyncio.create_task(sayso_openai.run(ann.desk, clerk(paid), "pay", saved=saved))
    [ticket] = await ann.asked()
    assert "it may have run already" in ticket.request.context["Asked before"]
    result = await ann.when(again, {"verdict": "deny"})
    assert (paid, result.final_output) == (["good"], "done")


async def test_each_allow_is_used_and_each_run_has_one(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json"
    for _ in range(3):
        with pytest.raises(Exception, match="no scripted steps remain"):
            await ann.when(
                sayso_openai.run(
                    ann.desk, clerk(paid, *([] if saved.exists() else [[call()]]), ends=False), "pay", saved=saved
                ),
                {"verdict": "allow"},
            )
    tickets = await ann.all()
    assert (len(paid), len(tickets)) == (3, 3)
    assert all(ticket.used_at for ticket in tickets)


async def test_two_processes_with_one_saved_run_need_an_allow_each(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json"
    first = asyncio.create_task(sayso_openai.run(ann.desk, clerk(paid, [call()]), "pay", saved=saved))
    [ticket] = await ann.asked()
    second = asyncio.create_task(sayso_openai.run(ann.desk, clerk(paid), "pay", saved=saved))
    await ann.answer(ticket, verdict="allow")
    await ann.say(verdict="deny")
    await ann.when(asyncio.gather(first, second))
    assert paid == ["good"]


async def test_a_saved_run_whose_arguments_were_changed_runs_nothing(ann: Office, tmp_path: Path) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json"
    first = asyncio.create_task(sayso_openai.run(ann.desk, clerk(paid, [call("good")]), "pay", saved=saved))
    [ticket] = await ann.asked()
    first.cancel()
    await asyncio.wait([first])
    await ann.answer(ticket, verdict="allow")
    saved.write_text(saved.read_text().replace("good", "evil"))
    with pytest.raises(agents.ModelBehaviorError, match="different invocation"):
        await ann.when(sayso_openai.run(ann.desk, clerk(paid), "pay", saved=saved), {"verdict": "allow"})
    assert paid == []


@pytest.mark.parametrize("notes", [("a", "b"), ("a", "a")])
async def test_agents_within_tools_that_number_their_calls_alike_are_asked_each(
    ann: Office, tmp_path: Path, notes: tuple[str, str]
) -> None:
    paid: list[Any] = []
    inner = [clerk(paid, [call(note, "c1")], name="inner") for note in notes]
    tools = [one.as_tool(f"helper{n}", "x") for n, one in enumerate(inner)]
    asks = [function_call(f"helper{n}", {"input": "go"}, call_id=f"h{n}") for n in range(2)]
    outer = agents.Agent("outer", model=ScriptedModel([asks, [assistant_message("done")]]), tools=[*tools])
    running = asyncio.create_task(sayso_openai.run(ann.desk, outer, "pay", saved=tmp_path / "run.json"))
    first, second = await ann.asked(2)
    await ann.answer(first, verdict="allow")
    await ann.answer(second, verdict="deny")
    await ann.when(running)
    assert paid == [(first.request.input or {})["note"]]


def nested(levels: int) -> str:
    return '{"note": ' + '{"x": ' * levels + "1" + "}" * levels + "}"


# half a sign, or thousands of levels, fail in the SDK itself before anybody is asked
# half a sign, or thousands of levels, fail in the SDK itself before anybody is asked
ODD = ['{"note": NaN}', json.dumps({"note": "x" * 1_100_000}), nested(300)]


@pytest.mark.parametrize("odd", ODD, ids=["nan", "large", "deep"])
@pytest.mark.parametrize("saving", [True, False])
async def test_a_call_that_cannot_be_asked_is_rejected_in_words_and_the_others_are_asked(
    ann: Office, tmp_path: Path, odd: str, saving: bool
) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json" if saving else None
    agent = clerk(paid, [function_call("pay", odd, call_id="c1"), call("good", "c2")])
    result = await ann.when(sayso_openai.run(ann.desk, agent, "pay", saved=saved), {"verdict": "allow"})
    assert (paid, len(await ann.all()), result.final_output) == (["good"], 1, "done")
    assert any("sayso could not ask anybody" in text for text in told(result))


@pytest.mark.parametrize("odd", ODD, ids=["nan", "large", "deep"])
async def test_a_saved_run_with_such_a_call_goes_on_in_another_process(ann: Office, tmp_path: Path, odd: str) -> None:
    paid: list[Any] = []
    saved = tmp_path / "run.json"
    agent = clerk(paid, [function_call("pay", odd, call_id="c1"), call("good", "c2")])
    first = asyncio.create_task(sayso_openai.run(ann.desk, agent, "pay", saved=saved))
    await ann.asked()
    first.cancel()
    await asyncio.wait([first])
    again = sayso_openai.run(ann.desk, clerk(paid), "pay", saved=saved)
    result = await ann.when(again, {"verdict": "allow"}, {"verdict": "deny"})
    assert result.final_output == "done"
    assert not [note for note in paid if note != "good"]


async def test_what_is_wrong_with_the_whole_run_still_fails_it(ann: Office) -> None:
    with pytest.raises(sayso.InvalidRequest, match="policy"):
        await sayso_openai.run(ann.desk, clerk([], [call()]), "pay", policy="nobody-has-this")
