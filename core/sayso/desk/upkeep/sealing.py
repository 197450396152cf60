"""Seals what was written to the log, and hands the seals to whoever keeps them elsewhere: one process at a time.

The rule: a commit never waits for this. What was written since the last seal is sealed by whoever comes next.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sayso import clock as clocks
from sayso import errors
from sayso.audit import merkle, seals
from sayso.desk.upkeep import duties
from sayso.stores import Record, Store
from sayso.stores.auditing import StoredSeal

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two seals."""
# Rows in one seal at most: so many are read before somebody else may have the database.
_MOST_ROWS = 50_000
_KEPT = "sealkept"


class Keeper(Protocol):
    """Who keeps seals elsewhere."""

    @property
    def name(self) -> str:
        """What the store knows it by, so that it gets each seal."""
        ...

    async def keep(self, seal: StoredSeal) -> None:
        """Keep a seal; the same one again does no harm. Raises `ChannelError`."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A keeper, and how often it wants a seal: each one, or only the newest one in so many seconds."""

    keeper: Keeper
    every: float | None = None


class Sealer:
    """Seals the log of a store."""

    def __init__(
        self,
        store: Store,
        clock: clocks.Clock,
        signer: seals.Signer,
        places: Sequence[Place] = (),
        every: float = EVERY,
    ) -> None:
        self._store = store
        self._clock = clock
        self._signer = signer
        self._places = places
        self._every = every

    async def run(self) -> None:
        """Seal again and again, for ever."""
        duty = duties.Duty(self._store, self._clock, "sealing", self._every)
        await duties.repeat(duty, self._clock, self._every, self._seal_and_hand_out)

    async def _seal_and_hand_out(self) -> None:
        await self.seal()
        await self.hand_out()

    async def seal(self) -> int:
        """Seal all that was written since the last seal; how many seals that took."""
        made = 0
        while (seal := await self._next()) is not None:
            try:
                await self._store.add_seal(seals.signed(seal, self._signer))
            except errors.Conflict:
                # another process was first, whose duty we took for over
                return made
            made += 1
        return made

    async def _next(self) -> seals.Seal | None:
        before = await self._store.last_seal()
        number, first, tree = before.last_row if before else 0, 0, merkle.Tree()
        while tree.count < _MOST_ROWS and (rows := await self._store.chained(number)):
            for row in rows:
                # rows of before there were hashes come first, and no seal covers them
                if row.hash is not None:
                    first = first or row.number
                    tree.add(merkle.leaf(row.number, row.hash))
            number = rows[-1].number
        if not tree.count:
            return None
        facts = {"first": first, "last": number, "count": tree.count, "root": tree.root, "at": self._clock.now()}
        return seals.follow(before, keys=dict(self._signer.public), **facts)

    async def hand_out(self) -> None:
        """Hand each keeper the seals that it has not got yet."""
        for place in self._places:
            try:
                await self._hand_to(place)
            except errors.ChannelError as error:
                context = {"keeper": place.keeper.name, "error": error.message, "hint": error.hint}
                log.error("a seal is not kept elsewhere, trying again", extra=context)

    async def _hand_to(self, place: Place) -> None:
        known = await self._store.get(_KEPT, place.keeper.name)
        number, since = (int(known.value["number"]), known.value["at"]) if known else (0, None)
        if place.every is not None:
            newest = await self._store.last_seal()
            soon = since and self._clock.now() < datetime.fromisoformat(since) + timedelta(seconds=place.every)
            if newest is None or newest.number <= number or soon:
                return
            number = newest.number - 1
        version = known.version if known else 0
        while found := await self._store.seals(number):
            before = number
            try:
                for seal in found:
                    await place.keeper.keep(seal)
                    number = seal.number
            finally:
                # also where it ends on the way: a slow keeper would get the same ones again and again
                if number != before:
                    value = {"number": number, "at": self._clock.now().isoformat()}
                    with contextlib.suppress(errors.Conflict):
                        await self._store.put(Record(_KEPT, place.keeper.name, value, None, version))
            version += 1
