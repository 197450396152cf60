"""Which key may do what on which route, and that nobody learns of what is not theirs."""

import asyncio
import dataclasses
import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sayso import model
from sayso.desk import Caller, keys
from sayso.stores import Record, Store
from sayso_http import routes
from tests.adapters.http.service import RESTRICTED, Service, permission, running
from tests.conftest import until
from tests.tables import each

ALLOW = {"verdict": "allow"}
OWN = "own"
FOREIGN = "foreign"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Requests `own` by the agent `bot`, `foreign` by `other`; only ann may answer either."""
    async with running(tmp_path, setup=RESTRICTED) as running_service:
        await running_service.call("POST", "/v1/requests", "bot", permission(OWN))
        await running_service.call("POST", "/v1/requests", "other", permission(FOREIGN))
        yield running_service


MATRIX: list[tuple[str, str, Any, dict[str | None, int]]] = [
    # bob is an approver who may answer nothing here; None is no key, "forged" an unknown one
    ("POST", "/v1/requests", permission("new"), {"bot": 201, "ann": 403, "bob": 403, "op": 201}),
    ("GET", "/v1/requests", None, {"bot": 200, "ann": 200, "bob": 200, "op": 200}),
    ("GET", f"/v1/requests/{OWN}", None, {"bot": 200, "other": 404, "ann": 200, "bob": 404, "op": 200}),
    ("GET", f"/v1/requests/{FOREIGN}?wait=1", None, {"bot": 404, "bob": 404}),
    ("POST", f"/v1/requests/{OWN}/answers", ALLOW, {"bot": 403, "other": 403, "ann": 200, "bob": 404, "op": 403}),
    ("POST", f"/v1/requests/{OWN}/use", None, {"bot": 409, "other": 404, "ann": 403, "bob": 403, "op": 404}),
    ("POST", f"/v1/requests/{OWN}/cancel", None, {"bot": 200, "other": 404, "ann": 403, "bob": 403, "op": 200}),
    ("GET", f"/v1/requests/{OWN}/log", None, {"bot": 200, "other": 404, "ann": 200, "bob": 404, "op": 200}),
    ("POST", "/v1/stop", {"reason": "leak"}, {"bot": 403, "ann": 200, "bob": 403, "op": 200}),
    ("GET", "/v1/stops", None, {"bot": 403, "ann": 200, "bob": 403, "op": 200}),
    # 409: nobody of that name may answer it; 404 to whom it is none of their business
    ("POST", f"/v1/requests/{OWN}/pass", {"to": "zed"}, {"bot": 403, "ann": 409, "bob": 404, "op": 403}),
    ("POST", f"/v1/requests/{OWN}/claim", None, {"bot": 403, "ann": 200, "bob": 404, "op": 403}),
    ("POST", f"/v1/requests/{OWN}/snooze", {"seconds": 60}, {"bot": 403, "ann": 200, "bob": 404, "op": 403}),
    (
        "POST",
        "/v1/webhooks",
        {"name": "ci", "title": "Done?", "policy": "open"},
        {"bot": 201, "ann": 403, "bob": 403, "op": 201},
    ),
    ("POST", "/v1/webhooks/none/reply", {}, {"bot": 404, "ann": 403, "bob": 403, "op": 404}),
    # its policy names nobody who may see what masks cover; who asked wrote it, and an operator's look is on record
    ("POST", f"/v1/requests/{OWN}/reveal", None, {"bot": 200, "other": 404, "ann": 403, "bob": 404, "op": 200}),
    # 404: nothing is stopped
    ("POST", "/v1/resume", None, {"bot": 403, "ann": 404, "bob": 403, "op": 404}),
    # who may not stop sees and ends their own
    ("GET", "/v1/grants", None, {"bot": 403, "ann": 200, "bob": 200, "op": 200}),
    ("POST", "/v1/grants/none/end", None, {"bot": 403, "ann": 404, "bob": 403, "op": 404}),
    ("GET", "/v1/people", None, {"bot": 403, "ann": 200, "bob": 200, "op": 200}),
    ("GET", "/v1/policies", None, {"bot": 403, "ann": 200, "bob": 200, "op": 200}),
    ("GET", "/v1/stats", None, {"bot": 403, "ann": 403, "bob": 403, "op": 200}),
    # 422: no chat is connected here
    ("POST", "/v1/sessions/s-1/notes", {"text": "half done"}, {"bot": 422, "ann": 403, "bob": 403, "op": 422}),
    (
        "POST",
        f"/v1/requests/{OWN}/resume",
        {"name": "ci"},
        {"bot": 403, "other": 403, "ann": 201, "bob": 404, "op": 403},
    ),
]


Row = tuple[str, str, Any, str | None, int]
CALLS: list[Row] = [
    (method, path, body, who, status)
    for method, path, body, statuses in MATRIX
    for who, status in {None: 401, "forged": 401, **statuses}.items()
]
DONE = [row for row in CALLS if row[0] != "GET" and row[-1] < 400]


async def test_each_role_looks_at_what_it_may_and_is_refused_the_rest(service: Service) -> None:
    service.secrets["forged"] = "sayso_operator_" + "x" * 43
    before = await service.front.get(OWN)
    # whoever is refused changes nothing, and so does a look
    for row in each(one for one in CALLS if one not in DONE):
        with row as (method, path, body, who, status):
            assert (await service.call(method, path, who, body)).status == status
    after = await service.front.get(OWN)
    assert (after.decision, after.answers, after.version) == (None, (), before.version)


@pytest.mark.parametrize(("method", "path", "body", "who", "status"), DONE)
async def test_each_role_does_what_it_may(
    service: Service, method: str, path: str, body: Any, who: str, status: int
) -> None:
    assert (await service.call(method, path, who, body)).status == status
    decided = (await service.front.get(OWN)).decision
    by = [one.person for one in decided.by] if decided and decided.allowed else []
    assert by == (["ann"] if path.endswith("/answers") else [])


async def test_probes_figures_and_the_document_need_no_key(service: Service) -> None:
    rows: list[str] = ["/healthz", "/readyz", "/metrics", "/v1/openapi.json"]
    for row in each(rows):
        with row as path:
            assert (await service.call("GET", path)).status == 200


async def test_a_malformed_authorization_is_401(service: Service) -> None:
    rows: list[str] = [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer a b",
        "Bearer \tx",
        "sayso_agent_x",
        "Bearer é",
        "Bearer " + "x" * 600,
    ]
    for row in each(rows):
        with row as header:
            answered = await service.call("GET", "/v1/requests", headers={"Authorization": header})
            assert (answered.status, answered.error["code"]) == (401, "unauthorized")
            assert answered.headers["WWW-Authenticate"] == "Bearer"


async def test_each_key_lists_only_what_it_may_see(service: Service) -> None:
    async def listed(who: str) -> set[str]:
        return {one["id"] for one in (await service.call("GET", "/v1/requests", who)).json["requests"]}

    assert await listed("bot") == {OWN}
    assert await listed("other") == {FOREIGN}
    assert await listed("ann") == await listed("op") == {OWN, FOREIGN}
    assert await listed("bob") == set()


async def test_an_approver_finds_their_few_requests_behind_many_others(service: Service) -> None:
    asked = [model.Request.model_validate(permission(f"two-{number}", policy="two")) for number in range(120)]
    asked += [model.Request.model_validate(permission(f"n{number}")) for number in range(130)]
    for one in asked:
        await service.front.open(one, Caller("bot"))
    found = (await service.call("GET", "/v1/requests?limit=5", "bob")).json
    assert [one["id"] for one in found["requests"]] == [f"two-{number}" for number in range(119, 114, -1)]
    following = (await service.call("GET", f"/v1/requests?limit=200&before={found['next']}", "bob")).json
    assert len(following["requests"]) == 115


async def test_what_belongs_to_others_looks_like_what_is_not_there(service: Service) -> None:
    rows: list[str] = ["", "?wait=1", "/log"]
    for row in each(rows):
        with row as rest:
            theirs = await service.call("GET", f"/v1/requests/{FOREIGN}{rest}", "bot")
            nothing = await service.call("GET", f"/v1/requests/nothing{rest}", "bot")
            assert (theirs.status, theirs.text) == (nothing.status, nothing.text)
            assert set(theirs.headers) == set(nothing.headers)


async def test_what_belongs_to_others_cannot_be_paged_from_or_cancelled(service: Service) -> None:
    calls = (("GET", "/v1/requests?before={}"), ("POST", "/v1/requests/{}/cancel"), ("POST", "/v1/requests/{}/use"))
    for method, path in calls:
        theirs = await service.call(method, path.format(FOREIGN), "bot")
        nothing = await service.call(method, path.format("nothing"), "bot")
        assert (theirs.status, theirs.text) == (404, nothing.text)
    assert (await service.front.get(FOREIGN)).decision is None


async def test_an_approver_sees_what_was_asked_on_their_behalf_and_cannot_approve_it(service: Service) -> None:
    await service.key("bobs-bot", "agent", "bob")
    await service.call("POST", "/v1/requests", "bobs-bot", permission("mine"))
    await service.call("POST", "/v1/requests", "bobs-bot", permission("open", policy="open"))
    assert (await service.call("GET", "/v1/requests/mine", "bob")).status == 200
    assert (await service.call("POST", "/v1/requests/open/answers", "bob", ALLOW)).status == 403
    assert (await service.front.get("open")).decision is None


async def test_the_requester_comes_from_the_key_and_never_from_the_body(service: Service) -> None:
    for field in ("requester", "owner", "by", "approvers"):
        answered = await service.call("POST", "/v1/requests", "bot", permission("forged", **{field: "ann"}))
        assert (answered.status, answered.error["field"]) == (422, field)


@pytest.mark.parametrize("what", ["answers", "resume"])
async def test_an_approver_outside_the_policy_learns_nothing_and_the_try_is_on_record(
    service: Service, what: str
) -> None:
    body = ALLOW if what == "answers" else {"name": "ci"}
    answered = await service.call("POST", f"/v1/requests/{OWN}/{what}", "bob", body)
    unknown = await service.call("POST", f"/v1/requests/none/{what}", "bob", body)
    assert (answered.status, answered.text) == (404, unknown.text)
    log = await service.store.log(OWN)
    assert [row.entry.type for row in log] == ["opened", "refused"]


async def test_a_revoked_key_is_dead_at_once_even_where_it_waits(service: Service) -> None:
    poll = asyncio.create_task(service.call("GET", f"/v1/requests/{OWN}?wait=60", "bot"))
    await until(lambda: service.store.waiting)
    await service.keys.revoke("bot")
    assert (await service.call("GET", "/v1/requests", "bot")).status == 401
    await service.call("POST", f"/v1/requests/{OWN}/answers", "ann", ALLOW)
    answered = await poll
    assert answered.status == 401
    assert "make deploy" not in answered.text


async def test_no_key_reaches_a_log_or_an_answer(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [
        (await service.call(method, path, who, body)).text for method, path, body, who, _ in CALLS if who != "forged"
    ]
    said = "".join(texts) + "".join(str(vars(record)) for record in caplog.records)
    assert [name for name, secret in service.secrets.items() if secret in said] == []


async def test_the_store_holds_no_key_in_clear(service: Service) -> None:
    held = "".join(str(record) for record in await service.store.scan("key"))
    assert [name for name, secret in service.secrets.items() if secret in held] == []
    assert isinstance(await service.keys.find(service.secrets["op"]), keys.Key)


@pytest.mark.parametrize(("path", "body"), [("", permission("late")), ("/r1/answers", {"verdict": "allow"})])
async def test_a_body_that_outlives_its_key_does_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    key, find = "ann" if path else "bot", service.keys.find
    sent = json.dumps(body).encode()
    known, going = asyncio.Event(), asyncio.Event()

    async def found(secret: str) -> keys.Key:
        key = await find(secret)
        known.set()
        return key

    async def slowly() -> AsyncGenerator[bytes]:
        yield sent[:5]
        await going.wait()
        yield sent[5:]

    monkeypatch.setattr(service.keys, "find", found)
    assert service.session is not None
    headers = {"Authorization": f"Bearer {service.secrets[key]}", "Content-Type": "application/json"}
    call = asyncio.create_task(service.session.post(f"{service.url}/v1/requests{path}", data=slowly(), headers=headers))
    async with asyncio.timeout(5):
        await known.wait()
    await service.keys.revoke(key)
    going.set()
    assert (await call).status == 401
    state = await service.call("GET", "/v1/requests?state=pending", "op")
    assert ("r1" in [one["id"] for one in state.json["requests"]]) == bool(path)


async def test_a_bound_key_that_names_another_policy_gets_422(service: Service) -> None:
    now = service.front.clock.now()
    service.secrets["bound"] = await service.keys.add("bound", "agent", now, policy="default", route=["web"])
    others: list[tuple[dict[str, Any], str]] = [({"policy": "two"}, "policy"), ({"route": ["slack:#prod"]}, "route")]
    for wanted, field in others:
        refused = await service.call("POST", "/v1/requests", "bound", permission(**wanted))
        assert (refused.status, refused.error["field"]) == (422, field)
    assert (await service.call("POST", "/v1/requests", "bound", permission())).status == 201


def looked_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once a key was looked up."""
    get, looked = store.get, asyncio.Event()

    async def found(kind: str, name: str) -> Record | None:
        record = await get(kind, name)
        if kind == "key":
            looked.set()
        return record

    monkeypatch.setattr(store, "get", found)
    return looked


