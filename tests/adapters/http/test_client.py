"""The desk behind a service: as in process, over restarts and cut connections, and no decision is taken on trust."""

import asyncio
import contextlib
import json
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pydantic
import pytest
from aiohttp import web

import sayso
from sayso import errors
from sayso.desk.admission import quota
from sayso.testing.clock import ManualClock
from sayso_http import client
from tests.adapters.http.service import RESTRICTED, Service, permission, running
from tests.conftest import until
from tests.tables import each

ALLOW = sayso.Answer(verdict="allow")
SECRET = "sayso_agent_" + "S3cret" * 6


class Refund(pydantic.BaseModel):
    customer: str
    amount: float


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path) as running_service:
        yield running_service


async def pending(service: Service) -> str:
    """The id of the one request that waits."""
    async with asyncio.timeout(5):
        while True:
            found = (await service.call("GET", "/v1/requests?state=pending", "op")).json["requests"]
            if found:
                return str(found[0]["id"])


async def answered(service: Service, request: sayso.Request, answer: dict[str, Any]) -> sayso.Decision:
    async with service.remote("bot") as desk:
        asking = asyncio.create_task(desk.ask(request))
        await service.call("POST", f"/v1/requests/{await pending(service)}/answers", "ann", answer)
        async with asyncio.timeout(5):
            return await asking


async def test_every_kind_is_asked_as_in_process(service: Service) -> None:
    allowed = await answered(service, sayso.Permission(tool="Bash", input={"c": 1}), {"verdict": "allow"})
    assert (allowed.allowed, allowed.input) == (True, {"c": 1})
    assert (await answered(service, sayso.Question("Who?"), {"text": "Acme"})).text == "Acme"
    assert (await answered(service, sayso.Choice("Which?", ["A", "B"]), {"choice": "B"})).choice == "B"
    form = await answered(service, sayso.Form("Refund", Refund), {"values": {"customer": "Acme", "amount": 10}})
    assert form.value == Refund(customer="Acme", amount=10)


async def test_an_edited_input_comes_back_as_the_one_that_may_run(service: Service) -> None:
    asked = sayso.Permission(tool="Bash", input={"c": 1})
    decision = await answered(service, asked, {"verdict": "allow", "input": {"c": 2**60, "d": 1.0}})
    assert decision.input == {"c": 2**60, "d": 1.0}


async def test_a_denial_is_a_decision_with_words_for_the_model(service: Service) -> None:
    decision = await answered(service, sayso.Permission(tool="Bash"), {"verdict": "deny", "reason": "not today"})
    assert (decision.allowed, decision.outcome, decision.reason) == (False, "denied", "not today")
    assert "denied by ann" in decision.model_text


async def test_an_allow_is_used_once_and_reads_as_used_from_then_on(service: Service) -> None:
    decision = await answered(service, sayso.Permission(tool="Bash", input={"c": 1}), {"verdict": "allow"})
    async with service.remote("bot") as desk, service.remote("other") as other:
        with pytest.raises(sayso.NotFound):
            await other.use(decision.id)
        used = await desk.use(decision.id)
        assert used.used_at is not None
        with pytest.raises(sayso.AlreadyUsed, match="was used at") as refused:
            await desk.use(decision.id)
        again = await desk.wait(decision.id)
        assert (refused.value.ticket.used_at, again.used_at, again.allowed) == (used.used_at, used.used_at, False)
        assert "Do not run it again" in again.model_text
        await desk.open(sayso.Question("Who?", id="q1"))
        with pytest.raises(sayso.NotUsable):
            await desk.use("q1")


async def test_a_use_whose_answer_was_lost_is_one_use(service: Service) -> None:
    decision = await answered(service, sayso.Permission(tool="Bash"), {"verdict": "allow"})
    path = f"/v1/requests/{decision.id}/use"
    first = await service.call("POST", path, "bot", {"attempt": "run-1"})
    again = await service.call("POST", path, "bot", {"attempt": "run-1"})
    assert (first.status, again.status, again.json) == (200, 200, first.json)
    other = await service.call("POST", path, "bot", {"attempt": "run-2"})
    none = await service.call("POST", path, "bot")
    assert (other.status, other.error["code"], none.status) == (409, "already_used", 409)
    assert other.error["message"] in none.error["message"]


