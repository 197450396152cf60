"""What one decision costs the service with thousands of event streams and pages open: its CPU, in milliseconds.

python -m tests.bench.listeners [--streams 5000] [--pages 500] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import ClassVar, cast

import aiohttp.web

import sayso
from sayso.desk import Desk, Setup, keys
from sayso.machine import people
from sayso.stores import sqlite
from sayso.testing.samples import MINT
from sayso_http.server import add_routes, auth, hosts
from sayso_web import server, sessions

ANN = people.Actor("web:ann", "ann", member=True, person="ann")

# Opens connections and says when all of them have heard a word; in a process of its own, whose CPU does not count.
LISTEN = """
import asyncio, sys
port, count, heads = int(sys.argv[1]), int(sys.argv[2]), sys.stdin.readline().strip().split("|")
async def main():
    streams = []
    for number in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes.fromhex(heads[number % len(heads)]))
        await reader.readuntil(b"\\r\\n\\r\\n")
        streams.append((reader, writer))
    print("open", flush=True)
    async def heard(reader, word):
        seen = b""
        while word not in seen:
            more = await reader.read(65536)
            assert more, "a connection was closed"
            seen = seen[-2000:] + more
    loop = asyncio.get_running_loop()
    while word := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        await asyncio.gather(*(heard(reader, word.encode()) for reader, _ in streams))
        print("heard", flush=True)
asyncio.run(main())
"""


class Floor(asyncio.Protocol):
    """A connection that is only written to, once for each change."""

    open: ClassVar[list[asyncio.Transport]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self.open.append(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        """The request: its headers are answered."""
        self.open[-1].write(b"HTTP/1.1 200 OK\r\n\r\n")


async def floor(count: int, rounds: int) -> float:
    """CPU in milliseconds of one write of as many bytes as an event has, to each of so many connections."""
    Floor.open.clear()
    server = await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", 0, backlog=1024)
    took = list[float]()
    async with listening(server.sockets[0].getsockname()[1], count, ["GET / HTTP/1.1\r\n\r\n"]) as heard:
        for number in range(rounds):
            begun = time.process_time()
            for transport in Floor.open:
                transport.write(b"x" * 400 + b"because%d." % number)
            await heard(f"because{number}.")
            took.append((time.process_time() - begun) * 1000)
    server.close()
    return statistics.median(took)


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncGenerator[tuple[Desk, int]]:
    """A service with the API and the inbox."""
    store = await sqlite.SqliteStore.open(str(folder / "listeners.db"))
    setup = Setup(directory=people.Directory({"ann": people.Profile()}), route=("web",))
    desk, app = Desk(store, MINT, setup), aiohttp.web.Application(middlewares=[hosts.known_hosts(["127.0.0.1"])])
    add_routes(app, desk, authenticate=auth.authenticate(keys.Keys(store)))
    server.add_routes(app, desk, sessions.Sessions(store), origins=["http://127.0.0.1"])
    runner = aiohttp.web.AppRunner(app, access_log=None)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    yield desk, runner.addresses[0][1]
    await runner.cleanup()
    await store.close()


async def head_of_streams(desk: Desk) -> str:
    """The request of an event stream."""
    secret = await keys.Keys(desk.store).add("op", "operator", desk.clock.now())
    return f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"


async def head_of_pages(desk: Desk) -> str:
    """The request of the news of a page, in a session of its own."""
    signed_in = sessions.Sessions(desk.store)
    session = await signed_in.sign_in(await signed_in.link("ann", "http://127.0.0.1"))
    return f"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sayso={session.secret}\r\n\r\n"


@contextlib.asynccontextmanager
async def listening(port: int, count: int, heads: list[str]) -> AsyncGenerator[Callable[[str], Awaitable[None]]]:
    """Connections of a child process; call with a word to wait until all of them have heard it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LISTEN, str(port), str(count), stdin=-1, stdout=-1
    )
    assert child.stdin
    assert child.stdout
    speak, hear = child.stdin, child.stdout
    speak.write("|".join(head.encode().hex() for head in heads).encode() + b"\n")
    assert await hear.readline()

    async def heard(word: str) -> None:
        speak.write(f"{word}\n".encode())
        assert await hear.readline()

    yield heard
    child.kill()
    await child.wait()


async def decide(desk: Desk, number: int, heard: list[Callable[[str], Awaitable[None]]]) -> float:
    """The CPU in milliseconds of one decision that everybody hears of."""
    ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": f"word{number}"}))
    await asyncio.gather(*(one(ticket.id) for one in heard))
    await asyncio.sleep(0.3)
    begun = time.process_time()
    await desk.answer(ticket.id, sayso.Answer(verdict="deny", reason=f"because{number}."), ANN)
    await asyncio.gather(*(one(f"because{number}.") for one in heard))
    return (time.process_time() - begun) * 1000


async def measure(given: argparse.Namespace) -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory() as name:
        async with serving(Path(name)) as (desk, port), contextlib.AsyncExitStack() as stack:
            alone = [await decide(desk, number, []) for number in range(given.rounds)]
            print(f"nobody listens: {statistics.median(alone):.1f} ms")
            streams = await stack.enter_async_context(listening(port, given.streams, [await head_of_streams(desk)]))
            some = [await decide(desk, number + 100, [streams]) for number in range(given.rounds)]
            await _print(f"{given.streams} event streams", given.streams, some, 2)
        async with serving(Path(name)) as (desk, port), contextlib.AsyncExitStack() as stack:
            # four pages of a session each, and no more are allowed
            heads = [await head_of_pages(desk) for _ in range(-(-given.pages // 4))]
            every = await stack.enter_async_context(listening(port, given.pages, heads))
            some = [await decide(desk, number + 200, [every]) for number in range(given.rounds)]
            await _print(f"{given.pages} pages of the inbox", given.pages, some, 4)


async def _print(name: str, count: int, some: list[float], aim: int) -> None:
    least, ours = await floor(count, len(some)), statistics.median(some)
    print(f"{name:26} {ours:6.1f} ms of {least:6.1f} = {ours / least:5.2f} x one write each, aim {aim}", flush=True)


def main() -> None:
    """Print what one decision costs."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--streams", type=int, default=5000)
    arguments.add_argument("--pages", type=int, default=500)
    arguments.add_argument("--rounds", type=int, default=5)
    asyncio.run(measure(arguments.parse_args()))


if __name__ == "__main__":
    main()
