"""An agent that follows a script and a person who answers it, for the contract of pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayso import errors, model
from sayso.desk import Desk
from sayso.machine import people
from sayso.stores import Query
from sayso.testing import clock

ANN = people.Actor(account="test:ann", name="Ann", member=True)
TOOL = "pay"
"""What the agent calls: with an `amount`, a number, and a `to`, a text."""
# Seconds until a run that hangs fails its test.
SOON = 20.0
TEN: model.JsonObject = {"amount": 10.5, "to": "shop"}
ELEVEN: model.JsonObject = {"amount": 11.5, "to": "shop"}
# A value for each key of a request, as a program might say it.
KEYS: Mapping[str, Any] = {
    "id": "mine-1",
    "kind": "question",
    "title": "Mine",
    "body": "Because of the order",
    "tool": "other",
    "input": {"a": 1},
    "input_schema": {"type": "object"},
    "options": ["one", "two"],
    "multiple": True,
    "other": True,
    "json_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
    "fields": [model.Field(name="a", label="A")],
    "source": model.Source(agent="Mine", session="s-9"),
    "context": {"Team": "red"},
    "attachments": [model.Attachment(name="order", text="two chairs")],
    "risk": "high",
    "priority": "low",
    "grants": ["session"],
    "offers": [model.Offer(name="rule", kind="rule", effect="all payments")],
    "verdicts": ["stop"],
    "editable": False,
    "confirm": True,
    "policy": "default",
    "route": ["web:ops"],
    "expires_in": 60.0,
    "supersedes": "mine-0",
    "batch": model.Batch(id="turn-1"),
    "callback_url": "https://agent.example/decided",
    "metadata": {"team": "red"},
}


@dataclass
class Script:
    """An agent that makes some calls of one tool in one turn, and what came of them."""

    calls: Sequence[model.JsonObject]
    name: str = "run-1"
    """What names the run in every process."""
    hangs: bool = False
    """Whether the tool never returns, so that its process can be killed in the middle of it."""
    ran: list[model.JsonObject] = field(default_factory=list[model.JsonObject])
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the tool runs."""
    told: list[str] = field(default_factory=list[str])
    """What the model reads in place of a result."""
    stopped: bool = False
    """Whether a person ended the run; an adapter whose run raises `Denied` need not set it."""

    async def tool(self, **given: Any) -> str:
        """What the framework runs."""
        self.ran.append(given)
        self.begun.set()
        if self.hangs:
            await asyncio.Event().wait()
        return "paid"


class ServiceIsAway(Desk):
    """A desk that is away for some verbs."""

    away: frozenset[str] = frozenset()

    async def open(self, *given: Any, **named: Any) -> model.Ticket:
        """As `Desk.open`, unless it is away."""
        self._check("open")
        return await super().open(*given, **named)

    async def use(self, *given: Any, **named: Any) -> model.Ticket:
        """As `Desk.use`, unless it is away."""
        self._check("use")
        return await super().use(*given, **named)

    def _check(self, verb: str) -> None:
        if verb in self.away:
            raise errors.StoreUnavailable("the service is away")


@dataclass
class Office:
    """A desk, and Ann, who answers there."""

    desk: ServiceIsAway
    clock: clock.ManualClock

    async def all(self) -> list[model.Ticket]:
        found = await self.desk.store.list(Query())
        return sorted(found, key=lambda ticket: (ticket.created_at, ticket.id))

    async def asked(self, count: int = 1) -> list[model.Ticket]:
        """The open requests, once there are *count*."""
        changes = self.desk.store.changes()
        async with asyncio.timeout(SOON):
            while len(found := [ticket for ticket in await self.all() if ticket.decision is None]) < count:
                await anext(changes)
        return found

    async def next(self, running: asyncio.Task[None]) -> model.Ticket | None:
        """The oldest open request; None if the run ends without one."""
        asking = asyncio.ensure_future(self.asked())
        try:
            await asyncio.wait({running, asking}, return_when=asyncio.FIRST_COMPLETED, timeout=SOON)
            return asking.result()[0] if asking.done() else None
        finally:
            asking.cancel()

    async def answer(self, ticket: model.Ticket, **answer: Any) -> None:
        await self.desk.answer(ticket.id, model.Answer(**answer), ANN)