async def test_an_allow_that_was_not_used_in_time_reads_as_void_on_every_route(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, now=clock) as service, service.remote("bot") as desk:
        await service.call("POST", "/v1/requests", "bot", permission())
        await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
        assert (await desk.wait("r1")).allowed
        clock.advance(15 * 60)
        asked_again = await service.call("POST", "/v1/requests", "bot", permission())
        listed = (await service.call("GET", "/v1/requests", "bot")).json["requests"]
        for document in (asked_again.json, *listed, (await service.call("GET", "/v1/requests/r1", "bot")).json):
            assert (document["decision"]["outcome"], document["decision"]["void"]) == ("allowed", True)
        late = await desk.wait("r1")
        assert (late.allowed, late.void, (await desk.get("r1")).decision) == (False, True, late)
        with pytest.raises(sayso.NotUsable):
            await desk.use("r1")


async def test_asking_the_same_again_after_the_use_finds_it_used(service: Service) -> None:
    body = {"kind": "permission", "tool": "Bash", "input": {"c": 1}}
    sent = {"Idempotency-Key": "k-1"}
    id = (await service.call("POST", "/v1/requests", "bot", body, headers=sent)).json["id"]
    await service.call("POST", f"/v1/requests/{id}/answers", "ann", {"verdict": "allow"})
    used = (await service.call("POST", f"/v1/requests/{id}/use", "bot")).json
    again = await service.call("POST", "/v1/requests", "bot", body, headers=sent)
    assert (again.status, again.json["used_at"], again.json["decision"]["used_at"]) == (200, *[used["used_at"]] * 2)
    assert "Do not run it again" in again.json["decision"]["model_text"]
    async with service.remote("bot") as desk:
        found = await desk.ask(sayso.Permission(tool="Bash", input={"c": 1}, id=id))
        assert (found.outcome, found.allowed) == ("allowed", False)


async def test_sayso_open_with_an_address_is_this_desk(service: Service) -> None:
    async with sayso.open(service.url, key=service.secrets["bot"]) as desk:
        ticket = await desk.open(sayso.Question("Who?", id="q1"))
        cancelled = await desk.cancel("q1", reason="never mind")
        assert (await desk.wait("q1")).outcome == "cancelled"
        assert (await desk.get("q1")) == cancelled
    assert ticket.digest == cancelled.digest == (await service.front.get("q1")).digest


async def test_the_ticket_is_the_stored_one_without_its_reference(service: Service) -> None:
    async with service.remote("bot") as desk:
        ticket = await desk.open(sayso.Form("Refund", Refund, id="f1", metadata={"a": [1, None]}, body="*x*"))
    stored = await service.front.get("f1")
    assert ticket == stored.model_copy(update={"ref": "", "salt": None})


async def test_list_answer_and_log_serve_the_command_line(service: Service) -> None:
    async with service.remote("bot") as desk, service.remote("ann") as ann:
        for name in ("a", "b", "c"):
            await desk.open(sayso.Permission(tool="Bash", id=name, source=sayso.Source(session=name)))
        assert [one.id for one in await ann.list("pending", limit=2)] == ["c", "b"]
        assert [one.id for one in await ann.list(before="b")] == ["a"]
        assert [one.id for one in await ann.list(session="b")] == ["b"]
        ticket = await ann.answer("b", ALLOW)
        assert ticket.decision is not None
        assert [row.entry.type for row in await ann.log("b")] == ["opened", "answered"]
        with pytest.raises(sayso.AlreadyDecided) as late:
            await ann.answer("b", sayso.Answer(verdict="deny"))
        assert late.value.ticket.decision == ticket.decision


