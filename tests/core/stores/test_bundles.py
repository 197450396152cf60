"""A newer request and the end of the older one are one transaction: nothing in between is ever stored."""

import asyncio
import sys
from pathlib import Path

import apsw
import asyncpg  # type: ignore[import-untyped]
import pytest

from sayso import errors, machine
from sayso.stores import Query, Store, postgres, sqlite
from sayso.testing import bundles, tickets
from tests.fakes import pg, processes
from tests.fakes.pg import pg_schema, pg_server, pg_url

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

__all__ = ["pg_schema", "pg_server", "pg_url"]

REPLACES = """
import asyncio, sys
import sayso
from sayso import desk
from sayso.stores import sqlite
from sayso.cards import tokens
async def main() -> None:
    kept = await sqlite.SqliteStore.open(sys.argv[1])
    front = desk.Desk(kept, tokens.TokenMaker(b"only for a test, never for people"))
    await front.open(sayso.Permission(tool="deploy", id="r0"))
    for n in range(1, 100_000):
        await front.open(sayso.Permission(tool="deploy", id=f"r{n}", supersedes=f"r{n - 1}"))
        print(f"r{n}", flush=True)
asyncio.run(main())
"""


async def nothing_new(store: Store) -> None:
    assert [ticket.id for ticket in await store.list(Query())] == ["old"]
    assert (await store.load("old")).state == "pending"
    assert [row.version for row in await tickets.all_log(store)] == [1]
    assert [job.key for job in await store.take(["chat"], bundles.LATER, 10)] == ["old announce chat:#ops"]


async def test_what_fails_at_the_second_step_leaves_nothing_of_the_first_in_sqlite(tmp_path: Path) -> None:
    store = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db"))
    await tickets.ask(store, "old")
    db = apsw.Connection(str(tmp_path / "sayso.db"))
    db.execute(
        "create trigger poison before insert on log when new.entry like '%superseded%' "
        "begin select raise(abort, 'poison'); end"
    )
    db.close()
    with pytest.raises(errors.StoreUnavailable):
        await store.commit_together(await bundles.replaced(store, "old", "new"))
    await nothing_new(store)
    await store.close()


async def test_what_fails_at_the_second_step_leaves_nothing_of_the_first_in_postgresql(pg_schema: str) -> None:
    store = await postgres.PostgresStore.open(pg_schema)
    await tickets.ask(store, "old")
    connection = await asyncpg.connect(pg_schema)
    await connection.execute("alter table log add check (entry not like '%superseded%')")
    await connection.close()
    with pytest.raises(errors.StoreUnavailable):
        await store.commit_together(await bundles.replaced(store, "old", "new"))
    await nothing_new(store)
    await store.close()


@pytest.mark.parametrize("forward", [True, False])
async def test_steps_whose_commit_got_no_answer_are_looked_up_and_stored_once(
    pg_url: str, tmp_path: Path, forward: bool
) -> None:
    async with pg.proxied(pg_url, tmp_path) as (proxy, url):
        store = await postgres.PostgresStore.open(url)
        await tickets.ask(store, "old")
        commits = await bundles.replaced(store, "old", "new")
        proxy.forward, proxy.cuts = forward, 1
        await store.commit_together(commits)
        assert proxy.cuts == 0
        rows = await store.log_after(1)
        assert [(row.ticket_id, row.version) for row in rows] == [("new", 1), ("old", 2)]
        rival = machine.Step(commits[0][0].ticket.model_copy(update={"ref": "rival"}))
        with pytest.raises(errors.Conflict):
            await store.commit_together([(rival, tickets.opened()), commits[1]])
        await store.close()


async def test_a_process_that_is_killed_leaves_no_request_beside_the_one_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "sayso.db"
    child = await processes.Forked.start([sys.executable, "-c", REPLACES, path], tmp_path, {})
    async with asyncio.timeout(processes.PATIENCE):
        for _ in range(40):
            await child.stdout.readline()
        child.kill()
        rest, _ = await child.communicate()
    store = await sqlite.SqliteStore.open(str(path))
    found = await store.list(Query(limit=100_000))
    assert [ticket.id for ticket in found if ticket.state == "pending"] == [found[0].id]
    said = [line for line in rest.decode().splitlines(keepends=True) if line.endswith("\n")]
    assert len(found) > 40 + len(said)
    await store.close()
