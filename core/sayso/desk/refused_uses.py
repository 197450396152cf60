"""Puts on record that an answer, or a use of an allow or its receipt, was refused: whoever looks later sees who tried.

The rule: it changes nothing of the request, and whoever tries for ever does not fill the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Callable
from datetime import timedelta

from sayso import errors, model
from sayso.clock import Clock
from sayso.machine import events
from sayso.stores import Record, Store, whole_log

log = logging.getLogger(__name__)

Refusal = errors.AlreadyUsed | errors.NotUsable | errors.Altered
REFUSALS = (errors.AlreadyUsed, errors.NotUsable, errors.Altered)

_USES, _ANSWERS = "userefused", "answerrefused"
_COUNTED_FOR = timedelta(days=1)
MOST = 20
"""Rows of one request, for uses and for each person who answers; what comes after them is refused as well."""


class Ledger:
    """Writes them down, one at a time of each request: of many at the same moment none finds that there is room."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def record(self, id: str, by: str, refused: Refusal, *, receipt: bool = False) -> None:
        """Write one down. What is not decided yet was only asked after too early, and leaves no row."""
        try:
            async with self._turns.setdefault(id, asyncio.Lock()):
                await self._append(id, by, refused, receipt)
        except errors.SaysoError as error:
            # it stays refused, and whoever tried is told that and nothing else
            log.warning("refused use not recorded", extra={"request": id, "error": error.message})

    async def record_answer(self, id: str, by: model.Person, refused: errors.Refused) -> None:
        """Write down an answer, and that somebody looked who may not."""
        entry = events.AnswerRefused(at=self._clock.now(), by=by, code=refused.code, message=refused.message)

        def is_like(one: events.Entry) -> bool:
            return isinstance(one, events.AnswerRefused) and one.by.account == by.account

        name = f"{id} {by.account}"
        async with self._turns.setdefault(name, asyncio.Lock()):
            if await self._count(_ANSWERS, name, id, is_like):
                await self._store.append(id, 0, entry)

    async def _append(self, id: str, by: str, refused: Refusal, receipt: bool) -> None:
        def is_like(one: events.Entry) -> bool:
            return isinstance(one, events.UseRefused)

        if (await self._store.load(id)).decision is None or not await self._count(_USES, id, id, is_like):
            return
        at = self._clock.now()
        entry = events.UseRefused(at=at, by=by, code=refused.code, message=refused.message, receipt=receipt)
        await self._store.append(id, 0, entry)

    async def _count(self, kind: str, name: str, id: str, is_like: Callable[[events.Entry], bool]) -> bool:
        """Count one more, whichever copy of the service writes it down; false if there are enough."""
        while True:
            found = await self._store.get(kind, name)
            # the log knows how many there were, once the count is over
            before = found.value["count"] if found else await self._logged(id, is_like)
            if before >= MOST:
                return False
            ends, version = self._clock.now() + _COUNTED_FOR, found.version if found else 0
            with contextlib.suppress(errors.Conflict):
                await self._store.put(Record(kind, name, {"count": before + 1}, ends, version))
                return True

    async def _logged(self, id: str, is_like: Callable[[events.Entry], bool]) -> int:
        return len([row async for row in whole_log(self._store, id) if is_like(row.entry)])