async def test_the_errors_of_the_desk_are_the_errors_of_the_service(tmp_path: Path) -> None:
    async with (
        running(tmp_path, setup=RESTRICTED) as service,
        service.remote("bot") as desk,
        service.remote("bob") as bob,
    ):
        await desk.open(sayso.Permission(tool="Bash", id="a"))
        expected: list[tuple[Callable[[], Any], type[sayso.SaysoError], str | None]] = [
            (lambda: desk.open(sayso.Permission(tool="Other", id="a")), sayso.AlreadyExists, "id"),
            (lambda: desk.open(sayso.Permission(tool="Bash", policy="x")), sayso.InvalidRequest, "policy"),
            (lambda: desk.get("none"), sayso.NotFound, "id"),
            (lambda: desk.wait("no/../ne?x=1#y"), sayso.NotFound, "id"),
            (lambda: desk.cancel("none"), sayso.NotFound, "id"),
            (lambda: desk.answer("a", ALLOW), sayso.NotAllowed, None),
            (lambda: bob.answer("a", ALLOW), sayso.NotFound, "id"),
            (lambda: bob.answer("none", ALLOW), sayso.NotFound, "id"),
            (lambda: bob.open(sayso.Question("?")), sayso.NotAllowed, None),
            (lambda: desk.list("open"), sayso.InvalidRequest, "state"),
        ]
        for call, kind, field in expected:
            with pytest.raises(kind) as raised:
                await call()
            assert raised.value.field == field
            assert raised.value.message
        async with service.remote("ann") as ann:
            with pytest.raises(sayso.InvalidAnswer) as wrong:
                await ann.answer("a", sayso.Answer(text="yes"))
            assert wrong.value.field == "verdict"
        await service.keys.revoke("bot")
        with pytest.raises(sayso.Unauthorized):
            await desk.get("a")


async def test_a_bad_request_is_refused_before_it_is_sent(service: Service) -> None:
    async with service.remote("bot") as desk:
        before = service.answers
        with pytest.raises(sayso.InvalidRequest):
            await desk.ask(sayso.Choice("Which?", []))
    assert service.answers == before


async def test_a_request_of_nearly_one_mebibyte_goes_through(service: Service) -> None:
    async with service.remote("bot") as desk:
        sent = {"text": "ü\n" * 250_000}
        ticket = await desk.open(sayso.Permission(tool="Write", input=sent))
        assert (await desk.get(ticket.id)).request.input == sent


async def test_waiting_outlives_a_restart_of_the_service(service: Service) -> None:
    async with service.remote("bot") as desk:
        asking = asyncio.create_task(desk.ask(sayso.Permission(tool="Bash", id="a")))
        await until(lambda: service.store.waiting)
        await service.stop()
        refused = service.answers
        await service.start()
        await until(lambda: service.store.waiting)
        assert service.answers >= refused
        await service.call("POST", "/v1/requests/a/answers", "ann", {"verdict": "allow"})
        async with asyncio.timeout(5):
            assert (await asking).allowed


async def test_a_decision_made_while_the_service_was_away_arrives(service: Service) -> None:
    async with service.remote("bot") as desk:
        asking = asyncio.create_task(desk.ask(sayso.Permission(tool="Bash", id="a")))
        await until(lambda: service.store.waiting)
        await service.stop()
        await service.front.cancel("a")
        await service.start()
        async with asyncio.timeout(5):
            assert (await asking).outcome == "cancelled"


async def test_an_asking_task_that_is_cancelled_leaves_its_request_open(service: Service) -> None:
    async with service.remote("bot") as desk:
        asking = asyncio.create_task(desk.ask(sayso.Permission(tool="Bash", id="a")))
        await until(lambda: service.store.waiting)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        again = asyncio.create_task(desk.ask(sayso.Permission(tool="Bash", id="a")))
        await service.call("POST", "/v1/requests/a/answers", "ann", {"verdict": "allow"})
        assert (await again).allowed


