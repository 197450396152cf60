"""Whoever says nothing, or says it slowly, holds up nobody: bounded connections, bounded times, on a real socket."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import typedefs, web

from sayso_http.server import connections, files, reading, responses
from tests.conftest import BOUND, until

HELLO = b"GET /hello HTTP/1.1\r\nHost: here\r\n\r\n"


@dataclass
class Served:
    port: int
    held: asyncio.Event = field(default_factory=asyncio.Event)
    holding: int = 0
    streams: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def connect(self, said: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.streams.callback(writer.close)
        writer.write(said)
        return reader, writer

    async def ask(self, said: bytes = HELLO) -> str:
        reader, _ = await self.connect(said)
        async with asyncio.timeout(BOUND):
            return (await reader.readuntil(b"\r\n\r\n")).decode()

    async def hello(self, _: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def hold(self, _: web.Request) -> web.Response:
        self.holding += 1
        await self.held.wait()
        return web.Response(text="held")

    async def take(self, request: web.Request) -> web.Response:
        await reading.read_bounded(request)
        return web.Response(text="taken")


@contextlib.asynccontextmanager
async def serving(*, routes: Mapping[str, typedefs.Handler] | None = None, **limits: float) -> AsyncGenerator[Served]:
    served = Served(0)
    app = web.Application(middlewares=[responses.errors_as_json, connections.limit_time])
    app.router.add_get("/hello", served.hello)
    app.router.add_get("/hold", served.hold)
    app.router.add_post("/take", served.take)
    for path, handler in (routes or {}).items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    served.port = listener.getsockname()[1]
    whole = {name: int(value) if name in ("total", "per_address") else value for name, value in limits.items()}
    server = await connections.serve(runner, listener, connections.Limits(**whole))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    try:
        yield served
    finally:
        served.held.set()
        await served.streams.aclose()
        server.close()
        await runner.cleanup()


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What still came, once the other side has hung up."""
    async with asyncio.timeout(BOUND):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("said", [b"", b"GET /hello HTT", HELLO[:-2], HELLO + b"GET"])
async def test_headers_that_do_not_come_close_the_connection(said: bytes) -> None:
    async with serving(head=0.05, idle=0.05) as served:
        reader, _ = await served.connect(said)
        answered = await closed(reader)
        assert answered.count(b"200 OK") == said.count(HELLO)
        assert "200 OK" in await served.ask()


async def test_a_header_that_comes_byte_by_byte_gets_no_more_time() -> None:
    async with serving(head=0.3) as served:
        reader, writer = await served.connect(b"GET /hello HTTP/1.1\r\n")

        async def drip() -> None:
            while True:
                writer.write(b"X-A: b\r\n")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert await closed(reader) == b""
        dripping.cancel()


async def test_a_connection_that_rests_too_long_is_closed() -> None:
    async with serving(idle=0.05) as served:
        reader, _ = await served.connect(HELLO)
        assert (await closed(reader)).endswith(b"hello")


async def test_a_body_that_does_not_come_is_a_408_with_a_hint() -> None:
    async with serving(body=0.05) as served:
        sent = b"POST /take HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc"
        reader, _ = await served.connect(sent)
        head, _, body = (await closed(reader)).partition(b"\r\n\r\n")
    assert b" 408 " in head
    assert json.loads(body)["error"] == {
        "code": "too_slow",
        "message": "the body did not come in time",
        "field": "body",
        "hint": "send it within 0.05 seconds",
    }


async def test_idle_connections_make_room_and_the_oldest_go_first() -> None:
    async with serving(total=5) as served:
        silent = [await served.connect() for _ in range(20)]
        assert "200 OK" in await served.ask()
        await until(lambda: silent[0][0].at_eof() or silent[0][0].exception() is not None)
        # the newest but one is still there
        reader, writer = silent[-1]
        writer.write(HELLO)
        async with asyncio.timeout(BOUND):
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")


async def test_one_address_has_a_limit_of_its_own() -> None:
    async with serving(total=100, per_address=2) as served:
        silent = [await served.connect() for _ in range(3)]
        await closed(silent[0][0])
        assert "200 OK" in await served.ask()


@pytest.mark.parametrize("limit", [{"total": 3.0}, {"per_address": 3.0}])
async def test_where_all_are_being_answered_a_new_one_is_told_to_come_again(limit: dict[str, Any]) -> None:
    async with serving(**limit) as served:
        held = [await served.connect(b"GET /hold HTTP/1.1\r\nHost: here\r\n\r\n") for _ in range(3)]
        await until(lambda: served.holding == 3)
        reader, _ = await served.connect(HELLO)
        head, _, body = (await closed(reader)).partition(b"\r\n\r\n")
        assert b"429" in head
        assert b"Retry-After: 5" in head
        assert json.loads(body)["error"]["hint"] == "try again in a moment"
        served.held.set()
        for kept, _ in held:
            async with asyncio.timeout(BOUND):
                assert b"200 OK" in await kept.readuntil(b"\r\n\r\n")
        assert "200 OK" in await served.ask()


async def test_a_body_on_its_way_makes_room_but_one_that_came_does_not() -> None:
    async with serving(total=2) as served:
        slow, _ = await served.connect(b"POST /take HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc")
        await served.connect(b"GET /hold HTTP/1.1\r\nHost: here\r\n\r\n")
        await until(lambda: served.holding == 1)
        assert "200 OK" in await served.ask()
        assert await closed(slow) == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
async def test_a_compressed_body_is_refused_unread_and_without_a_word_in_the_log(
    encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent = f"POST /take HTTP/1.1\r\nHost: here\r\nContent-Encoding: {encoding}\r\nContent-Length: 3\r\n\r\nabc"
    async with serving() as served:
        with caplog.at_level(logging.INFO):
            assert " 415 " in await served.ask(sent.encode())
            assert "200 OK" in await served.ask()
    assert caplog.records == []


@pytest.mark.parametrize(
    "sent",
    [
        b"HELO\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /hello HTTP/1.1\r\nHost: here\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET /hello HTTP/1.1\r\n" + b"".join(b"H%d: v\r\n" % number for number in range(500)) + b"\r\n",
        b"POST /take HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /take HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_400_and_no_matter_for_the_log(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as served:
        with caplog.at_level(logging.INFO):
            assert " 400 " in await served.ask(sent)
            assert "200 OK" in await served.ask()
    assert caplog.records == []


async def test_there_are_always_files_left_for_the_rest_of_the_service() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        room = files.allowed_connections()
        raised, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert raised == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))
        assert room == raised - files.RESERVED
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_who_leaves_before_the_answer_is_sent_is_no_matter_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    sent = asyncio.Event()

    async def much(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 1_000_000)
        finally:
            sent.set()

    async with serving(routes={"/much": much}) as served:
        with caplog.at_level(logging.INFO):
            reader, writer = await served.connect(b"GET /much HTTP/1.1\r\nHost: here\r\n\r\n")
            async with asyncio.timeout(BOUND):
                await reader.read(100)
                # with unread data the other side hears of a reset
                writer.transport.abort()
                await sent.wait()
            assert "200 OK" in await served.ask()
    assert caplog.records == []
