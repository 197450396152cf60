"""A conformance run: what the Agent Approval Protocol asks of a provider, asked by its own client over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from agentapprovalprotocol import AsyncClient, AsyncGate, Call, Client, Gate
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

import sayso
import sayso_aap
from sayso import errors, model
from sayso.cards import tokens
from sayso.desk import courier, keys
from sayso.machine import people
from sayso.stores import Query, memory
from sayso.testing.clock import ManualClock
from sayso_aap.responses import as_the_protocol_says
from sayso_http import outbound
from sayso_http.server import auth, reading, responses, waits
from tests.adapters.http.test_authz import looked_up
from tests.conftest import until
from tests.tables import each

Json = dict[str, Any]
REFUND: Json = {
    "tool": "issue_refund",
    "arguments": {
        "payment_id": "payment_123",
        "amount": 4900,
        "rate": 0.1,
        "big": 2**60 + 1,
        "lines": [1, {"b": None, "a": True}],
    },
    "timeout": "30m",
    "agent_reasoning": "The customer was charged twice.",
    "context": {"session_id": "session_456", "step": 3, "resume": {"framework": "own"}},
}


@dataclass
class Provider:
    """One service with the protocol's routes, an instance's credential and a provisioner's."""

    base: str
    desk: sayso.Desk
    clock: ManualClock
    http: aiohttp.ClientSession
    instance: str
    provisioner: str
    couriers: courier.Courier

    async def delivered(self) -> None:
        """Every notification that is due goes out."""
        while await self.couriers.deliver():
            pass

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> tuple[int, Json]:
        """One call; *key* is the instance's unless given. Every answer has the protocol's form."""
        sent = {"Authorization": f"Bearer {key or self.instance}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, self.base + path, json=body, headers=sent) as answer:
            exchange = answer.headers["X-Request-ID"]
            assert uuid.UUID(exchange)
            found: Json = await answer.json() if answer.status != 204 else {}
            if answer.status >= 400:
                assert found["error"]["request_id"] == exchange
                assert {"type", "code", "message", "request_id"} <= set(found["error"])
            return answer.status, found

    async def submit(self, key: str = "k1", **changes: Any) -> tuple[int, Json]:
        return await self.call("POST", "/v1/requests", {**REFUND, **changes}, Idempotency_Key=key)

    async def provision(self, key: str = "p1", **body: Any) -> tuple[int, Json]:
        return await self.call("POST", "/v1/instances", body, key=self.provisioner, Idempotency_Key=key)

    async def decide(self, id: str, **answer: Any) -> None:
        ann = people.Actor(account="test:ann", name="Ann", member=True)
        await self.desk.answer(id, model.Answer(**answer), ann)

    def catch_up(self) -> None:
        """The protocol's client reads a clock of its own, so ours follows it."""
        self.clock.advance((datetime.now(UTC) - self.clock.now()).total_seconds())

    async def next(self, count: int = 1) -> model.Ticket:
        """The newest request, once there are so many."""
        changes = self.desk.store.changes()
        while len(found := await self.desk.store.list(Query())) < count:
            await anext(changes)
        return found[0]


def code(answer: tuple[int, Json]) -> tuple[int, str, str]:
    status, body = answer
    return status, body["error"]["type"], body["error"]["code"]


@pytest_asyncio.fixture
async def provider() -> AsyncGenerator[Provider]:
    clock = ManualClock()
    store = memory.MemoryStore()
    setup = sayso.Setup(callbacks=True)
    desk = sayso.Desk(store, tokens.TokenMaker(b"for tests only, never for people"), setup, clock)
    known, held = keys.Keys(store), waits.Waits()
    instance = await known.add("codex-chris-laptop", "agent", clock.now())
    provisioner = await known.add("platform", "operator", clock.now())
    app = web.Application(middlewares=[responses.errors_as_json])
    notifier = sayso_aap.Notifier(store, clock, outbound.Poster(["127.0.0.1"], patience=2.0))
    service = sayso_aap.Service(auth.authenticate(known), reading.body, held.wait_for_decision)
    sayso_aap.add_routes(app, desk, service, notifier)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}{sayso_aap.PATH}"
    async with aiohttp.ClientSession() as http:
        yield Provider(base, desk, clock, http, instance, provisioner, courier.Courier(desk, [], notifier))
    await runner.cleanup()


