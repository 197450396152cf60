"""Asynchronous mode: the protocol's own receiver is verified, hears of decisions, and wakes what was paused."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from agentapprovalprotocol import AsyncClient, AsyncGate, Call
from agentapprovalprotocol import receiver as receivers
from aiohttp import web

from sayso.machine import events
from tests.adapters.aap.test_aap import Json, Provider, code, provider

__all__ = ["provider"]


@dataclass
class Harness:
    """A receiving service, with the protocol's own receiver; it answers with *statuses* before it is well again."""

    url: str = ""
    receiver: receivers.Receiver = field(init=False)
    woken: list[str] = field(default_factory=list[str])
    taken: list[Json] = field(default_factory=list[Json])
    statuses: list[int] = field(default_factory=list[int])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.receiver = self.fresh()

    def fresh(self) -> receivers.Receiver:
        def wake(handle: Mapping[str, Any], request: Any) -> None:
            self.woken.append(f"{handle['thread']} {request.status}")

        return receivers.Receiver(resumers={"own": wake})

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.taken.append(json.loads(body))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0), headers={**self.headers, "Location": self.url})
        status, told = await self.receiver.handle(dict(request.headers), body)
        return web.Response(status=status, body=told)

    async def settled(self) -> None:
        await asyncio.gather(*self.receiver._tasks)


