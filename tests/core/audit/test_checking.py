"""Whoever changes the log is found: each column, row, removal, insertion, swap and cut, by name."""

import base64
import contextlib
import functools
import hashlib
import hmac
import json
import random
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import apsw
import pytest

from sayso import model
from sayso.audit import checking, exporting, gathering, merkle, seals
from sayso.desk.upkeep import sealing
from sayso.machine import events
from sayso.stores import Store, chain, sqlite
from sayso.stores.auditing import StoredSeal, StoredTicket
from sayso.testing import clock, tickets
from tests.conftest import LONG
from tests.tables import each


class Hmac:
    """A signer that needs no package."""

    def __init__(self, secret: bytes = b"s") -> None:
        self.secret = secret
        self.public: Mapping[str, str] = {f"k-{secret.decode()}": f"public-{secret.decode()}"}

    def sign(self, data: bytes) -> Mapping[str, str]:
        return {name: signature(public, data) for name, public in self.public.items()}


def signature(public: str, data: bytes) -> str:
    return base64.b64encode(hmac.digest(public.encode(), data, "sha256")).decode()


def check(public: str, data: bytes, given: str) -> bool:
    return hmac.compare_digest(signature(public, data), given)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await sqlite.SqliteStore.open(str(path))
    yield store
    await store.close()


def sealer(store: Store, signer: Hmac | None = None) -> sealing.Sealer:
    return sealing.Sealer(store, clock.ManualClock(tickets.NOW), signer or Hmac())


async def history(store: Store, name: str) -> None:
    """Three requests, with what happens beside them."""
    ids = [f"{name}{n}" for n in range(3)]
    await tickets.ask(store, *ids)
    for id in ids:
        await store.append(id, 1, events.Delivered(at=tickets.NOW, place="chat:#ops", message=id, shown="sha256:1"))
        await tickets.answer(store, id, tickets.answered())
    person = model.Person(id="eve", name="Eve", account="chat:T/eve")
    refused = events.AnswerRefused(at=tickets.NOW, by=person, code="not_allowed", message="=1+1")
    await store.append(ids[0], 0, refused)


async def sealed(store: Store) -> None:
    """Two seals with ten rows each, and ten rows after them."""
    for name in ("a", "b"):
        await history(store, name)
        assert await sealer(store).seal() == 1
    await history(store, "c")


async def checked(
    store: Store, trusted: tuple[str, ...] = ("public-s",), elsewhere: Sequence[StoredSeal] = ()
) -> checking.Report:
    checker = checking.Checker(check, trusted)
    async for item in gathering.everything(store):
        gathering.hand_in(checker, item)
    for seal in elsewhere:
        checker.elsewhere(seal.document)
    return checker.finish()


async def test_an_untouched_log_is_what_was_written(store: Store) -> None:
    await sealed(store)
    report = await checked(store)
    assert report.findings == []
    assert (report.rows, report.seals, report.requests, report.unsealed, report.older) == (30, 2, 9, 10, 0)


async def test_an_empty_log_is_what_was_written(store: Store) -> None:
    report = await checked(store)
    assert (report.findings, report.rows, report.seals) == ([], 0, 0)


@dataclass(frozen=True)
class Touch:
    """A change behind the back of the service, and where it must be found."""

    sql: str
    where: str
    said: str


