"""The gateway: one live connection, and a new client when the library's own would hang on to a dead one.

The rule: the library resumes after short breaks by itself. After long or frequent breaks a fresh client starts, after
pauses that grow, so that Discord's limit of 1,000 starts a day is never near.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from sayso import errors
from sayso.chat.received import Json
from sayso.desk.upkeep import duties
from sayso_discord import payloads
from sayso_discord.api import proxy

log = logging.getLogger(__name__)

Listen = Callable[[Json], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Patience:
    """Times of the connection, in seconds."""

    first_pause: float = 5.0
    longest_pause: float = 300.0
    down: float = 120.0
    """A connection that does not come back by itself in this time is given up."""
    silence: float = 60.0
    """Without a word from Discord for this long the connection is dead; heartbeats come every 41."""
    look_every: float = 1.0
    ready: float = 3.0
    """To connect at the first start; if it takes longer, it goes on while the service runs."""
    poll: float = 15.0
    """Between two looks at what people wrote, if Discord sends no messages."""
    storm: int = 5
    """This many disconnects within ten seconds count as a storm: the library would try hundreds a second."""


_STORM_WITHIN = 10.0
# A new start after one of these fails again, and counts against the limit of starts.
_FINAL_CODES = (4004, 4010, 4011, 4012, 4013, 4014)


async def _nothing(*_given: Any) -> None:
    """Ignore it."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The functions that hear what comes in."""

    interaction: Listen
    message: Listen
    ready: Callable[[], Awaitable[None]]
    edited: Listen = _nothing
    deleted: Callable[[str, Sequence[str]], Awaitable[None]] = _nothing
    """A conversation, and the messages that were deleted there."""
    place: Callable[[str], Awaitable[None]] = _nothing
    """A channel or thread that went, or that was closed, opened or locked."""


