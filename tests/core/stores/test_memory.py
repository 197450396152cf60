"""The store in memory keeps the contract; being short, it is also the model that the others are compared with."""

import asyncio

import pytest

from sayso import errors
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


def test_what_was_read_last_is_known_until_it_may_have_been_told_of() -> None:
    watched = watch.Watch()
    watched.note("r0", 1, watched.told)
    assert watched.is_known("r0", 1)
    assert not watched.is_known("r0", 2)
    assert not watched.is_known("other", 1)
    for number in range(1, 1001):
        watched.tell(f"r{number}", 1)
    assert watched.is_known("r0", 1)
    # of r1 nobody knows any more when that was
    watched.tell("r1001", 1)
    assert not watched.is_known("r0", 1)
    watched.note("r0", 1, watched.told)
    watched.tell("r0", 1)
    assert not watched.is_known("r0", 1)


async def test_who_looks_for_the_version_while_the_store_closes_is_cancelled() -> None:
    async def closed(_id: str) -> int:
        watched.close()
        raise errors.StoreUnavailable("pool is closed")

    async def broken(_id: str) -> int:
        raise errors.StoreUnavailable("the database is gone")

    watched = watch.Watch()
    with pytest.raises(asyncio.CancelledError):
        await watched.wait_for_newer("r1", 1, closed)
    with pytest.raises(errors.StoreUnavailable):
        await watched.wait_for_newer("r1", 1, broken)
    assert watched.waiting == 0