_LATER = "update log set number = -number where number = 12; update log set number = 12 where number = 13;"
TOUCHED = {
    "an entry": Touch(
        "update log set entry = replace(entry, 'chat:T/ann', 'chat:T/bob') where number = 5", "row 5", "text"
    ),
    "a request's name": Touch("update log set ticket_id = 'a1' where number = 4", "row 4", "columns"),
    "a version": Touch("update log set version = 3 where number = 5", "row 5", "columns"),
    "the hash before": Touch("update log set prev = hash where number = 5", "row 5", "follow"),
    "the digest of the entry": Touch("update log set body = hash where number = 5", "row 5", "text"),
    "the digest of the ticket": Touch("update log set state = hash where number = 5", "row 5", "columns"),
    "the hash": Touch("update log set hash = prev where number = 5", "row 5", "columns"),
    "all hashes": Touch(
        "update log set prev = null, body = null, state = null, hash = null where number = 5", "row 5", "removed"
    ),
    "a row removed": Touch("delete from log where number = 4", "row 5", "follow"),
    "a row of the service removed": Touch("delete from log where number = 10", "seal 1", "10 when it was made"),
    "the first row removed": Touch("delete from log where number = 1", "row 4", "follow"),
    "a row added": Touch(
        "insert into log (ticket_id, version, entry) values ('a0', 0, '{}')", "row 31", "removed"
    ),
    "a row added in the middle": Touch(
        "delete from log where number = 7; update log set number = 7 where number = 31;"
        "insert into log select 31, ticket_id, version, entry, prev, body, state, hash from log where number = 30",
        "row 31", "follow",
    ),
    "rows swapped": Touch(f"{_LATER} update log set number = 13 where number = -12", "seal 2", "sealed"),
    "the end of the rows cut": Touch("delete from log where number > 15", "seal 2", "10 when it was made"),
    "the end after the seals cut": Touch("delete from log where number > 20", "request c0", "no row"),
    "a row after the seals": Touch("update log set version = 9 where number = 25", "row 25", "columns"),
    "a decision": Touch(
        "update tickets set document = replace(document, 'allowed', 'denied') where id = 'b1'", "request b1", "last row"
    ),
    "a column of a ticket": Touch("update tickets set state = 'pending' where id = 'b1'", "request b1", "columns"),
    "a session of a ticket": Touch("update tickets set session = 's' where id = 'b1'", "request b1", "columns"),
    "a ticket that nobody can read": Touch(
        "update tickets set document = '{' where id = 'b1'", "request b1", "columns"
    ),
    "a ticket removed": Touch("delete from tickets where id = 'b1'", "request b1", "gone"),
    "a ticket added": Touch(
        "insert into tickets (id, ref, version, state, owner, session, created_at, document)"
        " select 'zz', 'r', version, state, owner, session, created_at, document from tickets where id = 'b1'",
        "request zz", "no row",
    ),
    "a seal removed": Touch("delete from seals where number = 1", "seal 2", "after seal 0"),
    "a seal's number": Touch("update seals set number = 3 where number = 2", "seal 3", "columns"),
    "a seal's last row": Touch("update seals set last_row = 19 where number = 2", "seal 2", "columns"),
    "a seal's root": Touch(
        "update seals set document = replace(document, '\"count\":10', '\"count\":11') where number = 1",
        "seal 1", "signature",
    ),
    "a seal that nobody can read": Touch("update seals set document = '{' where number = 2", "seal 2", "read"),
}  # fmt: skip


async def test_every_touch_is_found_and_named(store: Store, path: Path) -> None:
    await sealed(store)
    await store.close()
    columns = "(number, ticket_id, version, entry, prev, body, state, hash)"
    for row in each(TOUCHED.items()):
        with row as (name, touch):
            async with touched(path, name, touch.sql.replace("log select", f"log {columns} select")) as other:
                found = (await checked(other)).findings
            assert any(one.where == touch.where and touch.said in one.said for one in found), found


@contextlib.asynccontextmanager
async def touched(path: Path, name: str, text: str) -> AsyncGenerator[Store]:
    """A copy of the file to which this was done."""
    copy = path.with_name(f"{name}.db")
    shutil.copy(path, copy)
    with contextlib.closing(apsw.Connection(str(copy))) as db:
        db.execute(text).fetchall()
    other = await sqlite.SqliteStore.open(str(copy))
    yield other
    await other.close()


async def test_a_log_that_was_rewritten_as_a_whole_is_found_by_a_seal_kept_elsewhere(store: Store, path: Path) -> None:
    await sealed(store)
    kept = [seal.document for seal in await store.seals(0)]
    other = await sqlite.SqliteStore.open(str(path.with_name("other.db")))
    try:
        await history(other, "x")
        await sealer(other).seal()
        # signed with the right key, and sound in itself
        assert (await checked(other)).findings == []
        checker = checking.Checker(check)
        async for item in gathering.everything(other):
            gathering.hand_in(checker, item)
    finally:
        await other.close()
    for line in (*kept, "{torn"):
        checker.elsewhere(line)
    assert [(one.where, "rewritten" in one.said, "cut off" in one.said) for one in checker.finish().findings] == [
        ("seal 1", True, False),
        ("seal 2", False, True),
        ("the seals kept elsewhere", False, False),
    ]