async def test_a_submitted_call_comes_back_as_it_was_and_waits_for_people(provider: Provider) -> None:
    status, shown = await provider.submit()
    assert status == 201
    assert {name: shown[name] for name in REFUND} == REFUND
    assert (shown["status"], "decision" in shown) == ("pending", False)
    assert (shown["created_at"], shown["deadline_at"]) == ("2026-01-01T12:00:00.000000Z", "2026-01-01T12:30:00.000000Z")
    ticket = await provider.next()
    assert (ticket.request.tool, ticket.request.input, ticket.request.editable) == (
        "issue_refund", REFUND["arguments"], False,
    )  # fmt: skip
    assert (ticket.request.source.agent, ticket.request.source.session) == ("codex-chris-laptop", "session_456")
    assert ticket.request.body == "The customer was charged twice."


@pytest.mark.parametrize(
    ("answer", "said", "note"),
    [
        ({"verdict": "allow"}, "approved", None),
        ({"verdict": "allow", "reason": "confirmed"}, "approved", "confirmed"),
        ({"verdict": "deny", "reason": "too much"}, "denied", "too much"),
    ],
)
async def test_a_decision_is_told_with_its_note_and_only_an_approval_expires(
    provider: Provider, answer: Json, said: str, note: str | None
) -> None:
    _, shown = await provider.submit()
    await provider.decide(shown["id"], **answer)
    _, found = await provider.call("GET", f"/v1/requests/{shown['id']}")
    assert (found["status"], found["decision"]["status"], found["decision"].get("note")) == (said, said, note)
    assert found["decision"].get("expires_at") == ("2026-01-01T12:15:00.000000Z" if said == "approved" else None)
    provider.clock.advance(60)
    assert (await provider.submit()) == (200, found)


async def test_a_retry_finds_its_request_and_another_one_under_its_key_is_refused(provider: Provider) -> None:
    first, again = await provider.submit(), await provider.submit()
    assert (first[0], again[0], first[1]) == (201, 200, again[1])
    assert code(await provider.submit(timeout="31m")) == (409, "conflict", "idempotency_conflict")
    assert (await provider.submit("k2"))[1]["id"] != first[1]["id"]
    both = await asyncio.gather(*(provider.submit("k3") for _ in range(8)))
    assert len({body["id"] for _, body in both}) == 1
    assert sorted(status for status, _ in both) == [200] * 7 + [201]


async def test_a_submission_that_breaks_the_contract_is_refused_by_the_name_of_its_field(provider: Provider) -> None:
    rows: list[Json] = [
        {"tool": ""},
        {"arguments": []},
        {"timeout": "0s"},
        {"timeout": "30"},
        {"timeout": 30},
        {"more": 1},
        {"agent_reasoning": None},
        {"context": "x"},
    ]
    for row in each(rows):
        with row as changes:
            status, body = await provider.submit(**changes)
            assert (status, body["error"]["type"]) == (400, "invalid_request")
            assert await provider.desk.store.list(Query()) == []


async def test_without_an_idempotency_key_nothing_is_asked(provider: Provider) -> None:
    status, body = await provider.call("POST", "/v1/requests", REFUND)
    assert (status, body["error"]["param"]) == (400, "Idempotency-Key")


async def test_a_request_that_nobody_decides_expires_at_its_deadline_and_stays_so(provider: Provider) -> None:
    _, shown = await provider.submit()
    provider.clock.advance(30 * 60)
    _, found = await provider.call("GET", f"/v1/requests/{shown['id']}")
    assert (found["status"], found["decision"]["status"]) == ("expired", "expired")
    with pytest.raises(sayso.AlreadyDecided):
        await provider.decide(shown["id"], verdict="allow")


