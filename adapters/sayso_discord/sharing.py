"""Notices that another program uses the same bot: then every press and every message reaches both.

The rule: only what this program cannot have done is evidence, such as a card whose request is not in its store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sayso import errors
from sayso.cards import tokens
from sayso.chat import recent
from sayso.content import wording
from sayso.desk import Desk
from sayso.stores import Record, Store
from sayso_discord import components, custom_ids
from sayso_discord.settings import NAME

log = logging.getLogger(__name__)

KIND = f"{NAME}-sharing"
SAID = "another program uses this bot"
_TOO_OFTEN, _REMEMBERED = 3, 1_000
_KEPT = timedelta(days=1)
HINT = (
    "each service needs a bot of its own: stop the other program, or create another application; cards of an earlier "
    "database of this service look the same, and are harmless"
)


class Sharing:
    """What was noticed; the store keeps it for `sayso doctor`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told = recent.Recent[str, None](_REMEMBERED)
        self._elsewhere = recent.Recent[str, None](_REMEMBERED)

    @property
    def is_noticed(self) -> bool:
        """Whether another program was noticed since the start: then what is not for us may be for that program."""
        return bool(self._told)

    async def look_at(self, messages: Iterable[Any]) -> None:
        """Look at messages that the bot has just written."""
        for message in messages:
            if await is_foreign(self._desk.store, message.get("components")):
                await self.note("cards that this service did not post", str(message["id"]))

    async def look_back(self, messages: Iterable[Any]) -> None:
        """Look at messages that the bot wrote earlier: they may be of an earlier database of this service."""
        strange = [one["id"] for one in messages if await is_foreign(self._desk.store, one.get("components"))]
        if strange:
            cards = wording.counted(len(strange), "open card that is", "open cards that are")
            log.warning(SAID, extra={"noticed": f"{cards} not in the database", "hint": HINT})

    async def note_answered_elsewhere(self, interaction: str) -> None:
        """Note that somebody else answered a press: one may be a repeated call of our own, several are not."""
        self._elsewhere[interaction] = None
        if len(self._elsewhere) >= _TOO_OFTEN:
            await self.note("presses that were answered before", "presses")
        else:
            log.warning("press answered before", extra={"interaction": interaction})

    async def note(self, how: str, message: str) -> None:
        """Log it once for each piece of evidence, and as a warning only the first time."""
        if message in self._told:
            return
        say = log.info if self._told else log.warning
        self._told[message] = None
        say(SAID, extra={"noticed": how, "hint": HINT})
        found = await self._desk.store.get(KIND, NAME)
        now = self._desk.clock.now()
        value = {"noticed": how, "at": now.isoformat()}
        try:
            version = found.version if found else 0
            await self._desk.store.put(Record(KIND, NAME, value, now + _KEPT, version))
        except errors.Conflict:
            return  # another copy of this service noticed it, too


async def find_notice(store: Store, at: datetime) -> str | None:
    """What a service noticed in the last day."""
    found = await store.get(KIND, NAME)
    if found is None or found.expires_at is None or found.expires_at <= at:
        return None
    return f"{SAID}: it noticed {found.value['noticed']}"


async def is_foreign(store: Store, parts: object) -> bool:
    """Whether these are the buttons of a card whose request this store does not know."""
    for part in components.walk(parts):
        carried = custom_ids.read(str(part.get("custom_id", "")))
        if carried is None:
            continue
        try:
            await store.load_by_ref(tokens.read(carried.token).ref)
        except errors.InvalidToken:
            continue
        except errors.NotFound:
            return True
        return False
    return False