async def test_an_operator_whose_key_is_revoked_while_the_body_comes_withdraws_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    assert service.session is not None
    looked = looked_up(service.store, monkeypatch)

    async def body() -> AsyncGenerator[bytes]:
        yield b'{"reason": '
        await looked.wait()
        await service.keys.revoke("op")
        yield b'"no"}'

    headers = {"Authorization": f"Bearer {service.secrets['op']}", "Content-Type": "application/json"}
    async with service.session.post(f"{service.url}/v1/requests/r1/cancel", data=body(), headers=headers) as response:
        assert response.status == 401
    assert (await service.front.get("r1")).state == "pending"


async def test_a_person_sees_and_ends_their_own_grants_and_who_may_stop_all_of_them(service: Service) -> None:
    policies = {"open": model.Policy(grants=60.0)}
    service.front.setup = dataclasses.replace(
        service.front.setup, policies={**service.front.setup.policies, **policies}
    )
    for who, id in (("ann", "by-ann"), ("bob", "by-bob")):
        wanted = permission(id, policy="open", input={"command": id})
        await service.call("POST", "/v1/requests", "bot", wanted)
        allowed = await service.call(
            "POST", f"/v1/requests/{id}/answers", who, {"verdict": "allow", "standing": "call"}
        )
        assert allowed.status == 200

    async def listed(who: str) -> dict[str, str]:
        found = (await service.call("GET", "/v1/grants", who)).json["grants"]
        return {one["request"]: one["id"] for one in found}

    everything = await listed("op")
    assert set(everything) == set(await listed("ann")) == {"by-ann", "by-bob"}
    assert set(await listed("bob")) == {"by-bob"}
    foreign = await service.call("POST", f"/v1/grants/{everything['by-ann']}/end", "bob")
    assert foreign.status == 403
    assert (await service.call("POST", f"/v1/grants/{everything['by-bob']}/end", "bob")).status == 200
    assert (await service.call("POST", f"/v1/grants/{everything['by-ann']}/end", "op")).status == 200
    assert await listed("op") == {}


def test_every_route_that_takes_a_key_is_in_the_matrix() -> None:
    tried = {(method.lower(), path.partition("?")[0]) for method, path, _, _ in MATRIX}

    def is_tried(operation: routes.Operation) -> bool:
        shape = re.compile(re.sub(r"\{\w+\}", "[^/]+", operation.path))
        return any(operation.method == method and shape.fullmatch(path) for method, path in tried)

    missing = {one.path for one in routes.OPERATIONS if isinstance(one, routes.Keyed) and not is_tried(one)}
    assert missing == {"/v1/events"}, "a stream, tried in test_stream"