async def test_a_log_that_grows_while_it_is_checked_is_what_was_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "documents", functools.partial(store.documents, limit=1))
    await tickets.ask(store, "r1", "r2", "r3")
    checker, seen = checking.Checker(check), 0
    async for item in gathering.everything(store):
        gathering.hand_in(checker, item)
        if isinstance(item, StoredTicket) and seen < 3:
            # one that comes before all others, and one that was looked at already
            seen += 1
            await tickets.ask(store, f"a{seen}")
            await tickets.answer(store, item.id, tickets.answered())
    report = checker.finish()
    assert (report.findings, report.requests, report.rows) == ([], 6, 9)


async def test_seals_kept_elsewhere_fit_an_untouched_log(store: Store) -> None:
    await sealed(store)
    assert (await checked(store, elsewhere=await store.seals(0))).findings == []


async def test_a_seal_by_an_unknown_key_is_not_trusted(store: Store) -> None:
    await history(store, "a")
    await sealer(store, Hmac(b"x")).seal()
    assert [one.where for one in (await checked(store)).findings] == ["seal 1"]
    assert (await checked(store, ())).findings == []


async def test_a_later_key_vouches_for_seals_of_an_earlier_one(store: Store) -> None:
    await history(store, "a")
    await sealer(store, Hmac(b"x")).seal()
    await history(store, "b")
    both = Hmac(b"x")
    both.public = {**both.public, **Hmac().public}
    await sealer(store, both).seal()
    await history(store, "c")
    await sealer(store).seal()
    assert (await checked(store)).findings == []


async def test_rows_of_before_there_were_hashes_are_counted_and_not_vouched_for(store: Store, path: Path) -> None:
    await history(store, "a")
    with apsw.Connection(str(path)) as db:
        db.execute("update log set prev = null, body = null, state = null, hash = null").fetchall()
    await history(store, "b")
    await store.append("a1", 0, events.Revoked(at=tickets.NOW, key="k"))
    assert await sealer(store).seal() == 1
    report = await checked(store)
    assert (report.findings, report.older, report.unsealed) == ([], 10, 0)


COLUMNS = {
    "log": ("ticket_id", "version", "entry", "prev", "body", "state", "hash"),
    "tickets": ("ref", "version", "state", "owner", "session", "created_at", "document"),
    "seals": ("last_row", "document"),
}


def touch(db: apsw.Connection, chance: random.Random) -> str | None:
    """One change of one row at random; None if it changed nothing."""
    table = chance.choice(["log"] * 8 + ["tickets", "seals"])
    rows = [row[0] for row in db.execute(f"select rowid from {table}")]
    row, column = chance.choice(rows), chance.choice(COLUMNS[table])
    where = f"where rowid = {row}"
    before = db.execute(f"select * from {table}").fetchall()
    match chance.choice(["change", "remove", "copy", "cut"]):
        case "change":
            value = f"{column} + 1" if column in ("version", "created_at", "last_row") else f"{column} || 'x'"
            text = f"update {table} set {column} = {value} {where}"
        case "remove":
            text = f"delete from {table} {where}"
        case "copy":
            chosen = [one for one in COLUMNS[table] if chance.random() < 0.5 and one != "ref"] or ["version"]
            other = f"from {table} where rowid = {chance.choice(rows)}"
            text = f"update {table} set {', '.join(f'{one} = (select {one} {other})' for one in chosen)} {where}"
            text = text if table != "seals" else f"update seals set document = (select document {other}) {where}"
        case _:
            text = f"delete from {table} where rowid >= {row}"
    db.execute(text).fetchall()
    return text if db.execute(f"select * from {table}").fetchall() != before else None


async def test_any_of_many_random_touches_is_found(store: Store, path: Path) -> None:
    await sealed(store)
    kept = await store.seals(0)
    await store.close()
    chance, found, tries = random.Random(7), 0, 1_000 if LONG else 50
    for n in range(tries):
        copy = path.with_name(f"copy{n}.db")
        shutil.copy(path, copy)
        with contextlib.closing(apsw.Connection(str(copy))) as db:
            text = touch(db, chance)
        other = await sqlite.SqliteStore.open(str(copy))
        report = await checked(other, elsewhere=kept)
        await other.close()
        copy.unlink()
        # what comes after the last seal has no seal that counts it: only its requests and chains miss it
        assert (text is None) == (not report.findings) or text in UNSEALED, (text, report)
        found += text is not None
    assert found > tries * 2 / 3


