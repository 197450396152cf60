"""What a version stores and sends, as it is: written down at a release, so that the next one can be held to it.

python -m tests.core.stores.recording      writes latest_version.sql and latest_version.json anew, once for each release

The rule: nothing in it depends on the day or the machine, so that the same version writes the same bytes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import apsw

from sayso import attention, calendars, model, rules
from sayso.asking import constructors
from sayso.cards import card, tokens
from sayso.desk import Caller, Desk, Setup, channel, courier
from sayso.desk.answering import attending
from sayso.desk.upkeep import sealing, stopping
from sayso.machine import people
from sayso.rules import rule
from sayso.stores import Record, Store, record_kinds, sqlite
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso_http import tickets
from sayso_signing import keyring

HERE = Path(__file__).parent
STORED, SENT = HERE / "latest_version.sql", HERE / "latest_version.json"
SCHEMA = 3
"""The number of migrations that the recorded version had."""
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = b"a secret of tests, and of nobody else"
SIGNER = keyring.Keyring([b"\x05" * 32])
ANN, BOB, CAT = (people.Actor(f"chat:T/{name}", name, member=True) for name in ("ann", "bob", "cat"))
BOT, OTHER = Caller("bot", key="k1"), Caller("other", key="k2")
_TABLES = ("tickets", "log", "outbox", "refs", "records", "seals")
_NAP = attention.Quiet(calendar=calendars.Calendar(name="nap", hours=(calendars.Hours(opens=720, closes=780),)))
_OPS = ("group:ops",)
SETUP = Setup(
    {
        "default": model.Policy(),
        "two": model.Policy(quorum=2, remind=(600.0,)),
        "staged": model.Policy(
            stages=(model.Stage(approvers=("ann",)), model.Stage(approvers=("bob",), expires_in=1800.0))
        ),
        "turns": model.Policy(approvers=_OPS, turns="round_robin", claim_in=300.0),
        "gathered": model.Policy(digest=1800.0),
        "lasting": model.Policy(grants=7200.0),
        "glass": model.Policy(approvers=("cat",), break_glass=model.BreakGlass(who=_OPS, review=("cat",))),
        "late": model.Policy(
            approvers=("ann",), escalate=(model.Escalation(after=900.0, add=("bob",), route=("chat:#leads",)),)
        ),
    },
    people.Directory(
        {name: people.Profile(frozenset({f"chat:T/{name}"})) for name in ("ann", "bob", "cat")},
        {"ops": people.Group(frozenset({"ann", "bob"}))},
    ),
    ("chat:#ops",),
    ("chat", "web"),
    quiet={"ann": _NAP},
    rules=rules.Book(
        (
            rules.Rule(
                id="reads",
                match=rule.read_match("reads", {"tool": "read"}),
                effect="allow",
                limit=rules.Limit(count=2, per=3600.0),
            ),
            rules.Rule(id="drops", match=rule.read_match("drops", {"tool": "drop"}), effect="deny", reason="Never."),
        )
    ),
    stoppers=("cat",),
    audience="tools",
    callbacks=True,
    digest="sha256:1",
)


def desk_over(store: Store, clock: ManualClock, board: Board) -> Desk:
    """A desk with the settings of the recorded one."""
    made = Desk(store, tokens.TokenMaker(SECRET), SETUP, clock)
    made.issuer = SIGNER
    made.platforms["chat"] = channel.Platform(board, rows=20)
    return made


def call(id: str, tool: str = "deploy", policy: str = "default", **more: Any) -> model.Request:
    """One call, which says its own name."""
    return constructors.Permission(tool=tool, input={"what": id}, id=id, policy=policy, **more)


async def play(desk: Desk, board: Board, clock: ManualClock) -> None:
    """Everything that a database may hold when a copy of the next version starts."""
    for key in ("k1", "k2"):
        await desk.store.put(Record(record_kinds.KEY, key, {"name": "bot", "role": "agent"}))
    for policy in ("two", "staged", "turns", "lasting", "late"):
        await desk.open(call(policy, policy=policy), BOT)
    await desk.open(constructors.Question("Which customer?", id="question"), BOT)
    for number in range(3):
        await desk.open(call(f"row{number}", source=model.Source(session="s-1")), BOT)
    while await courier.Courier(desk, [board]).deliver():
        pass
    clock.advance(60)
    allow = model.Answer(verdict="allow")
    await desk.answer("two", allow, ANN)
    await desk.answer("staged", allow, ANN)
    await attending.claim(desk, "turns", BOB)
    await desk.answer("lasting", model.Answer(verdict="allow", standing="call"), BOB)
    await desk.open(call("gathered", "look", "gathered"), BOT)
    await desk.open(call("read1", "read"), BOT)
    await desk.open(call("drop1", "drop", callback_url="https://agent.example.com/done"), BOT)
    await desk.open(call("edited", policy="default"), BOT)
    await desk.answer("edited", model.Answer(verdict="allow", input={"what": "edited", "dry": True}), BOB)
    await desk.open(call("used"), BOT)
    await desk.answer("used", allow, BOB)
    await desk.use("used", BOT, attempt="once")
    await desk.open(call("broken", policy="glass"), BOT)
    await desk.answer("broken", model.Answer(verdict="allow", break_glass=True, reason="it burns"), BOB)
    await desk.open(call("denied"), BOT)
    await desk.answer("denied", model.Answer(verdict="deny", reason="not today"), BOB)
    clock.advance(60)
    await desk.open(call("stopped"), OTHER)
    await stopping.stop(desk, stopping.Who("cat", "cat", "chat:T/cat"), "other")
    await sealing.Sealer(desk.store, desk.clock, SIGNER, ()).seal()


async def record(folder: Path) -> tuple[str, dict[str, Any]]:
    """What is stored, as SQL, and what is sent: documents over HTTP, and buttons on cards."""
    path, clock, board = str(folder / "sayso.db"), ManualClock(NOON), Board()
    store = await sqlite.SqliteStore.open(path)
    desk = desk_over(store, clock, board)
    with seeded():
        await play(desk, board, clock)
    sent = {
        "documents": {
            one: tickets.to_document(await desk.get(one), await store.cards(one)).model_dump(mode="json")
            for one in sorted(await _ids(store))
        },
        "buttons": {one.drawn.ticket_id: _buttons(one.drawn) for one in board.pinned.values()},
    }
    await store.close()
    return "\n".join(_dumped(path)) + "\n", sent


def seeded() -> ExitStack:
    """Let all that nobody could guess follow from one seed, until the block ends."""
    chance, stack = random.Random("recorded"), ExitStack()
    secret = SimpleNamespace(token_bytes=chance.randbytes, token_hex=lambda count: chance.randbytes(count).hex())
    stack.enter_context(mock.patch.object(tokens, "secrets", secret))
    return stack


async def _ids(store: Store) -> set[str]:
    return {row.ticket_id for row in await store.log_after(0, 1000) if row.ticket_id}


def _buttons(drawn: card.Card) -> dict[str, str]:
    return {one.action: one.token for one in drawn.controls if isinstance(one, card.Button)}


def _dumped(path: str) -> list[str]:
    found = ["-- What the latest release stored: see recording.py, which wrote it."]
    with apsw.Connection(path) as db:
        for table in _TABLES:
            columns = [str(row[1]) for row in db.execute(f"pragma table_info({table})")]
            rows = db.execute(f"select {', '.join(columns)} from {table} order by 1, 2")
            found += [f"insert into {table} ({', '.join(columns)}) values ({_values(row)});" for row in rows]
    return found


def _values(row: tuple[Any, ...]) -> str:
    return ", ".join("null" if one is None else str(one) if isinstance(one, int) else _quoted(one) for one in row)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        stored, sent = asyncio.run(record(Path(folder)))
    STORED.write_text(stored, encoding="utf-8")
    SENT.write_text(json.dumps(sent, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
