"""`/mcp` inside the service: who may call it, what a call is bound to, and what it hears of a client that has gone."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx2
import mcp
import mcp_types as types
import pytest
from aiohttp import web
from mcp.client.streamable_http import streamable_http_client

import sayso
from sayso import model
from sayso.cards import tokens
from sayso.desk import Caller, keys
from sayso.stores import Query, memory
from sayso_http.server import auth, hosts, responses
from sayso_mcp import server
from tests.adapters.mcp.scene import ANN
from tests.conftest import until
from tests.tables import each

OURS = "https://sayso.example.com"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ASK = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": "ask_question", "arguments": {"title": "Who?"}},
}


@dataclass
class Service:
    """The route alone, with an agent's key, another agent's, an approver's and an operator's."""

    url: str
    desk: sayso.Desk
    keys: Mapping[str, str]

    def headers(self, key: str = "bot") -> dict[str, str]:
        accept = "application/json, text/event-stream"
        return {"Authorization": f"Bearer {self.keys[key]}", "Accept": accept}

    @asynccontextmanager
    async def client(self, key: str = "bot", mode: Any = "auto") -> AsyncGenerator[mcp.Client]:
        async with (
            httpx2.AsyncClient(headers=self.headers(key), timeout=20) as wire,
            mcp.Client(streamable_http_client(f"{self.url}/mcp", http_client=wire), mode=mode) as client,
        ):
            yield client


@pytest.fixture
async def service() -> AsyncGenerator[Service, None]:
    store = memory.MemoryStore()
    desk = sayso.Desk(store, tokens.TokenMaker(b"s" * 32))
    known = keys.Keys(store)
    made = {
        name: await known.add(name, role, desk.clock.now(), *person)
        for name, role, person in (
            ("bot", "agent", ()),
            ("other", "agent", ()),
            ("ann", "approver", ()),
            ("op", "operator", ()),
        )
    }
    app = web.Application(middlewares=[responses.errors_as_json, hosts.known_hosts(["127.0.0.1"])])
    server.add_routes(app, desk, authenticate=auth.authenticate(known), origins=[OURS])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Service(f"http://127.0.0.1:{runner.addresses[0][1]}", desk, made)
    await runner.cleanup()


async def answered(call: asyncio.Task[types.CallToolResult]) -> dict[str, Any]:
    found = await call
    read: dict[str, Any] = found.structured_content
    return read


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_what_a_person_says_goes_back_over_http(service: Service, mode: str) -> None:
    heard: list[float] = []

    async def heard_of(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with service.client(mode=mode) as client:
        asked = {"tool": "Bash", "input": {"command": "ls"}, "id": "r1"}
        call = asyncio.create_task(client.call_tool("ask_permission", asked, progress_callback=heard_of))
        await until(lambda: service.desk.store.waiting and heard)
        await service.desk.answer("r1", model.Answer(verdict="allow", input={"command": "ls -l"}), ANN)
        told = await answered(call)
    assert (told["allowed"], told["input"], heard) == (True, {"command": "ls -l"}, [0])
    assert (await service.desk.get("r1")).owner == "bot"


async def test_only_an_agents_key_under_our_own_name_is_answered(service: Service) -> None:
    rows: list[tuple[str | None, dict[str, str], int, str | None]] = [
        (None, {}, 401, "unauthorized"),
        ("bot", {"Authorization": "Bearer sayso_agent_wrong"}, 401, "unauthorized"),
        ("ann", {}, 403, "not_allowed"),
        ("op", {}, 403, "not_allowed"),
        ("bot", {"Host": "evil.example"}, 421, "unknown_host"),
        ("bot", {"Origin": "https://evil.example"}, 403, "not_allowed"),
        ("bot", {"Origin": "null"}, 403, "not_allowed"),
        ("bot", {"Origin": OURS}, 200, None),
        ("bot", {}, 200, None),
    ]
    for row in each(rows):
        with row as (key, more, status, code):
            headers = {**(service.headers(key) if key else {}), **more}
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{service.url}/mcp", json=INITIALIZE, headers=headers) as found,
            ):
                assert found.status == status
                assert code is None or json.loads(await found.text())["error"]["code"] == code


async def test_there_is_nothing_to_listen_to_and_no_session_to_end(service: Service) -> None:
    async with aiohttp.ClientSession(headers=service.headers()) as session:
        for method in ("GET", "DELETE"):
            async with session.request(method, f"{service.url}/mcp") as found:
                assert found.status == 405


async def test_too_large_a_call_is_refused_unread(service: Service) -> None:
    large = io.BytesIO(b" " * (5 * 1024**2))
    async with (
        aiohttp.ClientSession(headers=service.headers()) as session,
        session.post(f"{service.url}/mcp", data=large) as found,
    ):
        assert found.status == 413


async def test_an_agent_reaches_only_what_it_asked_itself(service: Service) -> None:
    await service.desk.open(sayso.Question("Who?", id="theirs"), Caller(owner="other"))
    async with service.client() as client:
        found = await client.call_tool("get_decision", {"request_id": "theirs"})
        taken = await client.call_tool("ask_question", {"title": "Who?", "id": "theirs"})
    assert (found.is_error, taken.is_error) == (True, True)
    assert (await service.desk.get("theirs")).owner == "other"


@pytest.mark.parametrize(("id", "state"), [("", "decided"), ("kept", "pending")])
async def test_a_hang_up_withdraws_only_what_nobody_can_come_back_for(service: Service, id: str, state: str) -> None:
    ask = {**ASK, "params": {"name": "ask_question", "arguments": {"title": "Who?", "id": id}}}
    async with (
        aiohttp.ClientSession(headers=service.headers()) as session,
        session.post(f"{service.url}/mcp", json=ask),
    ):
        await until(lambda: service.desk.store.waiting)
    await until(lambda: not service.desk.store.waiting)
    (ticket,) = await service.desk.store.list(Query())
    if state == "decided":
        assert (await service.desk.wait(ticket.id)).outcome == "cancelled"
    assert (await service.desk.get(ticket.id)).state == state


async def test_the_first_call_of_many_at_once_loads_the_sdk_once(service: Service) -> None:
    async with aiohttp.ClientSession(headers=service.headers()) as session:

        async def status() -> int:
            async with session.post(f"{service.url}/mcp", json=INITIALIZE) as found:
                await found.read()
                return found.status

        assert await asyncio.gather(*(status() for _ in range(5))) == [200] * 5


async def test_a_client_that_goes_in_the_middle_of_its_call_makes_no_noise(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    host = service.url.removeprefix("http://")
    name, port = host.split(":")
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {service.keys['bot']}\r\nContent-Length: 99\r\n"
    )
    _, writer = await asyncio.open_connection(name, int(port))
    writer.write(f"{head}\r\n{{".encode())
    await writer.drain()
    await asyncio.sleep(0)
    writer.transport.abort()
    async with service.client() as client:
        assert (await client.list_tools()).tools
    assert [row.message for row in caplog.records if row.levelname in ("ERROR", "WARNING")] == []


async def test_a_key_that_is_revoked_while_a_tool_waits_gets_no_yes(service: Service) -> None:
    async with service.client() as client:
        asked = {"tool": "Bash", "input": {"command": "ls"}, "id": "r1"}
        call = asyncio.create_task(client.call_tool("ask_permission", asked))
        await until(lambda: service.desk.store.waiting)
        await keys.Keys(service.desk.store).revoke("bot", service.desk.clock.now())
        told = await call
    assert told.is_error
    assert "revoked" in str(told.content)
    assert (await service.desk.get("r1")).decision is not None


async def test_a_bound_key_asks_over_mcp_as_it_is_bound(service: Service) -> None:
    policies = {"default": model.Policy(), "production": model.Policy(quorum=2)}
    service.desk.setup = sayso.Setup(policies)
    chain = keys.Keys(service.desk.store)
    secret = await chain.add("bound", "agent", service.desk.clock.now(), policy="production")
    async with Service(service.url, service.desk, {"bot": secret}).client() as client:
        call = asyncio.create_task(client.call_tool("ask_question", {"title": "Who?", "id": "q1"}))
        await until(lambda: service.desk.store.waiting)
        assert (await service.desk.get("q1")).policy.quorum == 2
        await service.desk.cancel("q1")
        await call


async def test_a_call_whose_id_only_it_knows_is_on_record_while_it_waits(service: Service) -> None:
    async with service.client() as client:
        call = asyncio.create_task(client.call_tool("ask_question", {"title": "Who?"}))
        await until(lambda: service.desk.store.waiting)
        [waiter] = await service.desk.store.scan("waiter")
        await service.desk.answer(waiter.value["ticket"], model.Answer(text="Acme"), ANN)
        await call
    assert await service.desk.store.scan("waiter") == []
