"""Several processes reach for one allow at the same moment: one gets it, on every database."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from sayso import model, stores
from sayso.desk import Desk
from sayso.machine import events
from sayso.testing.samples import MINT, actor, permission
from tests.fakes import processes
from tests.fakes.pg import pg_schema, pg_server, pg_url

pytestmark = pytest.mark.once

__all__ = ["pg_schema", "pg_server", "pg_url"]

PROCESSES = 3
IDS = [f"r{n}" for n in range(12)]


async def race(url: str) -> None:
    store = await stores.connect(url)
    front = Desk(store, MINT)
    for id in IDS:
        await front.open(permission(id=id))
        await front.answer(id, model.Answer(verdict="allow"), actor())
    racer = [sys.executable, str(Path(__file__).with_name("racer.py")), url, *IDS]
    reads, gun = os.pipe()
    running = [await processes.Forked.start(racer, processes.ROOT, {}, reads=reads) for _ in range(PROCESSES)]
    os.close(reads)
    async with asyncio.timeout(processes.PATIENCE):
        for one in running:
            assert await one.stdout.readline() == b"ready\n"
        # all of them read the same pipe: its end is the start of all
        os.close(gun)
        said = await asyncio.gather(*(one.communicate() for one in running))
    used = [out.decode().split() for out, _ in said]
    assert Counter(id for some in used for id in some) == Counter(IDS)
    for id in IDS:
        assert sum(isinstance(row.entry, events.Used) for row in await store.log(id)) == 1
        assert (await store.load(id)).used_at is not None
    await store.close()


async def test_an_allow_that_several_processes_reach_for_is_used_once_in_sqlite(tmp_path: Path) -> None:
    await race(f"sqlite:///{tmp_path}/sayso.db")


async def test_an_allow_that_several_processes_reach_for_is_used_once_in_postgresql(pg_schema: str) -> None:
    await race(pg_schema)
