"""Content is erased when its time is over, and not a moment before; who decided what stays, and can be checked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

import sayso
from sayso import errors, machine, model
from sayso.cards import draw, tokens
from sayso.chat import taken_words
from sayso.content import digest
from sayso.desk import Desk, Setup
from sayso.desk import setup as setups
from sayso.desk.answering import drafts
from sayso.desk.upkeep import purging, sealing
from sayso.machine import erasing, events, people
from sayso.stores import Record, Store, memory, postgres, record_kinds, sqlite
from sayso.stores.record_kinds import RISKY
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_bots.terminal import render
from tests.core.audit.test_checking import Hmac, checked, exported, verdict
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

ANN = people.Actor(account="chat:T/ann", name="Ann", member=True)
SECRET = "pleaseforgetme"
DAY = 86_400.0
KEEP = setups.Retention(content=90 * DAY, traces=30 * DAY)


@pytest.fixture
def now() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> AsyncIterator[Store]:
    match request.param:
        case "memory":
            made: Store = memory.MemoryStore()
        case "sqlite":
            made = await sqlite.SqliteStore.open(str(tmp_path / "a.db"))
        case _:
            made = await postgres.PostgresStore.open(pg_tables)
    yield made
    await made.close()


@pytest.fixture
def desk(store: Store, now: ManualClock) -> Desk:
    return Desk(store, tokens.TokenMaker(b"for tests only, never for people"), Setup(route=("web",)), now)


async def decided(desk: Desk, id: str, verdict: Any = "allow") -> model.Ticket:
    asked = sayso.Permission(
        tool="Bash",
        input={"command": SECRET},
        body=SECRET,
        title=SECRET,
        context={"Folder": SECRET},
        metadata={"m": SECRET},
        source=sayso.Source(agent="bot", session="s-1", url=f"https://example.com/{SECRET}"),
        id=id,
    )
    await desk.open(asked)
    return await desk.answer(id, sayso.Answer(verdict=verdict, reason=SECRET), ANN)


async def allowed_and_denied(desk: Desk, id: str, word: str) -> None:
    for number, said in ((1, "allow"), (2, "deny")):
        # another call each, and both are risky
        command = f"rm -rf {word}{'/x' * (number - 1)}"
        asked = sayso.Permission(tool="Bash", input={"command": command}, id=f"{id}{number}")
        await desk.open(asked)
        await desk.answer(f"{id}{number}", sayso.Answer(verdict=said, reason=word), ANN)  # type: ignore[arg-type]


async def remembered(store: Store) -> str:
    kinds = (record_kinds.PAST, record_kinds.RISKY, record_kinds.DENIED)
    return "".join([f"{one.name} {one.value}" for kind in kinds for one in await store.scan(kind)])


async def purge(desk: Desk, keep: setups.Retention = KEEP) -> purging.Purged:
    return await purging.purge(desk.store, desk.clock, keep, "retention")


async def everything(store: Store) -> str:
    rows = "".join(row.entry for row in await store.chained(0, 10_000))
    return rows + "".join(one.document for one in await store.documents("", 10_000))


async def test_content_goes_when_its_time_is_over_and_the_proofs_stay(desk: Desk, now: ManualClock) -> None:
    await decided(desk, "r1")
    await decided(desk, "r2", "deny")
    seal = sealing.Sealer(desk.store, now, Hmac())
    await seal.seal()
    assert (await purge(desk)).erased == 0
    now.advance(90 * DAY - 1)
    assert (await purge(desk)).erased == 0
    assert SECRET in await everything(desk.store)
    now.advance(2)
    assert (await purge(desk)).erased == 2
    assert SECRET not in await everything(desk.store)
    assert (await purge(desk)).erased == 0
    ticket = await desk.get("r1")
    assert ticket.decision is not None
    assert (ticket.decision.outcome, ticket.erased_at, ticket.request.tool) == ("allowed", now.now(), "Bash")
    assert [(by.person, by.via) for by in ticket.decision.by] == [("chat:T/ann", "chat:T/ann")]
    assert [(one.person, one.answer.verdict) for one in ticket.answers] == [("chat:T/ann", "allow")]
    report = await checked(desk.store)
    assert (report.findings, report.erased, report.unsealed) == ([], 2, 2)
    await seal.seal()
    for content in (True, False):
        assert verdict(await exported(desk.store, content=content)) == []


@pytest.mark.parametrize("lines", [1, 12_500], ids=["short", "of many pages"])
async def test_the_file_keeps_no_byte_of_what_was_erased(tmp_path: Path, now: ManualClock, lines: int) -> None:
    path = tmp_path / "a.db"
    store = await sqlite.SqliteStore.open(str(path))
    desk = Desk(store, tokens.TokenMaker(b"for tests only, never for people"), Setup(route=("web",)), now)
    for number in range(8):
        asked = sayso.Permission(tool="Note", input={"note": f"{SECRET} {number}\n" * lines}, id=f"r{number}")
        await desk.open(asked)
        await desk.answer(f"r{number}", sayso.Answer(verdict="allow", reason=SECRET), ANN)
        await desk.use(f"r{number}")
    now.advance(91 * DAY)
    assert (await purge(desk)).erased == 8
    await store.close()
    assert path.read_bytes().count(SECRET.encode()) == 0


async def test_what_is_remembered_of_it_for_later_cards_goes_as_well(desk: Desk, now: ManualClock) -> None:
    await allowed_and_denied(desk, "r", SECRET)
    await allowed_and_denied(desk, "other", "kept")
    now.advance(DAY - 1)
    await allowed_and_denied(desk, "late", "kept")
    for id in ("r1", "r2"):
        # nobody has used what was allowed
        await purging.erase(desk.store, id, now.now() + timedelta(days=1), "me")
    assert SECRET not in await remembered(desk.store)
    assert digest.of_call("Bash", {"command": f"rm -rf {SECRET}"}).partition(":")[2] not in await remembered(desk.store)
    again = await desk.open(sayso.Permission(tool="Bash", input={"command": "rm -rf kept"}))
    assert again.remembered is not None
    assert (again.remembered.allowed, [one.id for one in again.remembered.risky]) == (2, ["late1", "other1"])
    assert (await remembered(desk.store)).count("kept") > 0


async def test_what_was_typed_for_it_a_moment_ago_goes_as_well(desk: Desk, now: ManualClock) -> None:
    for id, said in (("old", "kept"), ("new", SECRET)):
        source = model.Source(agent="bot", session=id)
        ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": "ls"}, id=id, source=source))
        pressed = tokens.read(desk.mint.token(ticket, "askback"))
        await drafts.keep_typed(desk, ticket, pressed, ANN, {"question": said})
        await desk.answer(id, model.Answer(verdict="deny", question=said), ANN)
        await taken_words.Taken(desk, "chat").remember(taken_words.Counted(id, ANN.account, "C1", id, said))
    kinds = (record_kinds.DRAFT, record_kinds.ASKED_BACK, record_kinds.words("chat"))
    before = [str([one.value for one in await desk.store.scan(kind)]) for kind in kinds]
    assert [(SECRET in one, "kept" in one) for one in before] == [(True, True)] * 3
    await purging.purge_these(desk.store, now, ["new"], "me")
    after = [str([one.value for one in await desk.store.scan(kind)]) for kind in kinds]
    assert [(SECRET in one, "kept" in one) for one in after] == [(False, True)] * 3


async def test_what_was_decided_of_another_request_of_the_same_agent_stays(desk: Desk, now: ManualClock) -> None:
    await allowed_and_denied(desk, "r", SECRET)
    now.advance(3_600)
    await allowed_and_denied(desk, "late", "kept")
    await purging.erase(desk.store, "r1", now.now() + timedelta(days=1), "me")
    [risky] = await desk.store.scan(RISKY)
    assert risky.name.endswith("/late1")


async def test_records_that_nobody_can_read_hold_up_no_erasure(desk: Desk, now: ManualClock) -> None:
    await allowed_and_denied(desk, "r", SECRET)
    [risky] = await desk.store.scan(RISKY)
    await desk.store.put(replace(risky, value={"words": 7}))
    assert await purging.erase(desk.store, "r1", now.now() + timedelta(days=1), "me")


async def test_a_request_that_is_not_over_keeps_its_content(desk: Desk, now: ManualClock) -> None:
    await desk.open(sayso.Permission(tool="Bash", input={"command": "x"}, id="open"))
    with pytest.raises(errors.Refused):
        await purging.erase(desk.store, "open", now.now(), "me")
    await decided(desk, "r1")
    with pytest.raises(errors.Refused):
        await purging.erase(desk.store, "r1", now.now(), "me")
    await desk.use("r1")
    assert await purging.erase(desk.store, "r1", now.now(), "me")
    assert not await purging.erase(desk.store, "r1", now.now(), "me")
    with pytest.raises(errors.NotFound):
        await purging.erase(desk.store, "r2", now.now(), "me")


async def test_what_is_open_holds_up_nothing_and_is_purged_later(desk: Desk, now: ManualClock) -> None:
    setup = Setup(route=("web",), policies={"default": model.Policy(expires_in=30 * DAY)})
    desk.setup = setup
    await desk.open(sayso.Permission(tool="Bash", input={"command": SECRET}, id="slow"))
    await decided(desk, "r1")
    now.advance(29 * DAY)
    keep = setups.Retention(content=DAY)
    assert (await purge(desk, keep)).erased == 1
    await desk.answer("slow", sayso.Answer(verdict="deny"), ANN)
    now.advance(2 * DAY)
    assert (await purge(desk, keep)).erased == 1
    assert SECRET not in await everything(desk.store)


async def test_what_was_over_is_not_looked_at_again_because_one_before_it_is_open(
    desk: Desk, now: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hour a million of them would be: two writes of each where traces are removed."""
    desk.setup = Setup(route=("web",), policies={"default": model.Policy(expires_in=30 * DAY)})
    await desk.open(sayso.Permission(tool="Bash", input={"command": SECRET}, id="slow"))
    for number in range(3):
        await decided(desk, f"r{number}")
    now.advance(20 * DAY)
    keep = setups.Retention(content=DAY, traces=DAY)
    assert (await purge(desk, keep)).erased == 3
    looked, load = list[str](), desk.store.load

    async def loading(id: str) -> model.Ticket:
        looked.append(id)
        return await load(id)

    monkeypatch.setattr(desk.store, "load", loading)
    await decided(desk, "late")
    now.advance(2 * DAY)
    looked.clear()
    assert (await purge(desk, keep)).erased == 1
    assert set(looked) == {"slow", "late"}
    await desk.answer("slow", sayso.Answer(verdict="deny"), ANN)
    now.advance(2 * DAY)
    assert (await purge(desk, keep)).erased == 1
    looked.clear()
    assert (await purge(desk, keep)).erased == 0
    assert looked == []
    assert SECRET not in await everything(desk.store)


