"""What everybody's actions cost with 100,000 pending and 300,000 decided requests, against a store with few.

python -m tests.bench.flat [--pending 100000] [--decided 300000] [--store sqlite|postgres] [--rounds 7]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped]

import sayso
from sayso import machine, model
from sayso.cards import tokens
from sayso.chat import listing, named_lists
from sayso.desk import Desk, Setup, keys
from sayso.desk.answering import searching
from sayso.machine import events, people
from sayso.stores import Query, Record, Store, documents, postgres, protocol, sqlite
from sayso.testing.samples import MINT
from sayso_http.server.access import HttpCaller
from sayso_web import sessions

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

START = datetime(2027, 1, 1, tzinfo=UTC)
STAMP = "%Y-%m-%dT%H:%M:%SZ"
FEW = 300
ANN = people.Actor("web:ann", "ann", member=True, person="ann")
DIRECTORY = people.Directory(
    {"ann": people.Profile(), "bob": people.Profile()},
    {"ops": people.Group(frozenset({"bob"})), "mine": people.Group(frozenset({"ann"}))},
)
COLUMNS = {
    "tickets": (
        *("id", "ref", "version", "state", "wake_at", "owner", "session", "created_at"),
        *("audience", "requester", "ends_at", "document"),
    ),
    "log": ("ticket_id", "version", "entry"),
    "refs": ("ticket_id", "place", "channel", "conversation", "message"),
    "outbox": ("key", "ticket_id", "channel", "effect", "written_at", "due_at"),
    "records": ("kind", "name", "value", "expires_at", "version"),
}
_STATES: tuple[model.State | None, ...] = (None, "pending", "decided")
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Kind:
    """Requests that differ only in their number: the first one of them, as a row."""

    row: tuple[Any, ...]

    def numbered(self, number: int, at: datetime) -> tuple[Any, ...]:
        """The row with another id, reference and moment."""
        moved = documents.to_micros(at) - documents.to_micros(START)
        name = f"{number:032d}"
        text = self.row[-1].replace("0" * 31 + "x", name).replace(f"{START:{STAMP}}", f"{at:{STAMP}}")
        listed = (*self.row[8:10], self.row[10] + moved)
        wake = None if self.row[4] is None else self.row[4] + moved
        return (name, f"ref{number}", *self.row[2:4], wake, *self.row[5:7], self.row[7] + moved, *listed, text)


def kind(approvers: tuple[str, ...], owner: str, *, decided: bool) -> Kind:
    """A permission request as it is stored."""
    request = model.Request(
        kind="permission", tool="Bash", input={"command": "make deploy"}, expires_in=model.MAX_SECONDS
    )
    terms = machine.Terms(owner, model.Policy(approvers=approvers, expires_in=model.MAX_SECONDS), ("web",))
    step = machine.open_ticket(request, terms, id="0" * 31 + "x", ref="x", at=START)
    if decided:
        said = model.Answer(verdict="deny")
        by = model.Person(id="bob", name="bob", account="web:bob", member=True, groups=("ops",))
        step = machine.step(step.ticket, events.Answered(at=START + timedelta(seconds=9), by=by, answer=said))
    return Kind(documents.row_of(step.ticket))


def rows(pending: int, decided: int) -> Rows:
    """What stands in the store; the decided ones are older, and the oldest few of all are ann's."""
    made: Rows = {name: [] for name in COLUMNS}
    closed, others = kind(("group:ops",), "busy", decided=True), kind(("group:ops",), "crowd", decided=False)
    mine, own = kind(("group:mine",), "crowd", decided=False), kind(("group:ops",), "busy", decided=False)
    for number in range(decided + pending):
        at = START + timedelta(seconds=number)
        chosen = closed if number < decided else mine if number < decided + 10 else others
        if number >= decided + pending - 5:
            chosen = own
        row = chosen.numbered(number, at)
        made["tickets"].append(row)
        entry = f'{{"type":"opened","at":"{at.isoformat()}","by":"crowd","digest":"d"}}'
        made["log"].append((row[0], 1, entry))
        made["refs"].append((row[0], "slack:#ops", "slack", f"C{number % 100}", f"m{number}"))
        if number >= decided + pending // 2:
            channel = ("slack", "discord")[number % 2]
            effect = f'{{"type":"announce","place":"{channel}:#ops"}}'
            due = documents.to_micros(START + timedelta(days=900 * (channel == "slack")))
            made["outbox"].append((f"{row[0]} announce {channel}:#ops", row[0], channel, effect, row[7], due))
    for number in range(max(5, pending // 20)):
        value = f'{{"name":"k{number}","role":"approver","person":null,"created_at":"{START.isoformat()}"}}'
        made["records"].append(("key", f"{number:064d}", value, None, 1))
    return made


def insert_sqlite(path: str, made: Rows) -> None:
    """Write all rows in one transaction."""
    db = apsw.Connection(path)
    db.execute("pragma synchronous=off")
    with db:
        for table, some in made.items():
            marks = ",".join("?" * len(some[0]))
            db.executemany(f"insert into {table} ({','.join(COLUMNS[table])}) values ({marks})", some)
    db.close()


async def insert_postgres(url: str, made: Rows) -> None:
    """Write all rows, and let the server know how many there are."""
    db = await asyncpg.connect(url)
    for table, some in made.items():
        await db.copy_records_to_table(table, records=some, columns=COLUMNS[table])
    await db.execute("vacuum analyze")
    await db.close()


async def prepared(store: Store) -> sessions.Session:
    """A session of an approver who signed in by a key."""
    secret = await keys.Keys(store).add("ann", "approver", START, "ann")
    return await sessions.Sessions(store).sign_in(secret)


def actions(store: Store, session: sessions.Session) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Everything that somebody does all day."""
    desk = Desk(store, MINT, Setup(directory=DIRECTORY, policies={"default": model.Policy()}))
    made: dict[str, Any] = {"created_at": START, "record": "r"}
    operator = HttpCaller(desk, keys.Key("op", "operator", None, **made))
    agent = HttpCaller(desk, keys.Key("busy", "agent", None, **made))
    approver = HttpCaller(desk, keys.Key("ann", "approver", "ann", **made))
    for who, caller in (("operator", operator), ("agent", agent), ("approver", approver)):
        for state in _STATES:
            query = Query(state=state, limit=50, most_bytes=8 * 2**20)
            yield f"list, {who}, {state or 'all'}", lambda c=caller, q=query: c.tickets(q)  # type: ignore[misc]
    yield "list by the beginning of an id", lambda: operator.tickets(Query(limit=3, prefix=f"{3:032d}"[:-1]))
    yield "what waits for me, in a chat", lambda: listing.list_for(desk, ANN)
    for wanted in (searching.Filter(tool="rare"), searching.Filter(search="needle", state="decided")):
        said = " ".join(searching.written(wanted).values())
        yield f"search: {said}", lambda one=wanted: searching.run(desk, one, 20)  # type: ignore[misc]
    yield "what was asked for me, in a chat", lambda: named_lists.show(desk, "mine", ANN)
    yield "what was decided, in a chat", lambda: named_lists.show(desk, "history", ANN)
    yield "session of a page", lambda: sessions.Sessions(store).find(session.secret)
    yield "count what is pending", lambda: store.count(Query(state="pending", limit=1000))
    yield "what is due, and when", lambda: asyncio.gather(store.due(START), store.next_due())
    yield "next effect of a chat", lambda: store.next_job(["slack"])
    yield "take effects where none is due", lambda: store.take(["slack"], START, 30)
    yield "take effects where many are due", lambda: store.take(["discord"], START, 30, 1)
    yield "cards of a page", lambda: store.cards(*(f"{number:032d}" for number in range(50)))
    yield "inbox, what expires first", lambda: store.list(Query(state="pending", soonest=True, limit=20))
    yield "write a record", lambda: store.put(Record("x", tokens.new_id()))

    async def asked() -> None:
        ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": "make"}))
        waiting = asyncio.create_task(desk.wait(ticket.id))
        await desk.answer(ticket.id, sayso.Answer(verdict="deny"), ANN)
        await waiting

    yield "ask, answer, wait", asked


async def measure(few: Store, many: Store, rounds: int) -> AsyncGenerator[tuple[str, float, float]]:
    """The median of each action in milliseconds, on both, in turns."""
    pairs = zip(actions(few, await prepared(few)), actions(many, await prepared(many)), strict=True)
    for (name, small), (_, large) in pairs:
        times = [(await _time(small), await _time(large)) for _ in range(rounds + 2)][2:]
        least, most = (statistics.median(some) * 1000 for some in zip(*times, strict=True))
        yield name, least, most


async def _time(act: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60):
            await act()
    return time.perf_counter() - begun


@contextlib.asynccontextmanager
async def filled(engine: str, server: str, made: Rows, name: str) -> AsyncGenerator[Store]:
    """A store with these rows."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "flat.db")
            await (await sqlite.SqliteStore.open(path)).close()
            insert_sqlite(path, made)
            store: protocol.Store = await sqlite.SqliteStore.open(path)
            yield store
            await store.close()
        return
    db = await asyncpg.connect(server)
    await db.execute(f"create schema {name}")
    await db.close()
    url = f"{server}&search_path={name}"
    await (await postgres.PostgresStore.open(url)).close()
    await insert_postgres(url, made)
    store = await postgres.PostgresStore.open(url, timeout=60)
    yield store
    await store.close()


async def compare(engine: str, server: str, given: argparse.Namespace) -> None:
    """Print one table."""
    print(f"\n| {engine}: median ms | {FEW} and {FEW} | {given.pending:,} and {given.decided:,} | ratio |")
    print("|---|---|---|---|")
    async with (
        filled(engine, server, rows(FEW, FEW), "few") as few,
        filled(engine, server, rows(given.pending, given.decided), "many") as many,
    ):
        async for name, least, most in measure(few, many, given.rounds):
            print(f"| {name} | {least:.2f} | {most:.2f} | {most / least:.2f} |", flush=True)


def main() -> None:
    """Print a table for each store."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pending", type=int, default=100_000)
    arguments.add_argument("--decided", type=int, default=300_000)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    given = arguments.parse_args()
    if given.store != "postgres":
        asyncio.run(compare("sqlite", "", given))
    if given.store != "sqlite":
        from tests.fakes.pg import serving

        with serving() as server:
            asyncio.run(compare("postgres", server, given))


if __name__ == "__main__":
    main()
