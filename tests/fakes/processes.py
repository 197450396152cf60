"""Programs as real processes in a folder of their own, that a test talks to, kills and starts again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes import forker, forking

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds that a process may take: several of them start on a machine with few cores."""


class Forked:
    """A program of `tests.fakes.forking`, with the methods of asyncio's own class."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        line: Sequence[str | Path],
        folder: Path,
        variables: Mapping[str, str],
        *,
        reads: int = -1,
        imports: Sequence[str] = (),
    ) -> Forked:
        """Start it, with a pipe for what it prints and one for its errors."""
        (out, theirs), (err, their_errors) = os.pipe(), os.pipe()
        try:
            given = (line, folder, variables, (theirs, their_errors), reads, imports)
            pid, status = await asyncio.to_thread(_forked, *given)
        finally:
            os.close(theirs)
            os.close(their_errors)
        process = cls(pid, await _read(out), await _read(err))
        process._watching = asyncio.create_task(process._watch(status))
        return process

    async def _watch(self, status: socket.socket) -> None:
        status.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=status)
        self.returncode = int(await reader.readline())
        writer.close()
        self._ended.set()

    async def wait(self) -> int:
        """Its exit code, below zero for a signal."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """What it still prints until it ends."""
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err

    def send_signal(self, number: int) -> None:
        """To a process that has ended, nothing is sent."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """End it in good order."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


async def _read(pipe: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb"))
    return reader


_starting = threading.Lock()
_forkers: dict[str, socket.socket] = {}
"""Where those that fork take orders, by the way to the code that they have imported."""
_stays: set[str] = set()
# What a service imports for a chat that it has, by the variable that says so.
_CHATS = {"SLACK_BOT_TOKEN": "sayso_slack.connection", "DISCORD_BOT_TOKEN": "sayso_discord.connection"}


def _forked(
    line: Sequence[str | Path],
    folder: Path,
    variables: Mapping[str, str],
    writes: tuple[int, int],
    reads: int = -1,
    imports: Sequence[str] = (),
) -> tuple[int, socket.socket]:
    """The process, and a socket that says its exit code; what forks starts with the first of this run."""
    assert line[0] == sys.executable, "only Python programs are forks"
    given = environment(variables)
    with _starting:
        way = variables.get("PYTHONPATH", "")
        if way not in _forkers:
            _forkers[way] = forker.joined(way, ROOT, environment({"PYTHONPATH": way} if way else {}))
        orders = _forkers[way]
    words = [str(word) for word in line[1:]]
    known = [*imports, *(module for name, module in _CHATS.items() if name in variables)]
    order = {"line": words, "folder": str(folder), "environment": given, "imports": known}
    status, their_end = socket.socketpair()
    with their_end, open(os.devnull, "rb") as nothing:
        streams = [their_end.fileno(), nothing.fileno() if reads < 0 else reads, *writes]
        socket.send_fds(orders, [json.dumps(order).encode()], streams)
    status.settimeout(3 * PATIENCE)  # for the first program, all is imported
    try:
        return int(_line(status)), status
    except (AssertionError, TimeoutError):
        status.close()
        raise


class Child:
    """A program of `tests.fakes.forking` for a test without a loop, which brings the streams: terminals, files."""

    def __init__(
        self,
        line: Sequence[str | Path],
        folder: Path,
        variables: Mapping[str, str],
        *,
        reads: int = -1,
        writes: tuple[int, int],
        imports: Sequence[str] = (),
    ) -> None:
        self.pid, self._status = _forked(line, folder, variables, writes, reads, imports)

    def wait(self, within: float | None = PATIENCE) -> int:
        """Its exit code; one that does not end in time is killed."""
        self._status.settimeout(within)
        with self._status:
            try:
                return int(_line(self._status))
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self._status.fileno() >= 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()


def _line(status: socket.socket) -> bytes:
    """One line and no byte more: what follows is for whoever waits for the end."""
    said = b""
    while not said.endswith(b"\n"):
        more = status.recv(1)
        assert more, "the process that forks is gone"
        said += more
    return said


@dataclass(frozen=True)
class Running:
    """A process that goes on while a test talks to it."""

    process: asyncio.subprocess.Process | Forked

    async def line(self, containing: str, *, error: bool = False) -> str:
        """The next line with this text on standard output, or on standard error."""
        stream = self.process.stderr if error else self.process.stdout
        assert stream is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await stream.readline()).decode():
                if containing in line:
                    return line.strip()
        pytest.fail(f"the process ended without saying {containing!r}")

    async def ended(self) -> tuple[int, str, str]:
        """Exit code, and what else was printed."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()

    async def kill(self) -> None:
        """`kill -9`: no handler, no farewell."""
        self.process.kill()
        await self.ended()


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's own, with the way to our code, and *variables*."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}


def hurried(seconds: Mapping[str, float]) -> dict[str, str]:
    """The variables of a program that waits so many seconds where a constant of our modules says otherwise.

    For what would only be waited for: a constant is named as `sayso.desk.upkeep.attendance.GRACE`.
    """
    return {forking.HURRY: json.dumps(seconds)}


def stays(way: str) -> str:
    """Let programs with this PYTHONPATH be forks of a process that has imported what is there; it must not change."""
    _stays.add(way)
    return way


def _forks(line: Sequence[str | Path], variables: Mapping[str, str]) -> bool:
    """Whether what is imported already is what this program would import."""
    return line[0] == sys.executable and variables.get("PYTHONPATH", "") in {"", *_stays}


def run(line: Sequence[str | Path], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program, until it ends; it has nothing to read."""
    if not _forks(line, variables):
        return subprocess.run(
            line,
            cwd=folder,
            env=environment(variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        returned = Child(line, folder, variables, writes=(out.fileno(), err.fileno())).wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(line, returned, out.read().decode(), err.read().decode())


def shell(script: str, folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Lines of a shell, with no other than these *variables*."""
    line = ["bash", "-c", script]
    return subprocess.run(
        line, cwd=folder, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@asynccontextmanager
async def started(
    line: Sequence[str | Path], folder: Path, *, imports: Sequence[str] = (), **variables: str
) -> AsyncGenerator[Running]:
    """The program in the background, killed at the end if it still runs; what it *imports* is there for the next."""
    if _forks(line, variables):
        process: asyncio.subprocess.Process | Forked = await Forked.start(line, folder, variables, imports=imports)
    else:
        process = await asyncio.create_subprocess_exec(
            *line,
            cwd=folder,
            env=environment(variables),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