@pytest.mark.parametrize("most", [0, 1])
async def test_where_too_many_are_open_to_remember_those_behind_them_are_purged_all_the_same(
    desk: Desk, now: ManualClock, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "_MOST_LEFT", most)
    desk.setup = Setup(route=("web",), policies={"default": model.Policy(expires_in=30 * DAY)})
    for number in range(2):
        await desk.open(sayso.Permission(tool="Bash", input={"command": SECRET}, id=f"slow{number}"))
    await decided(desk, "r1")
    now.advance(20 * DAY)
    keep = setups.Retention(content=DAY)
    assert (await purge(desk, keep)).erased == 1
    for number in range(2):
        await desk.answer(f"slow{number}", sayso.Answer(verdict="deny"), ANN)
    now.advance(2 * DAY)
    assert (await purge(desk, keep)).erased == 2
    assert SECRET not in await everything(desk.store)


async def test_a_purge_of_an_older_version_goes_on_before_what_was_open(desk: Desk, now: ManualClock) -> None:
    desk.setup = Setup(route=("web",), policies={"default": model.Policy(expires_in=30 * DAY)})
    await desk.open(sayso.Permission(tool="Bash", input={"command": SECRET}, id="a"))
    await decided(desk, "r1")
    now.advance(20 * DAY)
    await purge(desk, setups.Retention(content=DAY))
    record = await desk.store.get("purged", "content")
    assert record is not None
    assert record.value["id"] == ""
    assert (record.value["looked"]["id"], record.value["left"]) == ("r1", ["a"])
    # it keeps what it knows of it
    known = {name: record.value[name] for name in ("at", "id")}
    await desk.store.put(Record("purged", "content", known, None, record.version))
    await desk.answer("a", sayso.Answer(verdict="deny"), ANN)
    now.advance(2 * DAY)
    assert (await purge(desk, setups.Retention(content=DAY))).erased == 1


