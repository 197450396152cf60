"""One loop: services under faults, agents, people, and the look at what is left when all is quiet."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sayso import clock, model, stores
from sayso.audit import checking, gathering
from sayso.desk import keys
from sayso.machine import events
from sayso.stores import Store
from sayso.stores.auditing import ChainedRow
from sayso.testing import oracle
from sayso_signing import keyring
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.loops.agents import Agents, Json
from tests.loops.listeners import Listeners
from tests.loops.people import DISCORD_ROOM, People
from tests.loops.services import Services

SETTINGS = """
[slack]
channel = "#ops"
[discord]
channel = "{room}"
[service]
callback_hosts = ["127.0.0.1"]
[audit]
seal_every = "1s"
[policies.both]
approvers = ["anyone"]
quorum = 2
[policies.slow]
approvers = ["zoe"]
expires_in = "{expires}s"
remind = ["1s", "3s"]
escalate = [{{ after = "2s", add = ["anyone"], route = ["slack:#more"] }}]
[people.zoe]
slack = "T1/U9"
[people.ann]
slack = "T1/U1"
discord = "300000000000000001"
[people.bob]
slack = "T1/U2"
discord = "300000000000000002"
"""
_CHANNELS = ("slack", "discord", events.CALLBACK)
# Seconds in which everybody who listens has heard of all, once it is quiet.
_HEARD = 20.0


@dataclass(frozen=True)
class Given:
    """How a loop is run."""

    database: str
    folder: Path
    seconds: float = 60.0
    services: int = 2
    seed: int = 1
    kinds: tuple[str, ...] = ("kill", "freeze", "restart", "cut")
    pace: tuple[float, float] = (1.0, 4.0)
    """Seconds between two faults, at least and at most."""
    lease: float | None = None
    """Seconds of a lease, and chats without paces; None as it is in a service."""
    at_once: int = 6
    """Agents at one moment."""
    expires: int = 8
    quiet: float = 120.0
    """Seconds in which all must come to its end, once nothing happens any more."""


@dataclass
class Report:
    """What happened, and what is wrong."""

    faults: Counter[str] = field(default_factory=Counter[str])
    figures: str = ""
    wrong: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        faults = ", ".join(f"{count} x {name}" for name, count in sorted(self.faults.items()))
        return f"{faults}; {self.figures}: {'; '.join(self.wrong) or 'nothing wrong'}"


class Loop:
    """One of them."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._chance = random.Random(given.seed)
        self._seen = oracle.Witnessed()
        self._numbers = itertools.count(1)

    async def run(self) -> Report:
        """Run it, and look."""
        async with self._setup() as (services, agents, people), self._listeners(services.urls) as listeners:
            await asyncio.gather(*map(services.start, services.all))
            listeners.begin()
            pressing = asyncio.create_task(people.press_on())
            asking = await self._ask(services, agents)
            report = Report(services.faults)
            _, waiting = await asyncio.wait(asking, timeout=self._given.quiet)
            report.wrong += [f"its agent waits for ever: {one.get_name()}" for one in waiting]
            for one in asking:
                one.cancel()
            for ended in await asyncio.gather(*asking, return_exceptions=True):
                report.wrong += [repr(ended)] if isinstance(ended, Exception) else []
            began = time.monotonic()
            async with self._stored() as store:
                report.wrong += await self._settle(store, people)
                took = time.monotonic() - began
                report.wrong += await self._heard(store, listeners)
                pressing.cancel()
                await asyncio.gather(pressing, return_exceptions=True)
                await services.end()
                stored = await oracle.read(store)
                report.wrong += [*oracle.violations(self._seen, stored), *self._look(stored, agents), *people.left()]
                seals, findings = await _audited(store)
            report.wrong += [*findings, *services.said[:3]]
            heard = f"{len(self._seen.asked)} asked, {agents.woken.total()} heard, {agents.ran.total()} ran"
            listened = f"{len(listeners.program.events)} rows heard in {listeners.program.begun} streams"
            pages = f"{len(listeners.page.events)} cards on a page in {listeners.page.begun}"
            presses = f"{people.presses[True]} presses acknowledged, {people.presses[False]} not"
            calls = f"{len(agents.called)} called back, {people.counts}, {seals} seals"
            report.figures = f"{heard}, {calls}, {listened}, {pages}, {presses}; quiet after {took:.1f} s"
            return report

    @asynccontextmanager
    async def _setup(self) -> AsyncGenerator[tuple[Services, Agents, People]]:
        given = self._given
        async with FakeSlack() as slack, FakeDiscord() as discord, self._stored() as store:
            key = await keys.Keys(store).add("bot", "agent", clock.SystemClock().now())
            reach = {
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_APP_TOKEN": slack.app_token,
                "SLACK_API_URL": slack.api_url,
                "DISCORD_BOT_TOKEN": discord.bot_token,
                "DISCORD_API_URL": discord.api_url,
                "DISCORD_GATEWAY_URL": discord.gateway_url,
            }
            settings = SETTINGS.format(room=DISCORD_ROOM, expires=given.expires)
            services = Services(given.folder, given.database, given.services, settings, reach, given.lease)
            agents = Agents(services.urls, key, self._seen, self._chance)
            people = People(slack, discord, self._seen, self._chance)
            async with agents.receiving():
                yield services, agents, people

    @asynccontextmanager
    async def _listeners(self, urls: Sequence[str]) -> AsyncGenerator[Listeners]:
        async with self._stored() as store:
            listeners = await Listeners.signed_in(store, urls, random.Random(self._given.seed))
        try:
            yield listeners
        finally:
            await listeners.end()

    @asynccontextmanager
    async def _stored(self) -> AsyncGenerator[Store]:
        store = await stores.connect(self._given.database)
        try:
            yield store
        finally:
            await store.close()

    async def _ask(self, services: Services, agents: Agents) -> list[asyncio.Task[None]]:
        """Let agents ask, and faults happen, for so long and until each kind of them has happened."""
        asking = list[asyncio.Task[None]]()
        ends = time.monotonic() + self._given.seconds
        troubles = asyncio.create_task(self._trouble(services, ends))
        while not troubles.done():
            waiting = sum(not one.done() for one in asking)
            if waiting < self._given.at_once:
                asking += [asyncio.create_task(agents.run(one), name=one["id"]) for one in self._requests()]
            await asyncio.sleep(0.2)
        await troubles
        return asking

    async def _trouble(self, services: Services, ends: float) -> None:
        kinds = itertools.cycle(self._chance.sample(self._given.kinds, len(self._given.kinds)))
        while time.monotonic() < ends or len(services.faults) < len(self._given.kinds):
            await asyncio.sleep(self._chance.uniform(*self._given.pace))
            await services.trouble(next(kinds), self._chance)

    def _requests(self) -> list[Json]:
        """One, or three that share a card, or one that nobody answers."""
        number = next(self._numbers)
        if number % 5 == 0:
            batch = {"id": f"batch{number}", "size": 3}
            return [self._request(f"quick{next(self._numbers)}", number, batch=batch) for _ in range(3)]
        if number % 4 == 0:
            return [self._request(f"slow{number}", number, policy="slow")]
        return [self._request(f"quick{number}", number, policy=self._chance.choice(("default", "both")))]

    def _request(self, id: str, session: int, **more: object) -> Json:
        routes = (["slack:#ops"], [f"discord:{DISCORD_ROOM}"], ["slack:#ops", f"discord:{DISCORD_ROOM}"])
        route = ["slack:#ops"] if "batch" in more else self._chance.choice(routes)
        asked = {"id": id, "kind": "permission", "tool": "Bash", "input": {"command": f"make {id}"}, "route": route}
        return {**asked, "source": {"agent": "bot", "session": f"s{session}"}, **more}

    async def _settle(self, store: Store, people: People) -> list[str]:
        """Wait until nothing is to be done any more."""
        ends = time.monotonic() + self._given.quiet
        while time.monotonic() < ends:
            await asyncio.sleep(0.25)
            if await store.next_job(_CHANNELS) is None and not list(people.left()):
                return []
        return [f"it is not quiet after {self._given.quiet:.0f} s: {await store.next_job(_CHANNELS)}"]

    async def _heard(self, store: Store, listeners: Listeners) -> list[str]:
        """What those who listen missed, once they had time to hear of it."""
        ends = time.monotonic() + _HEARD
        while time.monotonic() < ends:
            if not listeners.behind(await _rows(store)):
                break
            await asyncio.sleep(0.25)
        return list(listeners.wrong(await _rows(store)))

    def _look(self, stored: oracle.Stored, agents: Agents) -> list[str]:
        wrong = list[str]()
        for id, ticket in stored.tickets.items():
            outcome = ticket.decision.outcome if ticket.decision else None
            expected = 1 if outcome == "allowed" else 0
            if agents.ran[id] != expected:
                wrong.append(f"{id}: {outcome}, and it ran {agents.ran[id]} times")
            if agents.woken[id] != 1:
                wrong.append(f"{id}: its agent was woken {agents.woken[id]} times")
            if ticket.request.callback_url and len(agents.called.get(id, ())) != 1:
                wrong.append(f"{id}: {len(agents.called.get(id, ()))} different calls came to its address")
            if id.startswith("slow"):
                wrong += _of_slow(ticket, stored)
        return wrong


def _of_slow(ticket: model.Ticket, stored: oracle.Stored) -> list[str]:
    ends = sum(isinstance(row.entry, events.Ticked) for row in stored.rows[ticket.id])
    numbers = [one.number for one in ticket.escalated]
    outcome = ticket.decision.outcome if ticket.decision else None
    wrong = [f"{ticket.id}: it ended as {outcome}, {ends} times"] if (outcome, ends) != ("expired", 1) else []
    return [*wrong, *([f"{ticket.id}: escalated {numbers}"] if numbers not in ([], [0]) else [])]


async def _rows(store: Store) -> list[ChainedRow]:
    found = list[ChainedRow]()
    while page := await store.chained(found[-1].number if found else 0):
        found += page
    return found


async def _audited(store: Store) -> tuple[int, list[str]]:
    checker = checking.Checker(keyring.check)
    async for item in gathering.everything(store):
        gathering.hand_in(checker, item)
    report = checker.finish()
    return report.seals, [f"audit: {one.where}: {one.said}" for one in report.findings]
