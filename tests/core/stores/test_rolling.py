"""Copies of two versions over one database: each takes up what the other wrote, and undoes nothing of it.

What the latest release wrote and sent is kept as it was; `recording` says how.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped]
import pytest

from sayso import errors, model
from sayso.audit import checking, gathering
from sayso.cards import card, dialog
from sayso.desk import Desk, courier
from sayso.desk.upkeep import stopping
from sayso.machine import events
from sayso.stores import Query, Store, postgres, sql, sqlite, sqlite_worker
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso_http import calls, tickets
from sayso_signing import keyring
from tests.core.stores import recording
from tests.core.stores.recording import BOB, BOT, CAT, NOON, OTHER, call
from tests.fakes.pg import pg_schema, pg_server

__all__ = ["pg_schema", "pg_server"]

STORED = recording.STORED.read_text(encoding="utf-8")
SENT = json.loads(recording.SENT.read_text(encoding="utf-8"))
ROOM = dialog.WindowLimits(content=5000, inputs=3, typed=3000)
ALLOW = model.Answer(verdict="allow")
# What agents and people put in, where every key is theirs.
_FREE = {"input", "context", "metadata", "values", "input_schema", "schema"}


def with_more(document: Any) -> Any:
    """As a newer version would write it: each object that is ours says more than this one knows."""
    if isinstance(document, list):
        return [with_more(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {name: value if name in _FREE else with_more(value) for name, value in document.items()} | {"weight": [1]}


def missing(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """What a copy of before finds missing or changed in what is written now; it does not mind what was added."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            yield from missing(value, new.get(name), f"{where}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from missing(one, other, f"{where}[{number}]")
    elif old != new:
        yield f"{where}: {old!r} is {new!r} now"


async def _of_sqlite(folder: Path) -> Store:
    path = str(folder / "sayso.db")
    with apsw.Connection(path) as db:
        steps = sql.migrations("sqlite")[: recording.SCHEMA]
        for step in (*steps, STORED, f"pragma user_version = {recording.SCHEMA}"):
            sqlite_worker.rows(db, step)
    return await sqlite.SqliteStore.open(path)


async def _of_postgres(url: str) -> Store:
    connection = await asyncpg.connect(url)
    numbered = [f"select setval(pg_get_serial_sequence('{one}', 'number'), 1000)" for one in ("log", "refs")]
    written = STORED.replace(") values (", ") overriding system value values (")
    version = f"update sayso_schema set version = {recording.SCHEMA}"
    for step in (*sql.migrations("postgres")[: recording.SCHEMA], version, written, *numbered):
        await connection.execute(step)
    await connection.close()
    return await postgres.PostgresStore.open(url)


class Newer(Board):
    """A board of today; the cards of then stand elsewhere."""

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        if posted.message in self.pinned:
            await super().edit(posted, drawn)


@pytest.fixture
def board() -> Board:
    return Newer()