async def test_an_erased_request_is_shown_and_neither_used_nor_edited(desk: Desk, now: ManualClock) -> None:
    await decided(desk, "r1")
    now.advance(91 * DAY)
    await purge(desk)
    ticket = await desk.get("r1")
    said = render.render(draw.draw_card(ticket, desk.mint), 200)
    assert "What was asked and answered was erased" in said
    assert "edited" not in said
    assert ticket.decision is not None
    assert ticket.decision.model_text == erasing.TOLD
    with pytest.raises(errors.NotUsable, match="erased"):
        await desk.use("r1")
    with pytest.raises(errors.AlreadyDecided):
        await desk.answer("r1", sayso.Answer(verdict="deny"), ANN)
    for caller, told in ((None, "was erased since"), (sayso.Caller("other"), "belongs to another request")):
        with pytest.raises(errors.AlreadyExists, match=told):
            await desk.open(sayso.Permission(tool="Bash", input={"command": "ls"}, id="r1"), caller)


def test_every_closed_request_can_be_erased_and_drawn() -> None:
    seen = 0
    for ticket in samples.closed():
        assert ticket.decision is not None
        event = events.Erased(at=ticket.decision.decided_at.replace(year=2100), by="me", kept="x")
        bare = machine.step(ticket, event).ticket
        assert draw.draw_card(bare, tokens.TokenMaker(b"x" * 32)).parts
        assert model.Ticket.model_validate_json(bare.model_dump_json()) == bare
        assert machine.step(bare, event).ticket is bare
        seen += 1
    assert seen > 5


