"""The store in memory keeps the contract; being short, it is also the model that the others are compared with."""

import pytest

from sayso.stores import Store, memory
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
