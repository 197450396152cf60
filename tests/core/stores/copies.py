"""Several copies on one PostgreSQL, killed, frozen and cut off at random: what was acknowledged stands, once.

python -m tests.core.stores.copies [--seconds 60] [--copies 3] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg  # type: ignore[import-untyped]

from sayso.machine import events
from sayso.stores import Store, postgres
from tests.core.stores import at_work
from tests.fakes import processes

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

FAULTS = ("kill", "freeze", "cut")
CUT = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query ilike 'listen %'"


@dataclass
class Report:
    """What was seen."""

    faults: Counter[str] = field(default_factory=Counter[str])
    asked: set[str] = field(default_factory=set[str])
    decided: dict[str, str] = field(default_factory=dict[str, str])
    heard: dict[str, str] = field(default_factory=dict[str, str])
    lost: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    deaf: list[str] = field(default_factory=list[str])
    longest: float = 0.0
    """Seconds in which nobody acknowledged anything."""
    last: float = 0.0

    def read(self, line: str) -> None:
        """Take a line of a copy."""
        match line.split():
            case ["asked", id]:
                self.asked.add(id)
            case ["heard", id, outcome]:
                self.heard[id] = outcome
            case ["decided", id, outcome]:
                now = time.monotonic()
                self.longest, self.last = max(self.longest, now - (self.last or now)), now
                self.decided[id] = outcome
            case _:
                pass

    def __str__(self) -> str:
        faults = ", ".join(f"{count} x {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{faults}: {len(self.asked)} asked, {len(self.decided)} decided, {len(self.heard)} heard; "
            f"{len(self.lost)} lost, {len(self.doubled)} doubled, {len(self.deaf)} not heard by a copy that lives; "
            f"longest time without a decision {self.longest:.1f} s"
        )


class Copies:
    """The processes, each replaced when it is killed."""

    program: tuple[str, ...] = (at_work.__file__,)
    """What each of them runs, with the address and its name; it begins nothing more once standard input ends."""
    pace = (0.3, 1.0)
    """Seconds between two faults, at least and at most."""

    def __init__(self, url: str, count: int, seed: int) -> None:
        self.report = Report()
        self._url = url
        self._random = random.Random(seed)
        self._count = count
        self._running: dict[str, processes.Forked] = {}
        self._number = 0
        # all of them read the same pipe
        self._orders, self._told = os.pipe()

    async def run(self, seconds: float) -> Report:
        """Let them work under faults for so long, and until each of them has happened; then look at what is left."""
        async with self._readers() as begin:
            for _ in range(self._count):
                await begin()
            ends = time.monotonic() + seconds
            while time.monotonic() < ends or len(self.report.faults) < len(FAULTS):
                await asyncio.sleep(self._random.uniform(*self.pace))
                await self._fault(begin)
            self.report.longest = max(self.report.longest, time.monotonic() - self.report.last)
            os.close(self._told)
            await self.settle()
            self.report.deaf += sorted(self._unheard())
        os.close(self._orders)
        await self._check()
        return self.report

    async def settle(self) -> None:
        """Return once all is done that follows from what happened."""
        # whoever waits hears by the next look at the latest
        ends = time.monotonic() + postgres.POLL_INTERVAL + 2 * at_work.PATIENCE
        while self._unheard() and time.monotonic() < ends:  # noqa: ASYNC110 (it is other processes that hear)
            await asyncio.sleep(0.05)

    def _unheard(self) -> set[str]:
        """What was decided, and whoever asked has not heard of it although it lives."""
        waiting = (self.report.asked & self.report.decided.keys()) - self.report.heard.keys()
        return {id for id in waiting if id.partition("-")[0] in self._running}

    @contextlib.asynccontextmanager
    async def _readers(self) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
        reading = set[asyncio.Task[None]]()

        async def begin() -> None:
            self._number += 1
            name = f"copy{self._number}"
            command = [sys.executable, *self.program, self._url, name]
            self._running[name] = child = await processes.Forked.start(command, processes.ROOT, {}, reads=self._orders)
            reading.add(asyncio.create_task(self._read(child)))

        try:
            yield begin
        finally:
            for child in self._running.values():
                child.kill()
            await asyncio.gather(*reading)

    async def _read(self, child: processes.Forked) -> None:
        async for line in child.stdout:
            # what was not written whole was not acknowledged
            if line.endswith(b"\n"):
                self.report.read(line.decode())
        _, said = await child.communicate()
        sys.stderr.write(said.decode())

    async def _fault(self, begin: Callable[[], Awaitable[None]]) -> None:
        kind = self._random.choice(FAULTS)
        self.report.faults[kind] += 1
        name = self._random.choice(sorted(self._running))
        if kind == "cut":
            await _run(self._url, CUT)
        elif kind == "kill":
            child = self._running.pop(name)
            child.kill()
            await child.wait()
            await begin()
        else:
            self._running[name].send_signal(signal.SIGSTOP)
            await asyncio.sleep(self._random.uniform(1.0, 3.0))
            self._running[name].send_signal(signal.SIGCONT)

    async def _check(self) -> None:
        """Look at what was decided, and at what was heard."""
        store = await postgres.PostgresStore.open(self._url)
        for id, outcome in self.report.decided.items():
            decision = (await store.load(id)).decision
            if decision is None or decision.outcome != outcome:
                self.report.lost.append(id)
            elif await _times_decided(store, id) != 1:
                self.report.doubled.append(id)
        self.report.lost += [id for id, said in self.report.heard.items() if not await _is_so(store, id, said)]
        await store.close()


async def _times_decided(store: Store, id: str) -> int:
    return sum(isinstance(row.entry, events.Answered) for row in await store.log(id))


async def _is_so(store: Store, id: str, outcome: str) -> bool:
    decision = (await store.load(id)).decision
    return decision is not None and decision.outcome == outcome


async def _run(url: str, text: str) -> None:
    db = await asyncpg.connect(url)
    await db.execute(text)
    await db.close()


def main() -> None:
    """Print a report."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--copies", type=int, default=3)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    from tests.fakes.pg import serving

    with serving() as url:
        sys.stdout.write(f"{asyncio.run(Copies(url, given.copies, given.seed).run(given.seconds))}\n")


if __name__ == "__main__":
    main()
