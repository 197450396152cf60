"""Edits in LangGraph: what the tool takes is taken at the press, by its own names, and everything else is refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, Optional

import pydantic
import pytest
from langchain_core.tools import InjectedToolArg, StructuredTool

import sayso
import sayso_langgraph
from tests.adapters.deciding import Office, office
from tests.adapters.langgraph.scene import HI, agent, asking, call, on, told

# pyright: reportMissingTypeStubs=false

Json = dict[str, Any]


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


@pytest.fixture(params=["batched", "per_call"])
def mode(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


class Extra(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    path: str


class ByAlias(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)
    source: str = pydantic.Field(alias="from")
    to: str


class Plain(pydantic.BaseModel):
    path: str


class Injected(pydantic.BaseModel):
    path: str
    user: Annotated[str, InjectedToolArg] = "nobody"


class Even(pydantic.BaseModel):
    count: int

    @pydantic.field_validator("count")
    @classmethod
    def _even(cls, count: int) -> int:
        if count % 2:
            raise ValueError("an even number, please")
        return count


def moving(shape: type[pydantic.BaseModel], ran: list[Json], mode: str, args: Json) -> Any:
    def move(**given: Any) -> str:
        ran.append(given)
        return "moved"

    moved = StructuredTool.from_function(move, name="move", description="Move.", args_schema=shape)
    return agent([], call(name="move", **args), tools=[moved], mode=mode)


@pytest.mark.parametrize(
    ("shape", "args", "edit", "runs"),
    [
        (Extra, {"path": "/a", "mode": "fast"}, {"path": "/b", "mode": "slow"}, {"path": "/b", "mode": "slow"}),
        (Extra, {"path": "/a"}, {"path": "/b", "new": 1}, {"path": "/b", "new": 1}),
        (ByAlias, {"from": "a", "to": "b"}, {"from": "a", "to": "c"}, {"source": "a", "to": "c"}),
        (ByAlias, {"source": "a", "to": "b"}, {"source": "a", "to": "c"}, {"source": "a", "to": "c"}),
        (Plain, {"path": "/a", "note": "mine"}, {"path": "/b", "note": "mine"}, {"path": "/b"}),
        (Plain, {"path": "/a", "note": "mine"}, {"path": "/b", "note": {"x": 1}}, {"path": "/b"}),
        (Plain, {"path": "/a", "note": "mine"}, {"path": "/b"}, {"path": "/b"}),
        (Injected, {"path": "/a"}, {"path": "/b"}, {"path": "/b"}),
    ],
)
async def test_an_edit_that_the_tool_takes_runs_at_once(
    ann: Office, mode: str, shape: type[pydantic.BaseModel], args: Json, edit: Json, runs: Json
) -> None:
    ran: list[Json] = []
    running = sayso_langgraph.run(ann.desk, moving(shape, ran, mode, args), HI, on())
    await ann.when(running, {"verdict": "allow", "input": edit})
    assert len(await ann.all()) == 1
    assert [{name: value for name, value in one.items() if name != "user"} for one in ran] == [runs]


@pytest.mark.parametrize(
    ("shape", "args", "edit", "argument"),
    [
        (Plain, {"path": "/a"}, {"path": "/b", "note": "mine"}, "note"),
        (Plain, {"path": "/a", "note": "mine"}, {"note": "mine"}, "path"),
        (ByAlias, {"from": "a", "to": "b"}, {"to": "c"}, "from"),
        (Injected, {"path": "/a"}, {"path": "/b", "user": "root"}, "user"),
        (Extra, {"path": "/a", "mode": "fast"}, {"path": 1, "mode": "fast"}, "path"),
    ],
)
async def test_an_edit_that_the_tool_does_not_take_is_refused_at_the_press(
    ann: Office, mode: str, shape: type[pydantic.BaseModel], args: Json, edit: Json, argument: str
) -> None:
    ran: list[Json] = []
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, moving(shape, ran, mode, args), HI, on()))
    [ticket] = await ann.asked()
    with pytest.raises(sayso.InvalidAnswer) as refused:
        await ann.answer(ticket, verdict="allow", input=edit)
    assert list(refused.value.complaints) == [argument]
    await ann.when(running, {"verdict": "deny"})
    assert ran == []


async def test_an_edit_that_only_the_tools_own_validator_refuses_is_asked_about_again(ann: Office, mode: str) -> None:
    ran: list[Json] = []
    running = sayso_langgraph.run(ann.desk, moving(Even, ran, mode, {"count": 2}), HI, on())
    await ann.when(running, {"verdict": "allow", "input": {"count": 3}}, {"verdict": "allow", "input": {"count": 4}})
    assert ran == [{"count": 4}]
    first, second = await ann.all()
    assert second.id == f"{first.id}-2"
    assert "an even number, please" in second.request.context["The last edit did not fit"]


async def test_a_call_that_the_tool_would_refuse_itself_is_not_measured(ann: Office, mode: str) -> None:
    ran: list[Json] = []
    running = sayso_langgraph.run(ann.desk, moving(Even, ran, mode, {"count": 3}), HI, on())
    output = await ann.when(running, {"verdict": "allow"})
    assert ran == []
    assert "an even number, please" in told(output)[0]
    assert len(await ann.all()) == 1


@pytest.mark.parametrize("shape", [Optional[int], Optional[Literal["eu", "us"]], int | None])  # noqa: UP045
async def test_an_answer_that_may_be_none_may_be_left_blank(ann: Office, shape: Any) -> None:
    running = sayso_langgraph.run(ann.desk, asking("How many?", schema=shape), {"said": []}, on())
    assert await ann.when(running, {"values": {}}) == {"said": [None]}