async def test_a_purge_that_is_cut_short_is_ended_by_the_next(
    desk: Desk, now: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "_BATCH", 20)
    for n in range(23):
        await decided(desk, f"r{n}")
    now.advance(91 * DAY)
    done, forget = 0, desk.store.forget

    async def dies(id: str) -> int:
        nonlocal done
        done += 1
        if done == 22:
            raise errors.StoreUnavailable("gone")
        return await forget(id)

    desk.store.forget = dies  # type: ignore[method-assign, assignment]
    with pytest.raises(errors.StoreUnavailable):
        await purge(desk)
    desk.store.forget = forget  # type: ignore[method-assign]
    before = done
    assert (await purge(desk)).erased == 23
    record = await desk.store.get("purged", "traces")
    assert record is not None
    assert record.value["id"] == "r9"
    assert before == 22


async def test_traces_and_what_is_over_go(desk: Desk, now: ManualClock) -> None:
    await decided(desk, "r1")
    await desk.store.add_card(model.PostedCard("r1", "chat:#a", "chat", "C", "M"))
    await desk.store.put(Record("draft", "d", {}, now.now()))
    await desk.store.put(Record("key", "k", {}))
    now.advance(32 * DAY)
    done = await purge(desk)
    # what is remembered of a call, and that somebody answered it, is over by then, too
    assert (done.erased, done.traces, done.records) == (0, 1, 3)
    assert await desk.store.cards("r1") == []
    assert await desk.store.get("key", "k") is not None


async def test_without_a_time_nothing_is_erased(desk: Desk, now: ManualClock) -> None:
    await decided(desk, "r1")
    now.advance(3_000 * DAY)
    done = await purge(desk, setups.Retention())
    assert (done.erased, done.traces) == (0, 0)


async def test_the_service_purges_by_the_settings_of_that_moment(desk: Desk, now: ManualClock) -> None:
    await decided(desk, "r1")
    now.advance(91 * DAY)
    running = asyncio.create_task(purging.purge_on(desk))
    await asyncio.sleep(0.05)
    assert (await desk.get("r1")).erased_at is None
    desk.setup = Setup(route=("web",), retention=KEEP)
    now.advance(3_601)
    async with asyncio.timeout(10):
        while (await desk.get("r1")).erased_at is None:
            await desk.store.changed("r1", (await desk.get("r1")).version)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_damaged_request_is_named_and_holds_up_no_other(now: ManualClock, tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    store = await sqlite.SqliteStore.open(str(path))
    desk = Desk(store, tokens.TokenMaker(b"x" * 32), Setup(route=("web",)), now)
    await decided(desk, "r1")
    await decided(desk, "r2")
    with apsw.Connection(str(path)) as db:
        db.execute("update tickets set document = '{' where id = 'r1'").fetchall()
    now.advance(91 * DAY)
    done = await purge(desk)
    assert (done.erased, set(done.unreadable)) == (1, {"r1"})
    await store.close()


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("update log set entry = replace(entry, '\"allow\"', '\"deny\"') where number = 2", "row 2"),
        ("update log set entry = replace(entry, 'T/ann', 'T/bob') where number = 2", "row 2"),
        ('update log set entry = replace(entry, \'"kept":"\', \'"kept":"0\') where number = 3', "row 3"),
        ("delete from log where number = 3", "row 2"),
        ("update tickets set document = replace(document, 'allowed', 'denied')", "request r1"),
    ],
)
async def test_what_was_left_of_an_erased_request_cannot_be_changed(
    now: ManualClock, tmp_path: Path, said: str, where: str
) -> None:
    path = tmp_path / "d.db"
    store = await sqlite.SqliteStore.open(str(path))
    desk = Desk(store, tokens.TokenMaker(b"x" * 32), Setup(route=("web",)), now)
    await decided(desk, "r1")
    now.advance(91 * DAY)
    await purge(desk)
    with apsw.Connection(str(path)) as db:
        db.execute(said).fetchall()
    assert where in [one.where for one in (await checked(store)).findings]
    await store.close()
