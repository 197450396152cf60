"""What a call reads and writes, one statement after the other: on PostgreSQL each is a trip to the server and back."""

import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from sayso import model, rules
from sayso.desk import Caller, Desk, Setup, keys
from sayso.desk.admission import quota
from sayso.machine import people
from sayso.rules import rule as words
from sayso.stores import Store, postgres, sqlite, sqlite_worker
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, permission
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

LIMITED = Setup(route=("web",), limits=quota.Limits(pending=100, per_minute=600))


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: pathlib.Path, pg_tables: str) -> AsyncGenerator[Store]:
    opened: Store
    if request.param == "sqlite":
        opened = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db"))
    else:
        opened = await postgres.PostgresStore.open(pg_tables)
    yield opened
    await opened.close()


@pytest.fixture
def sent(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent to the database, but for notices to other processes, for which nobody waits."""
    found: list[str] = []
    noted: list[tuple[object, str]]
    if isinstance(store, postgres.PostgresStore):
        noted = [(store, "_run"), (store._commits, "put")]
    else:
        assert isinstance(store, sqlite.SqliteStore)
        noted = [(store._worker, "run"), (store._lists, "run"), (sqlite_worker, "read_point")]
    for owner, name in noted:
        monkeypatch.setattr(owner, name, noting(getattr(owner, name), name, found))
    return found


def noting(run: Callable[..., object], name: str, found: list[str]) -> Callable[..., object]:
    """The same; notes each call."""

    def noted(*given: object, **named: object) -> object:
        found.append(name)
        return run(*given, **named)

    return noted


async def statements(sent: list[str], call: Awaitable[object]) -> int:
    sent.clear()
    await call
    return len(sent)


async def made(desk: Desk, name: str, role: str) -> keys.Key:
    chain = keys.Keys(desk.store)
    return await chain.find(await chain.add(name, role, desk.clock.now()))


async def test_an_ask_an_answer_a_wait_and_a_use_take_so_many_statements(store: Store, sent: list[str]) -> None:
    desk = Desk(store, MINT, LIMITED, ManualClock())
    bot, ann = await made(desk, "bot", "agent"), await made(desk, "ann", "approver")
    asked, allow = permission(id="r", source=model.Source(session="s")), model.Answer(verdict="allow")
    counted = {
        "ask": await statements(sent, desk.open(asked, bot.caller)),
        "answer": await statements(sent, desk.answer("r", allow, ann.actor)),
        "wait": await statements(sent, desk.wait("r", bot.caller)),
        "use": await statements(sent, desk.use("r", bot.caller)),
    }
    assert counted == {"ask": 5, "answer": 3, "wait": 2, "use": 4}


async def test_rules_need_no_second_look_whether_a_request_is_known(store: Store, sent: list[str]) -> None:
    match = words.read_match("x", {"tool": "read"})
    ruled = rules.Rule.model_validate({"id": "reads", "effect": "allow", "match": match})
    desk = Desk(store, MINT, dataclasses.replace(LIMITED, rules=rules.Book((ruled,))), ManualClock())
    bot = await made(desk, "bot", "agent")
    counted = [
        await statements(sent, desk.open(permission(id="r", source=model.Source(session="s")), bot.caller)),
        # asked again
        await statements(sent, desk.open(permission(id="r", source=model.Source(session="s")), bot.caller)),
    ]
    assert counted == [5, 5]


async def test_without_a_key_an_id_and_limits_it_takes_fewer(store: Store, sent: list[str]) -> None:
    desk, ann = Desk(store, MINT, Setup(route=("web",)), ManualClock()), people.Actor("chat:ann", "ann", member=True)
    ticket = await desk.open(permission())
    counted = {
        "ask": await statements(sent, desk.open(permission())),
        "answer": await statements(sent, desk.answer(ticket.id, model.Answer(verdict="allow"), ann)),
        "wait": await statements(sent, desk.wait(ticket.id)),
        "use": await statements(sent, desk.use(ticket.id, Caller())),
    }
    assert counted == {"ask": 3, "answer": 3, "wait": 1, "use": 3}
