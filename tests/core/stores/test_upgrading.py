"""A database that the first version with today's schema wrote is taken up by this one: open requests, cards, allows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import apsw
import asyncpg  # type: ignore[import-untyped]
import pytest

import sayso
from sayso import errors, model
from sayso.audit import checking, gathering
from sayso.cards import dialog, tokens
from sayso.desk import Desk, Setup, courier
from sayso.machine import people
from sayso.stores import Query, Store, postgres, sql, sqlite, sqlite_worker
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import actor
from tests.fakes.pg import pg_schema, pg_server

__all__ = ["pg_schema", "pg_server"]

# Written by that version itself; the secret signed the button, which stood on the card of `waits`.
WRITTEN = (Path(__file__).parent / "first_version.sql").read_text(encoding="utf-8")
SECRET = b"a secret of tests, and of nobody else"
BUTTON = "s1.AJWLtxjiEwslw9OXVQgLxQ.allow.0.2oeKMiCpEMvtFYLdIwpYmQ"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROOM = dialog.WindowLimits(content=5000, inputs=3, typed=3000)
ALLOW = model.Answer(verdict="allow")
BOB = people.Actor("slack:T1/U2", "bob", member=True)
AGENT = sayso.Caller("release-bot")


@pytest.fixture(params=["sqlite", "postgres"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, pg_schema: str) -> AsyncIterator[Desk]:
    """A desk of today over the database of then, an hour before what waits expires."""
    opened = await _of_sqlite(tmp_path) if request.param == "sqlite" else await _of_postgres(pg_schema)
    setup = Setup(
        {"default": model.Policy(), "two": model.Policy(quorum=2)},
        people.Directory({"ann": people.Profile(frozenset({"slack:T1/U1"}))}),
        ("slack:#ops",),
        ("slack", "web"),
    )
    yield Desk(opened, tokens.TokenMaker(SECRET), setup, ManualClock(NOON))
    await opened.close()


async def _of_sqlite(folder: Path) -> Store:
    path = str(folder / "sayso.db")
    with apsw.Connection(path) as db:
        for step in (sql.migrations("sqlite")[0], WRITTEN, "pragma user_version = 1"):
            sqlite_worker.rows(db, step)
    return await sqlite.SqliteStore.open(path)


async def _of_postgres(url: str) -> Store:
    connection = await asyncpg.connect(url)
    for step in (sql.migrations("postgres")[0], WRITTEN):
        await connection.execute(step)
    await connection.close()
    return await postgres.PostgresStore.open(url)


async def test_whoever_is_asked_goes_on_where_they_were(desk: Desk) -> None:
    waiting = {one.id for one in await desk.store.list(Query(state="pending", limit=10))}
    assert waiting == {"waits", "half", "question", "form"}
    # asked again by an agent that was started anew: the same request, whatever the version that stored it
    asked = sayso.Permission(tool="Bash", input={"command": "make deploy"}, id="waits")
    asked = asked.model_copy(update={"source": model.Source(agent="Claude Code", session="s-1")})
    assert (await desk.open(asked, AGENT)).ref == "AJWLtxjiEwslw9OXVQgLxQ"
    # the button on a card that was posted before
    pressed = await desk.press(BUTTON, BOB, ROOM, None)
    assert isinstance(pressed, model.Ticket)
    assert pressed.state == "decided"
    # ann allowed it then
    decided = (await desk.answer("half", ALLOW, BOB)).decision
    assert decided
    assert [one.person for one in decided.by] == ["ann", "slack:T1/U2"]
    await desk.answer("question", model.Answer(text="Acme"), BOB)
    filled = (await desk.answer("form", model.Answer(values={"amount": 5}), BOB)).decision
    assert filled
    assert filled.values == {"amount": 5}


async def test_what_was_allowed_is_good_once_and_what_was_denied_stays_so(desk: Desk) -> None:
    assert (await desk.use("allowed", AGENT)).used_at == NOON
    with pytest.raises(errors.AlreadyUsed):
        await desk.use("allowed", AGENT)
    with pytest.raises(errors.AlreadyDecided):
        await desk.answer("denied", ALLOW, BOB)


async def test_cards_that_were_not_posted_yet_are_posted_and_what_waits_expires_in_its_time(desk: Desk) -> None:
    board = Board("slack")
    taken = courier.Courier(desk, [board])
    while await taken.deliver():
        pass
    # nobody is shown what was decided meanwhile
    assert {one.drawn.ticket_id for one in board.pinned.values()} == {"waits", "half", "question", "form"}
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(3_601)
    decision = (await desk.let_time_act("waits")).decision
    assert decision
    assert decision.outcome == "expired"


async def test_the_log_is_whole_and_says_what_nothing_vouches_for(desk: Desk) -> None:
    await desk.answer("waits", ALLOW, actor("bob"))
    checker = checking.Checker(lambda *_: True)
    async for item in gathering.everything(desk.store):
        gathering.hand_in(checker, item)
    report = checker.finish()
    assert report.findings == []
    # what that version wrote before there were hashes
    assert report.older == 9
