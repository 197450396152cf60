"""After every new session: reads what people wrote meanwhile, and brings every pending card up to date.

The rule: Discord loses the clicks that were made while nobody listened, but not the messages. What people wrote is read
before any card is touched, and only cards that do not show what they should are edited.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sayso import aside, errors, model
from sayso.cards import draw
from sayso.chat import background, marks, pending
from sayso.desk import Desk
from sayso_discord import parse, render
from sayso_discord.api import Api
from sayso_discord.channel import DiscordChannel
from sayso_discord.replies import Replies
from sayso_discord.settings import NAME
from sayso_discord.upkeep import Upkeep

log = logging.getLogger(__name__)

_MESSAGES = "/channels/{channel_id}/messages"
_PAGE = 100
# Seconds between tries while Discord or the database cannot be asked.
_PAUSES = (1.0, 5.0, 25.0, 60.0)

Stood = dict[str, tuple[model.Ticket, model.PostedCard]]
"""The pending cards of one conversation, by message."""


class CatchUp:
    """Makes up for the time in which nobody listened."""

    def __init__(self, desk: Desk, channel: DiscordChannel, replies: Replies, api: Api) -> None:
        self._desk = desk
        self._channel = channel
        self._replies = replies
        self._api = api
        self._running = asyncio.Lock()
        self.done = asyncio.Event()
        self._first: str | None = None
        self.upkeep = Upkeep(desk, channel, api)
        self.sharing = replies.sharing

    def look_first(self, conversation: str | None) -> None:
        """At the start, also look here for cards that are not known."""
        self._first = conversation

    def begin(self) -> None:
        """Let what comes in live wait until what was written before it is read."""
        self._replies.caught_up.clear()
        self.done.clear()

    async def run(self) -> None:
        """Look at every pending card once; a failure at one place does not stop the others."""
        self.begin()
        try:
            async with self._running:
                await background.persist(self._catch_up, "not caught up yet", _PAUSES, self._desk.clock)
        except (errors.StoreUnavailable, errors.ChannelError) as error:
            log.warning("not caught up", extra={"error": error.message})
        finally:
            self._replies.caught_up.set()
            self.done.set()

    async def keep_on(self, every: float) -> None:
        """Look again and again, if Discord sends no messages. Never returns."""
        while True:
            try:
                await self.run()
            except Exception:
                # the outermost loop: the next look may go well
                log.exception("not caught up")
            await asyncio.sleep(every)

    async def _catch_up(self) -> None:
        places = await self._find_places()
        seen = {conversation: await self._read(conversation, stood) for conversation, stood in places.items()}
        self._replies.caught_up.set()
        await self._replies.look_again()
        for conversation, stood in places.items():
            await self._look_after(conversation, stood, seen[conversation])
        await self._look_once()
        if self._replies.behind:
            raise errors.ChannelError("messages of some places could not be read", retry_after=_PAUSES[0])

    async def _look_once(self) -> None:
        conversation, self._first = self._first, None
        if conversation is None:
            return
        try:
            found: list[Any] = await self._api.get(_MESSAGES, {"limit": _PAGE}, channel_id=conversation)
        except errors.ChannelError as error:
            log.info("channel not looked at", extra={"error": error.message})
            return
        await self.sharing.look_back([one for one in found if parse.author(one) == self._api.bot_user])

    async def _find_places(self) -> Mapping[str, Stood]:
        found: dict[str, Stood] = defaultdict(dict)
        async for ticket, posted in pending.cards_on(self._desk.store, NAME):
            if await self._channel.find_latest(posted) == posted:
                found[posted.conversation][posted.message] = (ticket, posted)
        return found

    async def _read(self, conversation: str, stood: Stood) -> dict[str, Any]:
        """Judge what was written since it was last read, oldest first. Returns the app's own messages among it."""
        own: dict[str, Any] = {}
        oldest = str(int(min(stood, key=int)) - 1)
        read = await self._replies.marks.of(conversation)
        after = last = read if marks.later(read, oldest) else oldest
        try:
            while page := await self._read_page(conversation, after):
                for message in page:
                    own |= {str(message["id"]): message} if parse.author(message) == self._api.bot_user else {}
                    said = parse.reply(message)
                    if said is not None:
                        await self._replies.judge(said)
                after = str(page[-1]["id"])
            if after != last:
                await self._replies.marks.raise_to(conversation, after)
        except errors.ChannelError as error:
            log.warning("messages not read", extra={"conversation": conversation, "error": error.message})
            if not error.final:
                self._replies.behind.add(conversation)
        else:
            self._replies.behind.discard(conversation)
        return own

    async def _look_after(self, conversation: str, stood: Stood, seen: dict[str, Any]) -> None:
        """See that every card is there and shows what it should."""
        is_open = True
        try:
            is_open = await self.upkeep.keep_open(conversation)
            seen |= await self._read_messages(conversation, sorted((stood.keys() - seen.keys()), key=int))
        except errors.ChannelError as error:
            if not error.final:
                log.warning("cards not looked at", extra={"conversation": conversation, "error": error.message})
                return
        for message, (ticket, posted) in stood.items():
            fresh = await self._desk.get(ticket.id)
            wanted = await aside.run(self._body_of, fresh)
            shown = seen.get(message)
            if not is_open or shown is None or _look_of(shown) != render.look(wanted):
                await self.upkeep.renew(posted)

    def _body_of(self, ticket: model.Ticket) -> dict[str, Any]:
        return self._channel.body_of(draw.posted_card_of(ticket, self._desk.mint, self._desk.setup.directory))

    async def _read_messages(self, conversation: str, missing: list[str]) -> dict[str, Any]:
        """The messages that are there, of those that are missing; one page shows many of them."""
        found: dict[str, Any] = {}
        while missing:
            page = await self._read_page(conversation, str(int(missing[0]) - 1))
            found |= {str(message["id"]): message for message in page}
            last = int(page[-1]["id"]) if len(page) == _PAGE else int(missing[-1])
            missing = [one for one in missing if int(one) > last]
        return found

    async def _read_page(self, conversation: str, after: str) -> list[Any]:
        asked = {"after": after, "limit": _PAGE}
        found: list[Any] = await self._api.get(_MESSAGES, asked, channel_id=conversation)
        return sorted(found, key=lambda message: int(message["id"]))


def _look_of(message: Any) -> object:
    parts: list[Any] = message.get("components") or []
    return render.look(message) if parts and parts[0].get("components") else None
