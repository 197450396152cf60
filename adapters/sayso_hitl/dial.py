"""Takes decisions to agents that listen on this machine: as one text frame over a WebSocket, tried for some seconds.

The rule: nothing but a loopback address is ever connected to, and only the agent that asked hears the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from typing import Any

import aiohttp
import tenacity

from sayso import clock as clocks
from sayso import errors, model
from sayso.cards import tokens
from sayso.desk import Desk
from sayso.desk.posting import leases
from sayso.machine import events
from sayso.stores import Query, Store
from sayso_hitl import wire

# Seconds to go on dialling: an agent binds its port before it asks, so an agent that does not answer soon has given up.
PATIENCE = 5.0
# Seconds for one try, and for the agent to close the connection once it has read: the dashboard's server takes 5, too.
_ONE_TRY = 5.0
# How many of the latest questions are looked at for another agent that listens at the same address by now.
_LATEST = 300


class Dialer:
    """The courier's `Resumer` for requests of `sayso_hitl`: delivers a decision to the agent's own WebSocket server."""

    def __init__(self, store: Store, clock: clocks.Clock, *, patience: float = PATIENCE) -> None:
        self._store = store
        self._clock = clock
        self._patience = patience

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        """None: what did not succeed within the patience has no receiver any more."""
        return None

    async def resume(self, ticket: model.Ticket) -> bool:
        """Deliver once, and put on record if that was not possible.

        Raises:
            ChannelError: the agent has given up, another one listens at its address, or it is too late to run what was
                allowed; always `final`.
        """
        try:
            url = wire.check_address(ticket.request.callback_url)
            await self._same_agent(ticket)
            await self._use(ticket)
            await self._dial(url, wire.frame(ticket))
            return True
        except (errors.InvalidRequest, errors.NotUsable, errors.ChannelError) as error:
            lost = events.Undelivered(at=self._clock.now(), place=events.CALLBACK, reason=error.message)
            await self._store.append(ticket.id, ticket.version, lost)
            raise errors.ChannelError(error.message, final=True) from error

    async def _same_agent(self, ticket: model.Ticket) -> None:
        """Refuse if the port has a new owner: it would take this answer for its own."""
        if ticket.owner != wire.CALLER.owner:
            raise errors.ChannelError("no hook asked this")
        for other in await self._store.list(Query(owner=ticket.owner, limit=_LATEST)):
            newer = other.created_at > ticket.created_at and other.request.source != ticket.request.source
            if newer and other.request.callback_url == ticket.request.callback_url:
                raise errors.ChannelError("another agent listens at its address by now")

    async def _use(self, ticket: model.Ticket) -> None:
        """Use an allow for the hook that waits for it: its tool runs next. Delivered again, it is the same use."""
        if ticket.decision is not None and ticket.decision.outcome == "allowed":
            desk = Desk(self._store, tokens.TokenMaker(b""), clock=self._clock)
            await desk.use(ticket.id, wire.CALLER, attempt="hook")

    async def _dial(self, url: str, text: str) -> None:
        trying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type((aiohttp.ClientError, OSError)),
            stop=tenacity.stop_after_delay(self._patience),
            wait=tenacity.wait_exponential(multiplier=0.05, max=0.5),
            reraise=True,
        )
        try:
            await trying(_send, url, text)
        except (aiohttp.ClientError, OSError) as error:
            raise errors.ChannelError(f"the agent does not listen any more: {type(error).__name__}") from error


async def _send(url: str, text: str) -> None:
    connector = aiohttp.TCPConnector(socket_factory=_loopback_socket, force_close=True)
    # no proxies from the environment: nothing leaves this machine
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        async with asyncio.timeout(_ONE_TRY):
            connection = await session.ws_connect(url)
            leases.check()
            await connection.send_str(text)
        # an agent that closes at once cuts the frame off; one that never closes has it all the same
        with contextlib.suppress(TimeoutError):
            await connection.receive(_ONE_TRY)
        await connection.close()


def _loopback_socket(info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
    """A socket for one address of the host, also of one that a redirect names. Raises `PermissionError`."""
    family, kind, protocol, _, address = info
    if not ipaddress.ip_address(str(address[0])).is_loopback:
        raise PermissionError(f"{address[0]} is not this machine")
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made
