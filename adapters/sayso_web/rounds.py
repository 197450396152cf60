"""Writes news to the open pages that have all that came before, in one go: without a turn of each page's task.

The rule: as everywhere, sessions are looked up after the rows, each time. Whoever reads slowly, or gets a long card,
goes on by the task of its page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sayso.desk.upkeep import broadcast
from sayso.machine import events
from sayso.stores import Row
from sayso_web import sessions, view

# Bytes: what is written here waits for nobody, so all of it is kept for each page that reads slowly.
_LARGE = 65_536
# Rows that wait for one page at most, while nobody finds out who is signed in; then it is opened again.
_MOST_LEFT = 500
# What happens to a request that no card shows, and that ends no session.
UNSEEN = (events.Delivered, events.AnswerRefused, events.UseRefused)

Tell = Callable[[view.View, Sequence[Row]], AsyncIterator[bytes]]
"""Tells the eyes of a session what is new by these rows, as it is sent."""


@dataclass(slots=True, eq=False)
class Page:
    """An open page, by what its news are written to."""

    session: sessions.Session
    listener: broadcast.Listener
    transport: asyncio.Transport
    own: view.View | None = None
    """The eyes of its session, once it has seen something."""
    left: list[Row] = field(default_factory=list[Row])
    """Rows that were taken for it, and are not written yet."""
    is_open: bool = True
    """Whether its response goes on: what is written behind its end would be taken for the next one."""

    @property
    def reads(self) -> bool:
        """Whether it has read all that was written to it."""
        return not self.transport.is_closing() and not self.transport.get_write_buffer_size()

    def write(self, text: bytes) -> None:
        """Write a chunk of its body."""
        if text:
            self.transport.write(b"%x\r\n%s\r\n" % (len(text), text))


class Rounds:
    """Goes round all pages that have news."""

    def __init__(self, signed_in: sessions.Sessions, tell: Tell) -> None:
        self._sessions = signed_in
        self._tell = tell
        self._waiting: dict[Page, None] = {}
        self._going: Mapping[Page, Sequence[Row]] = {}
        self._task: asyncio.Task[None] | None = None

    def take(self, page: Page, rows: Sequence[Row]) -> bool:
        """Take rows for a page; False if its task must write them."""
        if page.own is None or not (page.left or page.reads):
            return False
        if page.left or not all(isinstance(row.entry, UNSEEN) for row in rows):
            if len(page.left) > _MOST_LEFT:
                page.listener.end()
                return True
            page.left += rows
            self._waiting[page] = None
            if self._task is None:
                self._task = asyncio.create_task(self._go())
        return True

    async def left_by(self, page: Page) -> list[Row]:
        """What was taken for a page and could not be written, once it is in no round any more."""
        while self._task is not None and (page in self._waiting or page in self._going):
            await asyncio.wait({self._task})
        left, page.left = page.left, []
        return left

    async def _go(self) -> None:
        try:
            while self._waiting:
                self._going = {page: tuple(page.left) for page in self._waiting}
                self._waiting = {}
                try:
                    await self._go_round(self._going)
                except Exception as error:  # whatever it is: these come again, and nobody waits for them
                    for page in self._going:
                        page.listener.end(error)
        finally:
            self._going, self._task = {}, None

    async def _go_round(self, going: Mapping[Page, Sequence[Row]]) -> None:
        holding = await self._sessions.holding({page.session.secret for page in going})
        texts = dict[tuple[str, int, int], bytes]()
        for page, rows in going.items():
            if not page.is_open:
                continue
            if page.own is None or page.session.secret not in holding:
                page.listener.end(sessions.signed_out())
                continue
            # the same for all pages of a session
            span = page.session.secret, rows[0].number, rows[-1].number
            if span not in texts:
                texts[span] = b"".join([text async for text in self._tell(page.own, rows)])
            if page.is_open and page.reads and len(texts[span]) <= _LARGE:
                page.write(texts[span])
                del page.left[: len(rows)]
            else:
                self._waiting.pop(page, None)
                page.listener.wake()
