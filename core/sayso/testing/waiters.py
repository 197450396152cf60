"""The waiting part of the store contract: no waiter misses a change, and one that has gone is forgotten."""

from __future__ import annotations

import asyncio

from sayso import machine
from sayso.machine import events
from sayso.stores import Query, Store
from sayso.stores.protocol import SERVICE, TIME
from sayso.testing import tickets


class WaiterContract(tickets.Opened):
    """`changed`, `changes`, and what becomes of those who wait."""

    async def test_who_waits_is_woken_by_a_newer_version(self, store: Store) -> None:
        await tickets.ask(store, "r1", "r2")
        waiting = [await tickets.started(store.changed("r1", 1)) for _ in range(3)]
        other = await tickets.started(store.changed("r2", 1))
        ahead = await tickets.started(store.changed("r1", 2))
        await store.append("r1", 1, events.Ticked(at=tickets.NOW))
        assert not any(task.done() for task in waiting)
        await tickets.answer(store, "r1", tickets.answered())
        async with asyncio.timeout(5):
            told = await asyncio.gather(*waiting)
        now = await store.load("r1")
        assert all(one in (None, now) for one in told)
        assert not other.done()
        assert not ahead.done()
        other.cancel()
        ahead.cancel()

    async def test_who_waits_sees_the_decision_of_the_newer_version(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        waiting = [await tickets.started(store.awaited("r1", 1)) for _ in range(2)]
        before = await store.awaited("r1")
        await tickets.answer(store, "r1", tickets.answered())
        async with asyncio.timeout(5):
            told = await asyncio.gather(*waiting)
        now = await store.load("r1")
        assert (before.version, before.decision) == (1, None)
        for seen in (*told, await store.awaited("r1"), await store.awaited("r1", 1)):
            assert all(getattr(seen, name) == getattr(now, name) for name in machine.Awaited.model_fields)
        # what one of them changes in it is seen by nobody else
        assert told[0].decision is not None
        told[0].decision.input["target"] = "something else"
        assert told[1].decision == now.decision

    async def test_who_comes_after_the_change_does_not_wait(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        async with asyncio.timeout(5):
            await store.changed("r1", 0)

    async def test_a_change_at_the_same_moment_is_not_missed(self, store: Store) -> None:
        await tickets.ask(store, *(f"r{n}" for n in range(50)))
        pairs = [
            work
            for n in range(50)
            for work in (store.changed(f"r{n}", 1), tickets.answer(store, f"r{n}", tickets.answered()))
        ]
        assert [one for one in await tickets.together(*pairs) if isinstance(one, BaseException)] == []

    async def test_a_stream_of_changes_begins_at_once_and_then_follows_the_log(self, store: Store) -> None:
        changes = store.changes()
        async with asyncio.timeout(5):
            await anext(aiter(changes))
            await tickets.ask(store, "r1")
            await anext(changes)
            following = await tickets.started(anext(changes))  # type: ignore[arg-type]
            following.cancel()
            following = await tickets.started(anext(changes))  # type: ignore[arg-type]
            await store.append("r1", 1, events.Ticked(at=tickets.NOW))
            await following

    async def test_who_takes_on_some_work_is_told_of_that_work_only(self, store: Store) -> None:
        # a look at the log tells everybody; a store looks when it begins to listen, and then now and then
        tries = [await self._told_only_of_theirs(store, f"r{number}") for number in range(5)]
        assert any(tries)

    async def _told_only_of_theirs(self, store: Store, id: str) -> bool:
        """Ask something; whether those were told whom it concerns, and nobody else was."""
        chat, mail, time, service = (store.work(what) for what in ("chat", "mail", TIME, SERVICE))
        for stream in (chat, mail, time, service):
            await anext(stream)
        other = await tickets.started(anext(mail))  # type: ignore[arg-type]
        everybodys = await tickets.started(anext(service))  # type: ignore[arg-type]
        async with asyncio.timeout(5):
            await tickets.ask(store, id)
            await anext(chat)
            await anext(time)
            spared = not other.done() and not everybodys.done()
            await store.append("", 0, events.Ticked(at=tickets.NOW))
            await everybodys
        spared = spared and not other.done()
        other.cancel()
        return spared

    async def test_a_commit_whose_caller_went_away_still_wakes_the_others(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        waiting = await tickets.started(store.changed("r1", 1))
        closing = asyncio.ensure_future(tickets.answer(store, "r1", tickets.answered()))
        while not closing.done() and (await store.load("r1")).version == 1:
            await asyncio.sleep(0)
        closing.cancel()
        async with asyncio.timeout(5):
            await waiting

    async def test_a_caller_that_goes_away_hinders_nobody(self, store: Store) -> None:
        asking = [asyncio.ensure_future(tickets.ask(store, f"r{n}")) for n in range(3)]
        await asyncio.sleep(0)
        asking[1].cancel()
        await asyncio.wait(asking)
        await tickets.ask(store, "r3")
        assert {ticket.id for ticket in await store.list(Query())} == {"r0", "r1", "r2", "r3"}

    async def test_a_cancelled_waiter_is_forgotten(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        tasks = [await tickets.started(store.changed("r1", 1)) for _ in range(100)]
        tasks += [await tickets.started(self._second(store)) for _ in range(100)]
        assert await self._waiting(store, 200)
        for task in tasks:
            task.cancel()
        assert set(map(type, await asyncio.gather(*tasks, return_exceptions=True))) == {asyncio.CancelledError}
        assert await self._waiting(store, 0)

    async def test_closing_cancels_those_who_wait_and_can_be_repeated(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        tasks = [await tickets.started(store.changed("r1", 1)), await tickets.started(self._second(store))]
        assert await self._waiting(store, 2)
        await store.close()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert list(map(type, outcomes)) == [asyncio.CancelledError] * 2
        await store.close()

    async def _second(self, store: Store) -> None:
        changes = store.changes()
        await anext(changes)
        await anext(changes)

    async def _waiting(self, store: Store, wanted: int) -> bool:
        async with asyncio.timeout(15):
            while store.waiting != wanted:
                await asyncio.sleep(0)  # pragma: no cover - only a store that lets go a moment later
        return True
