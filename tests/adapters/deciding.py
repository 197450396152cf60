"""A desk in memory, and Ann, who answers what an agent asks there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

import sayso
from sayso import model
from sayso.stores import Query, memory
from sayso.testing.samples import MINT, actor
from tests.conftest import BOUND

Found = TypeVar("Found")
Json = dict[str, Any]


@dataclass(frozen=True)
class Office:
    """Where an agent under test asks."""

    desk: sayso.Desk

    async def asked(self, count: int = 1) -> list[model.Ticket]:
        """The open requests, oldest first, once there are *count*."""
        async with asyncio.timeout(BOUND):
            async for _ in self.desk.store.changes():
                found = await self.desk.store.list(Query(state="pending"))
                if len(found) >= count:
                    return sorted(found, key=lambda ticket: (ticket.created_at, ticket.id))
        raise AssertionError("the store was closed")

    async def all(self) -> list[model.Ticket]:
        """Every request there ever was, oldest first."""
        return sorted(await self.desk.store.list(Query()), key=lambda ticket: (ticket.created_at, ticket.id))

    async def say(self, **answer: Any) -> model.Ticket:
        """Ann answers the one open request."""
        [ticket] = await self.asked()
        return await self.answer(ticket, **answer)

    async def answer(self, ticket: model.Ticket, **answer: Any) -> model.Ticket:
        return await self.desk.answer(ticket.id, model.Answer(**answer), actor())

    async def when(self, working: Awaitable[Found], *answers: Json) -> Found:
        """What *working* comes to, while Ann gives these answers, one after the other."""
        task = asyncio.ensure_future(working)
        try:
            for answer in answers:
                asking = asyncio.ensure_future(self.asked())
                await asyncio.wait({task, asking}, return_when=asyncio.FIRST_COMPLETED)
                if not asking.done():
                    asking.cancel()
                    break
                await self.answer((await asking)[0], **answer)
            async with asyncio.timeout(BOUND):
                return await task
        finally:
            task.cancel()


@contextmanager
def without(package: str, adapter: str) -> Generator[None]:
    """As where *package* is not installed, and *adapter* was never imported."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] == adapter]:
            patch.delitem(sys.modules, name)
        patch.setitem(sys.modules, package, None)
        yield


@asynccontextmanager
async def office() -> AsyncGenerator[Office]:
    store = memory.MemoryStore()
    yield Office(sayso.Desk(store, MINT))
    await store.close()
