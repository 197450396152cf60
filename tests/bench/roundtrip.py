"""Ask, store, answer, wake: round trips per second, and the CPU of one, against bare durable commits in the same run.

A floor is the least code that does the same durable work: a row is written, and changed once. One at a time each is a
commit; of a hundred at once all share two. Floors and ours take turns, and the medians count.

    python -m tests.bench.roundtrip [--rounds 3] [--seconds 1.5] [--store sqlite|postgres|both]
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped]

import sayso
from sayso import stores
from sayso.cards import tokens
from sayso.desk import Desk, Setup
from sayso.machine import people
from tests.fakes.pg import serving

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

ANN = people.Actor(account="bench:ann", name="ann", member=True)
MINT = tokens.TokenMaker(b"only for a benchmark, never for people")
AT_ONCE = 100

_AIMS = {("sqlite", 1): 0.7, ("sqlite", AT_ONCE): 0.5, ("postgres", 1): 0.7, ("postgres", AT_ONCE): 0.4}
_INSERT = "insert into t values ($1, 'pending', $2)"
_UPDATE = "update t set state = 'decided' where id = $1 and state = 'pending'"
_TABLE = "create table t (id {} primary key, state text, body text)"


def sqlite_floor(folder: Path, seconds: float, at_once: int) -> float:
    """Round trips per second of SQLite alone."""
    db = apsw.Connection(str(folder / f"floor{at_once}.db"))
    for pragma in ("journal_mode=wal", "synchronous=full"):
        db.execute(f"pragma {pragma}").fetchall()
    db.execute(_TABLE.format("integer"))
    ends, done = time.perf_counter() + seconds, 0
    while time.perf_counter() < ends:
        numbers = range(done, done + at_once)
        with db:
            db.executemany(_INSERT, [(number, "x" * 400) for number in numbers])
        with db:
            db.executemany(_UPDATE, [(number,) for number in numbers])
        done += at_once
    db.close()
    return done / seconds


async def postgres_floor(url: str, seconds: float, at_once: int) -> float:
    """Round trips per second of PostgreSQL alone, each change told by a notice."""
    db: Any = await asyncpg.connect(url)
    await db.execute("drop table if exists t")
    await db.execute(_TABLE.format("bigint"))
    ends, done = time.perf_counter() + seconds, 0
    while time.perf_counter() < ends:
        numbers = range(done, done + at_once)
        for text, rows in ((_INSERT, [(one, "x" * 400) for one in numbers]), (_UPDATE, [(one,) for one in numbers])):
            async with db.transaction():
                await db.executemany(text, rows)
                await db.executemany("select pg_notify('floor', $1)", [(str(one),) for one in numbers])
        done += at_once
    await db.close()
    return done / seconds


async def product(url: str, seconds: float, at_once: int) -> tuple[float, float]:
    """Round trips per second through the desk, where the waiter has its decision; and microseconds of CPU of each."""
    store = await stores.connect(url)
    desk = Desk(store, MINT, Setup(route=("web",)))
    cpu, ends, done = time.process_time(), time.perf_counter() + seconds, 0

    async def agent() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": f"make {secrets.token_hex(4)}"}))
            waiting = asyncio.create_task(desk.wait(ticket.id))
            await desk.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)
            assert (await waiting).allowed
            done += 1

    await asyncio.gather(*(agent() for _ in range(at_once)))
    cpu = time.process_time() - cpu
    await store.close()
    return done / seconds, cpu / done * 1e6


def rounds(store: str, count: int, seconds: float) -> Iterator[tuple[str, float, float, float]]:
    """For one at a time and for many at once: its name, the floor, ours, and the CPU of one in microseconds."""
    seen: dict[int, list[tuple[float, float, float]]] = {1: [], AT_ONCE: []}
    with serving() if store == "postgres" else tempfile.TemporaryDirectory() as place:
        for number in range(count):
            for at_once, found in seen.items():
                if store == "postgres":
                    floor = asyncio.run(postgres_floor(place, seconds, at_once))
                    url = place
                else:
                    floor = sqlite_floor(Path(tempfile.mkdtemp(dir=place)), seconds, at_once)
                    url = f"sqlite:///{place}/{number}-{at_once}.db"
                found.append((floor, *asyncio.run(product(url, seconds, at_once))))
    medians = {
        at_once: [statistics.median(part) for part in zip(*found, strict=True)] for at_once, found in seen.items()
    }
    for at_once, (floor, ours, cpu) in medians.items():
        aim = f"aim {_AIMS[store, at_once]}"
        yield f"{store}, {'one at a time' if at_once == 1 else f'{at_once} at once'}, {aim}", floor, ours, cpu
    # the share that was given here first: many at once against a commit for each
    yield f"{store}, the same, one commit each", medians[1][0], medians[AT_ONCE][1], medians[AT_ONCE][2]


def main() -> None:
    """Print medians over interleaved rounds, and their ratio to the floor."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=1.5)
    arguments.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    given = arguments.parse_args()
    for store in ("sqlite", "postgres") if given.store == "both" else (given.store,):
        for name, floor, ours, cpu in rounds(store, given.rounds, given.seconds):
            print(f"{name:36} {ours:7.0f} /s of {floor:7.0f} = {ours / floor:5.2f} of the floor   {cpu:6.0f} us of CPU")


if __name__ == "__main__":
    main()
