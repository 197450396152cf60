"""What a program types wrong is told in our words: whichever noun it builds, whatever it asks."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

import sayso
from sayso import errors, model
from sayso.content import requests
from sayso.stores import memory
from sayso.testing import samples
from sayso_http import client
from tests.tables import each

NOUNS: list[Any] = [
    found
    for name in [
        *sayso.__all__,
        *(f"model.{name}" for name in ("Need", "Stage", "BreakGlass", "Given", "By", "Person")),
    ]
    if isinstance(found := getattr(sayso if "." not in name else model, name.rpartition(".")[2]), type)
    and issubclass(found, pydantic.BaseModel)
]
"""All that a program may build which a library checks; docs/public.md names them."""


def said(build: Any, *given: Any, **named: Any) -> errors.InvalidRequest:
    with pytest.raises(errors.InvalidRequest) as refused:
        build(*given, **named)
    shown = "".join(traceback.format_exception(refused.value))
    assert "pydantic.dev" not in shown
    assert "s3cret" not in shown
    return refused.value


def test_a_name_that_a_noun_does_not_know_is_told_with_those_that_it_knows() -> None:
    assert len(NOUNS) > 15
    # these have a constructor of their own, in which Python says what is missing
    for row in each(set(NOUNS) - {sayso.Permission, sayso.Question, sayso.Choice, sayso.Form, sayso.ToolApproval}):
        with row as noun:
            told = said(noun, nonsense="s3cret")
            assert (told.field, str(told)) == ("nonsense", "nonsense: is not known here")
            assert str(told.hint).startswith("known here: ")


def test_what_is_misspelt_or_of_another_form_is_told_by_its_name() -> None:
    wrong: list[tuple[Any, dict[str, Any], str, str | None]] = [
        (sayso.Policy, {"aprovers": ["ann"]}, "aprovers: is not known here", "did you mean 'approvers'?"),
        (sayso.Policy, {"approvers": "ann"}, "approvers: must be a list", None),
        (sayso.Policy, {"quorum": 0}, "quorum: must be at least 1", None),
        (sayso.Option, {"lable": "SQLite"}, "lable: is not known here", "did you mean 'label'?"),
        (sayso.Answer, {"verdict": "alow"}, "verdict: must be 'allow', 'deny', 'respond' or 'stop'", None),
        (sayso.Source, {"agnet": "x"}, "agnet: is not known here", "did you mean 'agent'?"),
        (sayso.ToolApproval, {"granted": "s3cret"}, "granted: must be true or false", None),
        (sayso.Permission, {"tool": "x", "polcy": "y"}, "polcy: is not known here", "did you mean 'policy'?"),
        (sayso.Question, {"title": "x", "source": "s3cret"}, "source: must be an object", None),
        (sayso.Request, {"kind": "permision"}, "kind: must be 'permission', 'question', 'choice' or 'form'", None),
    ]
    for row in each(wrong):
        with row as (noun, named, words, hint):
            told = said(noun, **named)
            assert (str(told), told.hint) == (words, hint)


def test_a_noun_that_is_given_a_value_without_its_name_says_which_one_it_has_first() -> None:
    with pytest.raises(TypeError, match=r"^Option takes its values by name, such as Option\(label=…\)$"):
        sayso.Option("SQLite")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def test_what_is_no_request_cannot_be_asked_and_says_what_can() -> None:
    key = "sayso_agent_" + "x" * 43
    desks = sayso.Desk(memory.MemoryStore(), samples.MINT), client.RemoteDesk("http://127.0.0.1:1", key)
    wrong: list[tuple[Any, str]] = [
        ("x", "a value of type str"),
        (None, "a value of type NoneType"),
        ({"kind": "question"}, "a value of type dict"),
        (sayso.Form, "the class Form"),
    ]
    for row in each((desk, *one) for desk in desks for one in wrong):
        with row as (desk, given, what):
            with pytest.raises(errors.InvalidRequest) as refused:
                await desk.ask(given)
            assert str(refused.value) == f"{what} cannot be asked"
            assert str(refused.value.hint).startswith("ask a sayso.Permission")


async def test_what_is_no_id_or_no_answer_is_told_by_each_call_that_takes_one() -> None:
    """A decision in place of its id is what a program types wrong most easily; it has an id of its own to give."""
    desk = sayso.Desk(memory.MemoryStore(), samples.MINT)
    remote = client.RemoteDesk("http://127.0.0.1:1", "sayso_agent_" + "x" * 43)
    answer, ann = sayso.Answer(verdict="allow"), samples.actor()
    decision = samples.after(samples.opened(), samples.said(verdict="allow")).decision
    asking = [getattr(at, name) for at in (desk, remote) for name in ("wait", "get", "cancel", "use")]
    wrong: list[Callable[[Any], Any]] = [
        *asking,
        lambda given: desk.answer(given, answer, ann),
        lambda given: desk.take_back(given, ann),
        lambda given: remote.answer(given, answer),
        remote.log,
    ]
    for row in each((call, given) for call in wrong for given in (decision, None, 1)):
        with row as (call, given):
            with pytest.raises(errors.InvalidRequest) as refused:
                await call(given)
            assert str(refused.value) == f"a value of type {type(given).__name__} is no id"
            assert str(refused.value.hint) == "give it as text: decision.id, ticket.id or handle.id"
    verdict: Any = "allow"
    for at, by in ((desk, (ann,)), (remote, ())):
        with pytest.raises(errors.InvalidAnswer, match=r"^a value of type str is no answer"):
            await at.answer("r1", verdict, *by)


def test_a_noun_that_is_built_wrong_inside_a_model_of_a_program_is_told_as_a_fault_of_that_model() -> None:
    class Job(pydantic.BaseModel):
        policy: Any

        @pydantic.field_validator("policy")
        @classmethod
        def _build(cls, value: Any) -> sayso.Policy:
            return sayso.Policy(**value)

    with pytest.raises(pydantic.ValidationError, match="quorum: must be at least 1") as wrong:
        Job(policy={"quorum": 0})
    assert [one["loc"] for one in wrong.value.errors()] == [("policy",)]


def test_reading_a_document_says_what_it_said_before() -> None:
    with pytest.raises(errors.InvalidRequest, match=r"^policy: must be a text$"):
        requests.parse('{"kind": "question", "title": "x", "policy": 1}')


def test_what_cannot_be_asked_says_what_can() -> None:
    eleven, lots = ({"properties": {f"f{at}": {"type": "string"} for at in range(count)}} for count in (11, 300))
    yes_and_no = {"properties": {"x": {"type": "array", "items": {"type": "boolean"}}}}
    wrong: list[tuple[Callable[[], model.Request], str]] = [
        (lambda: sayso.Form("F", eleven), "ask the rest by a form of its own"),
        (lambda: sayso.Form("F", lots), "ask the rest by a form of its own"),
        (lambda: sayso.Form("F", yes_and_no), "ask for a list of names, with an enum"),
        (lambda: sayso.Permission(tool="x", grants=("session",), confirm=True), "leave out one of the two"),
        (lambda: sayso.Question("Q", verdicts=("respond",)), "leave respond out; only a permission has it"),
    ]
    for row in each(wrong):
        with row as (build, hint):
            with pytest.raises(errors.InvalidRequest) as refused:
                requests.checked(build())
            assert str(refused.value.hint).startswith(hint)
