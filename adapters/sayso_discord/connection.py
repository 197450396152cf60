"""Discord, connected: the channel for the courier, and the interaction in for presses and words."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web as aioweb

from sayso import errors
from sayso.chat.background import Background
from sayso.chat.received import Json
from sayso.content import wording
from sayso.desk import Desk
from sayso.desk.channel import Platform
from sayso.desk.upkeep import duties
from sayso.stores import Store
from sayso_discord import batches, doctor, parse, refusals, server, ways
from sayso_discord.api import MESSAGE_CONTENT, Api, api_of
from sayso_discord.catchup import CatchUp
from sayso_discord.channel import DiscordChannel
from sayso_discord.gateway import Gateway, Listeners, Patience
from sayso_discord.interactions import Interactions
from sayso_discord.members import Members
from sayso_discord.messages import Messages
from sayso_discord.notes import Notes
from sayso_discord.places import Places
from sayso_discord.reminders import Reminders
from sayso_discord.replies import Replies
from sayso_discord.settings import NAME, Settings
from sayso_discord.sharing import Sharing
from sayso_discord.threads import Threads

log = logging.getLogger(__name__)

# Seconds. After this Discord has given up waiting for the response.
_CALLBACK_WITHIN = 2.5
_KEY = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Discord:
    """A connection to one application."""

    channel: DiscordChannel
    settings: Settings
    gateway: Gateway | None
    api: Api = field(repr=False)
    _interactions: Interactions = field(repr=False)
    _catch_up: CatchUp = field(repr=False)
    _store: Store | None = field(default=None, repr=False)

    def add_routes(self, routes: aioweb.Application, seconds: Callable[[], float] = time.time) -> None:
        """Serve Discord's HTTP posts. Raises `InvalidSettings` without a public key."""
        key = self.settings.public_key or ""
        if not _KEY.fullmatch(key):
            hint = "copy it from the application's General Information page: 64 hexadecimal digits"
            raise errors.InvalidSettings(
                "DISCORD_PUBLIC_KEY is not a valid public key", field="DISCORD_PUBLIC_KEY", hint=hint
            )
        server.add_routes(
            routes, self._interactions.handle, self._interactions.mark_responded, key, seconds, self._store
        )

    async def healthy(self) -> bool:
        """Whether clicks can arrive; over HTTP the web server answers that."""
        return self.gateway is None or self.gateway.healthy()

    async def check_ready(self) -> None:
        """Raise `ChannelError` if clicks cannot arrive now, or the token is not good any more."""
        if not await self.healthy():
            raise errors.ChannelError("the connection to Discord is not open; the log says why")
        if self.api.is_refused:
            # asked again, or what Discord refused once would stand for ever
            await self.api.check_token()

    async def caught_up(self) -> None:
        """Return when what people wrote before this session is read, and every card is looked after."""
        await self._catch_up.done.wait()

    async def alive(self) -> bool:
        """Whether clicks can still arrive without somebody's help."""
        return self.gateway is None or not self.gateway.is_lost

    async def lost(self) -> None:
        """Wait until Discord does not take this bot any more. Never returns. Raises `InvalidSettings`."""
        if self.gateway is not None:
            await self.gateway.lost()
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def connect(desk: Desk, settings: Settings, patience: Patience | None = None) -> AsyncGenerator[Discord, None]:
    """Discord for this desk, with clicks coming in, until the block ends.

    Raises:
        InvalidSettings: Discord does not take the token, or the channel is not there or not open to the bot.
        ChannelError: Discord cannot be reached.
    """
    async with api_of(settings) as api:
        await doctor.require_channel(api, settings, desk.setup.directory)
        places = Places(api, lambda: desk.setup.directory, settings.channel, threads=settings.threads == "session")
        threads = Threads(api, desk.store)
        channel = DiscordChannel(api, places, desk.store, threads)
        notes, messages = Notes(api, places, threads), Messages(api, places)
        members = Members(api, places, desk.clock)
        reminders = Reminders(api, channel)
        desk.platforms[NAME] = Platform(
            channel, notes, places.conversation, places.check, messages, members, reminder=reminders, rows=batches.ROWS
        )
        background = Background()
        interactions = Interactions(desk, members, channel, api, background)
        replies = Replies(desk, members, api, threads)
        interactions.on_taken_back = replies.unmark_taken
        catch_up = CatchUp(desk, channel, replies, api)
        catch_up.look_first(places.default)
        listeners = _listeners(interactions, replies, catch_up, api, background)
        content = bool(api.client.application_flags.value & MESSAGE_CONTENT)
        by_http = settings.public_key is not None
        duty = duties.Duty(desk.store, desk.clock, f"{NAME}-gateway")
        gateway = None if by_http else Gateway(settings.bot_token, listeners, duty, content=content, patience=patience)
        try:
            if gateway is not None:
                await gateway.open()
            else:
                interactions.others_first = 0.0
                background.start_repeatable(catch_up.keep_on((patience or Patience()).poll))
            background.start_repeatable(ways.register(api, str(api.client.application_id)))
            yield Discord(channel, settings, gateway, api, interactions, catch_up, desk.store)
        finally:
            if gateway is not None:
                await gateway.close()
            await background.close()
            await members.close()


def _listeners(
    interactions: Interactions, replies: Replies, catch_up: CatchUp, api: Api, background: Background
) -> Listeners:
    sharing = catch_up.sharing

    async def interaction(payload: Json) -> None:
        background.start(_respond(interactions, api, sharing, payload))

    async def message(payload: Json) -> None:
        if parse.author(payload) == api.bot_user:
            background.start_repeatable(sharing.look_at([payload]))
        elif said := parse.reply(payload):
            background.start(replies.handle(said))

    async def edited(payload: Json) -> None:
        said = parse.reply(payload)
        if said is not None and said.edited:
            background.start(replies.handle_change(said))

    async def deleted(conversation: str, messages: Sequence[str]) -> None:
        for one in messages:
            background.start(replies.handle_deletion(conversation, one))
        background.start_repeatable(catch_up.upkeep.handle_deletion(conversation, messages))

    async def place(conversation: str) -> None:
        background.start_repeatable(catch_up.upkeep.handle_change(conversation))

    async def ready() -> None:
        catch_up.begin()
        background.start_repeatable(catch_up.run())

    return Listeners(interaction, message, ready, edited, deleted, place)


async def _respond(interactions: Interactions, api: Api, sharing: Sharing, payload: Json) -> None:
    response = await interactions.handle(payload)
    if response is None:
        return
    taken = False
    interaction = parse.Interaction(payload["id"], payload["application_id"], payload["token"])
    try:
        async with asyncio.timeout(_CALLBACK_WITHIN):
            await api.answer(interaction, response)
            taken = True
    except refusals.DiscordRefused as error:
        if error.number == refusals.ANSWERED:
            await sharing.note_answered_elsewhere(interaction.id)
        else:
            log.warning("interaction not answered", extra={"error": error.message})
    except (errors.ChannelError, TimeoutError) as error:
        # the answer is stored, and the card shows it; a click that is replayed after a break is often too old
        log.warning("interaction not answered", extra={"error": wording.of_error(error)})
    finally:
        interactions.mark_responded(payload, taken=taken)
