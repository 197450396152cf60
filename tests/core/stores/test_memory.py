"""The store in memory keeps the contract; being short, it is also the model that the others are compared with."""

import asyncio

import pytest

from sayso.stores import Store, memory, watch
from sayso.testing import stores


@pytest.fixture
def opener() -> stores.Opener:
    store = memory.MemoryStore()

    async def opened() -> Store:
        return store

    return opened


class TestMemoryStore(stores.StoreContract):
    pass


def test_it_says_that_nothing_survives() -> None:
    assert not memory.MemoryStore.durability.safe


async def test_a_wait_that_was_cancelled_takes_no_news_from_the_next_one() -> None:
    watched = watch.Watch()
    stream = watched.stream("chat")
    await anext(stream)
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    watched.tell_of("chat")
    async with asyncio.timeout(5):
        await second
    assert first.cancelled()
