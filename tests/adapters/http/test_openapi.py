"""The document says what the service enforces: both judge the same bodies, made from the shapes, and agree."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema
import pydantic

from sayso import errors, machine, model
from sayso.cards import tokens
from sayso.content import requests
from sayso.machine import fitting
from sayso.testing import samples
from sayso_http import resume, routes, session_notes, tickets, webhooks
from sayso_http.server import reading
from tests.adapters.http import witness
from tests.adapters.http.witness import document
from tests.tables import each

BASES: dict[str, dict[str, Any]] = {
    "permission": {"kind": "permission", "tool": "Bash"},
    "question": {"kind": "question", "title": "Which?"},
    "choice": {"kind": "choice", "title": "Which?", "options": [{"label": "A"}, {"label": "B"}]},
    "form": {"kind": "form", "title": "Fill in", "fields": [{"name": "a", "label": "A"}]},
}
"""The least of each kind."""
OTHERS: dict[type[pydantic.BaseModel], dict[str, Any]] = {
    model.Answer: {"text": "Acme"},
    tickets.Cancel: {},
    session_notes.Note: {"text": "half done"},
    resume.Wanted: {"name": "ci"},
    webhooks.Wanted: {"name": "ci", "title": "Which?"},
}
# Values of every type and of the lengths at which something ends; a long text of words, of signs, and of digits.
LENGTHS = (0, 1, 2, 5, 6, 10, 11, 100, 101, 200, 201, 255, 256, 500, 501, 1_500, 1_501, 2_000, 2_001, 4_000, 4_001)
PLAIN: list[Any] = [None, True, False, 0, 1, -1, 1.5, 2_592_000, 2_592_001, {}, {"a": 1}, [None], [1], [[]], [{}]]
WORDS = [
    "deny",
    "respond",
    "stop",
    "session",
    "always",
    "allow",
    "low",
    "permission",
    "web",
    "slack:#ops",
    "Web",
    "a b",
]
PARTS: list[Any] = [
    {"label": "A"}, {"label": ""}, {"label": "A", "value": []}, {"name": "a", "text": "b"}, {"name": "a", "kind": "x"},
    {"name": "s0", "kind": "rule", "effect": "x"}, {"name": "S0", "kind": "rule", "effect": "x"},
    {"agent": "bot"}, {"agent": ""}, {"who": "bot"}, {"name": "b", "label": "B", "kind": "number", "minimum": "1"},
]  # fmt: skip
# What depends on more than the body, or on what a text or schema means, stands in words in the document.
IN_WORDS = {"schema", "input_schema", "fields", "callback_url", "supersedes"}


def values(name: str) -> Iterator[Any]:
    yield from PLAIN
    yield from WORDS
    yield from ([word] for word in WORDS)
    yield from ([word] * number for word, number in itertools.product(("web", "session", "deny"), (5, 10, 11)))
    yield from ("x" * length for length in LENGTHS)
    yield from PARTS
    yield from ([part] for part in PARTS)
    yield {"k" * 200: "v"}
    yield {"k" * 201: "v"}
    yield {"k": "v" * 2_001}
    yield {str(number): "v" for number in range(11)}
    yield [{"label": str(number)} for number in range(101)]
    if name in ("body", "text"):
        yield from ("x" * length for length in (40_000, 40_001, 200_000, 200_001))


def bodies(base: dict[str, Any], shape: type[pydantic.BaseModel]) -> Iterator[dict[str, Any]]:
    """Each with one key left out, added or changed."""
    names = [field.alias or name for name, field in shape.model_fields.items()]
    for name in names:
        yield {key: value for key, value in base.items() if key != name}
        for value in values(name):
            yield {**base, name: value}
    yield {**base, "unknown": 1}


@functools.cache
def said(shape: type[pydantic.BaseModel]) -> jsonschema.Draft202012Validator:
    """The judge that the document is."""
    operation = next(one for one in routes.OPERATIONS if one.reads is shape)
    body = document()["paths"][operation.path][operation.method]["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator(witness.spelled_out(body))


def taken(body: dict[str, Any], shape: type[pydantic.BaseModel]) -> bool:
    """The judge that the service is."""
    try:
        read = reading.parse(json.dumps(body).encode(), shape)
        if isinstance(read, model.Request):
            requests.checked(read)
    except errors.InvalidRequest:
        return False
    return True


def differences(base: dict[str, Any], shape: type[pydantic.BaseModel]) -> list[str]:
    judge, found = said(shape), list[str]()
    for body in bodies(base, shape):
        changed = {key for key in {*base, *body} if base.get(key) != body.get(key)}
        valid = witness.is_valid(judge.schema, body)
        if valid != taken(body, shape) and not changed & IN_WORDS:
            found.append(f"{'document' if valid else 'service'} alone takes {str(body)[:150]}")
    return found


def test_a_request_is_judged_alike_by_the_document_and_the_service() -> None:
    for row in each(get_args(model.Kind)):
        with row as kind:
            assert differences(BASES[kind], model.Request) == []
            assert said(model.Request).is_valid(BASES[kind])


def test_any_other_body_is_judged_alike() -> None:
    for row in each([shape for shape in OTHERS if shape is not model.Answer]):
        with row as shape:
            assert differences(OTHERS[shape], shape) == []
            assert said(shape).is_valid(OTHERS[shape])


ANSWERS: dict[str, list[Any]] = {
    "verdict": [None, "allow", "deny", "respond", "stop", "maybe"],
    "reason": [None, "why"],
    "input": [None, {"command": "ls"}],
    "grant": [None, "session"],
    "text": [None, "", "said"],
    "choice": [None, "A"],
    "choices": [None, ["A"]],
    "values": [None, {"a": "b"}],
}


def _fits_something(body: dict[str, Any]) -> bool:
    """Whether there is a request that this answer fits."""
    try:
        answer = reading.parse(json.dumps(body).encode(), model.Answer)
    except errors.InvalidRequest:
        return False
    for base in BASES.values():
        verdicts = ["deny", "stop", *(["respond"] if base["kind"] == "permission" else [])]
        more = {"input": {"command": "pwd"}, "grants": ["session"]} if base["kind"] == "permission" else {}
        for several in (False, True) if base["kind"] == "choice" else (None,):
            chosen = {} if several is None else {"multiple": several}
            asked = requests.checked(model.Request.model_validate({**base, **more, **chosen, "verdicts": verdicts}))
            try:
                fitting.fit(_ticket(asked), answer)
                return True
            except errors.InvalidAnswer:
                continue
    return False


def _ticket(request: model.Request) -> model.Ticket:
    terms = machine.Terms(owner="bot", policy=model.Policy(), route=("web",))
    return machine.open_ticket(request, terms, id="r1", ref=tokens.new_ref(), at=samples.NOW).ticket


def test_an_answer_is_valid_in_the_document_if_there_is_a_request_that_it_fits() -> None:
    judge = said(model.Answer)
    for combined in itertools.product(*ANSWERS.values()):
        body = {name: value for name, value in zip(ANSWERS, combined, strict=True) if value is not None}
        if len(body) <= 3:
            assert witness.is_valid(judge.schema, body) == _fits_something(body), body


def test_the_document_names_the_sizes_that_are_enforced() -> None:
    asked = document()["paths"]["/v1/requests"]["post"]
    assert f"{routes.BODY_LIMIT:,} bytes" in asked["requestBody"]["description"]
    assert f"{model.MAX_REQUEST_BYTES:,} bytes" in document()["components"]["schemas"]["Request"]["description"]
    assert {"413", "429"} <= set(asked["responses"])


def test_another_process_has_the_client_without_a_web_server_and_then_the_same_document() -> None:
    code = """
import json, sys
import sayso_http.client
servers = ("aiohttp.web", "sayso_http.server", "prometheus_client")
print(json.dumps([name for name in servers if name in sys.modules]))
from sayso_http import openapi
print(json.dumps(openapi.describe()))
"""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    other = {**os.environ, "PYTHONHASHSEED": seed}
    there = subprocess.run([sys.executable, "-c", code], env=other, check=True, capture_output=True, text=True)
    assert there.stdout == f"[]\n{json.dumps(document())}\n"
