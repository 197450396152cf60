"""Ask, store, answer, resume per second, against a bare loop of two durable SQLite commits in the same run.

python -m tests.bench.roundtrip [--rounds 3] [--seconds 1.5]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import apsw

import sayso
from sayso.cards import tokens
from sayso.desk import Desk, Setup
from sayso.machine import people
from sayso.stores import sqlite

ANN = people.Actor(account="bench:ann", name="ann", member=True)
MINT = tokens.TokenMaker(b"only for a benchmark, never for people")


def floor(folder: Path, seconds: float) -> float:
    """Round trips per second of the least code that does the same durable work: insert pending, update decided."""
    db = apsw.Connection(str(folder / "floor.db"))
    for pragma in ("journal_mode=wal", "synchronous=full"):
        db.execute(f"pragma {pragma}").fetchall()
    db.execute("create table if not exists t (id integer primary key, state text, body text)")
    ends, done = time.perf_counter() + seconds, 0
    while time.perf_counter() < ends:
        db.execute("insert into t values (?, 'pending', ?)", (done, "x" * 400))
        db.execute("update t set state = 'decided' where id = ? and state = 'pending'", (done,))
        done += 1
    db.close()
    return done / seconds


async def product(folder: Path, seconds: float, at_once: int) -> float:
    """Round trips per second through the desk: open, answer, and the waiter has its decision."""
    store = await sqlite.SqliteStore.open(str(folder / f"desk{at_once}.db"))
    front = Desk(store, MINT, Setup(route=("web",)))
    ends, done = time.perf_counter() + seconds, 0

    async def agent() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            ticket = await front.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}))
            waiting = asyncio.create_task(front.wait(ticket.id))
            await front.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)
            assert (await waiting).allowed
            done += 1

    await asyncio.gather(*(agent() for _ in range(at_once)))
    await store.close()
    return done / seconds


def main() -> None:
    """Print medians over interleaved rounds, and their ratio to the floor."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=1.5)
    given = arguments.parse_args()
    seen: dict[str, list[float]] = {"floor": [], "alone": [], "100 at once": []}
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            seen["floor"].append(floor(folder, given.seconds))
            seen["alone"].append(asyncio.run(product(folder, given.seconds, 1)))
            seen["100 at once"].append(asyncio.run(product(folder, given.seconds, 100)))
    bare = statistics.median(seen["floor"])
    for name, rates in seen.items():
        rate = statistics.median(rates)
        print(f"{name:12} {rate:8.0f} round trips/s   {rate / bare:5.2f} of the floor")


if __name__ == "__main__":
    main()
