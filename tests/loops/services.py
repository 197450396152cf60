"""The services: processes on one database, each at an address of its own, and what happens to them."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from tests.core.stores.copies import CUT
from tests.fakes import processes
from tests.loops.serve import LEASE

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

KINDS = ("kill", "freeze", "restart", "cut")


@dataclass
class Service:
    """One of them."""

    folder: Path
    port: int
    life: AsyncExitStack = field(default_factory=AsyncExitStack)
    running: processes.Running | None = None

    @property
    def url(self) -> str:
        """Where agents find it, whenever it runs."""
        return f"http://127.0.0.1:{self.port}"


class Services:
    """All of them."""

    def __init__(
        self, folder: Path, database: str, count: int, settings: str, given: Mapping[str, str], lease: float | None
    ) -> None:
        self.faults = Counter[str]()
        self._database, self._given, self._lease = database, given, lease
        self._reading = set[asyncio.Task[None]]()
        self.said = list[str]()
        """What they wrote about faults of their own."""
        self.all = [Service(folder / f"service{number}", _free_port()) for number in range(count)]
        for one in self.all:
            one.folder.mkdir()
            (one.folder / "sayso.toml").write_text(settings)

    @property
    def urls(self) -> Sequence[str]:
        """Where they are."""
        return [one.url for one in self.all]

    async def start(self, one: Service) -> None:
        """A new process; returns once it takes calls."""
        named = {**self._given, "SAYSO_PORT": str(one.port), "SAYSO_DATABASE_URL": self._database}
        line = [sys.executable, "-m", "sayso_bots", "serve"]
        if self._lease is not None:
            line, named[LEASE] = [sys.executable, "-m", "tests.loops.serve"], str(self._lease)
        one.running = await one.life.enter_async_context(processes.started(line, one.folder, **named))
        await one.running.line("sayso listens on")
        reading = asyncio.create_task(self._read(one.running))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)

    async def _read(self, running: processes.Running) -> None:
        assert running.process.stdout
        assert running.process.stderr
        told = asyncio.create_task(running.process.stdout.read())
        goes_on = False
        async for line in running.process.stderr:
            begins = b"Traceback" in line or b" ERROR " in line
            # what was raised stands behind the lines of its trace
            if begins or (goes_on and not line.startswith(b" ")):
                self.said.append(line.decode().strip())
                goes_on = begins
        await told

    async def kill(self, one: Service) -> None:
        """SIGKILL: no goodbye, nothing is finished."""
        await self._end(one, signal.SIGKILL)
        await self.start(one)

    async def restart(self, one: Service) -> None:
        """SIGTERM, and a new one."""
        await self._end(one, signal.SIGTERM)
        await self.start(one)

    async def freeze(self, one: Service, seconds: float) -> None:
        """Stand still for a while."""
        assert one.running
        one.running.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        one.running.process.send_signal(signal.SIGCONT)

    async def cut(self) -> None:
        """End all connections on which they listen."""
        db = await asyncpg.connect(self._database)
        await db.execute(CUT)
        await db.close()

    async def trouble(self, kind: str, chance: random.Random) -> None:
        """Let one of these happen to one of them."""
        self.faults[kind] += 1
        one = chance.choice(self.all)
        if kind == "cut":
            await self.cut()
        elif kind == "freeze":
            # sometimes longer than a lease
            await self.freeze(one, chance.choice((0.5, 1.5, 1.5 * (self._lease or 1.0))))
        else:
            await (self.kill if kind == "kill" else self.restart)(one)

    async def end(self) -> None:
        """End all of them in good order."""
        await asyncio.gather(*(self._end(one, signal.SIGTERM) for one in self.all if one.running))

    async def _end(self, one: Service, number: int) -> None:
        assert one.running
        one.running.process.send_signal(number)
        await one.running.process.wait()
        await one.life.aclose()
        one.running = None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
