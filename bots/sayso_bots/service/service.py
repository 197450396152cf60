"""The service: one desk, one web application and the workers beside them, plugged together and taken down in order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import importlib.util
import socket
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

import sayso_aap
import sayso_claude.server
import sayso_hitl.dial
import sayso_http.server
import sayso_web
from sayso.cards import tokens
from sayso.desk import Desk, authority, courier, keys, timekeeper, token_secret
from sayso.desk.admission import learning
from sayso.desk.upkeep import observing, purging, stopping, suggestions, tracing
from sayso.stores import Durability
from sayso_bots.service import (
    address,
    checks,
    dashboard,
    database,
    devices,
    lifetime,
    listening,
    masking,
    reloading,
    resumers,
    sealers,
    signing,
    workers,
)
from sayso_bots.settings import environment, reach, schema
from sayso_http import callback, callback_urls, health, outbound
from sayso_http.server import auth, connections, hosts, reading, responses, waits

# Seconds that calls under way may still take when the service stops; held ones are let go at once.
GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    url: str
    desk: Desk
    sessions: sayso_web.Sessions
    chat: str
    """How it is connected to a chat, in words."""
    reload: Callable[[], None]
    """Has the settings read again, soon."""
    failed: asyncio.Future[None]
    """Raises what made a worker crash."""
    leaving: lifetime.Leaving
    """Makes it unready before it ends."""

    async def link(self, person: str) -> str:
        """A new sign-in link."""
        return await self.sessions.link(person, self.url)


@contextlib.asynccontextmanager
async def run(
    given: environment.Environment,
    chosen: schema.Settings,
    listener: socket.socket,
    hitl: socket.socket | None = None,
) -> AsyncGenerator[Service]:
    """The service over the database that *given* names, listening on *listener*, until the block ends.

    With *hitl* hooks of the dashboard are taken there.

    At the end it takes no more calls, finishes those under way, and then closes what they needed.

    Raises:
        InvalidSettings, StoreUnavailable, ChannelError: it cannot start.
    """
    names = listening.names_of(given.host, listener.getsockname()[1], chosen.service)
    app = _application(names)
    crew = workers.Workers()
    leaving = lifetime.Leaving()
    ready: dict[str, health.Check] = {"workers": crew.well, "running": leaving.check_ready}
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(database.connect(given, create=True))
        stack.enter_context(database.sole_service(given))
        setup = reloading.make_setup(given, chosen)
        reach.check(setup)
        reach.check_keys(setup, await keys.Keys(store).list())
        desk = Desk(store, masking.equip(await token_secret.mint(store), chosen), setup)
        signing.equip(desk, given)
        reloader = reloading.Reloader(given, chosen, desk)
        await stack.enter_async_context(reloader.there())
        said = await _connect(stack, given, chosen, desk, app, ready, crew)
        stack.push_async_callback(crew.stop)
        told = await devices.open_devices(desk, given, chosen.service, chosen.service.callback_hosts)
        _start(crew, desk, chosen.service.callback_hosts, told.pusher if told else None)
        sealers.start(crew, desk, given, chosen, derive_callback_secrets(desk.mint))
        sessions = sayso_web.Sessions(store, desk.clock)
        sayso_web.add_routes(app, desk, sessions, origins=names.origins, plots=_plots(), devices=told)
        _add_api(app, desk, ready, crew, chosen.service.callback_hosts)
        _add_mcp(app, desk, names.origins)
        _add_aap(app, desk, chosen.service.callback_hosts)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        server = await connections.serve(runner, listener, limits_of(chosen.service))
        stack.callback(server.close)
        if hitl:
            await stack.enter_async_context(dashboard.run(desk, hitl))
        crew.start("settings", reloader.run)
        await address.keep(store, names.url)
        yield Service(names.url, desk, sessions, said, reloader.wake, crew.failed, leaving)


def _application(names: listening.Names) -> web.Application:
    middlewares = [responses.errors_as_json, connections.limit_time, hosts.known_hosts(names.hosts)]
    return web.Application(middlewares=middlewares)


def limits_of(service: schema.Service) -> connections.Limits:
    """What connections may take of the service."""
    return connections.Limits(
        total=service.connections,
        per_address=service.connections_per_address,
        head=service.headers_within,
        body=service.body_within,
        idle=service.idle_for,
    )


async def _connect(
    stack: contextlib.AsyncExitStack,
    given: environment.Environment,
    chosen: schema.Settings,
    desk: Desk,
    app: web.Application,
    ready: dict[str, health.Check],
    crew: workers.Workers,
) -> str:
    """Connect every configured chat to *desk*, until *stack* ends; returns how they are connected, in words."""
    said: list[str] = []
    for chat in checks.configured_chats(given, chosen):
        configured = chat.configure(chosen.chat(chat.name), given.chats)
        connection = await stack.enter_async_context(configured.connect(desk, app))
        ready[chat.name] = connection.check_ready
        # what a platform does not take back for good ends the service, so that whoever runs it learns of it
        stack.push_async_callback(crew.stop)
        crew.start(chat.name, connection.lost)
        said.append(configured.described)
    return " · ".join(said) or "none; the inbox only"


def _start(
    crew: workers.Workers, desk: Desk, callback_hosts: Sequence[str], pusher: courier.Pusher | None = None
) -> None:
    tracing.attach(desk)
    secret, *older = derive_callback_secrets(desk.mint)
    callbacks = callback.CallbackResumer(secret, older=older, allow=callback_hosts, clock=desk.clock)
    # whether hooks are taken now or not: an earlier run may owe one its answer
    ways: dict[str, courier.Resumer] = {
        "ws": sayso_hitl.dial.Dialer(desk.store, desk.clock),
        sayso_aap.SCHEME: _make_notifier(desk, callback_hosts),
    }
    resumer = resumers.Resumers(ways, callbacks)
    channels = [one.channel for one in desk.platforms.values()]
    crew.start("courier", courier.Courier(desk, channels, resumer, pusher).run)
    crew.start("keys", functools.partial(authority.watch, desk.store, desk.clock))
    crew.start("observed", functools.partial(observing.tell_on, desk))
    crew.start("suggestions", functools.partial(suggestions.suggest_on, desk))
    crew.start("learned", functools.partial(learning.follow, desk))
    crew.start("purge", functools.partial(purging.purge_on, desk))
    crew.start("stops", functools.partial(stopping.watch, desk))
    crew.start("clock", functools.partial(timekeeper.expire_due, desk, desk.store, desk.clock))


def _add_api(
    app: web.Application,
    desk: Desk,
    ready: Mapping[str, health.Check],
    crew: workers.Workers,
    callback_hosts: Sequence[str],
) -> None:
    authenticate = auth.authenticate(keys.Keys(desk.store))

    def check_callback(url: str) -> None:
        callback_urls.check_callback_url(url, callback_hosts)

    sayso_http.server.add_routes(
        app,
        desk,
        authenticate=authenticate,
        ready=ready,
        alive={"workers": crew.alive},
        check_callback=check_callback,
    )
    sayso_claude.server.add_routes(app, desk, authenticate=authenticate)


def _plots() -> sayso_web.Plots:
    """What draws the numbers, if its extra is installed."""
    if not importlib.util.find_spec("pygal"):
        return sayso_web.Plots()
    import sayso_plots

    return sayso_web.Plots(sayso_plots.PLOTS, sayso_plots.draw)


def _add_mcp(app: web.Application, desk: Desk, origins: Collection[str]) -> None:
    """Add the MCP server, if its extra is installed."""
    if importlib.util.find_spec("mcp"):
        from sayso_claude import questions
        from sayso_mcp import server

        authenticate = auth.authenticate(keys.Keys(desk.store))
        server.add_routes(app, desk, authenticate=authenticate, origins=origins, questions={questions.TOOL: questions})


def _make_notifier(desk: Desk, callback_hosts: Sequence[str]) -> sayso_aap.Notifier:
    return sayso_aap.Notifier(desk.store, desk.clock, outbound.Poster(callback_hosts, patience=sayso_aap.PATIENCE))


def _add_aap(app: web.Application, desk: Desk, callback_hosts: Sequence[str]) -> None:
    held = waits.Waits()
    service = sayso_aap.Service(auth.authenticate(keys.Keys(desk.store)), reading.body, held.wait_for_decision)
    sayso_aap.add_routes(app, desk, service, _make_notifier(desk, callback_hosts))
    app.on_shutdown.append(held.stop)


def derive_callback_secrets(mint: tokens.TokenMaker) -> list[bytes]:
    """What callbacks are signed with: follows from the service's secrets, and does not give them away to receivers."""
    return [hmac.digest(secret, b"sayso callbacks", "sha256") for secret in mint.all]


def describe_durability(found: Durability) -> str:
    """What survives, in a line."""
    kept = "what is acknowledged survives a power cut" if found.safe else "NOT durable"
    return f"{found.engine} {found.version}, {found.level}: {kept}"