@pytest.fixture(params=["sqlite", "postgres"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, pg_schema: str, board: Board) -> AsyncIterator[Desk]:
    """A desk of today over the database of the latest release, two minutes after noon."""
    opened = await _of_sqlite(tmp_path) if request.param == "sqlite" else await _of_postgres(pg_schema)
    yield recording.desk_over(opened, ManualClock(NOON + timedelta(seconds=120)), board)
    await opened.close()


async def decided(desk: Desk, id: str) -> str | None:
    ticket = await desk.get(id)
    return ticket.decision.outcome if ticket.decision else None


async def test_people_go_on_where_they_were(desk: Desk) -> None:
    assert [one.person for one in (await desk.answer("two", ALLOW, BOB)).answers] == ["ann", "bob"]
    assert (await desk.get("staged")).stage == 1
    pressed = await desk.press(SENT["buttons"]["staged"]["allow"], BOB, ROOM, None)
    assert isinstance(pressed, model.Ticket)
    assert [await decided(desk, id) for id in ("two", "staged", "denied")] == ["allowed", "allowed", "denied"]
    turns = await desk.get("turns")
    assert turns.attending
    assert turns.attending.claim
    assert turns.attending.claim.person == "bob"
    await desk.answer("question", model.Answer(text="Acme"), BOB)
    review = (await desk.get("broken")).review
    assert review is not None
    assert (await desk.get(review)).reviews == "broken"


async def test_what_holds_goes_on_to_hold(desk: Desk) -> None:
    like = call("again", policy="lasting").model_copy(update={"input": {"what": "lasting"}})
    assert (await desk.ask(like, BOT)).allowed
    # one of two was taken then
    states = [(await desk.open(call(id, "read"), BOT)).state for id in ("read1", "read2", "read3")]
    assert states == ["decided", "decided", "pending"]
    assert (await desk.use("used", BOT, attempt="once")).used_at is not None
    for attempt in ("twice", None):
        with pytest.raises(errors.AlreadyUsed):
            await desk.use("used", BOT, attempt=attempt)
    decision = (await desk.get("edited")).decision
    assert decision
    assert decision.input == {"what": "edited", "dry": True}
    await desk.redeem(decision.receipt or "")
    with pytest.raises(errors.AlreadyUsed):
        await desk.redeem(decision.receipt or "")


async def test_a_stop_stands_until_it_is_lifted(desk: Desk) -> None:
    with pytest.raises(errors.SaysoError):
        await desk.answer("stopped", ALLOW, BOB)
    await stopping.resume(desk, stopping.Who("cat", "cat", CAT.account), "other")
    await desk.answer("stopped", ALLOW, BOB)
    assert (await desk.use("stopped", OTHER)).used_at is not None


async def test_what_was_to_be_done_is_done_and_time_goes_on(desk: Desk, board: Board) -> None:
    taken = courier.Courier(desk, [board])
    while await taken.deliver():
        pass
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(1_800)
    while await taken.deliver():
        pass
    assert "gathered" in {one.drawn.ticket_id for one in board.pinned.values()}
    await desk.let_time_act("late")
    late = await desk.let_time_act("late")
    assert [one.places for one in late.escalated] == [("chat:#leads",)]
    assert (await desk.let_time_act("staged")).state == "decided"


async def test_the_log_of_both_is_one_whole(desk: Desk) -> None:
    await desk.answer("two", ALLOW, BOB)
    checker = checking.Checker(keyring.check)
    async for item in gathering.everything(desk.store):
        gathering.hand_in(checker, item)
    report = checker.finish()
    assert (report.findings, report.older) == ([], 0)


async def test_a_copy_of_before_finds_all_that_it_knows_in_what_is_written_now(tmp_path: Path) -> None:
    now, sent = await recording.record(tmp_path)
    old, new = _rows(tmp_path / "old", STORED), _rows(tmp_path / "new", now)
    assert list(missing(old, new)) == []
    assert list(missing(SENT, sent)) == []


def _rows(folder: Path, written: str) -> dict[str, Any]:
    """What is stored, by table and key, with documents read; what is only hashed has the words of its day."""
    folder.mkdir()
    db = apsw.Connection(str(folder / "read.db"))
    for step in (*sql.migrations("sqlite"), written):
        sqlite_worker.rows(db, step)
    asked = {
        "tickets": "select id, state, wake_at, owner, session, audience, requester, ends_at, document from tickets",
        "log": "select number, ticket_id, version, entry from log",
        "outbox": "select key, channel, due_at, attempts, effect from outbox",
        "refs": "select number, ticket_id, place, channel, conversation, message from refs",
        "records": "select kind || ' ' || name, expires_at, value from records",
    }
    found = {
        table: {str(key): [_read(one) for one in row] for key, *row in db.execute(query)}
        for table, query in asked.items()
    }
    db.close()
    return found


def _read(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


async def test_a_copy_of_before_goes_on_with_what_a_newer_one_says_beyond_it(tmp_path: Path, board: Board) -> None:
    path = tmp_path / "sayso.db"
    await (await _of_sqlite(tmp_path)).close()
    with apsw.Connection(str(path)) as db:
        for table, key, text in (
            ("tickets", "id", "document"),
            ("log", "number", "entry"),
            ("outbox", "key", "effect"),
        ):
            for name, document in db.execute(f"select {key}, {text} from {table}").fetchall():
                more = json.dumps(with_more(json.loads(str(document))))
                db.execute(f"update {table} set {text} = ? where {key} = ?", (more, name))
        db.execute(
            "update outbox set effect = ? where key = (select min(key) from outbox where due_at is not null)",
            ('{"type": "sing", "place": "chat:#ops"}',),
        )
    desk = recording.desk_over(
        await sqlite.SqliteStore.open(str(path)), ManualClock(NOON + timedelta(seconds=120)), board
    )
    await test_people_go_on_where_they_were(desk)
    assert len(await desk.store.list(Query(limit=100))) == len(SENT["documents"])
    assert any(isinstance(row.entry, events.Stopped) for row in await desk.store.log_after(0, 1000))
    await courier.Courier(desk, [board]).deliver()
    await desk.store.close()
    db = apsw.Connection(str(path))
    written = json.loads(str(db.execute("select document from tickets where id = 'staged'").fetchall()[0][0]))
    db.close()
    assert (written["decision"]["outcome"], written["weight"], written["policy"]["weight"]) == ("allowed", [1], [1])


@pytest.mark.parametrize("more", [False, True])
def test_a_client_reads_what_an_older_and_a_newer_service_sends(more: bool) -> None:
    for id, sent in SENT["documents"].items():
        body = json.dumps(with_more(sent) if more else sent).encode()
        ticket = tickets.to_ticket(calls.read(body, tickets.Document))
        assert (ticket.id, ticket.digest) == (id, sent["digest"])
        assert (ticket.decision and ticket.decision.outcome) == (sent["decision"] and sent["decision"]["outcome"])
