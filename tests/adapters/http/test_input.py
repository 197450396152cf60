"""What strangers send: it is refused with the field named, it is stored whole, or it is not stored at all."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pydantic
import pytest
from hypothesis import strategies

from sayso import errors, model
from sayso.content import requests
from sayso.stores import Query
from sayso_http.server import reading
from tests.adapters.http.service import Service, permission, running


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path) as running_service:
        yield running_service


def raw(**parts: str) -> str:
    """A permission as text, with parts of it replaced by any text at all."""
    whole = {"kind": '"permission"', "tool": '"Bash"', "input": "{}", **parts}
    return "{" + ",".join(f'"{name}":{value}' for name, value in whole.items()) + "}"


BAD: list[tuple[str, str | bytes, str]] = [
    ("nothing", "", "body"),
    ("no JSON", "{", "body"),
    ("no object", "[]", "body"),
    ("a text", '"x"', "body"),
    ("null", "null", "body"),
    ("two documents", "{}{}", "body"),
    ("no kind", "{}", "kind"),
    ("kind is a number", raw(kind="1"), "kind"),
    ("kind is null", raw(kind="null"), "kind"),
    ("kind is unknown", raw(kind='"order"'), "kind"),
    ("tool is a number", raw(tool="5"), "tool"),
    ("tool is null", raw(tool="null"), "tool"),
    ("tool is empty", raw(tool='""'), "tool"),
    ("tool is huge", raw(tool=json.dumps("x" * 5000)), "tool"),
    ("input is a list", raw(input="[]"), "input"),
    ("input is a text", raw(input='"x"'), "input"),
    ("input holds NaN", raw(input='{"a": NaN}'), "body"),
    ("input holds infinity", raw(input='{"a": -Infinity}'), "body"),
    ("input holds 1e400", raw(input='{"a": 1e400}'), "body"),
    ("input holds a number of 5000 digits", raw(input='{"a": ' + "9" * 5000 + "}"), "body"),
    ("input holds a lone surrogate", raw(input='{"a": "\\ud800"}'), "body"),
    ("a key is a lone surrogate", raw(input='{"\\udc00": 1}'), "body"),
    ("input is nested 300 deep", raw(input='{"a":' * 300 + "1" + "}" * 300), "body"),
    ("input is nested 50,000 deep", raw(input='{"a":' * 50_000 + "1" + "}" * 50_000), "body"),
    ("lists nested 50,000 deep", raw(input='{"a":' + "[" * 50_000 + "]" * 50_000 + "}"), "body"),
    ("a key twice", raw()[:-1] + ',"tool":"Other"}', "tool"),
    ("a key twice, deep inside", raw(input='{"a": {"cmd": "ls", "cmd": "rm"}}'), "cmd"),
    ("the body is UTF-16", raw().encode("utf-16"), "body"),
    ("the body is no UTF-8", raw(tool='"\xff"').encode("latin-1"), "body"),
    ("an id with a space", raw(id='"a b"'), "id"),
    ("an id that is a path", raw(id='"../x"'), "id"),
    ("an id of 200 characters", raw(id=json.dumps("x" * 200)), "id"),
    ("an id that is a number", raw(id="1"), "id"),
    ("expires_in is a text", raw(expires_in='"900"'), "expires_in"),
    ("expires_in is zero", raw(expires_in="0"), "expires_in"),
    ("expires_in is negative", raw(expires_in="-1"), "expires_in"),
    ("expires_in is a year", raw(expires_in="31536000"), "expires_in"),
    ("expires_in is true", raw(expires_in="true"), "expires_in"),
    ("route is a text", raw(route='"web"'), "route"),
    ("route has a place that is none", raw(route='["#ops"]'), "route.0"),
    ("route has 11 places", raw(route=json.dumps(["web"] * 11)), "route"),
    ("policy is unknown", raw(policy='"nobody-made-this"'), "policy"),
    ("policy is an object", raw(policy='{"approvers": ["anyone"]}'), "policy"),
    ("grants are unknown", raw(grants='["forever"]'), "grants.0"),
    ("risk is unknown", raw(risk='"extreme"'), "risk"),
    ("metadata is a list", raw(metadata="[]"), "metadata"),
    ("metadata is null", raw(metadata="null"), "metadata"),
    ("source has an unknown key", raw(source='{"name": "x"}'), "source.name"),
    ("context is too long", raw(context=json.dumps({"a": "x" * 3000})), "context.a"),
    ("an unknown key", raw(approved="true"), "approved"),
    ("a callback without a service for it", raw(callback_url='"https://example.com/"'), "callback_url"),
    ("options on a permission", raw(options='[{"label": "x"}]'), "options"),
    ("a choice without options", '{"kind":"choice","title":"?"}', "options"),
    (
        "a choice with two options alike",
        '{"kind":"choice","title":"?","options":[{"label":"a"},{"label":"a"}]}',
        "options",
    ),
    ("an option that is a text", '{"kind":"choice","title":"?","options":["a"]}', "options.0"),
    ("multiple is a text", '{"kind":"choice","title":"?","options":[{"label":"a"}],"multiple":"yes"}', "multiple"),
    ("a question without a title", '{"kind":"question"}', "title"),
    ("a question with an empty title", '{"kind":"question","title":""}', "title"),
    ("a form without fields", '{"kind":"form","title":"?"}', "schema"),
    ("a form with a schema that is a list", '{"kind":"form","title":"?","schema":[]}', "schema"),
    ("a form that nobody could fill", '{"kind":"form","title":"?","schema":{"type":"object"}}', "schema"),
    ("a request of 1.1 MiB", raw(input=json.dumps({"a": "x" * 1_150_000})), "request"),
]


async def test_a_bad_request_is_422_with_the_field_and_nothing_is_stored(service: Service) -> None:
    wrong = list[object]()
    for name, body, field in BAD:
        answered = await service.call("POST", "/v1/requests", "bot", data=body)
        if (answered.status, answered.error.get("field"), bool(answered.error["message"])) != (422, field, True):
            wrong.append((name, answered))
        if await service.store.list(Query()) or await service.store.last_row():
            pytest.fail(f"stored: {name}")
    assert wrong == []


BAD_ANSWERS = [
    ("{}", "verdict"),
    ("[]", "body"),
    ('{"verdict": "yes"}', "verdict"),
    ('{"verdict": true}', "verdict"),
    ('{"verdict": null}', "verdict"),
    ('{"verdict": "allow", "verdict": "deny"}', "verdict"),
    ('{"verdict": "allow", "text": "x"}', "text"),
    ('{"verdict": "allow", "by": "bob"}', "by"),
    ('{"verdict": "allow", "grant": "always"}', "grant"),
    ('{"verdict": "deny", "input": {}}', "input"),
    ('{"verdict": "allow", "input": [1]}', "input"),
    ('{"verdict": "allow", "input": {"a": NaN}}', "body"),
    ('{"verdict": "allow", "input": {"a": 0.12345678901234567890}}', "body"),
    ('{"verdict": "allow", "reason": 5}', "reason"),
    ('{"verdict": "allow", "reason": "' + "x" * 5000 + '"}', "reason"),
    ("", "body"),
]


async def test_whoever_misspells_a_name_or_a_form_reads_what_is_meant(service: Service) -> None:
    asked = {"kind": "question", "title": "Who?"}
    for wrong, field, hint in (
        ({"titel": "x"}, "titel", "did you mean 'title'?"),
        ({"zzz": 1}, "zzz", "known here: attachments, batch, body, "),
        ({"source": {"agnet": "x"}}, "source.agnet", "did you mean 'agent'?"),
        ({"attachments": [{"name": "a", "kind": "text", "txt": "x"}]}, "attachments.0.txt", "did you mean 'text'?"),
        ({"id": "a b"}, "id", "a letter or digit, then letters, digits or . _ : -, 128 signs at most"),
        ({"route": ["Chat room"]}, "route.0", '"web", "approvers", or a chat and a place on it'),
        ({"expires_in": "soon"}, "expires_in", "a number of seconds, such as 900"),
    ):
        refused = await service.call("POST", "/v1/requests", "bot", asked | wrong)
        assert (refused.status, refused.error["field"]) == (422, field)
        assert refused.error["hint"].startswith(hint)
    await service.call("POST", "/v1/requests", "bot", permission())
    refused = await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdikt": "allow"})
    assert refused.error["hint"] == "did you mean 'verdict'?"


async def test_a_bad_answer_is_422_with_the_field_and_decides_nothing(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    wrong = list[object]()
    for body, field in BAD_ANSWERS:
        answered = await service.call("POST", "/v1/requests/r1/answers", "ann", data=body)
        if (answered.status, answered.json.get("error", {}).get("field")) != (422, field):
            wrong.append((body, answered))
    assert wrong == []
    ticket = await service.front.get("r1")
    assert (ticket.answers, ticket.decision) == ((), None)


async def test_a_bad_body_elsewhere_is_422(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    for path, body in (("cancel", '{"reason": 1}'), ("resume", "{}"), ("resume", '{"name": "a b"}')):
        who = "bot" if path == "cancel" else "ann"
        answered = await service.call("POST", f"/v1/requests/r1/{path}", who, data=body)
        assert (answered.status, answered.error["code"]) == (422, "invalid_request")
    assert (await service.front.get("r1")).decision is None


ODD: list[Any] = [
    "NUL \0 inside",
    "‮right to left‬",
    "tab\tand\nnewline",
    "😀 é é",
    "-0.5e-7",
    {"deep": [[[{"x": None}]]]},
    {"big": 2**80, "float": 1.0, "small": 5e-324, "zero": -0.0},
    {"": {"__proto__": 1, "constructor": "x"}},
    "'; drop table tickets; --",
    "x" * 900_000,
]


async def test_odd_content_is_stored_and_given_back_as_it_was_sent(service: Service) -> None:
    for number, value in enumerate(ODD):
        metadata = {"value": value} if value != "x" * 900_000 else {}
        sent = permission(f"r{number}", input={"value": value}, metadata=metadata)
        answered = await service.call("POST", "/v1/requests", "bot", sent)
        assert answered.status == 201
        for found in (answered, await service.call("GET", f"/v1/requests/r{number}", "bot")):
            assert json.dumps(found.json["request"]["input"]) == json.dumps(sent["input"])
            assert found.json["request"]["metadata"] == sent["metadata"]


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_3_mb_is_413_whether_or_not_it_says_its_size(service: Service, declared: bool) -> None:
    body = raw(input=json.dumps({"a": "x" * 3_000_000})).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    data: Any = body if declared else pieces()
    answered = await service.call("POST", "/v1/requests", "bot", data=data)
    assert (answered.status, answered.error["code"]) == (413, "too_large")
    assert await service.store.last_row() == 0


async def test_a_body_that_says_it_is_no_json_is_415(service: Service) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"):
        answered = await service.call("POST", "/v1/requests", "bot", data=raw(), headers={"Content-Type": media})
        assert (answered.status, answered.error["code"]) == (415, "unsupported_media_type"), media
    assert await service.store.last_row() == 0


async def test_an_odd_id_in_a_path_is_404(service: Service) -> None:
    ids = ["a" * 5000, "%00", "..%2f..%2fetc", "%ud800", "ü", "%F0%9F%98%80", "'--"]
    answered = {id: (await service.call("GET", f"/v1/requests/{id}", "bot")).status for id in ids}
    assert answered == dict.fromkeys(ids, 404)


HEAD = b"POST /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
MALFORMED = {
    "no HTTP": b"\x16\x03\x01 hello\r\n\r\n",
    "a line without end": b"GET /" + b"x" * 100_000,
    "100,000 headers": HEAD + b"".join(b"X-%d: 1\r\n" % number for number in range(100_000)) + b"\r\n",
    "a header of 1 MB": HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two hosts": HEAD + b"Host: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
    "no host": b"GET /v1/requests HTTP/1.1\r\n\r\n",
}


async def test_malformed_http_is_refused_and_the_service_lives_on(service: Service) -> None:
    first = {name: await first_line(service, sent) for name, sent in MALFORMED.items()}
    assert {name: line for name, line in first.items() if line and not 400 <= int(line.split()[1]) < 500} == {}
    assert await service.store.last_row() == 0


async def first_line(service: Service, sent: bytes) -> bytes:
    """Of what is answered, if anything is; others are served after it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    with contextlib.suppress(ConnectionError):
        writer.write(sent)
        await writer.drain()
    first = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            first = await reader.readline()
    writer.close()
    assert (await service.call("GET", "/healthz")).status == 200
    return first


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text()
    | strategies.sampled_from(["permission", "question", "choice", "form", "web", "a", "2026-01-01"]),
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(
            strategies.sampled_from(
                [
                    "kind",
                    "title",
                    "tool",
                    "input",
                    "options",
                    "label",
                    "schema",
                    "type",
                    "properties",
                    "fields",
                    "name",
                    "id",
                    "enum",
                    "items",
                    "pattern",
                    "minimum",
                    "maximum",
                    "source",
                    "route",
                    "expires_in",
                    "context",
                    "supersedes",
                ]
            )
            | strategies.text(max_size=3),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)
