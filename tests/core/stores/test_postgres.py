"""The PostgreSQL store keeps the contract, and tells the truth when connections break at the worst moment."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from sayso import errors, machine, model
from sayso.desk import Desk
from sayso.machine import events
from sayso.stores import Query, Record, Store, connect, pgreads, postgres, sql, watch
from sayso.stores.protocol import Last
from sayso.testing import stores, tickets
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import until
from tests.fakes import pg
from tests.fakes.pg import pg_schema, pg_server, pg_tables, pg_url
from tests.tables import each

# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

CUT_EVERYBODY = """
select pg_terminate_backend(pid) from pg_stat_activity
where pid <> pg_backend_pid() and datname = current_database() and application_name <> 'operator'
"""

__all__ = ["pg_schema", "pg_server", "pg_tables", "pg_url"]


@pytest.fixture
def opener(pg_tables: str) -> stores.Opener:
    async def opened() -> Store:
        # what is heard of other processes comes by their notices: nobody looks in the time of a test
        return await postgres.PostgresStore.open(pg_tables, poll_interval=600.0)

    return opened


@pytest.fixture
async def store(pg_tables: str) -> AsyncIterator[postgres.PostgresStore]:
    store = await postgres.PostgresStore.open(pg_tables, timeout=1.0)
    yield store
    await store.close()


class TestPostgresStore(stores.StoreContract):
    pass


class TestPostgresReplicas(stores.ReplicaContract):
    pass


async def run(url: str, text: str) -> Any:
    connection = await asyncpg.connect(url)
    found = await connection.fetch(text)
    await connection.close()
    return found


async def test_the_start_line_can_tell_version_and_durability(store: postgres.PostgresStore) -> None:
    assert store.durability.engine == "PostgreSQL"
    assert store.durability.level == "synchronous_commit=on, fsync=on"


async def test_a_database_that_acknowledges_too_early_is_refused(pg_url: str) -> None:
    name = pg_url.partition("?")[0].rpartition("/")[2]
    await run(pg_url, f"alter database {name} set synchronous_commit = off")
    with pytest.raises(errors.InvalidSettings, match="synchronous_commit is off"):
        await postgres.PostgresStore.open(pg_url)


async def test_a_newer_schema_is_refused(pg_schema: str) -> None:
    newer = len(sql.migrations("postgres")) + 1
    await (await postgres.PostgresStore.open(pg_schema)).close()
    await run(pg_schema, f"update sayso_schema set version = {newer}")
    with pytest.raises(errors.InvalidSettings, match=f"newer sayso .schema {newer}."):
        await postgres.PostgresStore.open(pg_schema)


@pytest.mark.parametrize("url", ["postgresql://host:port/x", "postgresql://u@host/x?target_session_attrs=any-old"])
async def test_a_wrong_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        await postgres.PostgresStore.open(url)
    assert refused.value.field == "SAYSO_DATABASE_URL"
    assert url not in str(refused.value)


async def test_a_user_who_may_not_make_tables_is_told_so(pg_url: str) -> None:
    await run(pg_url, "create role guest login")
    with pytest.raises(errors.StoreUnavailable, match="permission denied"):
        await postgres.PostgresStore.open(pg_url.replace("postgres:@", "guest@"))


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(errors.StoreUnavailable):
        await connect(f"postgresql://postgres@/postgres?host={tmp_path}")


async def test_two_processes_may_start_on_an_empty_database_at_once(pg_schema: str) -> None:
    opened = await tickets.together(*(postgres.PostgresStore.open(pg_schema) for _ in range(4)))
    assert {type(one) for one in opened} == {postgres.PostgresStore}
    for one in opened:
        await one.close()


async def schema(url: str) -> Any:
    columns = "select table_name, column_name, data_type, collation_name, column_default, is_nullable"
    return (
        await run(url, f"{columns} from information_schema.columns where table_schema = 'public' order by 1, 2"),
        await run(url, "select indexdef from pg_indexes where schemaname = 'public' order by 1"),
    )


@pytest.mark.parametrize("version", range(1, len(sql.migrations("postgres")) + 1))
async def test_a_migrated_database_has_the_schema_of_a_fresh_one(pg_server: str, pg_url: str, version: int) -> None:
    old = pg_url.replace("?", "old?")
    await run(pg_server, f"create database {old.partition('?')[0].rpartition('/')[2]}")
    connection = await asyncpg.connect(old)
    for step in sql.migrations("postgres")[:version]:
        await connection.execute(step)
    await connection.execute(f"update sayso_schema set version = {version}")
    await connection.close()
    await (await postgres.PostgresStore.open(old)).close()
    await (await postgres.PostgresStore.open(pg_url)).close()
    assert await schema(old) == await schema(pg_url)


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("size", [1, 5])
async def test_an_answer_lost_at_commit_is_looked_up_before_anybody_is_told(
    pg_url: str, tmp_path: Path, size: int, forward: bool
) -> None:
    async with pg.proxied(pg_url, tmp_path) as (proxy, url):
        store = await postgres.PostgresStore.open(url)
        proxy.forward, proxy.cuts = forward, 1
        rival = tickets.asked("r0")
        rival = machine.Step(rival.ticket.model_copy(update={"ref": "rival"}), rival.effects)
        asking = [tickets.ask(store, f"r{n}") for n in range(size)]
        outcomes = await tickets.together(*asking, store.commit(rival, tickets.opened()))
        assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", *["NoneType"] * size]
        assert proxy.cuts == 0
        stored = sorted((row.ticket_id, row.version) for row in await store.log_after(0))
        assert stored == [(f"r{n}", 1) for n in range(size)]
        await store.close()


async def test_an_answer_lost_twice_is_looked_up_again(pg_url: str, tmp_path: Path) -> None:
    async with pg.proxied(pg_url, tmp_path) as (proxy, url):
        store = await postgres.PostgresStore.open(url)
        proxy.forward, proxy.cuts = False, 2
        with pytest.raises(errors.StoreUnavailable, match="cannot be used now") as told:
            await tickets.ask(store, "r1")
        assert told.value.hint == "see the log of the database; try again"
        assert (proxy.cuts, await store.list(Query())) == (0, [])
        proxy.forward, proxy.cuts = True, 1
        await tickets.ask(store, "r1")
        await store.close()


async def test_when_nothing_can_be_looked_up_everybody_is_told_that_it_is_not_known(
    pg_url: str, tmp_path: Path
) -> None:
    async with pg.proxied(pg_url, tmp_path) as (proxy, url):
        store = await postgres.PostgresStore.open(url, timeout=1.0)
        proxy.refuse, proxy.cuts = True, 1
        outcomes = await tickets.together(*(tickets.ask(store, f"r{n}") for n in range(5)))
        assert {type(one) for one in outcomes} == {errors.StoreUnavailable}
        assert {one.hint for one in outcomes} == {"it is not known whether this was stored"}
        proxy.refuse = False
        await tickets.ask(store, "r9")
        await store.close()


async def test_a_write_that_the_database_refuses_harms_only_itself(pg_schema: str) -> None:
    store = await postgres.PostgresStore.open(pg_schema)
    await run(pg_schema, "alter table log add check (entry not like '%poison%')")
    poison = events.Opened(at=tickets.NOW, by="poison", digest="d")
    outcomes = await tickets.together(
        tickets.ask(store, "r1"), store.commit(tickets.asked("r2"), poison), tickets.ask(store, "r3")
    )
    assert [type(one) for one in outcomes] == [type(None), errors.StoreUnavailable, type(None)]
    assert {row.ticket_id for row in await store.log_after(0)} == {"r1", "r3"}
    await store.close()


async def test_waiters_hear_again_after_every_connection_was_lost(
    store: postgres.PostgresStore, pg_tables: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = await postgres.PostgresStore.open(pg_tables)
    await tickets.ask(store, "r1")
    waiting = await tickets.started(store.changed("r1", 1))
    changes = await tickets.started(anext_twice(store))
    await run(pg_tables, CUT_EVERYBODY)
    await tickets.answer(other, "r1", tickets.answered())
    async with asyncio.timeout(5):
        await waiting
        await changes
    await other.close()


async def anext_twice(store: Store) -> None:
    changes = store.changes()
    await anext(changes)
    await anext(changes)


async def test_without_notices_changes_are_found_all_the_same(pg_tables: str) -> None:
    store = await postgres.PostgresStore.open(pg_tables, poll_interval=0.01)
    await tickets.ask(store, "r1")
    waiting = await tickets.started(store.changed("r1", 1))
    # as behind a pooler that drops notices
    store._notices.stop()
    await asyncio.wait([store._notices._listening])
    other = await postgres.PostgresStore.open(pg_tables)
    await tickets.answer(other, "r1", tickets.answered())
    async with asyncio.timeout(5):
        await waiting
    await store.close()
    await other.close()


async def test_listening_starts_again_when_the_server_is_back(
    pg_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with pg.proxied(pg_url, tmp_path) as (proxy, url):
        store = await postgres.PostgresStore.open(url, timeout=1.0)
        await tickets.ask(store, "r1")
        waiting = await tickets.started(store.changed("r1", 1))
        proxy.refuse = True
        await run(pg_url, CUT_EVERYBODY)
        await until(lambda: "notices of other processes are lost" in caplog.text)
        other = await postgres.PostgresStore.open(pg_url)
        await tickets.answer(other, "r1", tickets.answered())
        proxy.refuse = False
        async with asyncio.timeout(30):
            try:
                await waiting
            except errors.StoreUnavailable:
                # it looked while nobody could: what a client does then is to ask again
                await store.changed("r1", 1)
        # a server that is away is a line in the log, and not a trace for each try
        assert [record.msg for record in caplog.records if record.exc_info] == []
        await store.close()
        await other.close()


async def test_closing_does_not_wait_for_a_hanging_connection(pg_url: str) -> None:
    store = await postgres.PostgresStore.open(pg_url, timeout=0.2)
    async with store._pool.acquire(), asyncio.timeout(5):
        await store.close()


async def test_closing_leaves_no_connection_open_that_was_being_made(pg_schema: str) -> None:
    store = await postgres.PostgresStore.open(pg_schema)
    # more than there are connections
    reads: list[Coroutine[Any, Any, Any]] = [store.audiences(), *(store.log(f"r{n}") for n in range(3))]
    reading = [asyncio.create_task(one) for one in reads]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*reading, return_exceptions=True)
    assert not any(holder.is_connected() for holder in store._pool._holders)


def test_text_with_nul_can_be_stored_and_comes_back() -> None:
    for row in each([tickets.NASTY, "\x1a", "\x1a0", "\x1a1", "\0\x1a\0", "\x1a\x1a0\0001", "plain"]):
        with row as text:
            stored = postgres.escape(text)
            assert "\0" not in stored
            assert postgres.unescape(stored) == text


def test_both_dialects_define_the_same_queries() -> None:
    assert sql.queries("postgres").keys() | sql._IN_ONE == sql.queries("sqlite").keys()
    assert len(sql.migrations("postgres")) == len(sql.migrations("sqlite"))


async def test_of_two_uses_at_the_very_same_moment_one_counts_though_a_connection_broke(
    store: postgres.PostgresStore, pg_tables: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, clock = await postgres.PostgresStore.open(pg_tables), ManualClock()
    one, two = (Desk(each, MINT, clock=clock) for each in (store, other))
    await one.open(permission(id="r1"))
    await one.answer("r1", model.Answer(verdict="allow"), actor("ann"))
    stored, broken = store._commits.put, list[str]()

    async def breaking(*given: Any) -> Any:
        if not broken:
            broken.append("cut")
            # the other copy comes first, with the same words at the same moment
            await two.use("r1")
            raise ConnectionResetError
        return await stored(*given)

    monkeypatch.setattr(store._commits, "put", breaking)
    with pytest.raises(errors.AlreadyUsed):
        await one.use("r1")
    assert broken
    await other.close()


async def test_a_long_queue_here_is_no_failure_of_the_database(pg_tables: str) -> None:
    store = await postgres.PostgresStore.open(pg_tables, timeout=1.5)
    # nine at a time, because one listens: 17 rounds, so that the last ones wait for longer than an answer may take
    found = await asyncio.gather(*(store._select("select 1 from pg_sleep(0.1)") for _ in range(9 * 17)))
    assert len(found) == 9 * 17
    await store.close()


async def test_all_who_wait_fail_together_if_the_database_answers_nobody(pg_tables: str) -> None:
    store = await postgres.PostgresStore.open(pg_tables, timeout=0.4)
    # one after the other they would take thirteen seconds
    async with asyncio.timeout(6):
        asked = (store._select("select 1 from pg_sleep(30)") for _ in range(300))
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found} == {errors.StoreUnavailable}
    await store.close()


@pytest.fixture
def sent(store: postgres.PostgresStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are read with."""

    async def noted(statement: Callable[[], pgreads.Statement], *, writes: bool) -> Any:
        def asked() -> pgreads.Statement:
            texts.append(statement()[0])
            return statement()

        return await run_one(asked, writes=writes)

    texts, run_one = list[str](), store._run
    monkeypatch.setattr(store, "_run", noted)
    return texts