@contextlib.asynccontextmanager
async def cutting(service: Service, cuts: int) -> AsyncGenerator[tuple[str, list[int]], None]:
    """The address of a relay that takes calls through and drops the connection instead of the first *cuts* answers."""
    taken: list[int] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", service.port)
        pump = asyncio.create_task(_pump(reader, inner_writer))
        with contextlib.suppress(ConnectionError):
            while answer := await inner_reader.read(65_536):
                taken.append(len(answer))
                if len(taken) <= cuts:
                    break
                writer.write(answer)
        pump.cancel()
        inner_writer.close()
        writer.close()

    async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", taken
    finally:
        server.close()


async def test_a_request_whose_answer_was_lost_is_found_again_and_asked_once(service: Service) -> None:
    async with cutting(service, 2) as (url, _), client.RemoteDesk(url, service.secrets["bot"]) as desk:
        asking = asyncio.create_task(desk.ask(sayso.Question("Who?")))
        await until(lambda: service.store.waiting)
        await service.call("POST", f"/v1/requests/{await pending(service)}/answers", "ann", {"text": "Acme"})
        async with asyncio.timeout(5):
            assert (await asking).text == "Acme"
    rows = await service.store.log_after(0)
    assert [row.entry.type for row in rows] == ["opened", "answered"]