REQUESTS = strategies.fixed_dictionaries(
    {"kind": strategies.sampled_from(["permission", "question", "choice", "form"])},
    optional=dict.fromkeys(
        ("title", "tool", "input", "options", "schema", "fields", "multiple", "other", "body", "risk", "route"), JSON
    )
    | {"title": strategies.text(min_size=1, max_size=20), "tool": strategies.text(min_size=1, max_size=20)},
)
# all examples of one test share one service
SHARED = (hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow)
ANSWERS = strategies.dictionaries(
    strategies.sampled_from(["verdict", "reason", "input", "grant", "text", "choice", "choices", "values"]),
    JSON | strategies.sampled_from(["allow", "deny", "session"]),
)


@hypothesis.given(body=JSON | REQUESTS | strategies.binary(max_size=40))
@hypothesis.settings(suppress_health_check=SHARED)
async def test_no_body_ends_in_a_server_error(service: Service, body: Any) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    before = await service.store.last_row()
    answered = await service.call("POST", "/v1/requests", "bot", data=data)
    assert answered.status in (201, 422)
    stored = await service.store.last_row() - before
    if answered.status == 422:
        assert answered.error["field"]
        assert stored == 0
    else:
        assert stored == 1
        assert (await service.call("GET", f"/v1/requests/{answered.json['id']}", "bot")).json == answered.json


