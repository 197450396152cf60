"""A database that goes, is damaged, or holds what a newer version wrote: said in words, and nothing else stops."""

# What has to be damaged here is nobody's interface.
# pyright: reportPrivateUsage=false

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs]
import pytest

from sayso import errors, machine, model
from sayso.desk import Desk, Setup, courier, timekeeper
from sayso.desk.posting import lanes
from sayso.desk.upkeep import stops
from sayso.machine import events
from sayso.stores import Query, Record, pgserver, postgres, sqlite, sqlite_file, sqlite_worker
from sayso.testing import board, tickets
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import BOUND
from tests.core.stores.tampering import tamper
from tests.fakes.pg import pg_schema, pg_server, pg_tables
from tests.tables import each

__all__ = ["pg_schema", "pg_server", "pg_tables"]

Kept = sqlite.SqliteStore | postgres.PostgresStore
Changed = Callable[[dict[str, Any]], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sayso.db"


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, path: Path, pg_tables: str) -> AsyncIterator[Kept]:
    found: Kept
    if request.param == "sqlite":
        found = await sqlite.SqliteStore.open(str(path), poll_interval=0.01)
    else:
        found = await postgres.PostgresStore.open(pg_tables)
    yield found
    await found.close()


@pytest.fixture
async def file(path: Path) -> AsyncIterator[sqlite.SqliteStore]:
    found = await sqlite.SqliteStore.open(str(path), poll_interval=0.01)
    yield found
    await found.close()


async def rewrite(store: Kept, id: str, change: Changed) -> None:
    """Store another document for a ticket, as another version of sayso would."""
    [[text, _]] = await store._read("load", id)
    document = json.loads(text)
    change(document)
    await tamper(store, "update tickets set document = $1 where id = $2 returning id", json.dumps(document), id)


def newer(document: dict[str, Any]) -> None:
    document["weight"] = {"a": [1, None]}
    document["request"]["mood"] = "calm"
    document["policy"]["phases"] = [2]


def unknown_outcome(document: dict[str, Any]) -> None:
    document["request"]["kind"] = "riddle"


async def test_what_a_newer_version_wrote_is_read_and_not_undone(store: Kept) -> None:
    await tickets.ask(store, "r1")
    await rewrite(store, "r1", newer)
    assert (await store.load("r1")).request.title == "Deploy?"
    assert [one.id for one in await store.list(Query())] == ["r1"]
    closed = await tickets.answer(store, "r1", events.Cancelled(at=tickets.NOW, by="agent"))
    assert closed.state == "decided"
    [[text, _]] = await store._read("load", "r1")
    document = json.loads(text)
    assert document["weight"] == {"a": [1, None]}
    assert (document["request"]["mood"], document["policy"]["phases"]) == ("calm", [2])
    assert (document["version"], document["decision"]["outcome"]) == (2, "cancelled")


async def test_a_row_of_an_earlier_version_is_read(store: Kept) -> None:
    await tickets.ask(store, "r1")

    def earlier(document: dict[str, Any]) -> None:
        for added in ("key", "used_at", "used_for", "held"):
            document.pop(added, None)

    await rewrite(store, "r1", earlier)
    assert (await store.load("r1")).key is None


async def test_entries_and_effects_of_a_newer_version_are_read_as_far_as_they_are_known(store: Kept) -> None:
    await tickets.ask(store, "r1")
    more = '{"type":"opened","at":"2026-03-01T12:00:00Z","by":"agent","digest":"d","mood":1}'
    await tamper(store, "update log set entry = $1 where ticket_id = 'r1' returning number", more)
    effect = '{"type":"announce","place":"chat:#ops","urgent":true}'
    await tamper(store, "update outbox set effect = $1 where ticket_id = 'r1' returning key", effect)
    assert [row.entry for row in await store.log("r1")] == [tickets.opened()]
    assert [job.effect for job in await store.take(["chat"], tickets.NOW, 10)] == [events.Announce(place="chat:#ops")]


async def test_one_row_that_cannot_be_read_stops_no_expiry(store: Kept) -> None:
    now = ManualClock(tickets.NOW)
    front = Desk(store, MINT, Setup(route=("chat:#ops",)), now)
    await tickets.ask(store, "bad", "good")
    await rewrite(store, "bad", unknown_outcome)
    watching = asyncio.create_task(timekeeper.expire_due(front, store, now))
    now.advance(61)
    async with asyncio.timeout(BOUND):
        async for _ in store.changes():
            if (await store.load("good")).decision is not None:
                break
    assert not watching.done()
    with pytest.raises(errors.Unreadable, match="request bad is damaged in the database, or a newer version"):
        await store.load("bad")
    due = await store.next_due()
    assert due is not None
    assert due > now.now()
    watching.cancel()