# Nothing says that there was a row which changed no request, if no row of that request follows, and it is not sealed.
UNSEALED = {"delete from log where rowid = 30", "delete from log where rowid >= 30"}


# Exports


async def exported(store: Store, *, content: bool = True) -> list[str]:
    lines = exporting.Lines(content)
    found = [lines.head(tickets.NOW)]
    async for item in gathering.everything(store):
        found.append(lines.line(item))
    return [*found, lines.end()]


def verdict(lines: list[str]) -> list[checking.Finding]:
    checker = checking.Checker(check, ("public-s",))
    exporting.check_lines(iter(lines), checker)
    return checker.finish().findings


@pytest.mark.parametrize("content", [True, False])
async def test_an_export_can_be_checked_by_itself(store: Store, content: bool) -> None:
    await sealed(store)
    lines = await exported(store, content=content)
    assert verdict(lines) == []
    assert ("chat:T/ann" in "".join(lines)) is content


@pytest.mark.parametrize("content", [True, False])
async def test_any_line_of_an_export_that_is_touched_is_found(store: Store, content: bool) -> None:
    await sealed(store)
    await sealer(store).seal()
    lines = await exported(store, content=content)
    for at in range(len(lines)):
        assert verdict([*lines[:at], *lines[at + 1 :]]), f"line {at} removed"
        assert verdict([*lines[:at], lines[at], *lines[at:]]), f"line {at} doubled"
        if at + 1 < len(lines) and lines[at] != lines[at + 1]:
            swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
            assert verdict(swapped) or "request" in kinds(lines[at : at + 2]), f"line {at} swapped"
        assert verdict(lines[:at]), f"cut at line {at}"
    for at, line in enumerate(lines[1:-1], 1):
        found = json.loads(line)
        for name, value in found.items():
            if isinstance(value, str | int) and name not in ("kind", "last"):
                altered = json.dumps({**found, name: value + "x" if isinstance(value, str) else value + 1}) + "\n"
                assert verdict([*lines[:at], altered, *lines[at + 1 :]]), f"line {at}: {name}"


def kinds(lines: list[str]) -> set[str]:
    return {json.loads(line)["kind"] for line in lines}


async def test_a_table_holds_no_formula_and_no_content(store: Store) -> None:
    await history(store, "a")
    rows = list(await store.chained(0))
    table = [exporting.table_head(), *map(exporting.table_row, rows)]
    assert len({line.count(",") for line in table}) == 1
    assert [",answered,ann,chat:T/ann,allow,," in line for line in table].count(True) == 3
    evil = replace(
        rows[0],
        ticket_id="=cmd|' /C calc'!A0",
        entry=json.dumps({"by": {"id": "+1", "account": "@x"}, "type": "\x1b[31m"}),
    )
    cells = exporting.table_row(evil).split(",")
    assert [cell.strip('"')[0] for cell in (cells[2], cells[5], cells[6])] == ["'"] * 3
    assert "\x1b" not in exporting.table_row(evil)
    assert exporting.table_row(replace(rows[0], entry="{"))


# Roots


def test_a_root_is_that_of_rfc_6962() -> None:
    # the reference vectors of Certificate Transparency: leaves are hashed with a zero byte before them
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    tree = merkle.Tree()
    assert tree.root == hashlib.sha256(b"").hexdigest()
    for leaf, root in zip(leaves, roots, strict=True):
        tree.add(hashlib.sha256(b"\0" + bytes.fromhex(leaf)).digest())
        assert tree.root == root


def test_a_seal_says_what_it_follows() -> None:
    facts: dict[str, object] = {
        "first": 1,
        "last": 2,
        "count": 2,
        "root": "0" * 64,
        "at": tickets.NOW,
        "keys": Hmac().public,
    }
    one = seals.signed(seals.follow(None, **facts), Hmac())
    two = seals.follow(one, **facts)
    assert (two.number, two.prev) == (2, chain.sha256(one.document))
    assert seals.signers_of(seals.read(one.document), check) == {"public-s"}
    assert seals.signers_of(seals.read(one.document).model_copy(update={"count": 3}), check) == frozenset()
    assert StoredSeal(1, 2, one.document) == one