@hypothesis.given(request=REQUESTS, answer=ANSWERS | JSON)
@hypothesis.settings(suppress_health_check=SHARED)
async def test_no_answer_ends_in_a_server_error(service: Service, request: Any, answer: Any) -> None:
    asked = await service.call("POST", "/v1/requests", "bot", request)
    id = asked.json["id"] if asked.status == 201 else "nothing"
    answered = await service.call("POST", f"/v1/requests/{id}/answers", "ann", data=json.dumps(answer))
    assert answered.status in (200, 404, 422)


MANY: dict[str, tuple[type[pydantic.BaseModel], dict[str, Any], str | None]] = {
    "choices of an answer": (model.Answer, {"choices": [1] * 10_000}, "choices.0"),
    "unknown keys": (model.Answer, {f"k{number}": 1 for number in range(10_000)}, None),
    "places": (model.Request, {"kind": "question", "title": "?", "route": [1] * 10_000}, "route.0"),
    "grants": (model.Request, {"kind": "question", "title": "?", "grants": [1] * 10_000}, "grants.0"),
    "attachments": (model.Request, {"kind": "question", "title": "?", "attachments": [1] * 10_000}, "attachments.0"),
    "facts": (
        model.Request,
        {"kind": "question", "title": "?", "context": {str(n): 1 for n in range(10_000)}},
        "context",
    ),
    "keys of the source": (
        model.Request,
        {"kind": "question", "title": "?", "source": {str(n): 1 for n in range(10_000)}},
        "source",
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_ten_thousand_mistakes_cost_one_complaint(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape, document, field = MANY[name]
    complaints = list[int]()
    told = requests.invalid

    def counted(error: pydantic.ValidationError, *more: Any) -> errors.InvalidRequest:
        complaints.append(error.error_count())
        return told(error, *more)

    monkeypatch.setattr(requests, "invalid", counted)
    with pytest.raises(errors.InvalidRequest) as refused:
        reading.parse(json.dumps(document).encode(), shape)
    assert sum(complaints) <= 2
    assert field is None or refused.value.field == field


async def test_an_edit_that_the_tool_does_not_take_is_422_and_may_be_mended(service: Service) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "number", "maximum": 500}}, "required": ["amount"]}
    wanted = permission(input={"amount": 10}, input_schema=schema)
    assert (await service.call("POST", "/v1/requests", "bot", wanted)).status == 201
    wrong = {"verdict": "allow", "input": {"amount": "25,50"}}
    refused = await service.call("POST", "/v1/requests/r1/answers", "ann", wrong)
    assert (refused.status, refused.error["field"]) == (422, "input")
    assert "amount: please give a number, such as 12.5" in refused.error["message"]
    right = {"verdict": "allow", "input": {"amount": 25.5}}
    assert (await service.call("POST", "/v1/requests/r1/answers", "ann", right)).status == 200
    decision = (await service.front.get("r1")).decision
    assert decision is not None
    assert decision.input == {"amount": 25.5}


async def test_a_number_keeps_every_digit_over_http_and_in_the_store(service: Service) -> None:
    for number, typed in enumerate(["9007199254740993", 12345678901234567890, "19.99", 0.1, "1e3"]):
        form = {"kind": "form", "id": f"f{number}", "title": "F", "schema": {"properties": {"x": {"type": "number"}}}}
        await service.call("POST", "/v1/requests", "bot", form)
        await service.call("POST", f"/v1/requests/f{number}/answers", "ann", {"values": {"x": typed}})
        told = (await service.call("GET", f"/v1/requests/f{number}", "bot")).json["decision"]["values"]["x"]
        assert Decimal(json.dumps(told)) == Decimal(str(typed))
