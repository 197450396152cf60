"""The store contract on steps that belong together. Users subclass `sayso.testing.stores`."""

from __future__ import annotations

import asyncio

import pytest

from sayso import errors, machine
from sayso.machine import events
from sayso.stores import Commit, Query, Store
from sayso.testing import tickets

LATER = tickets.NOW + tickets.SECOND


async def replaced(store: Store, older: str, newer: str) -> list[Commit]:
    """What the desk commits for a new request that takes the place of an older one."""
    ended = events.Superseded(at=LATER, by=newer)
    return [
        (tickets.asked(newer, at=LATER), tickets.opened(LATER)),
        (machine.step(await store.load(older), ended), ended),
    ]


class BundleContract(tickets.Opened):
    """All of some steps, or none."""

    async def test_steps_that_belong_together_are_stored_together(self, store: Store) -> None:
        await tickets.ask(store, "old")
        waiting = await tickets.started(store.changed("old", 1))
        commits = await replaced(store, "old", "new")
        await store.commit_together(commits)
        async with asyncio.timeout(5):
            await waiting
        assert [await store.load(id) for id in ("new", "old")] == [step.ticket for step, _ in commits]
        rows = await store.log_after(1)
        assert [(row.ticket_id, row.version, row.entry.type) for row in rows] == [
            ("new", 1, "opened"),
            ("old", 2, "superseded"),
        ]
        keys = {job.key for job in await store.take(["chat"], LATER, 10)}
        assert keys == {"old announce chat:#ops", "old redraw chat:#ops", "new announce chat:#ops"}

    async def test_where_one_of_them_comes_too_late_none_is_stored(self, store: Store) -> None:
        await tickets.ask(store, "old", "taken")
        stale = await replaced(store, "old", "new")
        await tickets.answer(store, "old", tickets.answered())
        before = await store.load("old")
        with pytest.raises(errors.Conflict):
            await store.commit_together(stale)
        with pytest.raises(errors.NotFound):
            await store.load("new")
        fresh = (machine.step(await store.load("taken"), events.Cancelled(at=LATER, by="x")), tickets.opened(LATER))
        with pytest.raises(errors.Conflict):
            await store.commit_together([fresh, (tickets.asked("old"), tickets.opened())])
        assert await store.load("old") == before
        assert (await store.load("taken")).version == 1
        rows = await tickets.all_log(store)
        assert [(row.ticket_id, row.version) for row in rows] == [("old", 1), ("taken", 1), ("old", 2)]
        assert not any(job.ticket_id == "new" for job in await store.take(["chat"], LATER, 10))

    async def test_of_many_that_take_one_place_at_once_one_is_stored(self, store: Store) -> None:
        await tickets.ask(store, "old", "apart")
        bundles = [await replaced(store, "old", f"new{n}") for n in range(8)]
        alone = tickets.answer(store, "apart", tickets.answered())
        ends = await tickets.together(alone, *(store.commit_together(bundle) for bundle in bundles))
        assert sum(isinstance(end, errors.Conflict) for end in ends) == 7
        found = {ticket.id for ticket in await store.list(Query())} - {"old", "apart"}
        superseded = [row.entry for row in await store.log("old") if isinstance(row.entry, events.Superseded)]
        assert [entry.by for entry in superseded] == sorted(found)
        assert (await store.load("apart")).version == 2
