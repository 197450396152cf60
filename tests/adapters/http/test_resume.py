"""One-time addresses: who may make one, that it works once, and whose answer it is."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sayso.testing.clock import ManualClock
from tests.adapters.http.service import RESTRICTED, Service, permission, running

ALLOW = {"verdict": "allow"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Service]:
    async with running(tmp_path, setup=RESTRICTED, now=clock) as running_service:
        await running_service.call("POST", "/v1/requests", "bot", permission())
        await running_service.call("POST", "/v1/requests", "bot", permission("both", policy="two"))
        yield running_service


async def address(service: Service, id: str = "r1", who: str = "ann", **more: object) -> str:
    made = await service.call("POST", f"/v1/requests/{id}/resume", who, {"name": "ci", **more})
    assert made.status == 201
    return str(made.json["path"])


async def test_another_system_answers_in_the_name_of_who_made_the_address(service: Service) -> None:
    answered = await service.call("POST", await address(service), body=ALLOW)
    assert (answered.status, answered.json) == (200, {"id": "r1", "state": "decided", "outcome": "allowed"})
    decision = (await service.front.get("r1")).decision
    assert decision is not None
    assert [(one.person, one.via) for one in decision.by] == [("ann", "resume:ci")]


async def test_an_address_works_once(service: Service) -> None:
    path = await address(service, "both")
    statuses = [(await service.call("POST", path, body=ALLOW)).status for _ in range(2)]
    assert statuses == [200, 400]


async def test_of_many_uses_at_once_exactly_one_counts(service: Service) -> None:
    path = await address(service, "both")
    answers = await asyncio.gather(*(service.call("POST", path, body=ALLOW) for _ in range(12)))
    assert sorted(one.status for one in answers) == [200] + [400] * 11


async def test_many_addresses_of_one_person_are_one_person_for_a_quorum(service: Service) -> None:
    for name in ("ci", "cd"):
        await service.call("POST", await address(service, "both", name=name), body=ALLOW)
    await service.call("POST", "/v1/requests/both/answers", "ann", ALLOW)
    assert (await service.front.get("both")).decision is None
    await service.call("POST", "/v1/requests/both/answers", "bob", ALLOW)
    assert (await service.front.get("both")).decision is not None


async def test_opening_an_address_decides_nothing(service: Service) -> None:
    path = await address(service)
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        answered = await service.call(method, path)
        assert answered.status == 405
    assert (await service.front.get("r1")).decision is None
    assert (await service.call("POST", path, body=ALLOW)).status == 200


async def test_an_answer_that_does_not_fit_does_not_use_up_the_address(service: Service) -> None:
    path = await address(service)
    for body in ({}, {"text": "yes"}, {"verdict": "maybe"}):
        assert (await service.call("POST", path, body=body)).status == 422
    assert (await service.call("POST", path, body=ALLOW)).status == 200


async def test_an_address_is_over_at_its_time(service: Service, clock: ManualClock) -> None:
    path = await address(service, expires_in=60)
    clock.advance(60)
    answered = await service.call("POST", path, body=ALLOW)
    assert (answered.status, answered.error["code"]) == (400, "invalid_token")
    assert (await service.front.get("r1")).decision is None


async def test_an_address_never_outlives_its_request(service: Service) -> None:
    made = await service.call("POST", "/v1/requests/r1/resume", "ann", {"name": "ci", "expires_in": 86_400})
    ticket = (await service.call("GET", "/v1/requests/r1", "ann")).json
    assert made.json["expires_at"] == ticket["expires_at"]


async def test_an_address_dies_with_the_key_that_made_it(service: Service) -> None:
    path = await address(service)
    await service.keys.revoke("ann")
    service.front.clock.advance(1)  # type: ignore[attr-defined] # pyright: ignore
    await service.key("ann", "approver", "ann")
    assert (await service.call("POST", path, body=ALLOW)).status == 400
    assert (await service.front.get("r1")).decision is None


async def test_an_address_for_a_closed_request_cannot_be_made_and_an_older_one_is_told_who_decided(
    service: Service,
) -> None:
    path = await address(service)
    await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "deny"})
    made = await service.call("POST", "/v1/requests/r1/resume", "ann", {"name": "ci"})
    late = await service.call("POST", path, body=ALLOW)
    assert (made.status, late.status) == (409, 409)
    assert "by ann" in late.error["hint"]


async def test_an_address_that_was_never_made_looks_like_a_used_one(service: Service) -> None:
    path = await address(service)
    await service.call("POST", path, body=ALLOW)
    used = await service.call("POST", path, body=ALLOW)
    for token in ("x", "x" * 43, "%00", "ü", "a" * 5000):
        unknown = await service.call("POST", f"/resume/{token}", body=ALLOW)
        assert (unknown.status, unknown.text) == (used.status, used.text)


async def test_an_address_tells_its_holder_nothing_of_the_request(service: Service) -> None:
    answered = await service.call("POST", await address(service), body=ALLOW)
    assert "make deploy" not in answered.text


async def test_neither_store_nor_log_holds_an_address(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = await address(service)
    token = path.removeprefix("/resume/")
    held = [*(await service.store.scan("resume")), *(await service.store.log("r1"))]
    assert len(token) >= 43
    assert token not in str(held)
    await service.call("POST", path, body=ALLOW)
    assert token not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("sayso"))


async def test_an_approver_who_may_not_answer_cannot_hand_it_on(service: Service) -> None:
    made = await service.call("POST", "/v1/requests/r1/resume", "bob", {"name": "ci"})
    assert (made.status, made.error["code"]) == (404, "not_found")
    assert await service.store.scan("resume") == []


async def test_an_address_for_no_request_is_404(service: Service) -> None:
    assert (await service.call("POST", "/v1/requests/none/resume", "ann", {"name": "ci"})).status == 404


async def test_nothing_is_read_for_an_address_that_is_not_one(service: Service) -> None:
    # 40,000 keys, the last one twice: whoever read that would complain about it
    body = "{" + ",".join(f'"k{number}":1' for number in range(40_000)) + ',"k39999":1}'
    answered = await service.call("POST", "/resume/x", data=body)
    assert (answered.status, answered.error["code"]) == (400, "invalid_token")