async def test_an_answer_whose_fate_is_unknown_is_not_sent_twice(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    async with cutting(service, 1) as (url, taken), client.RemoteDesk(url, service.secrets["ann"]) as ann:
        with pytest.raises(sayso.StoreUnavailable) as unknown:
            await ann.answer("r1", ALLOW)
        assert "sayso show" in str(unknown.value.hint)
        assert len(taken) == 1
        assert (await ann.get("r1")).decision is not None


async def test_an_answer_that_may_be_stored_is_not_sent_twice_and_one_that_is_not_is(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    commit, tries = service.store.commit, list[bool]()

    async def fails(*given: Any) -> None:
        tries.append(unsure)
        if unsure or len(tries) == 1:
            raise errors.StoreUnavailable("x", unsure=unsure)
        await commit(*given)

    monkeypatch.setattr(service.store, "commit", fails)
    async with service.remote("ann") as ann:
        unsure = True
        with pytest.raises(sayso.StoreUnavailable) as unknown:
            await ann.answer("r1", ALLOW)
        assert ("not known" in str(unknown.value.hint), tries) == (True, [True])
        unsure = False
        tries.clear()
        assert (await ann.answer("r1", ALLOW)).decision is not None
        assert tries == [False, False]


async def test_a_service_that_is_not_there_is_told_and_not_waited_for_for_ever(service: Service) -> None:
    await service.stop()
    async with service.remote("bot", patience=0.2) as desk:
        with pytest.raises(sayso.StoreUnavailable) as away:
            await desk.ask(sayso.Question("Who?"))
    assert service.url in away.value.message
    shown = traceback.format_exception(away.value)
    assert service.secrets["bot"] not in "".join(shown)
    await service.start()
    # what a program shows that does not catch it: no trace of a library's own, and what to do at its end
    assert "aiohttp" not in "".join(shown)
    assert away.value.message.endswith("Connection refused")
    assert "sayso serve" in shown[-1]


async def test_an_address_that_does_not_speak_tls_is_told_in_words(service: Service) -> None:
    address = service.url.replace("http", "https")
    async with client.RemoteDesk(address, service.secrets["bot"], patience=0.2) as desk:
        with pytest.raises(sayso.StoreUnavailable, match="no TLS that is to be trusted: it speaks none"):
            await desk.ask(sayso.Question("Who?"))


def outcome(change: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    def lie(ticket: dict[str, Any]) -> None:
        if ticket["decision"]:
            ticket["decision"] |= change

    return lie


LIES: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("another input", outcome({"input": {"command": "rm -rf /"}})),
    ("another digest of the decision", outcome({"digest": "sha256:" + "0" * 64})),
    ("no digest of the input", outcome({"input_digest": None})),
    ("another digest of the ticket", lambda ticket: ticket.update(digest="sha256:" + str(ticket["version"]) * 64)),
    ("a grant that was not offered", outcome({"grant": "always"})),
    ("another id", lambda ticket: ticket.update(id="other")),
    ("another request", lambda ticket: ticket["request"].update(input={"command": "ls"})),
    (
        "another request, consistently decided",
        lambda ticket: (ticket["decision"] or {}) and ticket["request"].update(tool="Other"),
    ),
]


@pytest.mark.parametrize("lie", [pytest.param(lie, id=name) for name, lie in LIES])
async def test_a_decision_on_anything_but_what_was_asked_is_refused(
    service: Service, lie: Callable[[dict[str, Any]], Any]
) -> None:
    async def changed(request: web.Request) -> web.Response:
        body = await request.text()
        true = await service.call(request.method, request.path_qs, "bot", data=body or None)
        ticket = true.json
        lie(ticket)
        return web.json_response(ticket, status=true.status)

    async with elsewhere(changed) as url, client.RemoteDesk(url, SECRET) as desk:
        asking = asyncio.create_task(desk.ask(sayso.Permission(tool="Bash", input={"command": "make"}, id="a")))
        with contextlib.suppress(TimeoutError):
            await service.call("POST", f"/v1/requests/{await pending(service)}/answers", "ann", {"verdict": "allow"})
        async with asyncio.timeout(5):
            with pytest.raises(sayso.DigestMismatch):
                await asking


@contextlib.asynccontextmanager
async def elsewhere(handler: Callable[[web.Request], Any]) -> AsyncGenerator[str, None]:
    """The address of something that is no service of ours."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_what_is_no_answer_of_a_service_is_an_error_and_no_decision() -> None:
    rows: list[tuple[int, bytes]] = [
        (200, b"<html>hello</html>"),
        (200, b"{}"),
        (200, b""),
        (200, b'{"id": "a"}'),
        (302, b""),
        (404, b"<html>not found</html>"),
        (400, b'{"error": "x"}'),
        (500, b'{"error": {"code": "internal", "message": "it failed"}}'),
        (418, b'{"error": {"code": "never_heard_of", "message": "x"}}'),
    ]
    for row in each(rows):
        with row as (status, body):

            async def strange(_: web.Request) -> web.Response:
                return web.Response(
                    status=status, body=body, headers={"Location": "/elsewhere"} if status == 302 else {}
                )

            async with elsewhere(strange) as url, client.RemoteDesk(url, SECRET) as desk:
                with pytest.raises(sayso.SaysoError) as raised:
                    await desk.wait("a")
            assert SECRET not in "".join(traceback.format_exception(raised.value))


async def test_the_key_does_not_follow_a_redirect() -> None:
    asked: list[str] = []

    async def away(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": str(request.url.with_path("/stolen"))})

    async with elsewhere(away) as url, client.RemoteDesk(url, SECRET) as desk:
        with pytest.raises(sayso.SaysoError):
            await desk.get("a")
    assert asked == ["/v1/requests/a"]


async def test_a_proxy_that_says_later_is_asked_again(service: Service) -> None:
    said: list[int] = []

    async def later(request: web.Request) -> web.Response:
        said.append(1)
        if len(said) < 3:
            return web.Response(status=502 + len(said))
        true = await service.call(request.method, request.path_qs, "bot", data=await request.text() or None)
        return web.json_response(true.json, status=true.status)

    async with elsewhere(later) as url, client.RemoteDesk(url, SECRET) as desk:
        assert (await desk.open(sayso.Question("Who?"))).state == "pending"
    assert len(said) == 3


async def test_why_a_service_cannot_work_is_told_to_whoever_asked_it() -> None:
    named = {"code": "store_unavailable", "message": "the disk is full; nothing was stored", "hint": "try again"}

    async def unwell(_: web.Request) -> web.Response:
        return web.json_response({"error": named}, status=503)

    async with elsewhere(unwell) as url, client.RemoteDesk(url, SECRET, patience=0) as desk:
        with pytest.raises(errors.StoreUnavailable) as told:
            await desk.get("a")
    assert told.value.message == f"{url} answers: the disk is full; nothing was stored"
    assert told.value.hint == "the log of the service says more"


def test_an_address_that_is_none_stops_the_start() -> None:
    rows: list[str] = [
        "",
        "127.0.0.1:8700",
        "ftp://x",
        "http://",
        "http:///x",
        "https://user:pass@host",
        "https://host/?key=1",
        "http://[::1",
    ]
    for row in each(rows):
        with row as url:
            with pytest.raises(sayso.InvalidSettings) as refused:
                client.RemoteDesk(url, SECRET)
            assert refused.value.field == "SAYSO_URL"
            assert "pass" not in str(refused.value.message)


def test_a_key_that_is_none_stops_the_start_and_is_not_repeated() -> None:
    rows: list[str | None] = [None, "", "a b", "é" * 20, "a\nb", "x" * 600]
    for row in each(rows):
        with row as key:
            with pytest.raises(sayso.InvalidSettings) as refused:
                client.RemoteDesk("https://sayso.example.com", key)
            assert refused.value.field == "SAYSO_KEY"
            assert not key or key not in refused.value.message + str(refused.value.hint)


@pytest.mark.parametrize(
    "host", ["10.0.0.5", "sayso.internal:8700", "localhost.example.com", "[2001:db8::1]", "0.0.0.0"]
)
def test_plain_http_to_another_machine_needs_to_be_asked_for(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sayso.InvalidSettings) as refused:
        client.RemoteDesk(f"http://{host}", SECRET)
    assert "https" in str(refused.value.hint)
    client.RemoteDesk(f"https://{host}", SECRET)
    client.RemoteDesk(f"http://{host}", SECRET, plain_http=True)
    monkeypatch.setenv("SAYSO_PLAIN_HTTP", "1")
    client.RemoteDesk(f"http://{host}", SECRET)


def test_plain_http_to_this_machine_is_fine() -> None:
    rows: list[str] = ["127.0.0.1", "localhost:8700", "[::1]:8700", "127.8.9.1"]
    for row in each(rows):
        with row as host:
            assert SECRET not in repr(client.RemoteDesk(f"http://{host}", SECRET))


async def test_a_service_below_a_path_is_reached_there(service: Service) -> None:
    async def below(request: web.Request) -> web.Response:
        true = await service.call(request.method, request.path_qs.removeprefix("/sayso"), "bot")
        return web.json_response(true.json, status=true.status)

    await service.call("POST", "/v1/requests", "bot", permission())
    async with elsewhere(below) as url, client.RemoteDesk(f"{url}/sayso/", SECRET) as desk:
        assert (await desk.get("r1")).id == "r1"


async def test_a_desk_that_is_not_open_says_so() -> None:
    with pytest.raises(errors.SaysoError) as closed:
        await client.RemoteDesk("http://127.0.0.1:1", SECRET).get("a")
    assert "async with" in str(closed.value.hint)


async def test_sixty_requests_wait_at_once(service: Service) -> None:
    async with service.remote("bot") as desk:
        asking = [asyncio.create_task(desk.ask(sayso.Question("?", id=f"q{number}"))) for number in range(60)]
        await until(lambda: service.store.waiting >= 60)
        for number in range(60):
            await service.call("POST", f"/v1/requests/q{number}/answers", "ann", {"text": str(number)})
        async with asyncio.timeout(5):
            decisions = await asyncio.gather(*asking)
    assert [one.text for one in decisions] == [str(number) for number in range(60)]


def test_a_remote_desk_is_an_asker() -> None:
    desk: sayso.Asker = client.RemoteDesk("http://127.0.0.1:8700", SECRET)
    assert json.dumps(sorted(name for name in dir(desk) if not name.startswith("_"))) == json.dumps(
        [
            "answer",
            "ask",
            "attending",
            "cancel",
            "changes",
            "claim",
            "end_grant",
            "get",
            "grants",
            "list",
            "log",
            "make_webhook",
            "note",
            "open",
            "pass_on",
            "people",
            "policies",
            "respond_webhook",
            "resume",
            "reveal",
            "search",
            "snooze",
            "stats",
            "stop",
            "stops",
            "use",
            "wait",
        ]
    )


async def test_a_handle_serves_an_agent_that_goes_on_and_may_be_awaited_twice(service: Service) -> None:
    async with service.remote("bot") as desk:
        handle = await desk.ask(sayso.Form("Refund", Refund), wait=False)
        assert not await handle.done()
        await service.call(
            "POST", f"/v1/requests/{handle.id}/answers", "ann", {"values": {"customer": "A", "amount": 1}}
        )
        async with asyncio.timeout(5):
            assert [(await handle).value, (await handle).value] == [Refund(customer="A", amount=1)] * 2
        assert await handle.done()


async def test_a_wait_that_ends_with_its_task_withdraws_the_request(service: Service) -> None:
    async with service.remote("bot") as desk:
        held = asyncio.create_task(sayso.held(desk, sayso.Question("Who?"), reason="moved on"))
        id = await pending(service)
        held.cancel()
        with pytest.raises(asyncio.CancelledError):
            await held
        found = (await desk.get(id)).decision
    assert found is not None
    assert (found.outcome, found.reason) == ("cancelled", "moved on")


@pytest.mark.parametrize(
    ("offered", "answer", "meant"),
    [
        ({"verdicts": ["stop"]}, {"verdict": "stop"}, ("denied", True, None, None)),
        ({"verdicts": ["respond"]}, {"verdict": "respond", "text": "42"}, ("answered", False, "42", None)),
        (
            {"offers": [sayso.Offer(name="s0", kind="rule", effect="adds a rule")]},
            {"verdict": "allow", "grant": "s0"},
            ("allowed", False, None, "s0"),
        ),
    ],
)
async def test_what_an_agent_can_honour_comes_back_as_it_was_answered(
    service: Service, offered: dict[str, Any], answer: dict[str, Any], meant: tuple[Any, ...]
) -> None:
    found = await answered(service, sayso.Permission(tool="Bash", **offered), answer)
    assert (found.outcome, found.stop, found.text, found.grant) == meant


async def test_a_request_whose_content_was_changed_in_the_database_is_refused_in_words(
    service: Service, tmp_path: Path
) -> None:
    async with service.remote("bot") as desk, service.remote("ann") as ann:
        await desk.open(sayso.Permission(id="r1", tool="Bash", input={"c": "ls"}))
        db = apsw.Connection(f"{tmp_path}/sayso.db")
        db.execute("update tickets set document = replace(document, '\"ls\"', '\"rm\"')").fetchall()
        db.close()
        with pytest.raises(sayso.Altered, match="not what was asked"):
            await ann.answer("r1", ALLOW)


async def test_who_asks_too_much_is_told_so_once_patience_is_over(tmp_path: Path) -> None:
    setup = sayso.Setup(limits=quota.Limits(pending=1))
    async with running(tmp_path, setup=setup) as service, service.remote("bot", patience=0.3) as desk:
        await desk.open(sayso.Question("Hm?", id="q1"))
        # finding one's own again is not asking
        await desk.open(sayso.Question("Hm?", id="q1"))
        with pytest.raises(errors.TooMany, match="1 request of this key waits") as refused:
            await desk.open(sayso.Question("And?", id="q2"))
        assert "pending_per_key" in (refused.value.hint or "")
        answered = await service.call("POST", "/v1/requests", "bot", permission("r3"))
        assert (answered.status, answered.headers["Retry-After"]) == (429, "60")
        await desk.cancel("q1")
        await desk.open(sayso.Question("And?", id="q2"))
