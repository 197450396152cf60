"""A service under churn: requests asked, shown, answered, cancelled, expired and erased, streams that come and go.

python -m tests.bench.soak [--minutes 30] [--pause 5] prints ten times what there is of everything. Without a pause the
agents ask as fast as they can, which on a slow disk is faster than anybody could show or erase it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import random
import tempfile
import time
from pathlib import Path

import aiohttp
import apsw

import sayso
from sayso import model
from sayso.cards import card
from sayso.desk import Desk, channel, courier, timekeeper
from sayso.desk.setup import Retention
from sayso.desk.upkeep import purging
from tests.bench.listeners import ANN, head_of_pages, head_of_streams, serving

AGENTS, LISTENERS = 20, 20
# Seconds between two purges, each of what is as old: days in a service.
_KEPT = 30.0
_ROUTE = ("web", "chat:#ops")


class _Chat:
    """Takes every card at once, and keeps none."""

    name = "chat"
    shown = 0

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        self.shown += 1
        return model.PostedCard(drawn.ticket_id, place, self.name, place, str(self.shown))

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        self.shown += 1


async def purge_on(desk: Desk) -> None:
    """Erase, as a service does, what is older than it keeps."""
    while True:
        await asyncio.sleep(_KEPT)
        await purging.purge(desk.store, desk.clock, Retention(content=_KEPT, traces=_KEPT), "soak")


async def ask_on(desk: Desk, done: list[int], pause: float) -> None:
    """Ask, and let it be answered, withdrawn, or expire."""
    while True:
        await asyncio.sleep(random.uniform(0.5, 1.5) * pause)
        request = sayso.Permission(tool="Bash", input={"command": "x" * random.choice((10, 1_000, 20_000))})
        ticket = await desk.open(request.model_copy(update={"expires_in": 1.0, "route": _ROUTE}))
        waiting = asyncio.create_task(desk.wait(ticket.id))
        match random.randrange(3):
            case 0:
                # on a busy disk it may have expired
                with contextlib.suppress(sayso.AlreadyDecided):
                    await desk.answer(ticket.id, sayso.Answer(verdict=random.choice(("allow", "deny"))), ANN)
            case 1:
                await desk.cancel(ticket.id)
            case _:
                pass
        await waiting
        done[0] += 1


async def listen_on(port: int, head: str) -> None:
    """Open a stream, hear some of it, and go away."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0.5, 5)):
                while await reader.read(65_536):
                    pass
        writer.close()


async def read_on(port: int) -> None:
    """Read the figures, as a scraper does."""
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"http://127.0.0.1:{port}/metrics") as answer:
                await answer.read()
            await asyncio.sleep(1)


def line(folder: Path, begun: float, done: int) -> str:
    """What there is at this moment."""
    gc.collect()
    with contextlib.closing(apsw.Connection(str(folder / "listeners.db"), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        [[whole]] = db.execute("select count(*) from tickets where document not like '%erased_at%'")
        [[waiting]] = db.execute("select count(*) from outbox where due_at is not null")
        [[cards]] = db.execute("select count(*) from refs")
    memory = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    sizes = [path.stat().st_size / 2**20 for path in sorted(folder.glob("listeners.db*"))]
    files, tasks = len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
    stored = " | ".join(f"{size:.1f}" for size in sizes)
    held = f"{whole:,} | {waiting:,} | {cards:,}"
    passed = (time.monotonic() - begun) / 60
    return f"| {passed:.1f} | {done:,} | {memory:.0f} | {tasks} | {files} | {stored} | {held} |"


async def soak(minutes: float, pause: float) -> None:
    """Print lines."""
    with tempfile.TemporaryDirectory() as name:
        async with serving(Path(name)) as (desk, port):
            done, begun = [0], time.monotonic()
            heads = [await head_of_streams(desk), *[await head_of_pages(desk) for _ in range(LISTENERS // 2)]]
            desk.platforms["chat"] = channel.Platform(chat := _Chat())
            work = [
                asyncio.create_task(courier.Courier(desk, [chat]).run()),
                asyncio.create_task(purge_on(desk)),
                asyncio.create_task(timekeeper.expire_due(desk, desk.store, desk.clock)),
                asyncio.create_task(read_on(port)),
                *(asyncio.create_task(ask_on(desk, done, pause)) for _ in range(AGENTS)),
                *(asyncio.create_task(listen_on(port, heads[n % len(heads)])) for n in range(LISTENERS)),
            ]
            print("| minutes | requests | MiB | tasks | files | database, MiB | shm | WAL | not erased | due | cards |")
            print("|---|---|---|---|---|---|---|---|---|---|---|")
            for _ in range(10):
                await asyncio.wait(work, timeout=minutes * 6, return_when=asyncio.FIRST_EXCEPTION)
                print(line(Path(name), begun, done[0]), flush=True)
            for task in work:
                task.cancel()
            for ended in await asyncio.gather(*work, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended


def main() -> None:
    """Print how much there is of everything, while time passes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--pause", type=float, default=0, help="seconds between two requests of an agent")
    given = arguments.parse_args()
    asyncio.run(soak(given.minutes, given.pause))


if __name__ == "__main__":
    main()
