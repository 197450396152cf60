"""What open pages ask at the same moment is looked up once, and nobody hears of it who is not signed in any more."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from sayso import errors
from sayso.chat import recent
from sayso.desk import authority, keys
from sayso.stores import Record, memory, sqlite, sqlite_worker
from sayso.testing.clock import ManualClock
from sayso_web import roll_call, sessions, sharing


class Counted(memory.MemoryStore):
    """Counts how often many records are read at once."""

    reads = 0

    async def get_all(self, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Record]:
        self.reads += 1
        return await super().get_all(wanted)


async def begun(signed_in: sessions.Sessions, person: str) -> sessions.Session:
    return await signed_in.sign_in(await signed_in.link(person, "http://127.0.0.1"))


async def hears(roll: roll_call.RollCall, session: sessions.Session) -> bool:
    try:
        await roll.check(session)
    except errors.Unauthorized:
        return False
    return True


async def test_many_pages_that_wake_together_are_looked_up_together_and_anew_the_next_time() -> None:
    store, time = Counted(), ManualClock()
    signed_in = sessions.Sessions(store, time)
    secret = await keys.Keys(store).add("bob", "approver", time.now(), person="bob")
    some = [await begun(signed_in, "ann"), await begun(signed_in, "ann"), await signed_in.sign_in(secret)]
    roll, store.reads = roll_call.RollCall(signed_in), 0
    assert await asyncio.gather(*(hears(roll, one) for one in [*some, *some])) == [True] * 6
    assert store.reads == 2  # the sessions, and their keys
    await signed_in.end(some[0])
    assert await asyncio.gather(*(hears(roll, one) for one in some)) == [False, True, True]
    key = (await keys.Keys(store).find(secret)).record
    assert key
    await authority.revoke(store, "bob", key, time.now())
    assert await asyncio.gather(*(hears(roll, one) for one in some)) == [False, True, False]
    time.advance(sessions.IDLE_LASTS.total_seconds())
    assert await asyncio.gather(*(hears(roll, one) for one in some)) == [False, False, False]


async def test_a_session_that_is_looked_up_goes_on_as_by_any_call() -> None:
    store, time = Counted(), ManualClock()
    signed_in = sessions.Sessions(store, time)
    session, roll = await begun(signed_in, "ann"), roll_call.RollCall(signed_in)
    for _ in range(3):
        time.advance((sessions.IDLE_LASTS - timedelta(hours=1)).total_seconds())
        assert await hears(roll, session)


async def test_many_sessions_are_prolonged_together_and_not_one_after_the_other(tmp_path: Path) -> None:
    store, time = await sqlite.SqliteStore.open(f"{tmp_path}/sayso.db"), ManualClock()
    signed_in = sessions.Sessions(store, time)
    some = [await begun(signed_in, "ann") for _ in range(20)]
    time.advance(timedelta(minutes=10).total_seconds())
    groups, commit = list[int](), sqlite_worker.Worker._commit

    def counted(self: sqlite_worker.Worker, group: sqlite_worker.Group) -> None:
        groups.append(len(group.jobs))
        commit(self, group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_worker.Worker, "_commit", counted)
        assert len(await signed_in.holding([one.secret for one in some])) == 20
        await store.close()
    assert sum(groups) >= 20 > len(groups) * 4


async def test_what_is_made_once_is_made_by_the_next_one_if_the_first_goes_away_or_fails() -> None:
    kept = recent.Recent[str, asyncio.Future[int]](4)
    made, goes_on = list[int](), asyncio.Event()

    async def make() -> int:
        made.append(1)
        await goes_on.wait()
        if len(made) == 2:
            raise errors.NotFound("gone for a moment")
        return len(made)

    asking = [asyncio.create_task(sharing.once(kept, "r1", make)) for _ in range(4)]
    await asyncio.sleep(0)
    asking[0].cancel()
    goes_on.set()
    said = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(one) for one in said] == [asyncio.CancelledError, errors.NotFound, int, int]
    assert made == [1, 1, 1]
    made.pop()
    made.pop()
    with pytest.raises(errors.NotFound):
        await sharing.once(kept, "r2", make)
