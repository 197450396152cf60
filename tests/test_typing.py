"""What a type checker knows of asking. mypy and pyright read this file strictly; here it runs as well."""

from __future__ import annotations

import ast
import asyncio
import inspect
import pathlib
from typing import Any, assert_type

import pydantic
import pytest

import sayso
from sayso import asking, blocking, model, stores
from sayso.cards import tokens
from sayso.desk import Desk, token_secret
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


def test_a_script_takes_what_the_constructors_take() -> None:
    for function, constructor in (
        (blocking.permission, asking.Permission),
        (blocking.question, asking.Question),
        (blocking.choice, asking.Choice),
        (blocking.form, asking.Form),
    ):
        given = {name: one.default for name, one in inspect.signature(function).parameters.items()}
        wanted = {name: one.default for name, one in inspect.signature(constructor.__init__).parameters.items()}
        assert {"self": inspect.Parameter.empty, **given} == wanted


def test_a_script_gets_the_type_that_it_asked_for(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"
    monkeypatch.setenv("SAYSO_DATABASE_URL", url)
    several: list[asking.Permission | asking.Choice | asking.Form[Any]] = [
        asking.Choice("Which?", ["a", "b"], multiple=True, id="c1"),
        asking.Form("Who?", [model.Field(name="who", label="Who")], id="f1"),
        asking.Form("Refund", Refund, id="f2"),
        asking.Permission(tool="Bash", title="Deploy?", grants=["session"], editable=False, id="p1"),
    ]
    answers = [
        model.Answer(choices=("b", "a")),
        model.Answer(values={"who": "Ann"}),
        model.Answer(values={"amount": "5"}),
        model.Answer(verdict="allow", grant="session"),
    ]

    async def answered() -> None:
        store = await stores.connect(url)
        desk = Desk(store, await token_secret.mint(store))
        for request, answer in zip(several, answers, strict=True):
            await desk.answer((await desk.open(request)).id, answer, ANN)
        await store.close()

    asyncio.run(answered())
    chosen = assert_type(blocking.choice("Which?", ["a", "b"], multiple=True, id="c1"), list[str] | None)
    assert chosen == ["b", "a"]
    form = blocking.form("Who?", [model.Field(name="who", label="Who")], id="f1")
    assert assert_type(form, dict[str, Any] | None) == {"who": "Ann"}
    assert assert_type(blocking.form("Refund", Refund, id="f2"), Refund | None) == Refund(amount=5)
    allowed = blocking.permission("Bash", title="Deploy?", grants=["session"], editable=False, id="p1")
    assert (allowed.allowed, allowed.grant) == (True, "session")
