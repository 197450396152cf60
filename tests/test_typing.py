"""What a type checker knows of asking. mypy and pyright read this file strictly; here it runs as well."""

from __future__ import annotations

import ast
import pathlib
from typing import Any, assert_type

import pydantic
import pytest

import sayso
from sayso import asking, model
from sayso.cards import tokens
from sayso.desk import Desk
from sayso.machine import people
from sayso.stores import memory

HERE = pathlib.Path(__file__).parent
ANN = people.Actor(account="test:ann", name="Ann", member=True)


class Refund(pydantic.BaseModel):
    amount: float


@pytest.fixture
def desk() -> Desk:
    return Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32))


async def answered(desk: Desk, request: asking.Form[Any]) -> model.Ticket:
    ticket = await desk.open(request)
    return await desk.answer(ticket.id, model.Answer(values={"amount": "19.99"}), ANN)


async def test_a_form_asked_with_a_model_gives_an_instance_of_it(desk: Desk) -> None:
    form = sayso.Form("Refund", Refund, id="r1")
    await answered(desk, form)
    refund = assert_type((await desk.ask(form)).value, Refund)
    assert refund == Refund(amount=19.99)


async def test_a_form_asked_with_a_schema_gives_its_values(desk: Desk) -> None:
    form = sayso.Form("Refund", {"properties": {"amount": {"type": "number"}}}, id="r1")
    await answered(desk, form)
    values = assert_type((await desk.ask(form)).value, dict[str, Any])
    assert values == {"amount": 19.99}


async def test_what_was_allowed_is_an_object_that_can_be_read_at_once(desk: Desk) -> None:
    asked = sayso.Permission(tool="Bash", input={"command": "make"}, id="p1")
    await desk.open(asked)
    await desk.answer("p1", model.Answer(verdict="allow"), ANN)
    decision = assert_type(await desk.ask(asked), model.Decision[Any])
    assert decision.allowed
    assert assert_type(decision.input, dict[str, Any])["command"] == "make"


def test_the_first_lines_of_the_readme_are_the_ones_that_are_checked_here() -> None:
    first = (HERE.parent / "README.md").read_text().split("```python\n")[1].split("```")[0]
    [_, *checked] = ast.parse((HERE / "readme_ask.py").read_text()).body
    assert list(map(ast.dump, ast.parse(first).body)) == list(map(ast.dump, checked)), "copy it to tests/readme_ask.py"
