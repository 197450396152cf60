"""A whole setup on a stage: desk, courier and the Slack adapter before a fake Slack with people in it.

Rule: tests act as agents at the desk or as people in Slack, and look at what people or agents see.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from aiohttp import web

import sayso_slack
from sayso import model
from sayso.cards import tokens
from sayso.desk import Caller, Desk, Setup, courier
from sayso.desk.posting import leases
from sayso.machine import people
from sayso.stores import Store, memory
from sayso.testing.clock import ManualClock
from tests.fakes.slack import FakeSlack, Message, Person, Seen, View

Transport = Literal["sockets", "http"]
MINT = tokens.TokenMaker(b"for tests only, never for people")
DIRECTORY = people.Directory(
    people={"ann": people.Profile(frozenset({"slack:T1/U1"})), "eve": people.Profile(frozenset({"slack:T9/U9"}))},
    groups={"release": people.Group(platform_groups=frozenset({"slack:S1"}))},
)

# Seconds in which the fake has answered, on any machine but the busiest.
_MOMENT = 0.05
# Seconds without a delivery after which the setup waits for its turn, and not for an answer of the fake.
_QUIET = 2.0


class Clock(ManualClock):
    """Knows for when somebody waits on it."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited: list[datetime] = []

    async def within(self, deadline: datetime | None, waiting: Awaitable[object]) -> bool:
        """As ever, with its deadline on show."""
        awaited = [] if deadline is None else [deadline]
        self.awaited += awaited
        try:
            return await super().within(deadline, waiting)
        finally:
            for one in awaited:
                self.awaited.remove(one)

    def is_turn_awaited(self) -> bool:
        """Whether somebody waits for a turn: it comes before the lease of a job is renewed."""
        soon = timedelta(seconds=leases.RENEW_EVERY)
        return any(timedelta(0) < one - self.now() < soon for one in self.awaited)


@dataclass
class Scene:
    """Channel C1 (#ops) with Ann and Bob in it; `link` is the app as connected now."""

    slack: FakeSlack
    clock: Clock
    front: Desk
    transport: Transport
    images: bool = False
    link: sayso_slack.Slack = field(init=False)
    courier: courier.Courier = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def settings(self) -> sayso_slack.Settings:
        """As the operator would write them."""
        app_token = self.slack.app_token if self.transport == "sockets" else None
        return sayso_slack.Settings(
            self.slack.bot_token, app_token, self.slack.signing_secret, "#ops", self.slack.api_url, self.images
        )

    async def start(self) -> None:
        """Connect the app, as a new process would."""
        self.link = await self._open.enter_async_context(sayso_slack.connect(self.front, self.settings))
        self.courier = courier.Courier(self.front, [self.link.channel])
        if self.transport == "http":
            served = web.Application()
            self.link.add_routes(served)
            runner = web.AppRunner(served, access_log=None)
            await runner.setup()
            self._open.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.slack.use_http(f"http://127.0.0.1:{runner.addresses[0][1]}")
        else:
            await self.slack.until(lambda: len(self.slack.sockets.open) == 2)

    async def stop(self) -> None:
        """End the process; what is in the store and in Slack stays."""
        await self._open.aclose()
        self._open = AsyncExitStack()

    async def ask(self, request: model.Request, **caller: Any) -> model.Ticket:
        """An agent asks, and the card is delivered."""
        ticket = await self.front.open(request, Caller(**caller))
        await self.deliver()
        return await self.front.get(ticket.id)

    async def deliver(self) -> None:
        """Everything that is due goes out, at the pace that Slack takes it: where that is slow, time goes on."""
        while await self._round():
            pass

    async def _round(self) -> int:
        going, quiet = asyncio.ensure_future(self.courier.deliver()), 0.0
        while not (await asyncio.wait({going}, timeout=_MOMENT))[0]:
            quiet += _MOMENT
            if quiet >= _QUIET or self.clock.is_turn_awaited():
                self.clock.advance(1)
                quiet = 0.0
        return going.result()

    def cards(self, channel: str = "C1") -> list[Message]:
        """The messages of the app."""
        return [message for message in self.slack.messages(channel) if message.user == "UBOT"]

    @property
    def card(self) -> Message:
        """The only card."""
        (message,) = self.cards()
        return message

    async def open(self, person: Person, label: str) -> View:
        """The modal that opens when somebody presses this button."""
        seen = await person.press(self.card, label)
        await self.slack.until(lambda: seen.views)
        return person.view

    async def whispered(self, seen: Seen) -> str:
        """What only the person who acted was told about it."""
        await self.slack.until(lambda: seen.ephemerals)
        return self.slack.visible_text(seen.ephemerals[-1])

    async def decision(self, ticket: model.Ticket) -> model.Decision:
        """The decision, which must be there, with the cards brought up to date."""
        found = (await self.front.get(ticket.id)).decision
        assert found is not None
        await self.deliver()
        return found


@asynccontextmanager
async def scene(
    transport: Transport = "sockets",
    *,
    policy: model.Policy | None = None,
    kept: Store | None = None,
    route: tuple[str, ...] = ("slack:#ops",),
    directory: people.Directory | None = None,
    grace: timedelta = timedelta(0),
    images: bool = False,
    ack_within: float = 3.0,
) -> AsyncGenerator[Scene]:
    """Everything up; Slack has never refused anything when it comes down, unless the test looked at the refusals."""
    clock = Clock()
    policies = {"default": policy or model.Policy()}
    setup = Setup(policies, directory or DIRECTORY, route, ("slack",), grace=grace, tell_requester=True)
    front = Desk(kept or memory.MemoryStore(), MINT, setup, clock)
    async with FakeSlack(clock=lambda: clock.now().timestamp(), ack_within=ack_within) as slack:
        slack.channel("C1", name="ops", members=["U1", "U2"])
        slack.usergroup("S1", [])
        there = Scene(slack, clock, front, transport, images)
        await there.start()
        try:
            yield there
        finally:
            await there.stop()
            await front.store.close()
