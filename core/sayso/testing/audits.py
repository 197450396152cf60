"""The part of the store contract for auditors: chained rows, seals, erasure, clean-up."""

from __future__ import annotations

import pytest

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import Record, Store, chain
from sayso.stores.auditing import ChainedRow, StoredSeal
from sayso.testing import tickets


def broken(rows: list[ChainedRow]) -> list[int]:
    """The numbers of rows that do not follow from the row before them of the same request."""
    heads: dict[str, str] = {}
    wrong: list[int] = []
    for row in rows:
        assert row.body is not None
        assert row.state is not None
        found = chain.of_digests(row.ticket_id, row.version, row.body, row.state)
        prev = heads.get(row.ticket_id, "")
        if (row.prev, row.hash, row.body) != (prev, found.hash_after(prev), chain.sha256(row.entry)):
            wrong.append(row.number)
        heads[row.ticket_id] = row.hash or ""
    return wrong


class AuditContract(tickets.Opened):
    """What every store keeps for those who look later."""

    async def test_every_row_is_chained_to_the_one_before_it_of_its_request(self, store: Store) -> None:
        await tickets.ask(store, "r1", "r2")
        delivered = events.Delivered(at=tickets.NOW, place="chat:#ops", message=tickets.NASTY)
        await store.append("r1", 1, delivered)
        await store.append("", 0, events.Revoked(at=tickets.NOW, key="bot"))
        await tickets.answer(store, "r2", tickets.answered())
        await tickets.answer(store, "r1", tickets.answered())
        rows = list(await store.chained(0))
        assert [(row.ticket_id, row.version) for row in rows] == [
            *(("r1", 1), ("r2", 1), ("r1", 1), ("", 0), ("r2", 2), ("r1", 2))
        ]
        assert broken(rows) == []
        assert [row.prev for row in rows if row.ticket_id == "r1"] == ["", rows[0].hash, rows[2].hash]
        assert [row.number for row in await store.chained(rows[1].number, 2)] == [rows[2].number, rows[3].number]

    async def test_a_row_binds_the_ticket_as_it_is_stored(self, store: Store) -> None:
        await tickets.ask(store, "r1", "r2")
        await store.append("r1", 1, events.Delivered(at=tickets.NOW, place="chat:#ops", message="M"))
        await tickets.answer(store, "r1", tickets.answered())
        states = {row.ticket_id: row.state for row in await store.chained(0) if row.state}
        found = await store.documents("", 1)
        assert [one.id for one in found] == ["r1"]
        found = [*found, *await store.documents("r1")]
        assert {one.id: chain.sha256(one.document) for one in found} == states
        assert [await store.document(id) for id in ("r1", "r3")] == [found[0], None]
        assert found[0].facts == ("ref-r1", 2, "decided", "agent", None, 1_772_366_400_000_000)

    async def test_rows_of_one_request_written_at_once_are_one_chain(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        done = await tickets.together(
            *(
                store.append("r1", 0, events.Delivered(at=tickets.NOW, place="chat:#a", message=str(n)))
                for n in range(20)
            )
        )
        assert set(done) == {None}
        rows = list(await store.chained(0))
        assert (len(rows), broken(rows)) == (21, [])

    async def test_a_seal_is_kept_once(self, store: Store) -> None:
        assert await store.last_seal() is None
        seals = [StoredSeal(n, 10 * n, "{}") for n in (1, 2, 3)]
        for seal in seals:
            await store.add_seal(seal)
        with pytest.raises(errors.Conflict):
            await store.add_seal(StoredSeal(3, 31, "{}"))
        assert await store.last_seal() == seals[-1]
        assert list(await store.seals(0)) == seals
        assert list(await store.seals(1, 1)) == [seals[1]]

    async def test_erasing_leaves_the_chain_whole(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        ticket = await tickets.answer(store, "r1", tickets.answered())
        erased = machine.Step(ticket.model_copy(update={"version": 3}))
        rows = await store.chained(0)
        kept = {row.number: '{"type":"kept"}' for row in rows}
        with pytest.raises(errors.Conflict):
            await store.erase(machine.Step(ticket), events.Ticked(at=tickets.NOW), kept)
        assert list(await store.chained(0)) == list(rows)
        await store.erase(erased, events.Ticked(at=tickets.NOW), kept)
        after = list(await store.chained(0))
        assert [row.entry for row in after[:-1]] == ['{"type":"kept"}'] * 2
        assert [row.hash for row in after[:-1]] == [row.hash for row in rows]
        assert broken(after) == [row.number for row in rows]

    async def test_requests_are_read_from_the_oldest_on(self, store: Store) -> None:
        for n, id in enumerate("cab"):
            await tickets.ask(store, id, at=tickets.NOW + n * tickets.SECOND)
        first = (tickets.NOW, "c")
        later = tickets.NOW + 9 * tickets.SECOND
        assert list(await store.oldest((tickets.NOW - tickets.SECOND, ""), later, 1)) == [first]
        assert [id for _, id in await store.oldest(first, later)] == ["a", "b"]
        assert [id for _, id in await store.oldest(first, tickets.NOW + 2 * tickets.SECOND)] == ["a"]

    async def test_what_a_request_left_elsewhere_is_forgotten(self, store: Store) -> None:
        await tickets.ask(store, "r1", "r1.x", route=("chat:#ops", "chat:#dev"))
        for id in ("r1", "r1.x"):
            await store.add_card(model.PostedCard(id, "chat:#ops", "chat", "C", id))
        jobs = [job for job in await store.take(["chat"], tickets.NOW, 10) if job.ticket_id == "r1"]
        await store.done(jobs[0])
        assert await store.forget("r1") == 2
        assert await store.forget("r1") == 0
        assert (len(await store.cards("r1")), len(await store.cards("r1.x"))) == (0, 1)
        await store.retry(jobs[1], tickets.NOW, "later")
        due = await store.take(["chat"], tickets.NOW + 20 * tickets.SECOND, 10)
        assert sorted(job.ticket_id for job in due) == ["r1", "r1.x", "r1.x"]

    async def test_records_that_are_over_are_removed_in_parts(self, store: Store) -> None:
        for n in range(5):
            await store.put(Record("draft", str(n), {}, tickets.NOW + n * tickets.SECOND))
        await store.put(Record("key", "k", {}))
        until = tickets.NOW + 4 * tickets.SECOND
        assert [await store.expire(until, 3) for _ in range(3)] == [3, 1, 0]
        assert [record.name for record in await store.scan("draft")] == ["4"]
        assert len(await store.scan("key")) == 1