async def test_who_asks_the_same_before_it_is_sent_shares_a_statement(
    store: postgres.PostgresStore, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [asyncio.ensure_future(store.scan("stop")) for _ in range(20)]
    await asyncio.sleep(0)
    many[0].cancel()
    assert (await asyncio.gather(*many[1:]), len(sent)) == ([[]] * 19, 1)
    await store.put(Record("stop", "everything"))
    assert [one.name for one in await store.scan("stop")] == ["everything"]
    # what failed is asked anew
    monkeypatch.setitem(store._queries, "scan", "select broken")
    failed = await asyncio.gather(store.scan("stop"), store.scan("stop"), return_exceptions=True)
    assert [type(one) for one in failed] == [errors.StoreUnavailable] * 2
    monkeypatch.undo()
    assert len(await store.scan("stop")) == 1


async def test_who_asks_for_others_before_it_is_sent_shares_a_statement(
    store: postgres.PostgresStore, sent: list[str]
) -> None:
    ids = [f"r{number}" for number in range(5)]
    await tickets.ask(store, *ids)
    reads = [asyncio.ensure_future(store.load(id)) for id in (*ids, "r0", "\x1a\0é", *ids)]
    await asyncio.sleep(0)
    reads[0].cancel()
    found = await asyncio.gather(*reads, return_exceptions=True)
    assert [one.id for one in found if isinstance(one, model.Ticket)] == [*ids[1:], "r0", *ids]
    assert [type(one) for one in found if isinstance(one, BaseException)] == [asyncio.CancelledError, errors.NotFound]
    # each has their own: whoever answers may change it
    assert found[1] is not found[-5]
    assert len(sent) == 1


@pytest.mark.parametrize("said", ["\0", "\x1a", "a\x1a0\0é\x1a1", "\\u0000 \\u001a", "\x1a" * 3])
async def test_what_postgresql_has_no_text_for_comes_back_as_it_was(store: postgres.PostgresStore, said: str) -> None:
    await store.commit(tickets.asked("r1", title=said), tickets.opened(), [Record("a", said), Record("a", "plain")])
    assert (await store.load("r1")).request.title == said
    assert [one.name for one in await store.scan("a")] == sorted([said, "plain"])


async def test_a_statement_holds_no_more_than_so_many(store: postgres.PostgresStore, sent: list[str]) -> None:
    ids = [f"r{number}" for number in range(120)]
    await tickets.ask(store, *ids)
    assert [one.id for one in await asyncio.gather(*map(store.load, ids))] == ids
    assert len(sent) == 3


async def test_looks_back_that_share_a_statement_find_what_each_finds_alone(
    store: postgres.PostgresStore, sent: list[str]
) -> None:
    for kind, name in (("a", "x/1"), ("a", "x/2"), ("a", "x/é"), ("a", "y"), ("b", "x/9"), ("b", "1"), ("b", "\0")):
        await store.put(Record(kind, name, {"of": kind + name}, tickets.NOW))
    looks: list[list[Last]] = [
        [("b", "1", 1), ("b", "2", 3), ("a", "y", 1), ("b", "\0", 2), ("a", "x/", 2)],
        [("a", "x/", 1)],
        [("b", "", 1), ("a", "", 9)],
        [("c", "", 5)],
    ]

    def names(found: Sequence[Record]) -> list[str]:
        return sorted(one.value["of"] for one in found)

    alone = [names(await store.look_back(*one)) for one in looks]
    sent.clear()
    assert [names(found) for found in await asyncio.gather(*(store.look_back(*one) for one in looks))] == alone
    assert (len(sent), alone[0]) == (1, ["ax/2", "ax/é", "ay", "b\0", "b1"])


async def test_what_cannot_be_read_for_one_is_read_for_the_others(store: postgres.PostgresStore) -> None:
    await tickets.ask(store, "r1", "r2")
    # half a character, which PostgreSQL does not take
    looks = [store.look_back(("a", prefix, 1)) for prefix in ("x", "\ud800", "y")]
    found = await asyncio.gather(*looks, return_exceptions=True)
    assert [type(one) for one in found] == [list, errors.StoreUnavailable, list]


async def test_all_who_share_a_statement_are_told_once_that_the_database_is_gone(
    store: postgres.PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_statement: object, *, writes: bool) -> Any:
        tried.append(writes)
        raise errors.StoreUnavailable("gone") from TimeoutError()

    tried = list[bool]()
    monkeypatch.setattr(store, "_run", gone)
    found = await asyncio.gather(*(store.load(f"r{number}") for number in range(9)), return_exceptions=True)
    assert ([type(one) for one in found], len(tried)) == ([errors.StoreUnavailable] * 9, 1)
    monkeypatch.undo()
    with pytest.raises(errors.NotFound):
        await store.load("r1")


async def test_what_is_shared_is_read_again_over_another_connection(
    store: postgres.PostgresStore, pg_tables: str
) -> None:
    await tickets.ask(store, "r1", "r2")
    await run(pg_tables, CUT_EVERYBODY)
    assert [one.id for one in await asyncio.gather(store.load("r1"), store.load("r2"))] == ["r1", "r2"]


async def test_what_is_sent_already_is_not_shared(store: postgres.PostgresStore) -> None:
    text = "select 1 as one from pg_sleep(0.2)"
    first = asyncio.ensure_future(store._reads.read(text, ()))
    await asyncio.sleep(0)
    shared = store._reads._unsent[text, ()]
    await until(lambda: not store._reads._unsent)
    second = asyncio.ensure_future(store._reads.read(text, ()))
    await asyncio.sleep(0)
    assert not first.done()
    assert store._reads._unsent[text, ()] is not shared
    await asyncio.gather(first, second)


async def test_nobody_is_told_of_what_was_there_before_they_waited(
    pg_tables: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def noted(self: watch.Watch) -> None:
        looks.append("begun")
        # as long as the server pleases
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await poll(self)
        looks.append("ended")

    looks, poll = list[str](), watch.Watch.poll
    monkeypatch.setattr(watch.Watch, "poll", noted)
    opened = await postgres.PostgresStore.open(pg_tables)
    assert looks == ["begun", "ended"]
    await opened.close()