async def test_a_long_poll_ends_with_the_decision_or_with_the_wait(provider: Provider) -> None:
    _, shown = await provider.submit()
    path = f"/v1/requests/{shown['id']}"
    polling = asyncio.create_task(provider.call("GET", f"{path}?wait=10m"))
    await until(lambda: provider.desk.store.waiting)
    provider.clock.advance(30)
    assert (await polling)[1]["status"] == "pending"
    polling = asyncio.create_task(provider.call("GET", f"{path}?wait=30s"))
    await until(lambda: provider.desk.store.waiting)
    await provider.decide(shown["id"], verdict="allow")
    assert (await polling)[1]["status"] == "approved"
    assert code(await provider.call("GET", f"{path}?wait=30"))[0] == 400


async def test_a_withdrawn_request_stays_withdrawn_and_a_decided_one_cannot_be(provider: Provider) -> None:
    _, shown = await provider.submit()
    first = await provider.call("DELETE", f"/v1/requests/{shown['id']}")
    assert (first[0], first[1]["status"]) == (200, "cancelled")
    assert await provider.call("DELETE", f"/v1/requests/{shown['id']}") == first
    _, other = await provider.submit("k2")
    await provider.decide(other["id"], verdict="deny")
    assert code(await provider.call("DELETE", f"/v1/requests/{other['id']}")) == (409, "conflict", "already_terminal")


async def test_an_approval_is_used_once_in_its_time_and_its_outcome_is_told_once(provider: Provider) -> None:
    _, shown = await provider.submit()
    path = f"/v1/requests/{shown['id']}"
    assert code(await provider.call("POST", f"{path}/consume", Idempotency_Key="c1"))[2] == "not_approved"
    assert code(await provider.call("POST", f"{path}/outcome", {"status": "failed"}))[2] == "not_consumed"
    await provider.decide(shown["id"], verdict="allow")
    both = await asyncio.gather(*(provider.call("POST", f"{path}/consume", Idempotency_Key=f"c{n}") for n in range(8)))
    assert sorted(status for status, _ in both) == [200] + [409] * 7
    used = next(body for status, body in both if status == 200)
    assert used["consumption"] == {"consumed_at": "2026-01-01T12:00:00.000000Z"}
    assert {code(one)[2] for one in both if one[0] == 409} == {"already_consumed"}
    told = await provider.call("POST", f"{path}/outcome", {"status": "succeeded", "note": "done"})
    assert (told[0], told[1]["consumption"]["outcome"]["status"]) == (200, "succeeded")
    assert await provider.call("POST", f"{path}/outcome", {"status": "succeeded", "note": "done"}) == told
    assert code(await provider.call("POST", f"{path}/outcome", {"status": "failed"}))[2] == "outcome_conflict"
    _, late = await provider.submit("k2")
    await provider.decide(late["id"], verdict="allow")
    provider.clock.advance(900)
    answer = await provider.call("POST", f"/v1/requests/{late['id']}/consume", Idempotency_Key="c")
    assert code(answer) == (409, "conflict", "approval_expired")


