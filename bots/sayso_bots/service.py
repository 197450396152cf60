"""The service: one desk, one web application and the workers beside them, plugged together and taken down in order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from aiohttp import web

import sayso_claude.server
import sayso_http.server
import sayso_web
from sayso import card, channel, clock, courier, keys, opening, store
from sayso import desk as desks
from sayso_bots import door, environment, listening, settings, workers
from sayso_http import auth, health

# Seconds that calls under way may still take when the service stops; held ones are let go at once.
GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    url: str
    desk: desks.Desk
    sessions: sayso_web.Sessions
    chat: str
    """Which chat it is connected to, in words."""
    failed: asyncio.Future[None]
    """Raises what made a worker crash."""

    async def link(self, person: str) -> str:
        """A new sign-in link."""
        return await self.sessions.link(person, self.url)


class _Inbox:
    """The place `web`: every request stands in the inbox already, so there is nothing to post."""

    name = "web"

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> channel.MessageRef:
        return channel.MessageRef(drawn.ticket_id, place, self.name, "inbox", drawn.ticket_id)

    async def edit(self, ref: channel.MessageRef, drawn: card.Card) -> None:
        return None


@contextlib.asynccontextmanager
async def running(
    given: environment.Environment, chosen: settings.Settings, listener: socket.socket
) -> AsyncGenerator[Service]:
    """The service over the database that *given* names, listening on *listener*, until the block ends.

    At the end it takes no more calls, finishes those under way, and then closes what they needed.

    Raises:
        InvalidSettings, StoreUnavailable: it cannot start.
    """
    names = listening.names(given.host, listener.getsockname()[1], chosen.service)
    async with contextlib.AsyncExitStack() as stack:
        kept = await stack.enter_async_context(door.database(given))
        desk = desks.Desk(kept, await opening.mint(kept), settings.house(chosen, ["web"]))
        app = web.Application(middlewares=[auth.errors_as_json, auth.known_hosts(names.hosts)])
        crew = workers.Workers()
        stack.push_async_callback(crew.stop)
        post = courier.Courier(desk, [_Inbox()])
        crew.start("courier", post.run)
        crew.start("clock", lambda: clock.watch(desk, kept, desk.clock))
        sessions = sayso_web.Sessions(kept, desk.clock)
        _add_routes(app, desk, sessions, names, {"workers": crew.well})
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener).start()
        yield Service(names.url, desk, sessions, "no chat", crew.failed)


def _add_routes(
    app: web.Application,
    desk: desks.Desk,
    sessions: sayso_web.Sessions,
    names: listening.Names,
    ready: Mapping[str, health.Check],
) -> None:
    authenticate = auth.authenticate(keys.Keys(desk.store))
    sayso_http.server.add_routes(app, desk, authenticate=authenticate, ready=ready)
    sayso_claude.server.add_routes(app, desk, authenticate=authenticate)
    sayso_web.add_routes(app, desk, sessions, origins=names.origins)


def durability(found: store.Durability) -> str:
    """What survives, in a line."""
    kept = "what is acknowledged survives a power cut" if found.safe else "NOT durable"
    return f"{found.engine} {found.version}, {found.level}: {kept}"