@pytest_asyncio.fixture
async def harness() -> AsyncGenerator[Harness]:
    app, made = web.Application(), Harness()
    app.router.add_post("/aap/events", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/aap/events"
    yield made
    await made.settled()
    if made.receiver.client:
        await made.receiver.client.aclose()
    await runner.cleanup()


async def provisioned(provider: Provider, harness: Harness) -> receivers.Provisioned:
    """An instance that the protocol's own receiver made for itself."""
    provider.catch_up()
    return await harness.receiver.provision(
        provider_url=provider.base, provisioner_token=provider.provisioner, url=harness.url, instance_name="ci"
    )


def delivery(harness: Harness, **changes: Any) -> Json:
    made = {"type": "webhook", "url": harness.url, "registration_id": str(uuid.uuid4())}
    return {**made, "signing_secret": receivers.new_secret(), **changes}


async def asked(provider: Provider, token: str, key: str = "k") -> str:
    body = {
        "tool": "deploy",
        "arguments": {},
        "timeout": "30m",
        "context": {"resume": {"framework": "own", "thread": key}},
    }
    _, shown = await provider.call("POST", "/v1/requests", body, key=token, Idempotency_Key=key)
    id: str = shown["id"]
    return id


async def test_a_paused_call_is_woken_by_the_decision_and_runs_then(provider: Provider, harness: Harness) -> None:
    made = await provisioned(provider, harness)
    client = AsyncClient(provider.base, made.token)
    gate = AsyncGate(client, mode="async")
    call = Call(key="run-1", tool="deploy", arguments={}, resume={"framework": "own", "thread": "t-7"})
    paused = await gate.check(call)
    assert not paused
    ticket = await provider.next()
    assert ticket.request.source.agent == "ci"
    await provider.decide(ticket.id, verdict="allow")
    await provider.delivered()
    await harness.settled()
    assert harness.woken == ["t-7 approved"]
    assert await gate.check(call)
    await client.aclose()
    event = harness.taken[-1]
    assert (event["type"], event["instance_id"], event["request_id"]) == (
        "request.resolved", made.instance_id, ticket.id,
    )  # fmt: skip
    assert set(event) == {"id", "type", "instance_id", "request_id", "created_at"}
    told = [row.entry for row in await provider.desk.store.log(ticket.id)]
    assert [one.place for one in told if isinstance(one, events.Delivered)] == ["callback"]


async def test_a_withdrawn_request_is_told_as_well(provider: Provider, harness: Harness) -> None:
    made = await provisioned(provider, harness)
    id = await asked(provider, made.token)
    await provider.call("DELETE", f"/v1/requests/{id}", key=made.token)
    await provider.delivered()
    await harness.settled()
    assert harness.woken == ["k cancelled"]


async def test_a_receiver_that_is_down_is_told_later_with_the_same_words(provider: Provider, harness: Harness) -> None:
    made = await provisioned(provider, harness)
    harness.taken.clear()
    id = await asked(provider, made.token)
    harness.statuses = [500, 302]
    await provider.decide(id, verdict="deny")
    for _ in range(4):
        await provider.delivered()
        provider.clock.advance(20)
    assert len(harness.taken) == 3
    assert harness.taken[0] == harness.taken[1] == harness.taken[2]


async def test_a_receiver_that_wants_a_pause_gets_it(provider: Provider, harness: Harness) -> None:
    made = await provisioned(provider, harness)
    harness.taken.clear()
    id = await asked(provider, made.token)
    harness.statuses, harness.headers = [503], {"Retry-After": "200"}
    await provider.decide(id, verdict="deny")
    await provider.delivered()
    provider.clock.advance(190)
    await provider.delivered()
    assert len(harness.taken) == 1
    provider.clock.advance(20)
    await provider.delivered()
    assert len(harness.taken) == 2


async def test_after_seven_days_nobody_is_told_any_more(provider: Provider, harness: Harness) -> None:
    made = await provisioned(provider, harness)
    harness.taken.clear()
    id = await asked(provider, made.token)
    harness.statuses = [500] * 500
    await provider.decide(id, verdict="deny")
    for _ in range(8 * 24):
        await provider.delivered()
        provider.clock.advance(4000)
    assert 140 < len(harness.taken) < 160
    assert await provider.desk.store.next_job(["callback"]) is None


async def test_an_instance_without_a_receiver_tells_nobody_and_one_that_gets_it_later_does(
    provider: Provider, harness: Harness
) -> None:
    _, made = await provider.provision()
    token, path = made["credential"]["token"], f"/v1/instances/{made['instance']['id']}"
    provider.catch_up()
    first, second = await asked(provider, token, "one"), await asked(provider, token, "two")
    await provider.decide(first, verdict="deny")
    await provider.delivered()
    assert [one for one in await provider.desk.store.log(first) if isinstance(one.entry, events.Delivered)] == []
    wanted = delivery(harness)
    harness.receiver.secret, harness.receiver.registration_id = wanted["signing_secret"], wanted["registration_id"]
    status, shown = await provider.call(
        "PATCH", path, {"delivery": wanted}, key=provider.provisioner, Idempotency_Key="u1"
    )
    assert (status, shown["delivery"]) == (
        200, {name: wanted[name] for name in ("type", "url", "registration_id")},
    )  # fmt: skip
    await provider.decide(second, verdict="deny")
    await provider.delivered()
    assert [one.get("request_id") for one in harness.taken[1:]] == [second]
    third = await asked(provider, token, "three")
    _, shown = await provider.call("PATCH", path, {"delivery": None}, key=provider.provisioner, Idempotency_Key="u2")
    assert "delivery" not in shown
    await provider.decide(third, verdict="deny")
    await provider.delivered()
    assert len(harness.taken) == 2


async def test_deleting_an_instance_tells_nobody(provider: Provider, harness: Harness) -> None:
    made = await provisioned(provider, harness)
    harness.taken.clear()
    id = await asked(provider, made.token)
    await provider.call("DELETE", f"/v1/instances/{made.instance_id}", key=provider.provisioner)
    await provider.delivered()
    assert (await provider.desk.get(id)).state == "decided"
    assert harness.taken == []


async def test_a_receiver_that_does_not_expect_us_gets_no_instance(provider: Provider, harness: Harness) -> None:
    provider.catch_up()
    answer = await provider.provision(delivery=delivery(harness))
    assert code(answer) == (422, "invalid_request", "webhook_verification_failed")
    assert await provider.desk.store.scan("aap-instance") == []
    # the same may be tried again, once the receiver knows
    wanted = delivery(harness)
    assert (await provider.provision("p2", delivery=wanted))[0] == 422
    harness.receiver.secret, harness.receiver.registration_id = wanted["signing_secret"], wanted["registration_id"]
    assert (await provider.provision("p2", delivery=wanted))[0] == 201


async def test_a_receiver_that_fails_to_be_replaced_stays(provider: Provider, harness: Harness) -> None:
    made = await provisioned(provider, harness)
    path, boss = f"/v1/instances/{made.instance_id}", provider.provisioner
    change = {"instance_name": "other", "delivery": delivery(harness)}
    assert (await provider.call("PATCH", path, change, key=boss, Idempotency_Key="u"))[0] == 422
    _, shown = await provider.call("GET", path, key=boss)
    assert (shown["name"], shown["delivery"]["registration_id"]) == ("ci", made.registration_id)
    assert made.secret not in json.dumps(shown)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "socket"}, "unsupported_delivery_type"),
        ({"url": "http://harness.example.com/aap"}, "invalid_webhook_url"),
        ({"url": "https://10.0.0.1/aap"}, "invalid_webhook_url"),
        ({"url": "https://user:pass@harness.example.com/"}, "invalid_webhook_url"),
        ({"url": "https://localhost/aap"}, "invalid_webhook_url"),
        ({"url": ""}, "invalid_webhook_url"),
        ({"signing_secret": "whsec_short"}, "invalid_request"),
        ({"registration_id": "one"}, "invalid_request"),
    ],
    ids=str,
)
async def test_a_delivery_that_cannot_be_is_refused_by_its_name(
    provider: Provider, harness: Harness, changes: Json, said: str
) -> None:
    answer = await provider.provision(delivery=delivery(harness, **changes))
    assert code(answer)[0::2] == (400, said)
    assert harness.taken == []


async def test_receivers_are_registered_only_so_often(provider: Provider, harness: Harness) -> None:
    for number in range(20):
        assert (await provider.provision(f"p{number}", delivery=delivery(harness)))[0] == 422
    answer = await provider.provision("p20", delivery=delivery(harness))
    assert code(answer) == (429, "rate_limit", "rate_limit")
    assert len(harness.taken) == 20
