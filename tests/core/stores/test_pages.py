"""What a store reads at once is bounded in bytes as well as in rows: an answer and a request may be a megabyte each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import Store, postgres, sqlite
from sayso.testing import samples, tickets
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

SIZE = 1_000_000
MOST = 4 * 2**20 + SIZE + 10_000


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> AsyncIterator[Store]:
    is_file = request.param == "sqlite"
    made = await (
        sqlite.SqliteStore.open(str(tmp_path / "a.db")) if is_file else postgres.PostgresStore.open(pg_tables)
    )
    yield made
    await made.close()


async def pages(read: Callable[[Any], Awaitable[Sequence[Any]]], begin: Any, name: str) -> list[list[Any]]:
    found = list[list[Any]]()
    while page := await read(getattr(found[-1][-1], name) if found else begin):
        found.append([*page])
    return found


async def test_large_rows_of_the_log_are_read_a_few_at_a_time(store: Store) -> None:
    refused = errors.NotAllowed("x" * SIZE)
    await tickets.ask(store, "r1")
    for _ in range(9):
        entry = events.AnswerRefused(at=samples.NOW, by=samples.person(), code="x", message=refused.message)
        await store.append("r1", 0, entry)
    for read in (store.chained, store.log_after):
        found = await pages(read, 0, "number")
        assert [row.number for page in found for row in page] == [*range(1, 11)]
        assert [len(page) for page in found] == [6, 4]
    assert max(sum(len(row.entry) for row in page) for page in await pages(store.chained, 0, "number")) < MOST


async def test_large_requests_are_handed_to_auditors_a_few_at_a_time(store: Store) -> None:
    for number in range(7):
        request = samples.permission(input={"command": "x" * SIZE})
        terms = machine.Terms("agent", model.Policy(), ("web",))
        step = machine.open_ticket(request, terms, id=f"r{number}", ref=f"ref-{number}", at=samples.NOW)
        await store.commit(step, tickets.opened())
    found = await pages(store.documents, "", "id")
    assert [one.id for page in found for one in page] == [f"r{number}" for number in range(7)]
    assert [len(page) for page in found] == [5, 2]