async def test_an_instance_that_is_deleted_while_it_uses_an_approval_runs_nothing(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = await provider.submit()
    await provider.decide(shown["id"], verdict="allow")
    ticket = await provider.desk.get(shown["id"])
    step = provider.desk.use

    async def meanwhile(*given: Any, **named: Any) -> model.Ticket:
        await keys.Keys(provider.desk.store).revoke(ticket.owner, provider.clock.now())
        return await step(*given, **named)

    monkeypatch.setattr(provider.desk, "use", meanwhile)
    answer = await provider.call("POST", f"/v1/requests/{shown['id']}/consume", Idempotency_Key="c1")
    assert answer[0] == 401


async def test_a_provisioner_whose_key_is_revoked_while_the_body_comes_makes_no_instance(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, looked = keys.Keys(provider.desk.store), looked_up(provider.desk.store, monkeypatch)

    async def body() -> AsyncGenerator[bytes]:
        yield b'{"instance_name": '
        await looked.wait()
        await known.revoke("platform", provider.clock.now())
        yield b'"late"}'

    headers = {"Authorization": f"Bearer {provider.provisioner}", "Idempotency-Key": "p1"}
    headers["Content-Type"] = "application/json"
    async with provider.http.post(f"{provider.base}/v1/instances", data=body(), headers=headers) as answer:
        assert answer.status == 401
    assert [key.name for key in await known.list()] == ["codex-chris-laptop"]


async def test_every_failure_has_the_form_of_the_protocol() -> None:
    rows: list[int] = [400, 401, 403, 404, 408, 409, 415, 422, 429, 500, 503]
    for row in each(rows):
        with row as status:

            class Some(errors.SaysoError):
                code = "some"

            Some.status = status

            async def failing(_: web.Request) -> web.StreamResponse:
                raise Some("it failed")

            answer = await as_the_protocol_says(make_mocked_request("GET", "/"), failing)
            assert isinstance(answer, web.Response)
            assert answer.text
            told = json.loads(answer.text)["error"]
            assert (told["message"] == "it failed") == (status < 500)
            assert {"type", "code", "message", "request_id"} <= set(told)


async def test_what_a_rota_did_not_say_is_told_in_its_words() -> None:
    async def failing(_: web.Request) -> web.StreamResponse:
        raise errors.MembershipUnknown("could not find out who is on call for pay, so nobody was asked")

    answer = await as_the_protocol_says(make_mocked_request("GET", "/"), failing)
    assert isinstance(answer, web.Response)
    assert (answer.status, "who is on call for pay" in (answer.text or "")) == (503, True)


async def test_an_instance_sees_its_own_requests_only(provider: Provider) -> None:
    _, shown = await provider.submit()
    _, other = await provider.provision()
    stranger = other["credential"]["token"]
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/consume")]:
        answer = await provider.call(method, f"/v1/requests/{shown['id']}{path}", key=stranger, Idempotency_Key="c1")
        assert code(answer) == (404, "not_found", "not_found")
    assert code(await provider.call("GET", f"/v1/requests/{uuid.uuid4()}"))[0] == 404


async def test_each_credential_does_its_own_work_only(provider: Provider) -> None:
    asked = await provider.call("POST", "/v1/requests", REFUND, key=provider.provisioner, Idempotency_Key="k")
    made = await provider.call("POST", "/v1/instances", {}, Idempotency_Key="k")
    unknown = await provider.call("POST", "/v1/requests", REFUND, key="sayso_agent_nobody", Idempotency_Key="k")
    assert [code(one)[:2] for one in (asked, made, unknown)] == [
        (403, "authorization"), (403, "authorization"), (401, "authentication"),
    ]  # fmt: skip


async def test_an_instance_is_made_once_read_renamed_and_ended_for_good(provider: Provider) -> None:
    made, again = await provider.provision(instance_name="ci"), await provider.provision(instance_name="ci")
    assert (made[0], again[0], made[1]) == (201, 200, again[1])
    id, token = made[1]["instance"]["id"], made[1]["credential"]["token"]
    assert code(await provider.provision(instance_name="other")) == (409, "conflict", "idempotency_conflict")
    path, boss = f"/v1/instances/{id}", provider.provisioner
    assert await provider.call("GET", path, key=boss) == (200, {"id": id, "name": "ci"})
    for key, name in [("u1", "one"), ("u2", "two"), ("u1", "one")]:
        _, shown = await provider.call("PATCH", path, {"instance_name": name}, key=boss, Idempotency_Key=key)
        assert shown["name"] == name
    assert (await provider.call("GET", path, key=boss))[1]["name"] == "two"

    body = {**REFUND, "context": {}}
    _, asked = await provider.call("POST", "/v1/requests", body, key=token, Idempotency_Key="k")
    assert (await provider.next()).request.source.agent == "two"
    for _ in range(2):
        assert (await provider.call("DELETE", path, key=boss))[0] == 204
    assert (await provider.desk.get(asked["id"])).state == "decided"
    gone = await provider.call("GET", f"/v1/requests/{asked['id']}", key=token)
    assert code(gone)[:2] == (401, "authentication")
    assert code(await provider.provision(instance_name="ci"))[2] == "instance_deleted"
    assert code(await provider.call("GET", path, key=boss))[0] == 404
    renamed = await provider.call("PATCH", path, {"instance_name": "x"}, key=boss, Idempotency_Key="u1")
    assert code(renamed)[0] == 404
    assert code(await provider.call("DELETE", f"/v1/instances/{uuid.uuid4()}", key=boss))[0] == 404


async def test_eight_tries_to_make_one_instance_make_one(provider: Provider) -> None:
    made = await asyncio.gather(*(provider.provision("same") for _ in range(8)))
    assert len({body["credential"]["token"] for _, body in made}) == 1
    assert sorted(status for status, _ in made) == [200] * 7 + [201]
    assert len([key for key in await keys.Keys(provider.desk.store).list() if key.name.startswith("aap-")]) == 1


@pytest.mark.parametrize("verdict", ["allow", "deny"])
async def test_the_protocols_own_gate_runs_a_call_only_when_a_person_allowed_it(
    provider: Provider, verdict: str
) -> None:
    async with contextlib.aclosing(AsyncClient(provider.base, provider.instance)) as client:
        call = Call(key="run-1:call-1", tool="deploy", arguments={"target": "prod"}, server="ops", context={"a": 1})
        gate = AsyncGate(client)
        provider.catch_up()
        checking = asyncio.create_task(gate.check(call))
        ticket = await provider.next()
        assert ticket.request.context == {"Server": "ops", "a": "1", "call_id": "run-1:call-1"}
        await provider.decide(ticket.id, verdict=verdict, reason="because")
        found = await checking
        assert bool(found) is (verdict == "allow")
        if verdict == "deny":
            assert "because" in getattr(found, "reason", "")
        # the same call again is not run again
        assert not await gate.check(call)


async def test_the_blocking_gate_reports_what_became_of_the_call(provider: Provider) -> None:
    provider.catch_up()

    def agent() -> str:
        client = Client(provider.base, provider.instance)
        with contextlib.closing(client), Gate(client).guard(Call(key="r:1", tool="deploy", arguments={})) as verdict:
            return "ran" if verdict else "did not run"

    running = asyncio.create_task(asyncio.to_thread(agent))
    ticket = await provider.next()
    await provider.decide(ticket.id, verdict="allow")
    assert await running == "ran"
    _, shown = await provider.call("GET", f"/v1/requests/{ticket.id}")
    assert shown["consumption"]["outcome"]["status"] == "succeeded"


async def test_an_instance_whose_key_is_revoked_while_it_polls_hears_no_decision(provider: Provider) -> None:
    _, shown = await provider.submit()
    polling = asyncio.create_task(provider.call("GET", f"/v1/requests/{shown['id']}?wait=30s"))
    await until(lambda: provider.desk.store.waiting)
    ticket = await provider.desk.get(shown["id"])
    await keys.Keys(provider.desk.store).revoke(ticket.owner, provider.clock.now())
    status, _ = await polling
    assert status == 401


async def test_an_instance_is_bound_as_its_provisioner_is(provider: Provider) -> None:
    chain = keys.Keys(provider.desk.store)
    provisioner = await chain.add("bound", "operator", provider.clock.now(), policy="production", route=["web"])
    _, made = await provider.call("POST", "/v1/instances", {}, key=provisioner, Idempotency_Key="p9")
    key = await chain.find(made["credential"]["token"])
    assert (key.policy, key.route) == ("production", ("web",))
