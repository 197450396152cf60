"""The log is read once for all who listen; whoever falls behind reads it alone and holds up nobody."""

import asyncio
from collections.abc import Sequence

import pytest

from sayso import errors
from sayso.desk.upkeep import broadcast
from sayso.stores import Row, memory
from sayso.testing import tickets
from sayso.testing.clock import ManualClock
from tests.conftest import until


class Counting(memory.MemoryStore):
    """Counts how often the log is read."""

    reads = 0
    is_away = False

    async def log_after(self, number: int, limit: int = 100) -> Sequence[Row]:
        self.reads += 1
        if self.is_away:
            raise errors.StoreUnavailable("away")
        return await super().log_after(number, limit)


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def news(store: Counting, clock: ManualClock) -> broadcast.Broadcast:
    return broadcast.Broadcast(store, clock, 10.0)


async def live(news: broadcast.Broadcast, *listeners: broadcast.Listener) -> list[asyncio.Task[Sequence[Row]]]:
    """Their next rows, once all of them wait."""
    waiting = [asyncio.create_task(listener.next()) for listener in listeners]
    await until(lambda: news.listening == len(listeners))
    return waiting


async def test_a_row_is_read_once_for_all(news: broadcast.Broadcast, store: Counting) -> None:
    with news.listen(0) as first, news.listen(0) as second, news.listen(0) as third:
        waiting = await live(news, first, second, third)
        before = store.reads
        await tickets.ask(store, "r1")
        heard = await asyncio.gather(*waiting)
        assert [[row.ticket_id for row in rows] for rows in heard] == [["r1"]] * 3
        # once for the row, and once to find that there is no other
        assert store.reads - before == 2


async def test_what_was_missed_is_read_before_what_comes(news: broadcast.Broadcast, store: Counting) -> None:
    await tickets.ask(store, *(f"r{number}" for number in range(130)))
    with news.listen(0) as listener:
        missed = [*await listener.next(), *await listener.next()]
        [following] = await live(news, listener)
        await tickets.ask(store, "last")
        assert [row.number for row in missed] == list(range(1, 131))
        assert [row.ticket_id for row in await following] == ["last"]


async def test_who_is_too_slow_keeps_nothing_and_misses_nothing(
    news: broadcast.Broadcast, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "_MOST_WAITING", 3)
    with news.listen(0) as slow, news.listen(0) as quick:
        [first, _] = await live(news, slow, quick)
        await tickets.ask(store, "r0")
        assert [row.number for row in await first] == [1]
        for number in range(1, 8):
            await tickets.ask(store, f"r{number}")
            await asyncio.sleep(0)
        await until(lambda: news.number == 8)
        assert not slow.is_live
        assert [row.number for row in await slow.next()] == list(range(2, 9))


async def test_time_that_passes_is_told(news: broadcast.Broadcast, clock: ManualClock) -> None:
    with news.listen(0) as listener:
        for _ in range(2):
            [beat] = await live(news, listener)
            clock.advance(10)
            assert list(await beat) == []


async def test_the_end_is_told_to_everybody_now_and_later(news: broadcast.Broadcast) -> None:
    with news.listen(0) as listener:
        [waiting] = await live(news, listener)
        news.stop()
        with pytest.raises(broadcast.Ended):
            await waiting
    with news.listen(0) as late, pytest.raises(broadcast.Ended):
        await late.next()


async def test_a_store_that_closes_ends_it(news: broadcast.Broadcast, store: Counting) -> None:
    with news.listen(0) as listener:
        [waiting] = await live(news, listener)
        await store.close()
        with pytest.raises(broadcast.Ended):
            await waiting


async def test_a_store_that_is_away_is_told_and_the_next_one_listens_anew(
    news: broadcast.Broadcast, store: Counting
) -> None:
    with news.listen(0) as listener:
        [waiting] = await live(news, listener)
        store.is_away = True
        await tickets.ask(store, "r1")
        with pytest.raises(errors.StoreUnavailable):
            await waiting
    store.is_away = False
    with news.listen(0) as again:
        assert [row.ticket_id for row in await again.next()] == ["r1"]


async def test_what_came_before_can_be_left_out(news: broadcast.Broadcast, store: Counting) -> None:
    await tickets.ask(store, "r1", "r2", "r3")
    with news.listen(0) as listener:
        listener.skip_to(2)
        assert [row.ticket_id for row in await listener.next()] == ["r3"]


async def test_who_takes_rows_at_once_gets_them_in_order_and_is_woken_for_what_it_left(
    news: broadcast.Broadcast, store: Counting
) -> None:
    taken, busy = list[int](), list[int]()

    def take(rows: Sequence[Row]) -> bool:
        (busy if busy else taken).extend(row.number for row in rows)
        return not busy

    with news.listen(0) as listener:
        listener.at_once = take
        await tickets.ask(store, "missed")
        assert [row.number for row in await listener.next()] == [1]
        [following] = await live(news, listener)
        await tickets.ask(store, "r2")
        await until(lambda: taken == [2])
        await tickets.ask(store, "r3")
        await until(lambda: taken == [2, 3])
        assert (taken, following.done(), listener.number) == ([2, 3], False, 3)
        busy.append(0)
        await tickets.ask(store, "r4")
        assert [row.number for row in await following] == [4]
        busy.clear()
        # its task has its hands full, and what comes now stays behind what it has not read
        await tickets.ask(store, "r5")
        await until(lambda: news.number == 5)
        assert [row.number for row in await listener.next()] == [5]
        assert taken == [2, 3]


async def test_one_that_fails_where_rows_come_ends_alone(news: broadcast.Broadcast, store: Counting) -> None:
    def fail(_: Sequence[Row]) -> bool:
        raise RuntimeError("broken")

    with news.listen(0) as broken, news.listen(0) as sound:
        broken.at_once = fail
        ended, heard = await live(news, broken, sound)
        await tickets.ask(store, "r1")
        assert [row.ticket_id for row in await heard] == ["r1"]
        with pytest.raises(RuntimeError, match="broken"):
            await ended