class Gateway:
    """Keeps a client connected until it is closed."""

    def __init__(
        self, token: str, listeners: Listeners, duty: duties.Duty, *, content: bool, patience: Patience | None = None
    ) -> None:
        self.patience = patience or Patience()
        self.is_on_duty = True
        """Whether it is this process that listens; of several copies one does."""
        self._duty = duty
        self.listeners = listeners
        self._token = token
        self._content = content
        self._client: _Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def open(self) -> None:
        """Connect; if that takes long, it goes on while the service runs without it, unready.

        Where another copy of the service is connected, this one waits until that one is gone.

        Raises:
            InvalidSettings: Discord does not take the token, or an intent.
        """
        self.is_on_duty = await self._duty.take()
        self._task = asyncio.create_task(self._serve(), name="discord gateway")
        if not self.is_on_duty:
            log.info("another copy listens to the gateway; this one takes over when that one is gone")
            return
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({up, self._task}, timeout=self.patience.ready, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)
        if self._task.done() and (error := self._task.exception()) is not None:
            raise error
        if not self._up.is_set():
            log.warning("gateway not open yet: no press arrives", extra={"hint": "see https://discordstatus.com"})

    async def lost(self) -> None:
        """Wait until Discord does not take this bot any more. Never returns. Raises `InvalidSettings`."""
        if self._task is not None:
            await asyncio.shield(self._task)

    @property
    def is_lost(self) -> bool:
        """Whether it has ended for good."""
        return self._task is not None and self._task.done()

    def healthy(self) -> bool:
        """Whether clicks can arrive at this moment."""
        if not self.is_on_duty:
            return True  # at the copy that listens
        socket = self._client.ws if self._client else None
        return bool(self._client and self._client.up and socket is not None and socket.open)

    async def close(self) -> None:
        """Listen nothing more in."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._duty.leave()

    async def _serve(self) -> None:
        while True:
            await self._duty.wait()
            self.is_on_duty = True
            listening, holding = asyncio.create_task(self._keep()), asyncio.create_task(self._duty.keep())
            try:
                await asyncio.wait({listening, holding}, return_when=asyncio.FIRST_COMPLETED)
                if listening.done():
                    listening.result()
            finally:
                listening.cancel()
                holding.cancel()
                await asyncio.gather(listening, holding, return_exceptions=True)
            self.is_on_duty = False
            log.warning("another copy listens to the gateway now")

    async def _keep(self) -> None:
        pause = self.patience.first_pause
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._one_client()
            except discord.PrivilegedIntentsRequired:
                if not self._content:
                    raise _unusable("an intent", 4014) from None
                # the switch was turned off since it was looked at: answers then come by reply and mention
                log.warning("message content intent refused")
                self._content = False
            except discord.LoginFailure:
                raise _unusable("the token", 401) from None
            except discord.ConnectionClosed as error:
                if error.code in _FINAL_CODES:
                    raise _unusable(f"this bot any more, code {error.code}", error.code) from None
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
        """Run one client until it fails or cannot recover."""
        client = self._client = _Client(self, content=self._content)
        async with client:
            running = asyncio.create_task(client.start(self._token))
            watching = asyncio.create_task(client.wait_until_hopeless())
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
    """Hands on what comes in. It has no views, caches or commands: a press after a restart is answered without them."""

    def __init__(self, hub: Gateway, *, content: bool) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=content)
        super().__init__(
            proxy=proxy(),
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

    async def wait_until_hopeless(self) -> None:
        """Return when this client cannot recover any more."""
        patience, now = self._hub.patience, asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(patience.look_every)
            if self._down_since is not None and now() - self._down_since > patience.down:
                return
            if len(self._breaks) == patience.storm and now() - self._breaks[0] < _STORM_WITHIN:
                return

    async def on_connect(self) -> None:
        """READY was received; what comes after it is handled already."""
        self._is_up()
        await self._hub.listeners.ready()

    async def on_resumed(self) -> None:
        """The session was resumed."""
        self._is_up()

    async def on_disconnect(self) -> None:
        """The library tries to resume by itself."""
        now = asyncio.get_running_loop().time()
        self.up = False
        self._down_since = self._down_since or now
        self._breaks.append(now)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """The one way in for presses and modals."""
        await self._hub.listeners.interaction(payloads.payload_of(interaction))

    async def on_message(self, message: discord.Message) -> None:
        """Somebody wrote, or the bot itself: maybe from another program."""
        if not message.author.bot or (self.user is not None and message.author.id == self.user.id):
            await self._hub.listeners.message(payloads.message_of(message))

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Somebody changed what they wrote, or Discord added a preview to it."""
        await self._hub.listeners.edited(dict(payload.data))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A message is gone."""
        await self._hub.listeners.deleted(str(payload.channel_id), [str(payload.message_id)])

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Many messages are gone."""
        await self._hub.listeners.deleted(str(payload.channel_id), [str(one) for one in sorted(payload.message_ids)])

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel is gone."""
        await self._hub.listeners.place(str(channel.id))

    async def on_guild_channel_update(self, _before: object, after: discord.abc.GuildChannel) -> None:
        """A channel was changed; maybe who may see it."""
        await self._hub.listeners.place(str(after.id))

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """A thread is gone."""
        await self._hub.listeners.place(str(payload.thread_id))

    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        """A thread was closed, opened, locked or renamed."""
        about: Json = dict(payload.data).get("thread_metadata") or {}  # type: ignore[assignment]
        if about.get("archived") or about.get("locked"):
            await self._hub.listeners.place(str(payload.thread_id))

    async def on_error(self, event_method: str, /, *_given: Any, **_named: Any) -> None:
        """The outermost loop of an event."""
        log.exception("event failed", extra={"event": event_method})

    def _is_up(self) -> None:
        self.up, self._down_since = True, None
        self._hub.came_up()


def _unusable(what: str, code: int) -> errors.InvalidSettings:
    hint = "Developer Portal > your application > Bot: copy the token again, and check the intents there"
    log.error("gateway given up", extra={"code": code, "hint": hint})
    return errors.InvalidSettings(f"Discord does not take {what}", field="DISCORD_BOT_TOKEN", hint=hint)
