"""The SQLite store keeps the contract, and stays honest about crashes, full disks, locks and other people's files."""

# The thread and the connection are nobody's interface, but they are what has to fail here.
# pyright: reportPrivateUsage=false

import asyncio
import os
import re
import stat
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import apsw
import pytest

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import Durability, Query, Record, Store, connect, sql, sqlite, sqlite_file, sqlite_worker
from sayso.testing import outboxes, stores, tickets
from tests.conftest import until
from tests.core.stores.tampering import tamper
from tests.fakes.processes import Forked

KILLED_WHILE_WRITING = """
import asyncio, sys
from sayso.stores import sqlite
from sayso.testing import tickets

async def main(path):
    kept = await sqlite.SqliteStore.open(path)
    async def one(id):
        await kept.commit(tickets.asked(id), tickets.opened())
        await tickets.answer(kept, id, tickets.answered())
        print(id, flush=True)
    n = 0
    while True:
        await asyncio.gather(*(one(f"r{n + i}") for i in range(20)))
        n += 20

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sayso.db"


@pytest.fixture
def opener(path: Path) -> stores.Opener:
    async def opened() -> Store:
        return await sqlite.SqliteStore.open(str(path), busy_timeout=5.0, poll_interval=0.01)

    return opened


@pytest.fixture
async def store(path: Path) -> AsyncIterator[sqlite.SqliteStore]:
    store = await sqlite.SqliteStore.open(str(path), busy_timeout=0.05, poll_interval=0.01)
    yield store
    await store.close()


class TestSqliteStore(stores.StoreContract):
    pass


class TestSqliteReplicas(stores.ReplicaContract):
    pass


class TestSqliteInMemory(stores.StoreContract):
    @pytest.fixture
    def opener(self) -> stores.Opener:
        async def opened() -> Store:
            return await sqlite.SqliteStore.open(":memory:")

        return opened


async def test_a_database_in_memory_says_that_nothing_survives() -> None:
    store = await connect("sqlite:///:memory:")
    assert not store.durability.safe
    await store.close()


async def test_the_start_line_can_tell_version_and_durability(store: sqlite.SqliteStore) -> None:
    level = "journal_mode=wal, synchronous=full"
    assert store.durability == Durability("SQLite", apsw.sqlite_lib_version(), level, safe=True)


async def test_what_is_not_in_the_file_yet_is_bounded(store: sqlite.SqliteStore, path: Path) -> None:
    # more than twice as much as the bound, by 900 kB in each transaction
    large = "x" * 900_000
    sizes = list[int]()
    for number in range(40):
        await store.put(Record("draft", f"{number}", {"text": large}))
        sizes.append(path.with_name("sayso.db-wal").stat().st_size)
    assert 4096 * 4096 < max(sizes) < 19_000_000


async def test_nobody_else_may_read_the_files(store: sqlite.SqliteStore, path: Path) -> None:
    await tickets.ask(store, "r1")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"sayso.db": 0o600, "sayso.db-wal": 0o600, "sayso.db-shm": 0o600}


async def killed_while_writing(path: Path) -> list[str]:
    """Ids of requests that a process said to be decided before it was killed."""
    child = await Forked.start([sys.executable, "-c", KILLED_WHILE_WRITING, path], path.parent, {})
    said = b"".join([await child.stdout.readline() for _ in range(300)])
    child.kill()
    rest, _ = await child.communicate()
    return [line.strip() for line in (said + rest).decode().splitlines(keepends=True) if line.endswith("\n")]


async def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    acknowledged = await killed_while_writing(path)
    store = await sqlite.SqliteStore.open(str(path))
    for id in acknowledged:
        assert (await store.load(id)).state == "decided"
        assert [row.entry.type for row in await store.log(id)] == ["opened", "answered"]
    stored = await store.list(Query(limit=100_000))
    assert sorted((ticket.id, version) for ticket in stored for version in range(1, ticket.version + 1)) == sorted(
        (row.ticket_id, row.version) for row in await store.log_after(0, 100_000)
    )
    await store.close()


async def test_a_full_disk_is_an_honest_error_and_passes(store: sqlite.SqliteStore) -> None:
    await tickets.ask(store, "r0")
    pages = await limit_pages(store, 1)
    big = tickets.asked("r1", title="x" * 400)
    outcomes = await tickets.together(*(ask_much(store, f"r{n}") for n in range(1, 20)))
    assert {type(one) for one in outcomes} == {errors.StoreUnavailable}
    assert outcomes[0].hint == "free some space on the disk"
    assert [ticket.id for ticket in await store.list(Query())] == ["r0"]
    assert len(await store.log_after(0)) == 1
    await limit_pages(store, pages)
    await store.commit(big, tickets.opened())
    assert await store.load("r1") == big.ticket


async def ask_much(store: Store, id: str) -> None:
    step = tickets.asked(id)
    request = step.ticket.request.model_copy(update={"body": "x" * 100_000})
    await store.commit(machine.Step(step.ticket.model_copy(update={"request": request})), tickets.opened())


async def limit_pages(store: sqlite.SqliteStore, pages: int) -> int:
    [[before]] = await tamper(store, "pragma max_page_count")
    await tamper(store, f"pragma max_page_count = {pages}")
    return int(before)


async def test_a_failed_commit_fails_every_caller_and_nothing_is_half_stored(store: sqlite.SqliteStore) -> None:
    def refuse() -> bool:
        return True

    connection = await store._worker.run(lambda db: db.connection)
    connection.set_commit_hook(refuse)
    outcomes = await tickets.together(*(store.commit(tickets.asked(f"r{n}"), tickets.opened()) for n in range(10)))
    assert {type(one) for one in outcomes} == {errors.StoreUnavailable}
    connection.set_commit_hook(None)
    assert (await store.list(Query()), await store.last_row()) == ([], 0)
    await tickets.ask(store, "r0")


async def test_one_bad_job_does_not_harm_the_others_of_its_group(store: sqlite.SqliteStore) -> None:
    def bug(db: apsw.Cursor) -> None:
        sqlite_worker.rows(db, "delete from tickets")
        raise ZeroDivisionError

    run = store._worker.run
    outcomes = await tickets.together(
        tickets.ask(store, "r1"),
        run(bug, writes=True),
        run(lambda db: sqlite_worker.rows(db, "insert into tickets (id) values ('half')"), writes=True),
        tickets.ask(store, "r2"),
    )
    assert [type(one) for one in outcomes] == [type(None), ZeroDivisionError, errors.StoreUnavailable, type(None)]
    assert {ticket.id for ticket in await store.list(Query())} == {"r1", "r2"}


async def test_a_group_is_run_again_only_after_a_job_that_had_written(store: sqlite.SqliteStore) -> None:
    def count(_db: apsw.Cursor) -> None:
        runs.append(None)

    runs: list[None] = []
    run = store._worker.run
    await tickets.ask(store, "r0")
    # the same id again writes nothing
    outcomes = await tickets.together(run(count, writes=True), tickets.ask(store, "r0"), tickets.ask(store, "r1"))
    assert ([type(one) for one in outcomes], runs) == ([type(None), errors.Conflict, type(None)], [None])
    # of these two the first one was written before the second was refused
    both = [(tickets.asked("r2"), tickets.opened()), (tickets.asked("r0"), tickets.opened())]
    outcomes = await tickets.together(run(count, writes=True), store.commit_together(both), tickets.ask(store, "r3"))
    assert ([type(one) for one in outcomes], runs) == ([type(None), errors.Conflict, type(None)], [None] * 3)
    assert {ticket.id for ticket in await store.list(Query())} == {"r0", "r1", "r3"}


async def test_a_lock_by_another_program_is_waited_for_within_a_bound(store: sqlite.SqliteStore, path: Path) -> None:
    foreign = apsw.Connection(str(path))
    sqlite_worker.rows(foreign, "begin immediate")
    outcomes = await tickets.together(*(tickets.ask(store, f"r{n}") for n in range(5)))
    assert [(type(one), one.hint) for one in outcomes] == [
        (errors.StoreUnavailable, "another program holds it; try again")
    ] * 5
    assert await store.last_row() == 0, "reading goes on"
    sqlite_worker.rows(foreign, "rollback")
    await tickets.ask(store, "r0")
    foreign.close()


async def test_what_takes_long_runs_beside_the_loop_and_what_is_short_in_it(store: sqlite.SqliteStore) -> None:
    def where(_db: apsw.Cursor) -> threading.Thread:
        return threading.current_thread()

    here = threading.current_thread()
    assert await store._worker.run(where) is here
    assert await store._worker.run(where, long=True) is not here
    # what shares a transaction with it goes along
    both = await asyncio.gather(store._worker.run(where, writes=True), store._worker.run(where, long=True))
    assert here not in both


async def test_the_loop_goes_on_while_a_lock_is_waited_for(store: sqlite.SqliteStore, path: Path) -> None:
    foreign = apsw.Connection(str(path))
    sqlite_worker.rows(foreign, "begin immediate")
    asking = [asyncio.ensure_future(tickets.ask(store, f"r{n}")) for n in range(3)]
    await until(lambda: not store._worker._idle.is_set() and store._worker._groups.empty())
    assert await store.last_row() == 0
    assert not any(one.done() for one in asking)
    sqlite_worker.rows(foreign, "rollback")
    await asyncio.gather(*asking)
    assert await store.last_row() == 3
    foreign.close()


async def test_closing_while_another_program_holds_a_lock_ends_in_time(path: Path) -> None:
    # long enough for the close to come during the wait, also on a busy machine
    store = await sqlite.SqliteStore.open(str(path), busy_timeout=0.5)
    foreign = apsw.Connection(str(path))
    sqlite_worker.rows(foreign, "begin immediate")
    asking = asyncio.ensure_future(tickets.ask(store, "r1"))
    await asyncio.sleep(0)
    await until(store._worker._groups.empty)
    async with asyncio.timeout(5):
        await store.close()
        with pytest.raises(errors.StoreUnavailable):
            await asking
    foreign.close()


@pytest.mark.parametrize("harm", ["rollback", "release job", "commit"])
async def test_work_that_breaks_the_transaction_fails_and_the_next_goes_on(
    store: sqlite.SqliteStore, harm: str
) -> None:
    def break_it(db: apsw.Cursor) -> None:
        sqlite_worker.rows(db, harm)
        raise ZeroDivisionError

    with pytest.raises(errors.StoreUnavailable):
        await store._worker.run(break_it, writes=True)
    await tickets.ask(store, "r1")
    assert len(await store.log_after(0)) == 1


async def test_opening_a_locked_file_is_refused_in_time(path: Path) -> None:
    foreign = apsw.Connection(str(path))
    sqlite_worker.rows(foreign, "pragma journal_mode = wal")
    sqlite_worker.rows(foreign, "begin immediate")
    with pytest.raises(errors.StoreUnavailable):
        await sqlite.SqliteStore.open(str(path), busy_timeout=0.01)
    foreign.close()


async def test_waiting_goes_on_after_the_log_could_not_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = await sqlite.SqliteStore.open(str(path), poll_interval=0.001)
    other = await sqlite.SqliteStore.open(str(path))
    await tickets.ask(store, "r1")
    queries = store._queries
    monkeypatch.setitem(queries, "tail", "select broken")
    waiting = await tickets.started(store.changed("r1", 1))
    await other.append("r1", 1, tickets.opened())
    await until(lambda: "changes of other processes cannot be read now" in caplog.text)
    monkeypatch.undo()
    await tickets.answer(other, "r1", tickets.answered())
    async with asyncio.timeout(5):
        await waiting
    await store.close()
    await other.close()


async def test_an_answer_of_another_process_is_heard_behind_all_that_was_written_here(path: Path) -> None:
    # looked for once, for only at a change of the file more is found
    store = await sqlite.SqliteStore.open(str(path), poll_interval=60.0)
    other = await sqlite.SqliteStore.open(str(path))
    await tickets.ask(store, "r1")
    waiting = await tickets.started(store.changed("r1", 1))
    await store._watch.poll()
    for writes in (store, other):
        await asyncio.gather(*(writes.append("r1", 1, tickets.opened()) for _ in range(1_100)))
    await tickets.answer(other, "r1", tickets.answered())
    await store._watch.poll()
    async with asyncio.timeout(5):
        await waiting
    await store.close()
    await other.close()


def fail_after_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored fails all the same."""
    perform = sqlite_worker.perform

    def performed(db: apsw.Cursor, text: str, values: Sequence[str | int | None] = ()) -> None:
        perform(db, text, values)
        if text == "commit":
            raise apsw.IOError("the disk says no, after it wrote")

    monkeypatch.setattr(sqlite_worker, "perform", performed)


