"""Every route and every status, through a real server on loopback."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import test_utils, web

import sayso
import sayso_signing
from sayso import asking, desk, errors, model, rules
from sayso.cards import card
from sayso.desk import channel
from sayso.desk.upkeep import sealing
from sayso.machine import events
from sayso.rules import rule
from sayso.stores import Job, protocol
from sayso.testing.clock import ManualClock
from sayso_http import client, health, openapi, routes
from sayso_http.server import access, responses
from tests.adapters.http.service import Service, permission, running
from tests.conftest import until
from tests.tables import each


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path) as running_service:
        yield running_service


async def test_a_new_request_is_201_and_looks_as_documented(service: Service) -> None:
    answered = await service.call("POST", "/v1/requests", "bot", permission(metadata={"n": 1}))
    ticket = answered.json
    assert answered.status == 201
    assert answered.headers["Cache-Control"] == "no-store"
    stored = await service.front.get("r1")
    assert {name: ticket[name] for name in ("id", "kind", "state", "answers", "decision", "cards", "digest")} == {
        "id": "r1",
        "kind": "permission",
        "state": "pending",
        "answers": [],
        "decision": None,
        "cards": [],
        "digest": stored.digest,
    }
    assert ticket["request"]["input"] == {"command": "make deploy"}
    assert ticket["request"]["metadata"] == {"n": 1}
    assert ticket["created_at"] < ticket["expires_at"]
    assert stored.ref not in answered.text


async def test_the_same_again_is_200_and_other_content_409(service: Service) -> None:
    first = await service.call("POST", "/v1/requests", "bot", permission())
    again = await service.call("POST", "/v1/requests", "bot", permission())
    other = await service.call("POST", "/v1/requests", "bot", permission(input={"command": "rm"}))
    assert (first.status, again.status, other.status) == (201, 200, 409)
    assert first.json == again.json
    assert (other.error["code"], other.error["field"]) == ("id_taken", "id")


async def test_a_repeated_idempotency_key_finds_the_same_request(service: Service) -> None:
    body = {"kind": "question", "title": "Which one?"}
    sent = {"Idempotency-Key": "k-1"}
    first = await service.call("POST", "/v1/requests", "bot", body, headers=sent)
    again = await service.call("POST", "/v1/requests", "bot", body, headers=sent)
    other = await service.call("POST", "/v1/requests", "bot", {**body, "title": "Another?"}, headers=sent)
    foreign = await service.call("POST", "/v1/requests", "other", body, headers=sent)
    assert [one.status for one in (first, again, other, foreign)] == [201, 200, 409, 201]
    assert first.json["id"] == again.json["id"] != foreign.json["id"]


async def test_an_idempotency_key_of_no_length_or_too_much_is_refused(service: Service) -> None:
    rows: list[str] = ["", "x" * 256]
    for row in each(rows):
        with row as key:
            body = {"kind": "question", "title": "?"}
            answered = await service.call("POST", "/v1/requests", "bot", body, headers={"Idempotency-Key": key})
            assert (answered.status, answered.error["field"]) == (422, "Idempotency-Key")


async def test_every_kind_is_asked_and_answered(service: Service) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
    options = [{"label": "PostgreSQL", "description": "on the shared cluster"}, {"label": "SQLite"}]
    asked: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        (permission("p"), {"verdict": "deny", "reason": "no"}, {"outcome": "denied", "reason": "no"}),
        ({"id": "q", "kind": "question", "title": "Which?"}, {"text": "Acme"}, {"outcome": "answered", "text": "Acme"}),
        (
            {"id": "c", "kind": "choice", "title": "Which?", "options": options, "other": True},
            {"choice": "SQLite"},
            {"outcome": "answered", "choices": ["SQLite"]},
        ),
        (
            {"id": "m", "kind": "choice", "title": "Which?", "options": options, "multiple": True},
            {"choices": ["SQLite", "PostgreSQL"]},
            {"outcome": "answered", "choices": ["SQLite", "PostgreSQL"]},
        ),
        (
            {"id": "f", "kind": "form", "title": "Refund", "schema": schema},
            {"values": {"amount": 10}},
            {"outcome": "answered", "values": {"amount": 10}},
        ),
    ]
    for request, answer, expected in asked:
        assert (await service.call("POST", "/v1/requests", "bot", request)).status == 201
        answered = await service.call("POST", f"/v1/requests/{request['id']}/answers", "ann", answer)
        decision = answered.json["decision"]
        assert {name: decision[name] for name in expected} == expected
        assert decision["by"][0]["person"] == "ann"
        read = await service.call("GET", f"/v1/requests/{request['id']}?wait=60", "bot")
        assert read.json["decision"] == decision


async def test_an_answer_that_does_not_fit_is_422_and_a_late_one_409_with_who_decided(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    wrong = await service.call("POST", "/v1/requests/r1/answers", "ann", {"text": "yes"})
    unknown = await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow", "person": "bob"})
    first = await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
    late = await service.call("POST", "/v1/requests/r1/answers", "bob", {"verdict": "deny"})
    assert [one.status for one in (wrong, unknown, first, late)] == [422, 422, 200, 409]
    assert (wrong.error["field"], unknown.error["field"]) == ("verdict", "person")
    assert late.error["code"] == "already_decided"
    assert "by ann" in late.error["hint"]


async def test_a_cancelled_request_is_closed_and_stays_so(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    cancelled = await service.call("POST", "/v1/requests/r1/cancel", "bot", {"reason": "not needed"})
    again = await service.call("POST", "/v1/requests/r1/cancel", "bot")
    assert (cancelled.json["decision"]["outcome"], cancelled.json["decision"]["reason"]) == ("cancelled", "not needed")
    assert again.json == cancelled.json


async def test_the_list_is_filtered_and_paged_without_gaps(service: Service) -> None:
    for number in range(7):
        await service.call("POST", "/v1/requests", "bot", permission(f"r{number}"))
    await service.call("POST", "/v1/requests/r3/cancel", "bot")
    seen: list[str] = []
    path = "/v1/requests?state=pending&limit=4"
    page = (await service.call("GET", path, "bot")).json
    while True:
        seen += [one["id"] for one in page["requests"]]
        if page["next"] is None:
            break
        page = (await service.call("GET", f"{path}&before={page['next']}", "bot")).json
    assert seen == ["r6", "r5", "r4", "r2", "r1", "r0"]
    decided = await service.call("GET", "/v1/requests?state=decided", "ann")
    assert [one["id"] for one in decided.json["requests"]] == ["r3"]


async def test_the_list_can_be_of_one_agent_session(service: Service) -> None:
    for name in ("s-1", "s-2"):
        await service.call("POST", "/v1/requests", "bot", permission(name, source={"session": name}))
    found = await service.call("GET", "/v1/requests?session=s-2", "op")
    assert [one["id"] for one in found.json["requests"]] == ["s-2"]


async def test_a_list_that_cannot_be_is_422_with_the_parameter_named(service: Service) -> None:
    rows: list[tuple[str, str]] = [
        ("state=open", "state"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("wrong=1", "wrong"),
    ]
    for row in each(rows):
        with row as (query, field):
            answered = await service.call("GET", f"/v1/requests?{query}", "bot")
            assert (answered.status, answered.error["field"]) == (422, field)


async def test_a_wait_that_cannot_be_is_422(service: Service) -> None:
    rows: list[str] = ["-1", "61", "60.1", "nan", "inf", "1e9", "x", "", "0x1", "1" * 30, "%D9%A1"]
    for row in each(rows):
        with row as wait:
            await service.call("POST", "/v1/requests", "bot", permission())
            answered = await service.call("GET", f"/v1/requests/r1?wait={wait}", "bot")
            assert (answered.status, answered.error["field"]) == (422, "wait")


async def test_days_that_cannot_be_are_422_and_it_is_said_how_many_can(service: Service) -> None:
    rows: list[str] = ["-1", "nan", "1e308", "x", ""]
    for row in each(rows):
        with row as days:
            answered = await service.call("GET", f"/v1/stats?days={days}", "op")
            assert (answered.status, answered.error["field"]) == (422, "days")
            assert answered.error["message"] == "days is no number of days from 0 to 366"


async def test_a_long_poll_ends_with_the_decision(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    poll = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=60", "bot"))
    await until(lambda: service.store.waiting)
    await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
    async with asyncio.timeout(5):
        assert (await poll).json["decision"]["outcome"] == "allowed"


async def test_a_long_poll_ends_in_time_with_the_request_as_it_stands(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, now=clock) as service:
        await service.call("POST", "/v1/requests", "bot", permission(expires_in=100))
        poll = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=30", "bot"))
        await until(lambda: service.store.waiting)
        clock.advance(29)
        await service.call("GET", "/healthz")
        assert not poll.done()
        clock.advance(1)
        assert (await poll).json["state"] == "pending"


async def test_a_long_poll_sees_the_deadline_of_its_request(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, now=clock) as service:
        await service.call("POST", "/v1/requests", "bot", permission(expires_in=10))
        poll = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=60", "bot"))
        await until(lambda: service.store.waiting)
        clock.advance(10)
        assert (await poll).json["decision"]["outcome"] == "expired"


async def test_a_first_of_two_answers_leaves_a_long_poll_waiting(tmp_path: Path) -> None:
    setup = desk.Setup(policies={"default": sayso.Policy(quorum=2)})
    async with running(tmp_path, setup=setup) as service:
        await service.call("POST", "/v1/requests", "bot", permission())
        poll = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=60", "bot"))
        await until(lambda: service.store.waiting)
        first = await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
        assert first.json["state"] == "pending"
        assert len(first.json["answers"]) == 1
        assert not poll.done()
        await service.call("POST", "/v1/requests/r1/answers", "bob", {"verdict": "allow"})
        assert [one["person"] for one in (await poll).json["decision"]["by"]] == ["ann", "bob"]


async def test_a_hundred_long_polls_are_all_woken_by_one_answer(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    polls = [asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=60", "bot")) for _ in range(100)]
    await until(lambda: service.store.waiting == 100)
    await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
    async with asyncio.timeout(5):
        outcomes = [one.json["decision"]["outcome"] for one in await asyncio.gather(*polls)]
    assert outcomes == ["allowed"] * 100
    assert service.store.waiting == 0


async def test_a_stopping_service_ends_its_long_polls_at_once(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    poll = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=60", "bot"))
    await until(lambda: service.store.waiting)
    async with asyncio.timeout(5):
        await service.stop()
        assert (await poll).json["state"] == "pending"


async def test_the_log_of_a_request_tells_what_happened_in_order(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    await service.call("POST", "/v1/requests/r1/answers", "ann", {"text": "yes"})
    await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
    rows = (await service.call("GET", "/v1/requests/r1/log", "bot")).json["rows"]
    assert [row["entry"]["type"] for row in rows] == ["opened", "refused", "answered"]
    assert {row["request"] for row in rows} == {"r1"}
    assert [row["number"] for row in rows] == [1, 2, 3]


async def test_a_long_log_of_a_request_comes_in_pages(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    at = service.front.clock.now()
    posted = [events.Delivered(at=at, place="chat:#ops", message=str(one)) for one in range(protocol.LOG_PAGE)]
    await asyncio.gather(*(service.store.append("r1", 1, one) for one in posted))
    first = (await service.call("GET", "/v1/requests/r1/log", "bot")).json
    assert (len(first["rows"]), first["next"]) == (protocol.LOG_PAGE, first["rows"][-1]["number"])
    last = (await service.call("GET", f"/v1/requests/r1/log?after={first['next']}", "bot")).json
    assert ([row["entry"]["message"] for row in last["rows"]], last["next"]) == ([str(protocol.LOG_PAGE - 1)], None)
    two = (await service.call("GET", "/v1/requests/r1/log?limit=2&after=1", "bot")).json
    assert ([row["number"] for row in two["rows"]], two["next"]) == ([2, 3], 3)
    for query in ("limit=0", f"limit={protocol.LOG_PAGE + 1}", "after=-1", "after=x"):
        assert (await service.call("GET", f"/v1/requests/r1/log?{query}", "bot")).status == 422
    async with client.RemoteDesk(service.url, service.secrets["bot"]) as desk:
        assert len(await desk.log("r1")) == protocol.LOG_PAGE + 1


async def test_posted_cards_are_part_of_the_ticket(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    await service.store.add_card(model.PostedCard("r1", "chat:#ops", "chat", "C1", "17.5"))
    read = await service.call("GET", "/v1/requests/r1", "bot")
    assert read.json["cards"] == [{"place": "chat:#ops", "ref": "C1/17.5"}]


async def test_what_is_not_there_is_404_in_our_form(service: Service) -> None:
    rows: list[str] = ["/v1/nothing", "/", "/v1/requests/a/b/c", "/v1/requests/%00", "/v1/requests/%ff"]
    for row in each(rows):
        with row as path:
            answered = await service.call("GET", path, "bot")
            assert (answered.status, answered.error["code"]) == (404, "not_found")


async def test_a_wrong_method_is_405_and_says_which_are_right(service: Service) -> None:
    answered = await service.call("DELETE", "/v1/requests/r1", "bot")
    assert (answered.status, answered.error["code"]) == (405, "method_not_allowed")
    assert "GET" in answered.headers["Allow"]


async def test_a_foreign_host_name_is_421(service: Service) -> None:
    rows: list[str] = ["evil.example", "127.0.0.1.evil.example", "localhost", "127.0.0.1@evil:80", ""]
    for row in each(rows):
        with row as host:
            for path in ("/v1/requests", "/healthz"):
                answered = await service.call("GET", path, "op", headers={"Host": host})
                assert (answered.status, answered.error["code"]) == (421, "unknown_host")


async def test_a_failure_inside_is_500_and_shows_nothing_of_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(service.store, "list", broken)
    answered = await service.call("GET", "/v1/requests", "op")
    assert (answered.status, answered.error["code"]) == (500, "internal")
    assert "hunter2" not in answered.text


async def test_a_store_that_is_away_is_503_with_a_time_to_come_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise errors.StoreUnavailable("host=10.0.0.7 password=hunter2 is away")

    monkeypatch.setattr(service.store, "load", away)
    answered = await service.call("GET", "/v1/requests/r1", "bot")
    assert (answered.status, answered.error["code"]) == (503, "store_unavailable")
    assert answered.headers["Retry-After"]
    assert "hunter2" not in answered.text


async def test_a_callback_address_that_leads_inside_is_refused_when_it_is_asked(tmp_path: Path) -> None:
    async with running(tmp_path, setup=desk.Setup(callbacks=True)) as service:
        inside = permission(callback_url="http://169.254.169.254/latest/meta-data/")
        refused = await service.call("POST", "/v1/requests", "bot", inside)
        taken = await service.call("POST", "/v1/requests", "bot", permission(callback_url="https://example.com/hook"))
    assert (refused.status, refused.error["field"]) == (422, "callback_url")
    assert taken.status == 201


async def test_redirects_and_pages_that_a_handler_raises_pass_through() -> None:
    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/elsewhere")

    async def page(_: web.Request) -> web.Response:
        raise web.HTTPForbidden(text="<h1>No</h1>", content_type="text/html")

    app = web.Application(middlewares=[responses.errors_as_json])
    app.router.add_get("/redirect", redirect)
    app.router.add_get("/page", page)
    async with test_utils.TestClient(test_utils.TestServer(app)) as browser:
        moved = await browser.get("/redirect", allow_redirects=False)
        assert (moved.status, moved.headers["Location"]) == (303, "/elsewhere")
        refused = await browser.get("/page")
        assert (refused.status, await refused.text()) == (403, "<h1>No</h1>")


async def test_the_service_lives_and_is_ready(service: Service) -> None:
    assert (await service.call("GET", "/healthz")).status == 200
    ready = await service.call("GET", "/readyz")
    assert (ready.status, ready.json) == (200, {"ok": True, "checks": {"store": "ok"}})


async def test_a_failed_check_makes_it_unready_without_saying_why_to_strangers(tmp_path: Path) -> None:
    async def away() -> None:
        raise ConnectionError("token xoxb-1 refused")

    async with running(tmp_path, ready={"chat": away}) as service:
        ready = await service.call("GET", "/readyz")
        assert (ready.status, ready.json) == (503, {"ok": False, "checks": {"store": "ok", "chat": "failed"}})
        assert (await service.call("GET", "/healthz")).status == 200


async def test_strangers_who_ask_often_do_not_fill_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken, clock = [True], ManualClock()

    async def chat() -> None:
        if broken[0]:
            raise ConnectionError("gone")

    def told() -> list[str]:
        return [record.message for record in caplog.records if record.name == "sayso_http.server.probes"]

    caplog.set_level("INFO")
    async with running(tmp_path, ready={"chat": chat}, now=clock) as service:
        for _ in range(20):
            assert (await service.call("GET", "/readyz")).status == 503
        assert told() == ["not ready"]
        clock.advance(60)
        await service.call("GET", "/readyz")
        broken[0] = False
        for _ in range(2):
            assert (await service.call("GET", "/readyz")).status == 200
        assert told() == ["not ready", "not ready", "ready again"]


async def test_a_service_that_lives_and_cannot_work_is_not_said_to_be_ready_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def well() -> None:
        """Nothing has ended."""

    async def waiting() -> None:
        raise errors.StoreUnavailable("the database is away")

    caplog.set_level("INFO", "sayso_http.server.probes")
    async with running(tmp_path, ready={"workers": waiting}, alive={"workers": well}) as service:
        for _ in range(3):
            assert (await service.call("GET", "/readyz")).status == 503
            assert (await service.call("GET", "/healthz")).status == 200
    assert [one.message for one in caplog.records if one.name == "sayso_http.server.probes"] == ["not ready"]


async def test_what_has_ended_for_good_is_no_life(tmp_path: Path) -> None:
    async def ended() -> None:
        raise errors.InvalidSettings("Discord does not take this bot any more, code 4004")

    async with running(tmp_path, alive={"workers": ended}) as service:
        alive = await service.call("GET", "/healthz")
        assert (alive.status, alive.json) == (503, {"ok": False, "checks": {"workers": "failed"}})


async def test_metrics_count_what_happened_and_hold_no_text_of_agents(service: Service) -> None:
    await service.call("GET", "/metrics")
    for name in ("a", "b", "c"):
        await service.call("POST", "/v1/requests", "bot", permission(name, tool="SecretTool"))
    await service.call("POST", "/v1/requests/a/answers", "ann", {"verdict": "allow"})
    await service.call("POST", "/v1/requests/b/answers", "ann", {"text": "SecretAnswer"})
    await service.call("POST", "/v1/requests/b/cancel", "bot")
    ticket = await service.front.get("c")
    await service.store.append(
        "c", 1, events.Delivered(at=ticket.created_at, place="chat:#secret-room", message="17.5")
    )
    refused = events.UseRefused(at=ticket.created_at, by="bot", code="already_used", message="it was used")
    await service.store.append("c", 1, refused)
    figures = (await service.call("GET", "/metrics")).text.splitlines()
    for line in (
        'sayso_requests_opened_total{kind="permission"} 3.0',
        'sayso_requests_decided_total{kind="permission",outcome="allowed"} 1.0',
        'sayso_requests_decided_total{kind="permission",outcome="cancelled"} 1.0',
        'sayso_answers_refused_total{code="invalid_answer"} 1.0',
        'sayso_deliveries_total{channel="chat"} 1.0',
        'sayso_waiting_seconds_count{outcome="allowed"} 1.0',
        "sayso_first_answer_seconds_count 1.0",
        "sayso_quick_allows_total 1.0",
        'sayso_uses_refused_total{code="already_used"} 1.0',
        'sayso_answers_total{channel="key",verdict="allow"} 1.0',
        'sayso_decided_at_total{channel="web",outcome="allowed"} 1.0',
        'sayso_approvers_sum{outcome="allowed"} 1.0',
        "sayso_requests_pending 1.0",
    ):
        assert line in figures
    assert "ecret" not in "".join(figures)
    again = (await service.call("GET", "/metrics")).text.splitlines()
    assert 'sayso_requests_decided_total{kind="permission",outcome="allowed"} 1.0' in again


async def test_metrics_count_what_rules_and_grants_decide_and_what_a_rule_that_only_observes_would(
    tmp_path: Path,
) -> None:
    made = tuple(
        rules.Rule(id=id, match=rule.read_match(id, {"tool": tool}), effect="deny", observed=observed)
        for id, tool, observed in (("no", "no", False), ("watched", "yes", True))
    )
    setup = dataclasses.replace(desk.Setup(), rules=rules.Book(made))
    async with running(tmp_path, setup=setup) as service:
        await service.call("GET", "/metrics")
        for number, tool in enumerate(("no", "yes", "yes", "no", "other")):
            await service.call("POST", "/v1/requests", "bot", permission(f"r{number}", tool=tool))
        figures = await figures_of(service)
    assert figures['sayso_rulings_total{effect="deny",rule="no"}'] == 2
    assert figures['sayso_rules_observed_total{rule="watched"}'] == 2
    assert not any("other" in name for name in figures)


class Room:
    """A chat to which nobody brings anything."""

    name = "room"

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        raise NotImplementedError

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        raise NotImplementedError


async def figures_of(service: Service) -> dict[str, float]:
    """Each figure of `/metrics`, by its name and labels as they are written."""
    told = (await service.call("GET", "/metrics")).text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in told) if name[:1] != "#"}


async def test_metrics_say_what_is_wrong_right_now(tmp_path: Path) -> None:
    clock = ManualClock()
    holding = {"chat": True}

    async def check() -> None:
        if not holding["chat"]:
            raise errors.ChannelError("cut off")

    async with running(tmp_path, now=clock, ready={"chat": check}) as service:
        service.front.platforms["room"] = channel.Platform(channel=Room())
        service.front.setup = desk.Setup(channels=("room", "web"))
        before = await figures_of(service)
        assert before['sayso_ready{check="chat"}'] == before['sayso_ready{check="store"}'] == 1
        assert before['sayso_delivery_lag_seconds{channel="room"}'] == before["sayso_stops"] == 0
        assert before["process_open_fds"] > 3
        await service.call("POST", "/v1/requests", "bot", permission(route=["room:1", "web"]))
        await service.call("POST", "/v1/stop", "op", {})
        holding["chat"] = False
        clock.advance(40)
        after = await figures_of(service)
        # nobody takes what is to be delivered there
        assert after['sayso_delivery_lag_seconds{channel="room"}'] == 40
        assert (after['sayso_ready{check="chat"}'], after["sayso_stops"]) == (0, 1)
        await service.front.place_lost("r1", "room:1", "gone")
        assert (await figures_of(service))['sayso_undelivered_total{channel="room"}'] == 1


async def test_a_delivery_that_failed_is_counted_by_its_channel(service: Service) -> None:
    ticket = await service.front.open(asking.Permission(tool="deploy"))
    job = Job("k", ticket.id, events.Announce(place="room:1"), 0, 1, ticket.expires_at)
    with pytest.raises(errors.ChannelError), service.front.watched.delivery([job], ticket):
        raise errors.ChannelError("no")
    with pytest.raises(errors.NotYet), service.front.watched.delivery([job], ticket):
        raise errors.NotYet("room", 1.0)
    with service.front.watched.delivery([job], ticket):
        pass
    assert (await figures_of(service))['sayso_delivery_failures_total{channel="room"}'] == 1


async def test_the_age_of_the_seal_grows_while_rows_have_none(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, now=clock) as service:
        await service.call("POST", "/v1/requests", "bot", permission())
        keys_of = sayso_signing.Keyring.from_text(sayso_signing.new_key())
        await sealing.Sealer(service.store, clock, keys_of).seal()
        clock.advance(600)
        assert (await figures_of(service))["sayso_seal_age_seconds"] == 0
        await service.call("POST", "/v1/requests/r1/cancel", "bot")
        assert (await figures_of(service))["sayso_seal_age_seconds"] == 600


async def test_a_request_is_read_once_to_be_answered_used_and_withdrawn(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    await service.call("POST", "/v1/requests", "bot", permission(id="r2"))
    load, reads = service.store.load, list[str]()

    async def noted(id: str) -> model.Ticket:
        reads.append(id)
        return await load(id)

    monkeypatch.setattr(service.store, "load", noted)
    answered = await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
    used = await service.call("POST", "/v1/requests/r1/use", "bot")
    withdrawn = await service.call("POST", "/v1/requests/r2/cancel", "bot")
    assert [one.json["state"] for one in (answered, used, withdrawn)] == ["decided"] * 3
    assert reads == ["r1", "r1", "r2"]


async def test_metrics_answer_while_the_database_is_away(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> int:
        raise errors.StoreUnavailable("away")

    monkeypatch.setattr(service.store, "last_row", away)
    monkeypatch.setattr(service.store, "check", away)
    assert (await figures_of(service))['sayso_ready{check="store"}'] == 0


async def test_the_routes_and_the_document_are_the_same(service: Service) -> None:
    assert service.runner is not None
    served_routes = {
        (route.method.lower(), route.resource.canonical)
        for route in service.runner.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert served_routes == {(one.method, one.path) for one in routes.OPERATIONS}
    served = (await service.call("GET", "/v1/openapi.json")).json
    assert {(method, path) for path, methods in served["paths"].items() for method in methods} == served_routes
    assert served["openapi"] == "3.1.0"


@pytest.mark.parametrize("between", [True, False])
async def test_a_decision_is_counted_once_also_if_its_allow_is_used(tmp_path: Path, between: bool) -> None:
    setup = desk.Setup(policies={"two": sayso.Policy(approvers=("ann", "bob"), quorum=2)})
    async with running(tmp_path, setup=setup, now=ManualClock()) as service:
        await service.call("GET", "/metrics")
        await service.call("POST", "/v1/requests", "bot", permission(policy="two"))
        # both at the same moment: the second answer decides
        await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
        await service.call("POST", "/v1/requests/r1/answers", "bob", {"verdict": "allow"})
        if between:
            await service.call("GET", "/metrics")
        await service.call("POST", "/v1/requests/r1/use", "bot")
        figures = (await service.call("GET", "/metrics")).text.splitlines()
        assert 'sayso_requests_decided_total{kind="permission",outcome="allowed"} 1.0' in figures


async def test_what_a_rule_decided_is_counted_and_nobody_waited_for_it(tmp_path: Path) -> None:
    allow = rules.Rule(id="x", match=rule.read_match("x", {"tool": "Bash", "any_input": True}), effect="allow")
    setup = desk.Setup(rules=rules.Book((allow,)))
    async with running(tmp_path, setup=setup, now=ManualClock()) as service:
        await service.call("GET", "/metrics")
        await service.call("POST", "/v1/requests", "bot", permission())
        figures = (await service.call("GET", "/metrics")).text
        assert 'sayso_requests_decided_total{kind="permission",outcome="allowed"} 1.0' in figures
        assert "sayso_waiting_seconds_count" not in figures


async def test_one_more_row_of_the_table_is_a_route_that_is_guarded_and_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ping(request: web.Request, caller: access.HttpCaller) -> web.Response:
        return responses.write(health.Health(ok=True, checks={caller.key.name: "ok"}))

    row = routes.Keyed(
        method="get",
        path="/v1/pings/{id}",
        summary="A toy.",
        who="who answers",
        handler=lambda on: ping,
        writes={200: health.Health},
        fails=(403,),
    )
    monkeypatch.setattr(routes, "OPERATIONS", (*routes.OPERATIONS, row))
    # every answer is held against the document, with this row in it
    described = openapi.describe()
    monkeypatch.setattr("tests.adapters.http.witness.document", lambda: described)
    async with running(tmp_path) as service:
        answered = await service.call("GET", row.at("a/b"), "ann")
        assert (answered.status, answered.json) == (200, {"ok": True, "checks": {"ann": "ok"}})
        assert (await service.call("GET", row.at("a"), "bot")).status == 403
        assert (await service.call("GET", row.at("a"))).status == 401
        wrong = await service.call("POST", row.at("a"), "ann")
        assert (wrong.status, set(wrong.headers["Allow"].split(","))) == (405, {"GET", "HEAD"})


def test_every_route_that_has_a_name_is_in_the_table() -> None:
    named = [one for one in vars(routes).values() if isinstance(one, routes.Operation)]
    assert sorted(named, key=id) == sorted(routes.OPERATIONS, key=id)


async def test_a_route_refuses_whom_it_is_not_for_before_it_reads_anything(service: Service) -> None:
    for row in each([one for one in routes.OPERATIONS if isinstance(one, routes.Keyed)]):
        with row as operation:
            may = {
                "anybody with a key": {"bot", "ann", "op"},
                "who asks": {"bot", "op"},
                "who cancels": {"bot", "op"},
                "who answers": {"ann"},
                "who looks": {"ann", "op"},
                # whom the settings name is known only once it is looked up
                "who stops": {"ann", "op"},
                "who operates": {"op"},
            }[operation.who]
            path = operation.at("none")
            for name in {"bot", "ann", "op"} - may:
                # nobody could read this body
                refused = await service.call(operation.method.upper(), path, name, data=b"{")
                assert (refused.status, refused.error["code"]) == (403, "not_allowed")
            assert (await service.call(operation.method.upper(), path)).status == 401
            # a parameter that nobody reads is refused on every route, by its name: `hold=true` held nothing
            misspelt = f"{path}?{min(operation.query, default='held')}d=true"
            refused = await service.call(operation.method.upper(), misspelt, min(may), data=b"{")
            assert (refused.status, refused.error["message"]) == (422, "a query parameter is unknown")
            assert misspelt.endswith(f"?{refused.error['field']}=true")
            assert "did you mean" in refused.error["hint"] or refused.error["hint"] == "there is none here"


async def test_every_reference_in_the_document_leads_somewhere(service: Service) -> None:
    served = await service.call("GET", "/v1/openapi.json")
    names = {part.split('"')[0] for part in served.text.split("#/components/schemas/")[1:]}
    assert names <= set(json.loads(served.text)["components"]["schemas"])


async def test_a_page_is_cut_at_its_size_and_says_that_there_is_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = service.store.list
    monkeypatch.setattr(service.store, "list", lambda query: listed(dataclasses.replace(query, most_bytes=30_000)))
    for n in range(5):
        await service.call("POST", "/v1/requests", "bot", permission(f"r{n}", body="x" * 12_000))
    for key in ("bot", "ann", "op"):
        seen, before = list[str](), ""
        while True:
            page = (await service.call("GET", f"/v1/requests?limit=50{before}", key)).json
            assert 1 <= len(page["requests"]) <= 3
            seen += [one["id"] for one in page["requests"]]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        assert seen == ["r4", "r3", "r2", "r1", "r0"]


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (errors.StoreUnavailable("x"), "the database cannot be used now; nothing was stored", "try again"),
        (
            errors.StoreUnavailable("x", unsure=True),
            "the database cannot be used now; it is not known whether this was stored",
            "look before you send it again; under the same id it is stored once",
        ),
        (
            errors.StoreUnavailable("x", why="the database is damaged"),
            "the database is damaged; nothing was stored",
            "try again",
        ),
        (
            errors.Unreadable("request r1"),
            "request r1 is damaged in the database, or a newer version wrote it",
            "see the log of the service; restore it, or upgrade",
        ),
    ],
)
async def test_what_a_caller_reads_of_a_database_that_fails(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: errors.SaysoError, message: str, hint: str
) -> None:
    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(service.store, "commit", fails)
    answer = await service.call("POST", "/v1/requests", "bot", permission())
    assert (answer.status, answer.error["message"], answer.error["hint"]) == (503, message, hint)


async def test_the_service_is_unready_once_its_database_is_gone(service: Service, tmp_path: Path) -> None:
    assert (await service.call("GET", "/readyz")).status == 200
    (tmp_path / "sayso.db").unlink()
    for method, path, key, body in (
        ("GET", "/readyz", None, None),
        ("POST", "/v1/requests", "bot", permission()),
        ("GET", "/v1/requests", "bot", None),
    ):
        assert (await service.call(method, path, key, body)).status == 503


async def test_a_page_of_large_requests_ends_sooner_and_says_where_to_go_on(service: Service) -> None:
    for number in range(12):
        made = await service.call(
            "POST", "/v1/requests", "bot", permission(f"r{number:02}", input={"a": "x" * 900_000})
        )
        assert made.status == 201
    seen: list[str] = []
    query = "?limit=200"
    while query:
        answered = await service.call("GET", f"/v1/requests{query}", "bot")
        assert len(answered.text) < 10 * 1_048_576
        seen += [one["id"] for one in answered.json["requests"]]
        following = answered.json["next"]
        query = f"?limit=200&before={following}" if following else ""
    assert sorted(seen) == [f"r{number:02}" for number in range(12)]
    async with service.remote("bot") as desk:
        assert len(await desk.list(limit=11)) == 11


async def test_figures_read_no_request(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await service.call("GET", "/metrics")
    for number in range(3):
        await service.call("POST", "/v1/requests", "bot", permission(f"r{number}", input={"a": "x" * 100_000}))
    await service.call("POST", "/v1/requests/r0/answers", "ann", {"verdict": "deny"})

    async def never(*_: object) -> None:
        raise AssertionError("a request was read")

    monkeypatch.setattr(service.store, "load", never)
    monkeypatch.setattr(service.store, "list", never)
    told = (await service.call("GET", "/metrics")).text
    assert "sayso_requests_pending 2.0" in told
    assert 'sayso_requests_opened_total{kind="permission"} 3.0' in told
    assert 'sayso_requests_decided_total{kind="permission",outcome="denied"} 1.0' in told
