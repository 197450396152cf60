"""The gateway: one connection that lives, and a new client where the library's own would hang on to a dead one.

The rule: the library resumes short breaks by itself; what lasts longer, or comes too often, gets a fresh client after a
pause that grows, so that Discord's limit of 1,000 starts a day is never near.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import discord

from sayso import errors

log = logging.getLogger(__name__)

Json = dict[str, Any]
Take = Callable[[Json], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Patience:
    """Times of the connection, in seconds."""

    first_pause: float = 5.0
    longest_pause: float = 300.0
    down: float = 120.0
    """A connection that did not come back by itself in this time is given up."""
    silence: float = 60.0
    """Without a word from Discord for this long the connection is dead; heartbeats come every 41."""
    look_every: float = 1.0
    ready: float = 20.0
    """To be up at the first start."""
    storm: int = 5
    """So many breaks within ten seconds are no way to go on: the library would try hundreds a second."""


_STORM_WITHIN = 10.0
# To start again after one of these is of no use, and counts against the limit of starts.
_FINAL_CODES = (4004, 4010, 4011, 4012, 4013, 4014)


@dataclass(frozen=True, slots=True)
class Takers:
    """Who takes what comes in."""

    interaction: Take
    message: Take
    ready: Callable[[], Awaitable[None]]


class Gateway:
    """Keeps a client connected until it is closed."""

    def __init__(self, token: str, takers: Takers, *, content: bool, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self.takers = takers
        self._token = token
        self._content = content
        self._client: _Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def open(self) -> None:
        """Connect.

        Raises:
            InvalidSettings: Discord does not take the token, or an intent.
            ChannelError: Discord cannot be reached.
        """
        self._task = asyncio.create_task(self._keep(), name="discord gateway")
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({up, self._task}, timeout=self.patience.ready, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._task.done() and (error := self._task.exception()) is not None:
            raise error
        if not self._up.is_set():
            await self.close()
            raise errors.ChannelError("Discord's gateway cannot be reached", hint="see https://discordstatus.com")

    def healthy(self) -> bool:
        """Whether clicks can arrive at this moment."""
        socket = self._client.ws if self._client else None
        return bool(self._client and self._client.up and socket is not None and socket.open)

    async def close(self) -> None:
        """Take nothing more in."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        pause = self.patience.first_pause
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._one_client()
            except discord.PrivilegedIntentsRequired:
                if not self._content:
                    raise _unusable("an intent") from None
                # the switch was turned off since it was looked at: answers then come by reply and mention
                log.warning("message content intent refused")
                self._content = False
            except discord.LoginFailure:
                raise _unusable("the token") from None
            except discord.ConnectionClosed as error:
                if error.code in _FINAL_CODES:
                    raise _unusable(f"this bot any more, code {error.code}") from None
                log.warning("gateway closed", extra={"code": error.code})
            except Exception:
                # a payload that the library cannot read ends its client without closing it
                log.exception("gateway client failed")
            lived = asyncio.get_running_loop().time() - began
            pause = self.patience.first_pause if lived > self.patience.longest_pause else pause
            log.warning("gateway lost, starting anew", extra={"seconds": pause})
            await asyncio.sleep(pause)
            pause = min(pause * 2, self.patience.longest_pause)

    async def _one_client(self) -> None:
        """Run one client until it fails or is of no use any more."""
        client = self._client = _Client(self, content=self._content)
        async with client:
            running = asyncio.create_task(client.start(self._token))
            watching = asyncio.create_task(client.hopeless())
            try:
                await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
            finally:
                client.up = False
                watching.cancel()
                await client.close()
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await running

    def came_up(self) -> None:
        """A client is connected."""
        self._up.set()


class _Client(discord.Client):
    """Hands on what comes in. Without views, caches and commands: none is needed to answer a press after a restart."""

    def __init__(self, hub: Gateway, *, content: bool) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=content)
        super().__init__(
            intents=intents,
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.5,
            heartbeat_timeout=hub.patience.silence,
        )
        self._hub = hub
        self._breaks: deque[float] = deque(maxlen=hub.patience.storm)
        self._down_since: float | None = asyncio.get_running_loop().time()
        self.up = False

    async def hopeless(self) -> None:
        """Return once this client is of no use any more."""
        patience, now = self._hub.patience, asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(patience.look_every)
            if self._down_since is not None and now() - self._down_since > patience.down:
                return
            if len(self._breaks) == patience.storm and now() - self._breaks[0] < _STORM_WITHIN:
                return

    async def on_connect(self) -> None:
        """READY was received; what comes after it is served already."""
        self._is_up()
        await self._hub.takers.ready()

    async def on_resumed(self) -> None:
        """The session goes on where it was."""
        self._is_up()

    async def on_disconnect(self) -> None:
        """The library tries to resume by itself."""
        now = asyncio.get_running_loop().time()
        self.up = False
        self._down_since = self._down_since or now
        self._breaks.append(now)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """The one way in for presses and modals."""
        await self._hub.takers.interaction(payload_of(interaction))

    async def on_message(self, message: discord.Message) -> None:
        """Somebody wrote."""
        if not message.author.bot:
            await self._hub.takers.message(message_of(message))

    async def on_error(self, event_method: str, /, *_given: Any, **_named: Any) -> None:
        """The outermost loop of an event."""
        log.exception("event failed", extra={"event": event_method})

    def _is_up(self) -> None:
        self.up, self._down_since = True, None
        self._hub.came_up()


def payload_of(interaction: discord.Interaction) -> Json:
    """An interaction in the form in which it also comes by HTTP."""
    message = interaction.message
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(interaction.application_id),
        "type": interaction.type.value,
        "token": interaction.token,
        "channel_id": str(interaction.channel_id or ""),
        "data": interaction.data,
        "message": {"id": str(message.id), "flags": message.flags.value} if message else None,
    }
    return {**payload, **_author(interaction.user)}


def message_of(message: discord.Message) -> Json:
    """A message in the form in which it also comes by the HTTP API."""
    author = _author(message.author)
    reference = message.reference
    return {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "guild_id": str(message.guild.id) if message.guild else None,
        "type": message.type.value,
        "webhook_id": message.webhook_id,
        "author": author["member"]["user"] if "member" in author else author["user"],
        "member": author.get("member"),
        "content": message.content,
        "mentions": [{"id": str(user.id)} for user in message.mentions],
        "message_reference": {"message_id": str(reference.message_id)} if reference else None,
    }


def _author(person: discord.User | discord.Member) -> Json:
    user = {"id": str(person.id), "username": person.name, "global_name": person.global_name, "bot": person.bot}
    if not isinstance(person, discord.Member):
        return {"user": user}
    # as they came: `roles` itself leaves out those that a cache does not know yet
    roles = [str(role) for role in person._roles]  # pyright: ignore[reportPrivateUsage]
    flags = person.flags.value
    return {"member": {"user": user, "nick": person.nick, "roles": roles, "flags": flags, "pending": person.pending}}


def _unusable(what: str) -> errors.InvalidSettings:
    hint = "Developer Portal > your application > Bot: copy the token again, and check the intents there"
    log.error("gateway given up", extra={"hint": hint})
    return errors.InvalidSettings(f"Discord does not take {what}", field="DISCORD_BOT_TOKEN", hint=hint)
