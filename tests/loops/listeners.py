"""Who listens without a rest: a program to all that happens, and a page of the inbox to its cards.

Each takes its stream up behind the last event after each cut, at whichever service answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sayso import clock
from sayso.desk import keys
from sayso.stores import Store
from sayso.stores.auditing import ChainedRow
from sayso_web import sessions
from sayso_web.rounds import UNSEEN

# A frozen service says nothing: whoever listens goes to the next one after so long.
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=5)
_NOT_ON_A_CARD = frozenset(one.model_fields["type"].default for one in UNSEEN)


@dataclass
class Stream:
    """One stream, as it came."""

    path: str
    headers: Mapping[str, str]
    events: list[tuple[int, str, Any]] = field(default_factory=list[tuple[int, str, Any]])
    """The number, the type and the data of each."""
    begun: int = 0

    @property
    def last(self) -> int:
        """Behind what it goes on."""
        return self.events[-1][0] if self.events else 0


class Listeners:
    """An operator's program and an approver's page."""

    def __init__(self, urls: Sequence[str], chance: random.Random, key: str, cookie: str) -> None:
        self._urls, self._chance = urls, chance
        self._following = list[asyncio.Task[None]]()
        self.program = Stream("/v1/events", {"Authorization": f"Bearer {key}"})
        self.page = Stream("/events", {"Cookie": f"sayso={cookie}"})

    @classmethod
    async def signed_in(cls, store: Store, urls: Sequence[str], chance: random.Random) -> Listeners:
        """With a key and a session of their own."""
        known, now = keys.Keys(store), clock.SystemClock().now()
        page = await sessions.Sessions(store).sign_in(await known.add("page", "approver", now, "ann"))
        return cls(urls, chance, await known.add("listener", "operator", now), page.secret)

    def begin(self) -> None:
        """Listen from now on."""
        self._following = [asyncio.create_task(self._follow(one)) for one in (self.program, self.page)]

    async def end(self) -> None:
        """Listen no more."""
        for one in self._following:
            one.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)

    async def _follow(self, stream: Stream) -> None:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as http:
            while True:
                url = f"{self._chance.choice(self._urls)}{stream.path}"
                headers = {**stream.headers, "Last-Event-ID": str(stream.last)}
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(url, headers=headers) as got:
                        if got.status == 200:
                            stream.begun += 1
                            await self._read(stream, got.content)
                await asyncio.sleep(0.1)

    async def _read(self, stream: Stream, content: aiohttp.StreamReader) -> None:
        said = dict[str, str]()
        async for line in content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                said[name] = value
            elif "data" in said:
                stream.events.append((int(said["id"]), said["event"], json.loads(said["data"])))
                said.clear()

    def behind(self, rows: Sequence[ChainedRow]) -> bool:
        """Whether one of them has not heard all of it so far."""
        seen = [row.number for row in rows if _is_on_a_card(row)]
        return self.program.last < rows[-1].number or self.page.last < max(seen, default=0)

    def wrong(self, rows: Sequence[ChainedRow]) -> Iterator[str]:
        """What they missed, heard twice, or heard in another order."""
        numbers = [number for number, _, _ in self.program.events]
        stored = [row.number for row in rows]
        if numbers != sorted(set(numbers)):
            yield "a listener heard rows twice, or in another order"
        if missed := sorted(set(stored) - set(numbers)):
            yield f"a listener missed {len(missed)} of {len(stored)} rows: {missed[:5]}"
        newest = {row.ticket_id: row.number for row in rows if _is_on_a_card(row)}
        shown = dict[str, int]()
        for number, kind, said in self.page.events:
            shown |= dict.fromkeys(newest, number) if kind == "reload" else {said["id"]: number}
        late = [id for id, number in newest.items() if shown.get(id, 0) < number]
        if late:
            yield f"a page of the inbox shows an older state of {late[:5]}"


def _is_on_a_card(row: ChainedRow) -> bool:
    return bool(row.ticket_id) and json.loads(row.entry)["type"] not in _NOT_ON_A_CARD