def of_another_request(document: dict[str, Any]) -> None:
    document["id"] = document["ref"] = "other"


def of_another_version(document: dict[str, Any]) -> None:
    document["version"] = 7


def due_later(document: dict[str, Any]) -> None:
    document["expires_at"] = "2099-01-01T00:00:00Z"


@pytest.mark.parametrize("change", [of_another_request, of_another_version, due_later])
async def test_one_row_that_says_something_else_than_its_document_stops_no_expiry(
    store: Kept, change: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looks = ManualClock(tickets.NOW), list[None]()
    front = Desk(store, MINT, Setup(route=("chat:#ops",)), now)
    await tickets.ask(store, "bad", "good")
    await rewrite(store, "bad", change)
    look = store.next_due

    async def next_due() -> datetime | None:
        looks.append(None)
        return await look()

    monkeypatch.setattr(store, "next_due", next_due)
    now.advance(61)
    watching = asyncio.create_task(timekeeper.expire_due(front, store, now))
    async with asyncio.timeout(BOUND):
        while not (await store.load("good")).decision or (due := await look()) is None or due <= now.now():
            await store.check()
    # it is put off, and not looked at again and again
    assert (watching.done(), len(looks) < 10) == (False, True)
    watching.cancel()


async def test_a_document_of_another_request_is_taken_for_no_other(store: Kept) -> None:
    await tickets.ask(store, "bad")
    ref = (await store.load("bad")).ref
    await rewrite(store, "bad", of_another_request)
    for reading in (store.load("bad"), store.load_by_ref(ref)):
        with pytest.raises(errors.Unreadable):
            await reading


async def test_who_waits_for_a_row_of_another_version_is_told_and_does_not_spin(store: Kept) -> None:
    await tickets.ask(store, "bad")
    await rewrite(store, "bad", of_another_version)
    for reading in (store.load("bad"), store.awaited("bad")):
        with pytest.raises(errors.Unreadable):
            await reading


async def test_pages_and_streams_go_on_behind_rows_that_cannot_be_read(store: Kept) -> None:
    await tickets.ask(store, *(f"r{n}" for n in range(6)))
    for n in (2, 3, 4):
        await rewrite(store, f"r{n}", unknown_outcome)
    assert [one.id for one in await store.list(Query(limit=3))] == ["r5", "r1", "r0"]
    broken = """update log set entry = '{"type":"riddle"}' where ticket_id <> 'r5' returning number"""
    await tamper(store, broken)
    assert [row.ticket_id for row in await store.log_after(0, 2)] == ["r5"]


async def test_a_document_that_cannot_be_read_is_named_in_the_log_and_not_told_there(
    store: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    await tickets.ask(store, "bad")
    for broken in ('"hunter2"', '[{"password": "hunter2"}]', '{"hunter2": 1', "hunter2"):
        await tamper(store, "update tickets set document = $1 where id = 'bad' returning id", broken)
        caplog.clear()
        assert await store.list(Query()) == []
        with pytest.raises(errors.Unreadable) as told:
            await store.load("bad")
        assert "hunter2" not in str([vars(record) for record in caplog.records]) + str(vars(told.value))
        assert [vars(record)["row"] for record in caplog.records] == ["bad", "request bad"]


async def test_a_record_that_cannot_be_read_is_named(store: Kept) -> None:
    await store.put(Record("draft", "x", {"n": 1}))
    await tamper(store, "update records set value = '{' where kind = 'draft' returning kind")
    with pytest.raises(errors.Unreadable, match="draft x"):
        await store.get("draft", "x")
    assert await store.scan("draft") == []


@pytest.mark.parametrize("broken", ["{", "", '"all"', "[]", "{}"])
async def test_a_stop_that_is_damaged_holds_all_the_same_until_it_is_lifted(store: Kept, broken: str) -> None:
    desk = Desk(store, MINT)
    await desk.open(permission(id="r1"))
    await stops.put(store, model.Stop(by="ann", name="Ann", via="chat:T/ann", at=desk.clock.now()))
    await tamper(store, "update records set value = $1 where kind = 'stop' returning kind", broken)
    for _ in range(2):
        with pytest.raises(errors.StoreUnavailable, match="a stop cannot be read, so nothing is allowed"):
            await desk.answer("r1", model.Answer(verdict="allow"), actor())
    assert await stops.remove(store, None)
    assert (await desk.answer("r1", model.Answer(verdict="allow"), actor())).state == "decided"


def test_a_full_disk_is_said_in_words_also_where_sqlite_calls_it_no_error() -> None:
    told = sqlite_worker.unavailable(apsw.FullError("not an error"))
    assert (told.message, told.hint) == (
        "the database cannot be used now: database or disk is full",
        "free some space on the disk",
    )


@pytest.mark.parametrize("gone", ["sayso.db", "sayso.db-wal", "sayso.db-shm"])
@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_is_deleted_or_replaced_takes_nothing_more(
    file: sqlite.SqliteStore, path: Path, gone: str, replaced: bool
) -> None:
    await tickets.ask(file, "r1")
    await file.check()
    lost = path.parent / gone
    other = lost.with_name("other")
    other.write_bytes(lost.read_bytes())
    lost.unlink()
    if replaced:
        other.rename(lost)
    for work in (tickets.ask(file, "r2"), file.load("r1"), file.list(Query()), file.check()):
        with pytest.raises(errors.StoreUnavailable, match="deleted or replaced") as refused:
            await work
        assert refused.value.why == "the database file was moved, deleted or replaced while it was in use"


async def test_a_file_that_is_moved_away_and_back_is_used_again_with_all_that_it_held(
    file: sqlite.SqliteStore, path: Path
) -> None:
    await tickets.ask(file, "r1")
    away = path.with_name("away")
    os.rename(path, away)
    for work in (tickets.ask(file, "r2"), file.load("r1"), file.list(Query()), file.check()):
        with pytest.raises(errors.StoreUnavailable, match="moved, deleted or replaced") as refused:
            await work
        assert str(refused.value.hint).startswith("move sayso.db back, and it goes on; or stop")
    os.rename(away, path)
    await file.check()
    await tickets.ask(file, "r3")
    assert [await file.load("r1"), await file.load("r3")] == (await file.list(Query()))[::-1]


def damaged(path: Path) -> None:
    """Overwrite all pages but the first, which the file is known by."""
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


async def test_a_damaged_page_is_said_in_words_and_found_by_the_quick_check(path: Path) -> None:
    first = await sqlite.SqliteStore.open(str(path))
    for n in range(50):
        await tickets.ask(first, f"r{n}", title="x" * 400)
    await first.close()
    sqlite_file.quick_check(str(path))
    store = await sqlite.SqliteStore.open(str(path))
    await store.check()
    damaged(path)
    with pytest.raises(errors.StoreUnavailable) as refused:
        await store.list(Query())
    assert (refused.value.why, "restore" in str(refused.value.hint)) == ("the database is damaged", True)
    with pytest.raises(errors.StoreUnavailable, match="damaged"):
        await store.check()
    with pytest.raises(errors.StoreUnavailable, match="damaged"):
        sqlite_file.quick_check(str(path))
    await store.close()


def test_a_text_that_is_no_text_comes_from_a_damaged_page() -> None:
    broken = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    assert sqlite_worker.unavailable(broken).why == "the database is damaged"


@pytest.mark.parametrize(("error", "unsure"), [(apsw.IOError("x"), True), (apsw.BusyError("x"), False)])
async def test_a_commit_that_fails_on_the_disk_may_be_stored(
    file: sqlite.SqliteStore, monkeypatch: pytest.MonkeyPatch, error: Exception, unsure: bool
) -> None:
    perform = sqlite_worker.perform

    def fails(db: apsw.Cursor, text: str, values: Any = ()) -> None:
        perform(db, text, values)
        if text == "commit":
            raise error

    monkeypatch.setattr(sqlite_worker, "perform", fails)
    with pytest.raises(errors.StoreUnavailable) as refused:
        await tickets.ask(file, "r1")
    assert refused.value.unsure is unsure
    monkeypatch.undo()


async def test_a_row_that_somebody_else_holds_stops_no_other_request(pg_tables: str) -> None:
    store = await postgres.PostgresStore.open(pg_tables)
    await tickets.ask(store, "held")
    psql = await asyncpg.connect(pg_tables)
    await psql.execute("begin")
    await psql.execute("select 1 from tickets where id = 'held' for update")
    held = asyncio.create_task(tickets.answer(store, "held", tickets.answered()))
    waits = "select count(*) from pg_locks where not granted"
    while not await psql.fetchval(waits):
        assert not held.done()
    # one after the other, while it waits
    for number in range(5):
        await tickets.ask(store, f"r{number}")
        assert not held.done()
    with pytest.raises(errors.StoreUnavailable) as refused:
        await held
    # it is known that nothing was stored
    assert not refused.value.unsure
    await psql.close()
    assert (await tickets.answer(store, "held", tickets.answered())).state == "decided"
    await store.close()


@pytest.fixture
def songs(path: Path) -> bytes:
    """Another program's database at *path*."""
    with apsw.Connection(str(path)) as db:
        sqlite_worker.rows(db, "create table songs (title text)")
    return path.read_bytes()


async def test_somebody_elses_database_is_refused_and_left_as_it_is(path: Path, songs: bytes) -> None:
    with pytest.raises(errors.InvalidSettings, match="another program") as refused:
        await sqlite.SqliteStore.open(str(path))
    assert refused.value.field == "SAYSO_DATABASE_URL"
    assert await asyncio.to_thread(path.read_bytes) == songs


@pytest.mark.parametrize("mark", ["pragma application_id = 7", "pragma user_version = 1; create table songs (t text)"])
async def test_a_file_that_bears_another_mark_is_refused(path: Path, mark: str) -> None:
    with apsw.Connection(str(path)) as db:
        sqlite_worker.rows(db, mark)
    with pytest.raises(errors.InvalidSettings, match="another program"):
        await sqlite.SqliteStore.open(str(path))


@pytest.mark.parametrize("statements", range(5))
def test_two_programs_that_make_one_file_at_the_same_moment_both_know_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, statements: int
) -> None:
    run, left = sqlite_worker.rows, iter(range(statements, -1, -1))

    def rows(db: apsw.Connection, text: str, values: Sequence[str | int | None] = ()) -> Any:
        if next(left, None) == 0:
            # the other one makes the whole file before this statement of ours
            monkeypatch.setattr(sqlite_worker, "rows", run)
            sqlite_file.open_file(str(path), 1.0).close()
        return run(db, text, values)

    monkeypatch.setattr(sqlite_worker, "rows", rows)
    sqlite_file.open_file(str(path), 1.0).close()
    assert next(left, None) is None, "the other one came"


async def test_a_file_of_the_first_version_is_known_by_its_tables(path: Path) -> None:
    first = await sqlite.SqliteStore.open(str(path))
    await tickets.ask(first, "r1")
    await tamper(first, "pragma application_id = 0")
    await first.close()
    again = await sqlite.SqliteStore.open(str(path))
    assert (await again.load("r1")).id == "r1"
    await again.close()


async def test_tables_of_another_program_are_refused_on_postgresql(pg_schema: str) -> None:
    db = await asyncpg.connect(pg_schema)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    await db.execute("create table tickets (name text)")  # pyright: ignore[reportUnknownMemberType]
    await db.close()  # pyright: ignore[reportUnknownMemberType]
    with pytest.raises(errors.InvalidSettings, match="another program"):
        await postgres.PostgresStore.open(pg_schema)


def test_a_file_and_what_stands_beside_it_are_left_to_their_owner(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").touch(0o666)
        Path(f"{path}{end}").chmod(0o644)
    assert sqlite_file.close_to_others(path)
    assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
    assert not sqlite_file.close_to_others(path)


async def test_a_file_with_two_names_is_refused_since_each_has_a_log_of_its_own(path: Path) -> None:
    store = await sqlite.SqliteStore.open(str(path))
    await tickets.ask(store, "r1")
    await store.close()
    other = path.with_name("other.db")
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(errors.InvalidSettings, match="has a second name"):
            await sqlite.SqliteStore.open(str(name))
    other.unlink()
    store = await sqlite.SqliteStore.open(str(path))
    assert [one.id for one in await store.list(Query())] == ["r1"]
    await store.close()


async def test_a_file_that_is_damaged_from_the_start_is_said_to_be(path: Path) -> None:
    first = await sqlite.SqliteStore.open(str(path))
    await tickets.ask(first, "r1")
    await first.close()
    damaged(path)
    with pytest.raises(errors.StoreUnavailable) as refused:
        await sqlite.SqliteStore.open(str(path))
    assert refused.value.why == "the database is damaged"


async def test_a_damaged_row_that_is_looked_up_by_its_key_is_said_to_be(path: Path) -> None:
    first = await sqlite.SqliteStore.open(str(path))
    for n in range(50):
        await tickets.ask(first, f"r{n}", title="x" * 400)
    await first.close()
    store = await sqlite.SqliteStore.open(str(path))
    damaged(path)
    with pytest.raises(errors.StoreUnavailable) as refused:
        await store.load("r25")
    assert refused.value.why == "the database is damaged"
    await store.close()


def test_a_file_of_somebody_else_cannot_be_closed_to_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch()
    path.chmod(0o644)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(errors.InvalidSettings) as refused:
        sqlite_file.close_to_others(path)
    assert refused.value.hint == f"chmod 600 {path}"


def test_what_the_server_refuses_is_not_stored_and_a_lost_connection_says_nothing() -> None:
    for row in each(
        [
            (asyncpg.DataCorruptedError("x"), True, False, "the database is damaged"),
            (asyncpg.LockNotAvailableError("x"), True, False, "the database cannot be used now"),
            (asyncpg.ConnectionDoesNotExistError("x"), True, True, "the database cannot be used now"),
            (TimeoutError(), True, True, "the database cannot be used now"),
            (OSError("x"), False, False, "the database cannot be used now"),
        ]
    ):
        with row as (error, sent, unsure, why):
            found = pgserver.unavailable(error, sent=sent)
            assert (found.unsure, found.why) == (unsure, why)


async def test_a_check_of_a_server_that_is_away_fails(pg_tables: str) -> None:
    store = await postgres.PostgresStore.open(pg_tables, timeout=1.0)
    await store.check()
    await store.close()
    with pytest.raises(errors.StoreUnavailable):
        await store.check()


async def test_one_row_that_cannot_be_read_stops_no_delivery(store: Kept) -> None:
    told: list[str] = []

    class Tells:
        async def resume(self, ticket: model.Ticket) -> bool:
            told.append(ticket.id)
            return True

        def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
            return 1.0

    front = Desk(store, MINT, Setup(callbacks=True), ManualClock(tickets.NOW))
    for id in ("bad", "good"):
        await front.open(permission(id=id, callback_url="https://agent.example.com/x"))
        await front.answer(id, model.Answer(verdict="allow"), actor("ann"))
    await rewrite(store, "bad", unknown_outcome)
    assert await courier.Courier(front, [], Tells()).deliver() == 2
    assert told == ["good"]


@pytest.mark.parametrize("column", ["fence", "attempts"])
@pytest.mark.parametrize("known", [True, False])
async def test_a_number_that_cannot_grow_stops_no_delivery(store: Kept, column: str, known: bool) -> None:
    now, posted = ManualClock(tickets.NOW), board.Board()
    front = Desk(store, MINT, Setup(route=("chat:#ops",)), now)
    for id in ("bad", "good"):
        await front.open(permission(id=id, source=model.Source(session=id)))
    await tamper(store, f"update outbox set {column} = {2**63 - 1} where ticket_id = 'bad'")
    runner = courier.Courier(front, [posted])
    if known:
        # it is written again, too
        changed = (await store.load("bad")).model_copy(update={"version": 2})
        await store.commit(machine.Step(changed, (events.Announce(place="chat:#ops"),)), tickets.opened())
        await tamper(store, f"update outbox set {column} = {2**63 - 1} where ticket_id = 'bad'")
    while await runner.deliver():
        now.advance(61)
    assert {one.drawn.ticket_id for one in posted.pinned.values()} == {"bad", "good"}
    assert await store.next_job(["chat"]) is None


@pytest.mark.parametrize("moment", [2**63 - 1, -(2**63)])
async def test_a_moment_that_no_calendar_knows_stops_no_other_request(store: Kept, moment: int) -> None:
    now, posted = ManualClock(tickets.NOW), board.Board()
    front = Desk(store, MINT, Setup(route=("chat:#ops",)), now)
    for id in ("bad", "good"):
        await front.open(permission(id=id, expires_in=60, source=model.Source(session=id)))
    await tamper(store, f"update outbox set due_at = {moment} where ticket_id = 'bad'")
    await tamper(store, f"update tickets set wake_at = {moment}, created_at = {moment} where id = 'bad'")
    service = [courier.Courier(front, [posted]).run(), timekeeper.expire_due(front, store, now)]
    running = [asyncio.ensure_future(one) for one in service]
    async with asyncio.timeout(BOUND):
        while not await store.cards("good"):
            await store.check()
        now.advance(61)
        while not (await store.load("good")).decision:
            await store.check()
    assert [one.done() for one in running] == [False, False]
    assert (await store.summary("bad")).created_at.year in (1, 9999)
    await lanes.stop(running)