async def test_a_commit_that_failed_and_is_stored_all_the_same_is_told_by_the_next_look(
    store: sqlite.SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tickets.ask(store, "r1")
    waiting = await tickets.started(store.changed("r1", 1))
    await store._watch.poll()
    with monkeypatch.context() as patch:
        fail_after_commits(patch)
        with pytest.raises(errors.StoreUnavailable) as failed:
            await tickets.answer(store, "r1", tickets.answered())
    assert failed.value.unsure
    async with asyncio.timeout(5):
        await waiting


async def test_so_is_a_card_that_was_put_on_record(store: sqlite.SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await tickets.ask(store, "r1")
    [job] = await outboxes.take(store)
    await store._watch.poll()
    changes = store.changes()
    await anext(changes)
    with monkeypatch.context() as patch:
        fail_after_commits(patch)
        posted = model.PostedCard("r1", "chat:#ops", "chat", "C", "1")
        entry = events.Delivered(at=tickets.NOW, place="chat:#ops", message="1")
        with pytest.raises(errors.StoreUnavailable):
            await store.settle(job, posted, 1, entry)
    async with asyncio.timeout(5):
        await anext(changes)


async def test_what_was_written_here_is_not_gone_through_once_another_process_writes(path: Path) -> None:
    store = await sqlite.SqliteStore.open(str(path))
    other = await sqlite.SqliteStore.open(str(path))
    await store._watch.poll()
    await asyncio.gather(*(store.append("r1", 1, tickets.opened()) for _ in range(20)))
    assert await store._tail(0) == []
    await tickets.ask(other, "r2")
    assert [id for _, id, _ in await store._tail(0)] == ["r2"]
    await store.close()
    await other.close()


async def test_to_look_for_what_others_wrote_takes_the_thread_only_if_there_is_something(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = await sqlite.SqliteStore.open(str(path)), await sqlite.SqliteStore.open(str(path))
    await store._watch.poll()
    await tickets.ask(store, "r1")
    used, run = list[None](), store._worker.run

    async def counted(*given: Any, **named: Any) -> Any:
        used.append(None)
        return await run(*given, **named)

    monkeypatch.setattr(store._worker, "run", counted)
    assert await store._tail(0) == []
    assert used == []
    await tickets.ask(other, "r2")
    assert [id for _, id, _ in await store._tail(0)] == ["r2"]
    for _ in range(2):
        assert await store._tail(2) == []
    assert len(used) == 2
    await store.close()
    await other.close()


async def test_a_row_of_the_log_gets_its_number_without_a_second_table(store: sqlite.SqliteStore) -> None:
    # another page of the file for each commit; no row of the log is ever taken away, so no number comes again
    await tickets.ask(store, "r1", "r2")
    assert [row.number for row in await store.log_after(0)] == [1, 2]
    numbered = await store._select("select name from sqlite_sequence")
    assert [row for row in numbered if row[0] == "log"] == []


async def test_who_waits_for_what_was_just_read_does_not_read_it_again(
    store: sqlite.SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tickets.ask(store, "r1", "r2")
    await store.awaited("r1")
    monkeypatch.setitem(store._queries, "version", "select broken")
    waiting = await tickets.started(store.awaited("r1", 1))
    await store.append("r2", 1, events.Ticked(at=tickets.NOW))
    another = await tickets.started(store.changed("r1", 1))
    await store.append("r1", 1, events.Ticked(at=tickets.NOW))
    # nobody knows whether this was the end of what is waited for
    with pytest.raises(errors.StoreUnavailable):
        await store.changed("r1", 1)
    await tickets.answer(store, "r1", tickets.answered())
    async with asyncio.timeout(5):
        assert (await waiting).version == 2
        await another


async def test_a_document_that_was_told_is_not_taken_for_the_newest(
    store: sqlite.SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tickets.ask(store, "r1")
    [[document, _]] = await store._read("load", "r1")
    waiting = await tickets.started(store.awaited("r1", 1))
    store._watch.tell("r1", 2, document=document)
    store._watch.tell("r1", 3)
    seen = await waiting
    monkeypatch.setitem(store._queries, "version", "select broken")
    with pytest.raises(errors.StoreUnavailable):
        await store.changed("r1", seen.version)


async def test_what_another_process_wrote_since_it_was_read_is_told(store: sqlite.SqliteStore, path: Path) -> None:
    await tickets.ask(store, "r1")
    await store.load("r1")
    other = await sqlite.SqliteStore.open(str(path))
    await tickets.answer(other, "r1", tickets.answered())
    async with asyncio.timeout(5):
        await store.changed("r1", 1)
    await other.close()


async def test_a_damaged_ticket_is_named_and_does_not_hide_the_others(store: sqlite.SqliteStore) -> None:
    await tickets.ask(store, "r1", "r2")
    damage = "update {} set {} = substr({}, 1, 20) where ticket_id = 'r1'"
    await tamper(store, damage.replace("ticket_id", "id").format("tickets", "document", "document"))
    await tamper(store, damage.format("outbox", "effect", "effect"))
    with pytest.raises(errors.StoreUnavailable, match="r1 is damaged"):
        await store.load("r1")
    assert [ticket.id for ticket in await store.list(Query())] == ["r2"]
    assert [job.ticket_id for job in await store.take(["chat"], tickets.NOW, 10)] == ["r2"]


async def test_a_file_of_a_newer_version_is_refused(store: sqlite.SqliteStore, path: Path) -> None:
    newer = len(sql.migrations("sqlite")) + 1
    await tamper(store, f"pragma user_version = {newer}")
    with pytest.raises(errors.InvalidSettings, match=f"newer sayso .schema {newer}.") as refused:
        await sqlite.SqliteStore.open(str(path))
    assert refused.value.field == "SAYSO_DATABASE_URL"


async def test_an_sqlite_that_damages_files_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(errors.InvalidSettings, match=r"SQLite 3\.51\.2"):
        await sqlite.SqliteStore.open(str(path))
    assert os.listdir(path.parent) == []


@pytest.fixture
def shopping(path: Path) -> Path:
    path.write_text("a shopping list, and not a short one, so that it is longer than the header of a database" * 9)
    return path


async def test_a_file_that_is_no_database_is_refused(shopping: Path) -> None:
    with pytest.raises(errors.InvalidSettings, match="is not a database"):
        await sqlite.SqliteStore.open(str(shopping))


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidSettings, match=r"missing/x\.db cannot be opened"):
        await sqlite.SqliteStore.open(str(tmp_path / "missing" / "x.db"))


async def test_a_file_that_cannot_have_a_journal_is_refused(path: Path) -> None:
    registered = apsw.VFS("nolocks", base="unix-none")
    with pytest.raises(errors.InvalidSettings, match="cannot be kept durably"):
        sqlite_file.prepare(apsw.Connection(str(path), vfs="nolocks"), str(path), 0.01)
    registered.unregister()


async def test_a_store_whose_loop_has_ended_leaves_no_thread_behind(path: Path) -> None:
    def abandon() -> sqlite_worker.Worker:
        async def start() -> sqlite_worker.Worker:
            store = await sqlite.SqliteStore.open(str(path))
            held = store._worker
            held._groups.put(sqlite_worker.Group([]))
            return held

        return asyncio.run(start())

    left = await asyncio.to_thread(abandon)
    left._groups.put(sqlite_worker.Group([]))
    await until(lambda: not left._thread.is_alive())


def schema(db: apsw.Connection) -> list[tuple[object, ...]]:
    return sqlite_worker.rows(db, "select type, name, tbl_name, sql from sqlite_schema order by name")


@pytest.mark.parametrize("version", range(len(sql.migrations("sqlite"))))
async def test_a_migrated_file_has_the_schema_of_a_fresh_one(
    store: sqlite.SqliteStore, path: Path, version: int
) -> None:
    old = path.with_name("old.db")
    with apsw.Connection(str(old)) as db:
        for step in sql.migrations("sqlite")[:version]:
            sqlite_worker.rows(db, step)
        sqlite_worker.rows(db, f"pragma user_version = {version}")
    await (await sqlite.SqliteStore.open(str(old))).close()
    assert schema(apsw.Connection(str(old))) == schema(apsw.Connection(str(path)))


async def test_every_query_finds_its_rows_by_an_index(store: sqlite.SqliteStore) -> None:
    def scanned(db: apsw.Cursor, text: str) -> set[str]:
        values = ("1",) * len(set(re.findall(r"\$\d+", text)))
        plan = [str(row[3]) for row in sqlite_worker.rows(db, f"explain query plan {text}", values)]
        scans = {line.split()[1] for line in plan if line.startswith("SCAN") and " INDEX " not in line}
        return scans & {"tickets", "log", "outbox", "refs", "records", "seals"}

    queries = sql.queries("sqlite")
    slow = await store._worker.run(lambda db: {name for name, text in queries.items() if scanned(db, text)})
    assert slow == set()


async def test_a_statement_is_prepared_once_whatever_values_it_is_run_with(store: sqlite.SqliteStore) -> None:
    """`take` costs a tenth of what it costs prepared anew for each moment."""
    assert store._reader is not None
    for db in (store._worker._connection, store._lists._connection, store._reader.connection):
        assert db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) == 1


async def test_no_request_has_an_id_of_half_a_character(store: sqlite.SqliteStore) -> None:
    with pytest.raises(errors.NotFound):
        await store.load("\ud800")


async def test_a_close_that_comes_while_a_transaction_waits_for_a_lock_ends_the_thread(path: Path) -> None:
    begins, may_go_on = threading.Event(), threading.Event()

    def before() -> None:
        # the event loop tries first, and leaves it to the thread if the database is held
        if threading.current_thread() is not threading.main_thread():
            begins.set()
            may_go_on.wait(5)

    foreign = apsw.Connection(str(path))
    sqlite_worker.rows(foreign, "begin immediate")
    worker = sqlite_worker.Worker(apsw.Connection(str(path)), before)
    running = asyncio.ensure_future(worker.run(lambda db: None, writes=True))
    assert await asyncio.to_thread(begins.wait, 5)
    closing = asyncio.ensure_future(worker.close())
    # runs after the first step of the close, which puts it behind the work
    asyncio.get_running_loop().call_soon(may_go_on.set)
    async with asyncio.timeout(5):
        with pytest.raises(errors.StoreUnavailable, match="database"):
            await running
        await closing
    foreign.close()


def test_a_query_that_no_name_stands_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "Name", Literal["added", *get_args(sql.Name)])
    with pytest.raises(LookupError, match="queries of sqlite: added stand in one place only"):
        sql.queries.__wrapped__("sqlite")
