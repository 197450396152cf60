"""What one caller may ask at most, also where it asks many things at the same moment."""

import asyncio
from pathlib import Path

import pytest

from sayso import errors, stores
from sayso.desk import Caller, Desk, Setup
from sayso.desk.admission import quota
from sayso.testing.samples import MINT, NOW, permission
from tests.conftest import BOUND

BOT = Caller(owner="bot")


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/a.db"])
async def test_of_many_asked_at_once_as_many_wait_as_may(tmp_path: Path, url: str) -> None:
    store = await stores.connect(url.format(tmp_path))
    front = Desk(store, MINT, Setup(limits=quota.Limits(pending=5)))

    async def asked(caller: Caller) -> str:
        try:
            return (await front.open(permission(), caller)).id
        except errors.TooMany:
            return "refused"

    other = Caller(owner="other")
    both = await asyncio.wait_for(asyncio.gather(*(asked(who) for who in (BOT, other) for _ in range(30))), BOUND)
    assert [both[:30].count("refused"), both[30:].count("refused")] == [25, 25]
    # one that is over makes room for one
    await front.cancel(next(id for id in both if id != "refused"), BOT)
    again = await asyncio.wait_for(asyncio.gather(*(asked(BOT) for _ in range(3))), BOUND)
    assert again.count("refused") == 2
    await store.close()


async def test_an_ask_that_cannot_be_stored_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    store = await stores.connect("memory://")
    front = Desk(store, MINT, Setup(limits=quota.Limits(pending=1)))

    async def away(*_: object) -> None:
        raise errors.StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(store, "commit", away)
        for _ in range(3):
            with pytest.raises(errors.StoreUnavailable):
                await front.open(permission(), BOT)
    assert (await front.open(permission(), BOT)).state == "pending"
    with pytest.raises(errors.TooMany):
        await front.open(permission(), BOT)
    await store.close()


async def test_who_asked_the_longest_ago_is_forgotten_and_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "_REMEMBERED", 1)
    pace = quota.Pace()
    pace.take("bot", 1, NOW)
    with pytest.raises(errors.TooMany) as refused:
        pace.take("bot", 1, NOW)
    assert refused.value.retry_after == 60
    pace.take("other", 1, NOW)
    pace.take("bot", 1, NOW)


async def test_room_that_becomes_free_while_it_is_counted_is_taken() -> None:
    room, first_may_end = quota.Room(), asyncio.Event()
    counted = 0

    async def none() -> int:
        return 0

    async def first() -> None:
        async with room.one("bot", 1, none):
            await first_may_end.wait()

    async def slowly() -> int:
        nonlocal counted
        counted += 1
        first_may_end.set()
        await begun
        return 0

    begun = asyncio.ensure_future(first())
    await asyncio.sleep(0)
    async with asyncio.timeout(BOUND), room.one("bot", 1, slowly):
        assert counted == 2
