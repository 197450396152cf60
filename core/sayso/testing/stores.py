"""The contract of a store: subclass `StoreContract`, and `ReplicaContract` if processes may share its database.

Bring a fixture `opener`: an async function that opens the same database again and again, empty when a test begins.
Needs pytest-asyncio in auto mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import Record, Row, Store
from sayso.testing import audits, bundles, limits, outboxes, pages, records, tickets, waiters

Opener = tickets.Opener


class StoreContract(
    tickets.TicketContract,
    records.RecordContract,
    bundles.BundleContract,
    limits.LimitContract,
    outboxes.OutboxContract,
    pages.PageContract,
    waiters.WaiterContract,
    audits.AuditContract,
):
    """What every store must do."""


class ReplicaContract(tickets.Opened):
    """What a durable store must do: survive reopening, and work with others on the same database."""

    @pytest.fixture
    async def other(self, opener: Opener) -> AsyncIterator[Store]:
        """A second store on the same database, as another process would have."""
        other = await opener()
        yield other
        await other.close()

    async def test_it_says_that_commits_are_safe(self, store: Store) -> None:
        assert store.durability.safe
        assert store.durability.version

    async def test_everything_survives_reopening(self, store: Store, opener: Opener) -> None:
        posted = model.PostedCard("r1", "chat:#ops", "chat", "C", "M")
        await tickets.ask(store, "r1")
        [job] = await store.take(["chat"], tickets.NOW, 10)
        await store.add_card(posted)
        await store.put(Record("key", "k", {"n": 1}))
        await store.close()
        again = await opener()
        assert await again.load("r1") == tickets.asked("r1").ticket
        assert [row.entry for row in await again.log("r1")] == [tickets.opened()]
        assert (await again.cards("r1"), await again.get("key", "k")) == (
            [posted],
            Record("key", "k", {"n": 1}, None, 1),
        )
        assert await again.next_job(["chat"]) == tickets.NOW + 10 * tickets.SECOND
        await again.retry(job, tickets.NOW, "restarted")
        assert [one.effect for one in await again.take(["chat"], tickets.NOW, 10)] == [job.effect]
        await again.close()

    async def test_a_closed_store_says_so(self, store: Store) -> None:
        await store.close()
        for work in (store.load("r1"), store.commit(tickets.asked(), tickets.opened()), store.last_row()):
            with pytest.raises(errors.StoreUnavailable):
                await work

    async def test_a_change_by_another_process_wakes_who_waits(self, store: Store, other: Store) -> None:
        await tickets.ask(store, "r1")
        for version in (1, 2):
            waiting = await tickets.started(other.changed("r1", version))
            stepped = (await store.load("r1")).model_copy(update={"version": version + 1})
            await store.commit(machine.Step(stepped), events.Ticked(at=tickets.NOW))
            async with asyncio.timeout(5):
                await waiting

    async def test_a_stream_follows_the_log_of_another_process(self, store: Store, other: Store) -> None:
        changes, seen = other.changes(), 0
        for n in range(3):
            await tickets.ask(store, f"r{n}")
            async with asyncio.timeout(5):
                await anext(changes)
                while not (rows := await other.log_after(seen)):
                    await anext(changes)  # pragma: no cover - only a store that tells of a change before it can be read
            assert [row.ticket_id for row in rows] == [f"r{n}"]
            seen = rows[-1].number

    async def test_work_that_its_own_process_does_not_take_on_is_told_to_the_others(
        self, store: Store, other: Store
    ) -> None:
        chat = other.work("chat")
        await anext(chat)
        await tickets.ask(store, "r1")
        async with asyncio.timeout(5):
            await anext(chat)
        assert [job.ticket_id for job in await other.take(["chat"], tickets.NOW, 10)] == ["r1"]

    async def test_clickers_of_two_processes_give_one_decision(self, store: Store, other: Store) -> None:
        await tickets.ask(store, "r1")
        clicks = (tickets.answer((store, other)[n % 2], "r1", tickets.answered(f"p{n}")) for n in range(12))
        outcomes = await tickets.together(*clicks)
        winners = [one for one in outcomes if isinstance(one, model.Ticket)]
        late = [one for one in outcomes if isinstance(one, errors.AlreadyDecided)]
        assert (len(winners), len(late)) == (1, 11)
        assert [row.version for row in await other.log("r1")] == [1, 2]

    async def test_an_effect_is_leased_to_one_process(self, store: Store, other: Store) -> None:
        await tickets.ask(store, *(f"r{n}" for n in range(20)))
        takes = (outboxes.take((store, other)[n % 2], limit=3) for n in range(14))
        keys = [job.key for jobs in await tickets.together(*takes) for job in jobs]
        assert len(keys) == len(set(keys)) == 20

    async def test_no_row_is_skipped_by_who_follows_the_log(self, store: Store, other: Store) -> None:
        writers = asyncio.ensure_future(
            tickets.together(
                *((store, other)[n % 2].commit(tickets.asked(f"r{n}"), tickets.opened()) for n in range(200))
            )
        )
        seen: list[Row] = []
        last = 0
        while len(seen) < 200:
            seen += await other.log_after(last, 10)
            last = seen[-1].number if seen else 0
            assert len(seen) >= 200 or not writers.done() or await other.last_row() > last
        assert set(await writers) == {None}
        assert {row.ticket_id for row in seen} == {f"r{n}" for n in range(200)}
        assert await store.log_after(0, 300) == seen
