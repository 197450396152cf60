"""A whole setup on a stage: desk, courier and the Discord adapter before a fake Discord with people in it.

Rule: tests act as agents at the desk or as people in Discord, and look at what people or agents see.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

import sayso_discord
from sayso import model
from sayso.cards import tokens
from sayso.desk import Caller, Desk, Setup, courier
from sayso.machine import people
from sayso.stores import Store, memory
from sayso.testing.clock import ManualClock
from sayso_discord import gateway, ways
from tests.fakes.discord import FakeDiscord, Message, Modal, Person, Seen
from tests.fakes.discord.delivery import Http

Transport = Literal["gateway", "http"]
OPS, ANN, BOB, ROLE = "200000000000000001", "300000000000000001", "300000000000000002", "400000000000000001"
MINT = tokens.TokenMaker(b"for tests only, never for people")
DIRECTORY = people.Directory(
    people={"ann": people.Profile(frozenset({f"discord:{ANN}"}))},
    groups={"release": people.Group(platform_groups=frozenset({f"discord:{ROLE}"}))},
)
QUICK = gateway.Patience(first_pause=0.01, longest_pause=0.1, down=0.5, silence=60, look_every=0.01, ready=5, poll=0.1)


@dataclass
class Scene:
    """Channel OPS with Ann and Bob in the guild; `link` is the app as connected now."""

    discord: FakeDiscord
    clock: ManualClock
    front: Desk
    transport: Transport
    threads: Literal["session", "off"] = "off"
    patience: gateway.Patience = QUICK
    endpoint: Http = field(init=False, repr=False)
    link: sayso_discord.Discord = field(init=False)
    courier: courier.Courier = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def settings(self) -> sayso_discord.Settings:
        """As the operator would write them."""
        key = self.discord.public_key if self.transport == "http" else None
        return sayso_discord.Settings(
            self.discord.bot_token, key, OPS, self.threads, self.discord.api_url, self.discord.gateway_url
        )

    async def start(self) -> None:
        """Connect the app, as a new process would."""
        self.link = await self._open.enter_async_context(
            sayso_discord.connect(self.front, self.settings, self.patience)
        )
        self.courier = courier.Courier(self.front, [self.link.channel])
        if self.transport == "http":
            served = web.Application()
            self.link.add_routes(served)
            runner = web.AppRunner(served, access_log=None)
            await runner.setup()
            self._open.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.endpoint = self.discord.use_http(f"http://127.0.0.1:{runner.addresses[0][1]}/discord/interactions")

    async def stop(self) -> None:
        """End the process; what is in the store and in Discord stays."""
        await self._open.aclose()
        self._open = AsyncExitStack()

    async def ask(self, request: model.Request, **caller: Any) -> model.Ticket:
        """An agent asks, and the card is delivered."""
        ticket = await self.front.open(request, Caller(**caller))
        await self.deliver()
        return await self.front.get(ticket.id)

    async def deliver(self) -> None:
        """Everything that is due goes out."""
        while await self.courier.deliver():
            pass

    def cards(self, channel: str = OPS) -> list[Message]:
        """The cards of the app; what threads hang on is none."""
        ours = (one for one in self.discord.messages(channel) if one.author == self.discord.bot_id)
        return [one for one in ours if any(part["type"] == 17 for part in one.components)]

    @property
    def card(self) -> Message:
        """The only card."""
        (message,) = self.cards()
        return message

    async def opened(self, person: Person, label: str) -> Modal:
        """The modal that opens when somebody presses this button of the card."""
        seen = await person.press(self.card, label)
        assert seen.modals, [self.discord.visible_text(one) for one in seen.ephemerals]
        return person.modal

    async def whispered(self, seen: Seen) -> str:
        """What only the person who acted was told about it."""
        await self.discord.until(lambda: seen.ephemerals)
        return self.discord.visible_text(seen.ephemerals[-1])

    async def decision(self, ticket: model.Ticket) -> model.Decision:
        """The decision, which must be there, with the cards brought up to date."""
        found = (await self.front.get(ticket.id)).decision
        assert found is not None
        await self.deliver()
        return found


@asynccontextmanager
async def scene(
    transport: Transport = "gateway",
    *,
    policy: model.Policy | None = None,
    kept: Store | None = None,
    threads: Literal["session", "off"] = "off",
    route: tuple[str, ...] = (f"discord:{OPS}",),
    privileged: int = 0,
    patience: gateway.Patience = QUICK,
    directory: people.Directory = DIRECTORY,
) -> AsyncGenerator[Scene]:
    """Everything up, and down again at the end."""
    clock = ManualClock()
    setup = Setup({"default": policy or model.Policy()}, directory, route, ("discord",), tell_requester=True)
    front = Desk(kept or memory.MemoryStore(), MINT, setup, clock)
    async with FakeDiscord(clock=lambda: clock.now().timestamp(), privileged=privileged) as discord:
        discord.channel(OPS, name="ops")
        discord.role(ROLE, name="release")
        # as at any start but the first
        for command in ways.COMMANDS:
            discord.commands.keep(command)
        there = Scene(discord, clock, front, transport, threads, patience)
        await there.start()
        try:
            yield there
        finally:
            await there.stop()
            await front.store.close()
