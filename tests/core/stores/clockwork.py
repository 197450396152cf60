"""Several copies that are killed, frozen and cut off while they remind, escalate, expire, share cards and seal.

python -m tests.core.stores.clockwork [--seconds 60] [--copies 3] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped]

import sayso
from sayso import model
from sayso.audit import checking, gathering
from sayso.cards import tokens
from sayso.desk import Desk, Setup, authority, channel, courier, timekeeper
from sayso.desk.upkeep import sealing, stopping
from sayso.machine import events
from sayso.stores import Query, Store, postgres
from sayso_bots.service.workers import Workers
from sayso_signing import keyring
from tests.core.stores import at_work, copies
from tests.core.stores.table_chat import TABLE, TableChat

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

SLOW = model.Policy(
    approvers=("ann",),
    expires_in=12.0,
    remind=(1.0, 4.0),
    escalate=(
        model.Escalation(after=2.0, add=("bob",), route=("chat:#more",)),
        model.Escalation(after=6.0, replace=("cid",)),
    ),
)
SETUP = Setup({"default": model.Policy(), "slow": SLOW}, route=("chat:#ops",), channels=("chat",))
# What a copy that was killed had begun is taken on once its lease is over; then it may take a few tries.
_MOST_WAIT = 90.0
_SIGNER = keyring.Keyring([b"\x07" * 32])


async def work(url: str, name: str) -> None:
    """Ask what nobody answers, bursts of it too, answer the rest, and do what a service does beside."""
    store = await _opened(url)
    desk = Desk(store, tokens.TokenMaker(b"only for copies, never for people"), SETUP)
    chat = TableChat(await asyncpg.create_pool(url, min_size=0, max_size=5))
    desk.platforms["chat"] = channel.Platform(chat, reminder=chat, rows=5)
    crew = Workers()
    crew.start("courier", courier.Courier(desk, [chat]).run)
    crew.start("clock", functools.partial(timekeeper.expire_due, desk, store, desk.clock))
    crew.start("stops", functools.partial(stopping.watch, desk))
    crew.start("keys", functools.partial(authority.watch, store, desk.clock))
    crew.start("seals", sealing.Sealer(store, desk.clock, _SIGNER, every=1.0).run)
    asking, over = itertools.count(1), at_work.told_to_end()
    await asyncio.gather(
        at_work.repeat(lambda: _ask_slowly(desk, name, next(asking)), over),
        at_work.repeat(lambda: at_work.ask(desk, name), over),
        at_work.repeat(lambda: _answer(desk, name), over),
        crew.failed,
    )


async def _opened(url: str) -> Store:
    while True:
        try:
            return await postgres.PostgresStore.open(url, timeout=at_work.PATIENCE)
        except sayso.SaysoError:
            await asyncio.sleep(0.2)


async def _ask_slowly(desk: Desk, name: str, number: int) -> None:
    alike = model.Source(session=f"{name}-{number}")
    for _ in range(4 if number % 3 == 0 else 1):
        id = f"slow-{name}-{tokens.new_id()}"
        asked = sayso.Permission(tool="Bash", input={"command": id}, id=id, policy="slow", source=alike)
        await desk.open(asked)
        at_work.say("asked", id)
    await asyncio.sleep(1.0)


async def _answer(desk: Desk, name: str) -> None:
    await at_work.answer(desk, name, lambda ticket: ticket.policy_name == "default")
    await asyncio.sleep(0.1)


@dataclass
class Found:
    """What was looked at when all was quiet, and what of it is wrong."""

    requests: int = 0
    due: int = 0
    reminders: int = 0
    cards: int = 0
    seals: int = 0
    latest: float = 0.0
    """The longest that a reminder or an escalation came late, in seconds."""
    overtaken: int = 0
    """Escalations that the deadline came before, since all copies were dead or frozen."""
    wrong: Counter[str] = field(default_factory=Counter[str])

    def __str__(self) -> str:
        wrong = ", ".join(f"{count} {what}" for what, count in sorted(self.wrong.items())) or "nothing wrong"
        return (
            f"{self.requests} slow requests, {self.due} moments that came due, the latest {self.latest:.1f} s late, "
            f"{self.overtaken} that the deadline overtook; "
            f"{self.cards} cards, {self.reminders} reminders, {self.seals} seals: {wrong}"
        )


class Clockwork(copies.Copies):
    """The copies, and the look at what they did."""

    program = (__file__, "--work")
    # one that is started anew takes seconds, in which time goes on
    pace = (2.0, 5.0)

    def __init__(self, url: str, count: int, seed: int) -> None:
        super().__init__(url, count, seed)
        self.found = Found()

    async def settle(self) -> None:
        """Wait until nothing is to be done any more for what was asked until now, then look."""
        store, pool = await _opened(self._url), await asyncpg.create_pool(self._url, min_size=0, max_size=2)
        ids = [one for one in self.report.asked if one.startswith("slow-")]
        for _ in range(round(_MOST_WAIT)):
            await asyncio.sleep(1.0)
            due = await pool.fetchval(
                "select count(*) from outbox where due_at is not null and ticket_id = any($1)", ids
            )
            if not due and not await _open(store, ids):
                break
        await self._look_at_requests(store, ids)
        await self._look_at_chat(pool, ids)
        await self._look_at_seals(store)
        await pool.close()
        await store.close()

    async def _look_at_requests(self, store: Store, ids: list[str]) -> None:
        found = self.found
        for id in ids:
            ticket, log = await store.load(id), await store.log(id)
            due = [row.entry for row in log if isinstance(row.entry, events.Due)]
            planned = sorted(ticket.created_at.timestamp() + after for after in (1.0, 2.0, 4.0, 6.0))
            found.requests, found.due = found.requests + 1, found.due + len(due)
            late = (min((d.at.timestamp() - at for d in due if d.at.timestamp() >= at), default=0.0) for at in planned)
            found.latest = max(found.latest, *late)
            numbers = [one.number for one in ticket.escalated]
            if numbers != [0, 1][: len(numbers)]:
                found.wrong["escalated twice"] += 1
            # where no copy was there for so long, the deadline came first
            found.overtaken += 2 - len(numbers)
            if ticket.decision is None or ticket.decision.outcome != "expired":
                found.wrong["not expired"] += 1
            if sum(isinstance(row.entry, events.Ticked) for row in log) != 1:
                found.wrong["expired otherwise than once"] += 1

    async def _look_at_chat(self, pool: Any, ids: list[str]) -> None:
        rows = await pool.fetch("select * from chat where ticket = any($1) or ticket like 'batch/%'", ids)
        cards = Counter((row["ticket"], row["place"]) for row in rows if row["kind"] == "card")
        reminders = Counter((row["ticket"], row["place"], row["count"]) for row in rows if row["kind"] == "reminder")
        self.found.cards, self.found.reminders = cards.total(), reminders.total()
        self.found.wrong["cards twice"] = sum(count - 1 for count in cards.values())
        self.found.wrong["reminders twice"] = sum(count - 1 for count in reminders.values())
        mine = [row for row in rows if row["kind"] == "card" and row["ticket"] in set(ids)]
        self.found.wrong["cards with buttons of what is decided"] = sum(row["open"] > 0 for row in mine)
        self.found.wrong += Counter()

    async def _look_at_seals(self, store: Store) -> None:
        checker = checking.Checker(keyring.check)
        async for item in gathering.everything(store):
            gathering.hand_in(checker, item)
        report = checker.finish()
        self.found.seals = report.seals
        for finding in report.findings:
            sys.stdout.write(f"{finding.where}: {finding.said}\n")
            self.found.wrong["findings of the audit"] += 1


async def _open(store: Store, ids: list[str]) -> bool:
    wanted = set(ids)
    return any(one.id in wanted for one in await store.list(Query(state="pending", prefix="slow-", limit=1000)))


def main() -> None:
    """Print a report."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--copies", type=int, default=3)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    from tests.fakes.pg import serving

    with serving() as url:
        running = Clockwork(url, given.copies, given.seed)
        asyncio.run(_prepared(url))
        report = asyncio.run(running.run(given.seconds))
        sys.stdout.write(f"{report}\n{running.found}\n")


async def _prepared(url: str) -> None:
    await (await _opened(url)).close()
    db = await asyncpg.connect(url)
    await db.execute(TABLE)
    await db.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        asyncio.run(work(*sys.argv[2:]))
    else:
        main()
