"""What was written is sealed once, by one process at a time, and each keeper gets each seal; whoever dies meanwhile."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sayso import errors
from sayso.audit import seals
from sayso.cards import card
from sayso.desk import channel
from sayso.desk.posting import leases
from sayso.desk.upkeep import seal_keepers, sealing
from sayso.machine import events
from sayso.stores import Store, memory, sqlite
from sayso.stores.auditing import StoredSeal
from sayso.testing import clock, tickets
from tests.core.audit.test_checking import Hmac, checked


@dataclass
class Kept:
    name: str = "kept"
    got: list[int] = field(default_factory=list[int])
    broken: bool = False

    async def keep(self, seal: StoredSeal) -> None:
        if self.broken:
            raise errors.ChannelError("away")
        self.got.append(seal.number)


@pytest.fixture
def store() -> memory.MemoryStore:
    return memory.MemoryStore()


@pytest.fixture
def now() -> clock.ManualClock:
    return clock.ManualClock(tickets.NOW)


def sealer(store: Store, now: clock.ManualClock, *places: sealing.Place) -> sealing.Sealer:
    return sealing.Sealer(store, now, Hmac(), places)


async def cut_short(here: sealing.Sealer, now: clock.ManualClock, ends: datetime) -> None:
    with pytest.raises(leases.LeaseOver), leases.under(now, lambda: ends):
        await here.hand_out()


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_nothing_new_makes_no_seal(store: Store, now: clock.ManualClock) -> None:
    sealing_here = sealer(store, now)
    assert await sealing_here.seal() == 0
    await tickets.ask(store, "r1")
    assert [await sealing_here.seal() for _ in range(2)] == [1, 0]


async def test_each_keeper_gets_each_seal_once_and_one_that_was_away_gets_them_later(
    store: Store, now: clock.ManualClock
) -> None:
    steady, shaky = Kept("steady"), Kept("shaky", broken=True)
    here = sealer(store, now, sealing.Place(shaky), sealing.Place(steady))
    for n in range(3):
        await tickets.ask(store, f"r{n}")
        await here.seal()
        await here.hand_out()
    assert (steady.got, shaky.got) == ([1, 2, 3], [])
    shaky.broken = False
    await here.hand_out()
    await sealer(store, now, sealing.Place(shaky), sealing.Place(steady)).hand_out()
    assert (steady.got, shaky.got) == ([1, 2, 3], [1, 2, 3])


async def test_a_keeper_that_is_cut_short_goes_on_behind_the_last_seal_it_got(
    store: Store, now: clock.ManualClock
) -> None:
    """A slow one has more to get than it can while the process has this duty for sure."""

    class Slow(Kept):
        async def keep(self, seal: StoredSeal) -> None:
            leases.check()
            now.advance(30)
            self.got.append(seal.number)

    kept = Slow()
    here = sealer(store, now, sealing.Place(kept))
    for n in range(5):
        await tickets.ask(store, f"r{n}")
        await here.seal()
    for _ in range(2):
        await cut_short(here, now, now.now() + timedelta(seconds=60))
    assert kept.got == [1, 2, 3, 4]
    await here.hand_out()
    assert kept.got == [1, 2, 3, 4, 5]


async def test_a_keeper_that_wants_few_gets_the_newest_now_and_then(store: Store, now: clock.ManualClock) -> None:
    kept = Kept()
    here = sealer(store, now, sealing.Place(kept, every=100))
    await here.hand_out()
    for n in range(4):
        await tickets.ask(store, f"r{n}")
        await here.seal()
        await here.hand_out()
        now.advance(60)
    assert kept.got == [1, 3]


async def test_of_two_processes_one_seals_and_the_other_takes_over(store: Store, now: clock.ManualClock) -> None:
    kept = Kept()
    one, two = (sealer(store, now, sealing.Place(kept)) for _ in range(2))
    first = asyncio.create_task(one.run())
    await tickets.ask(store, "r1")
    await until(lambda: kept.got == [1])
    second = asyncio.create_task(two.run())
    await tickets.ask(store, "r2")
    now.advance(60)
    await until(lambda: kept.got == [1, 2])
    # whoever stops gives it back, and the other one seals the next time
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await tickets.ask(store, "r3")
    now.advance(60)
    await until(lambda: kept.got == [1, 2, 3])
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


async def test_a_seal_that_another_process_made_first_stays(store: Store, now: clock.ManualClock) -> None:
    await tickets.ask(store, "r1")
    here = sealer(store, now)
    following = await here._next()
    assert following is not None
    other = seals.signed(following, Hmac(b"o"))
    add = store.add_seal

    async def late(seal: StoredSeal) -> None:
        await add(other)
        await add(seal)

    store.add_seal = late  # type: ignore[method-assign]
    assert await here.seal() == 0
    assert await store.last_seal() == other


async def test_rows_written_while_a_seal_is_made_are_in_one_seal(tmp_path: Path, now: clock.ManualClock) -> None:
    store = await sqlite.SqliteStore.open(str(tmp_path / "a.db"))
    try:
        here = sealer(store, now)
        for n in range(5):
            writing = asyncio.gather(*(tickets.ask(store, f"r{n}-{m}") for m in range(40)))
            while not writing.done():
                await here.seal()
            await writing
        await here.seal()
        report = await checked(store)
        assert (report.findings, report.rows, report.unsealed) == ([], 200, 0)
        assert report.seals >= 5
    finally:
        await store.close()


# Keepers


async def made(store: Store, count: int) -> list[StoredSeal]:
    for n in range(count):
        await store.append("", 0, events.Revoked(at=tickets.NOW, key=str(n)))
        await sealer(store, clock.ManualClock(tickets.NOW)).seal()
    return list(await store.seals(0))


async def test_a_file_gets_a_line_for_each_seal_and_a_torn_one_is_taken_away(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "seals.jsonl"
    keeper, [one, two, three] = seal_keepers.FileKeeper(path), await made(store, 3)
    await keeper.keep(one)
    assert path.stat().st_mode & 0o077 == 0
    for torn in ("{" * 10_000, two.document[:30]):
        with path.open("a") as file:
            file.write(torn)
        await keeper.keep(two)
        assert path.read_text() == f"{one.document}\n{two.document}\n"
        path.write_text(f"{one.document}\n")
    path.write_text("{torn")
    await keeper.keep(three)
    assert path.read_text() == f"{three.document}\n"
    with pytest.raises(errors.ChannelError, match="cannot be written"):
        await seal_keepers.FileKeeper(tmp_path).keep(one)


class Teller:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def note(self, place: str, session: card.Session, said: card.Says | card.Line) -> None:
        assert isinstance(said, card.Line)
        self.told.append((place, "".join(map(str, said.text))))


async def test_a_chat_is_told_what_a_log_can_be_held_to(store: Store) -> None:
    teller, [seal] = Teller(), await made(store, 1)
    platform: Any = channel.Platform(channel=None, teller=teller)  # type: ignore[arg-type]
    await seal_keepers.ChatKeeper({"chat": platform}, "chat:#audit").keep(seal)
    [(place, said)] = teller.told
    assert place == "chat:#audit"
    assert "Seal 1: rows 1 to 1 of the log" in said
    with pytest.raises(errors.ChannelError, match="nothing can be told"):
        await seal_keepers.ChatKeeper({}, "chat:#audit").keep(seal)
