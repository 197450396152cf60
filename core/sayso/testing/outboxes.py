"""The outbox part of the store contract: an effect is performed by one taker at a time, and never lost."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import Job, Store
from sayso.testing import tickets

NOW, SECOND = tickets.NOW, tickets.SECOND
LEASE = 10.0
ENDS = NOW + LEASE * SECOND
ANNOUNCE = events.Announce(place="chat:#ops")
REDRAW = events.Redraw(place="chat:#ops")


class Taker:
    """Takes on so many effects under a lease until `ENDS`."""

    def __init__(self, room: int = 20) -> None:
        self.room = room
        self.jobs = list[Job]()

    def lease(self) -> datetime | None:
        """See `sayso.stores.outbox.Taker`."""
        self.room -= 1
        return None if self.room < 0 else ENDS

    def receive(self, job: Job) -> None:
        """See `sayso.stores.outbox.Taker`."""
        self.jobs.append(job)


async def redraw(store: Store, at: datetime = NOW) -> None:
    """Commit a change of `r1` that redraws its card."""
    ticket = await store.load("r1")
    changed = ticket.model_copy(update={"version": ticket.version + 1})
    await store.commit(machine.Step(changed, (REDRAW,)), events.Ticked(at=at))


async def take(store: Store, at: datetime = NOW, limit: int = 20) -> list[Job]:
    """The jobs of one channel."""
    return [*await store.take(["chat"], at, LEASE, limit)]


class OutboxContract(tickets.Opened):
    """Effects: written with the ticket, leased, repeated, removed."""

    async def test_an_effect_is_leased_to_one_of_many_takers(self, store: Store) -> None:
        await tickets.ask(store, *(f"r{n}" for n in range(20)))
        taken = await tickets.together(*(take(store, limit=3) for _ in range(10)))
        keys = [job.key for jobs in taken for job in jobs]
        assert len(keys) == len(set(keys)) == 20

    async def test_an_effect_is_taken_by_its_channel_and_when_it_is_due(self, store: Store) -> None:
        await tickets.ask(store, "r1", route=("chat:#ops", "chat:#dev", "mail:a@b"))
        assert await store.next_job([]) is await store.next_job(["callback"]) is None
        assert await store.take(["callback"], NOW, LEASE) == []
        assert await take(store, NOW - tickets.MICROSECOND) == []
        assert await store.next_job(["chat", "callback"]) == NOW
        [mail] = await store.take(["mail"], NOW, LEASE)
        assert (mail.ticket_id, mail.effect, mail.attempts) == ("r1", events.Announce(place="mail:a@b"), 0)
        assert [job.effect.place for job in await take(store)] == ["chat:#dev", "chat:#ops"]
        assert await store.next_job(["chat", "mail"]) == ENDS

    async def test_the_oldest_effects_are_taken_first(self, store: Store) -> None:
        for n, id in enumerate(("r3", "r1", "r2")):
            await store.commit(tickets.asked(id), tickets.opened(NOW + n * SECOND))
        assert [job.ticket_id for job in await take(store, NOW + 9 * SECOND, limit=2)] == ["r3", "r1"]

    async def test_an_effect_whose_taker_died_is_taken_again_after_the_lease(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        [first] = await take(store)
        assert await take(store, ENDS - tickets.MICROSECOND) == []
        [second] = await take(store, ENDS)
        assert (second.key, second.effect) == (first.key, ANNOUNCE)
        assert (first.attempts, second.attempts) == (0, 1)
        assert (first.until, second.until) == (ENDS, ENDS + timedelta(seconds=LEASE))
        assert second.fence > first.fence

    async def test_a_performed_effect_is_gone(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        [job] = await take(store)
        await store.done(job)
        assert (await take(store, ENDS), await store.next_job(["chat"])) == ([], None)
        await store.done(job)
        await store.retry(job, NOW, "late")
        assert await store.next_job(["chat"]) is None

    async def test_an_effect_that_posted_a_card_is_gone_with_that_unless_the_ticket_has_changed(
        self, store: Store
    ) -> None:
        await tickets.ask(store, "r1", "r2")
        jobs = {job.ticket_id: job for job in await take(store)}
        await redraw(store)
        for id, ends in (("r2", True), ("r1", False)):
            posted = model.PostedCard(id, "chat:#ops", "chat", "C", id)
            entry = events.Delivered(at=NOW, place="chat:#ops", message=id)
            assert await store.settle(jobs[id], posted, 1, entry) is ends
            assert await store.cards(id) == [posted]
            assert (await store.log(id))[-1].entry == entry
        await store.done(next(iter(await take(store))))
        assert await store.next_job(["chat"]) == ENDS, "what shows an older state is still to be drawn again"
        [again] = await take(store, ENDS)
        assert (again.ticket_id, again.effect, again.attempts) == ("r1", ANNOUNCE, 1)
        assert not await store.settle(jobs["r1"], posted, 2, entry), "it has another taker"
        await store.done(again)
        assert await store.next_job(["chat"]) is None

    async def test_a_failed_effect_is_due_when_its_taker_says(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        [job] = await take(store)
        await store.retry(job, NOW + SECOND, tickets.NASTY)
        assert await store.next_job(["chat"]) == NOW + SECOND
        [again] = await take(store, NOW + SECOND)
        assert again.attempts == 1

    async def test_an_effect_that_was_put_off_was_not_tried(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        for n in range(3):
            [job] = await take(store, NOW + n * SECOND)
            assert job.attempts == 0
            await store.put_off(job, NOW + (n + 1) * SECOND)
            assert await store.next_job(["chat"]) == NOW + (n + 1) * SECOND
        [job] = await take(store, NOW + 3 * SECOND)
        await store.retry(job, NOW + 4 * SECOND, "failed")
        [job] = await take(store, NOW + 4 * SECOND)
        await store.put_off(job, NOW + 5 * SECOND)
        [job] = await take(store, NOW + 5 * SECOND)
        assert job.attempts == 1
        await redraw(store)
        await store.put_off(job, NOW + 6 * SECOND)
        await store.put_off(job, NOW + 9 * SECOND)
        taken = {one.effect.type: one.attempts for one in await take(store, NOW + 6 * SECOND)}
        assert taken == {"announce": 1, "redraw": 0}

    async def test_a_lease_lasts_as_long_as_its_taker_renews_it(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        [job] = await take(store)
        assert await store.renew(job, ENDS + 5 * SECOND)
        assert await take(store, ENDS) == []
        [other] = await take(store, ENDS + 5 * SECOND)
        assert not await store.renew(job, ENDS + 60 * SECOND), "it is another's now"
        assert await store.next_job(["chat"]) == ENDS + 5 * SECOND + timedelta(seconds=LEASE)
        await store.done(other)
        assert not await store.renew(other, ENDS + 60 * SECOND)
        assert await store.next_job(["chat"]) is None

    async def test_a_taker_that_lost_its_lease_changes_nothing(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        [slow] = await take(store)
        [other] = await take(store, ENDS)
        await store.done(slow)
        await store.retry(slow, NOW, "late")
        assert await store.next_job(["chat"]) == ENDS + timedelta(seconds=LEASE)
        await store.done(other)
        assert await store.next_job(["chat"]) is None

    async def test_a_late_taker_does_not_touch_a_newer_effect_of_the_same_key(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        await store.done((await take(store))[0])
        await redraw(store)
        [slow] = await take(store)
        await store.done((await take(store, ENDS))[0])
        await redraw(store, ENDS)
        [newer] = await take(store, ENDS)
        await store.done(slow)
        assert newer.fence > slow.fence
        assert await store.next_job(["chat"]) == ENDS + timedelta(seconds=LEASE)

    async def test_an_effect_written_again_while_it_is_performed_is_performed_again(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        await store.done((await take(store))[0])
        await redraw(store)
        [job] = await take(store)
        await redraw(store, NOW + SECOND)
        assert await store.next_job(["chat"]) == ENDS, "the one who performs it is not disturbed"
        await store.done(job)
        assert await store.next_job(["chat"]) == NOW + SECOND
        [again] = await take(store, NOW + SECOND)
        assert (again.effect, again.attempts) == (REDRAW, 0)
        assert again.fence > job.fence
        await store.done(again)
        assert await store.next_job(["chat"]) is None

    async def test_an_effect_written_again_while_it_fails_waits_as_the_platform_asked(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        [job] = await take(store)
        await store.done(job)
        await redraw(store)
        [job] = await take(store)
        await redraw(store, NOW + SECOND)
        await store.retry(job, NOW + 5 * SECOND, "slow down")
        assert await store.next_job(["chat"]) == NOW + 5 * SECOND

    async def test_an_effect_written_again_before_it_is_taken_is_performed_once(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        await store.done((await take(store))[0])
        await redraw(store)
        await redraw(store, NOW + SECOND)
        assert await store.next_job(["chat"]) == NOW
        [job] = await take(store)
        await store.retry(job, NOW + 9 * SECOND, "failed")
        await redraw(store, NOW + 2 * SECOND)
        [job] = await take(store, NOW + 2 * SECOND)
        assert job.attempts == 0
        await store.done(job)
        assert await store.next_job(["chat"]) is None

    async def test_an_effect_is_there_once_whether_it_is_handed_on_or_not(self, store: Store) -> None:
        taker = Taker(room=2)
        async with store.taking("chat", taker):
            await tickets.ask(store, *(f"r{n}" for n in range(5)))
            asking = [asyncio.ensure_future(tickets.ask(store, f"s{n}")) for n in range(3)]
        # what was leased before is there by now, and nothing comes after
        handed = [*taker.jobs]
        await asyncio.gather(*asking)
        await tickets.ask(store, "late")
        assert taker.jobs == handed
        left = await take(store)
        assert sorted(job.ticket_id for job in [*handed, *left]) == [
            "late", "r0", "r1", "r2", "r3", "r4", "s0", "s1", "s2",
        ]  # fmt: skip

    async def test_an_effect_that_was_handed_on_is_as_if_it_had_been_taken(self, store: Store) -> None:
        taker = Taker()
        async with store.taking("chat", taker):
            await tickets.ask(store, "r1", "r2", "r3")
        ended, failed, died = [*taker.jobs, *await take(store)]
        assert {(job.attempts, job.until) for job in (ended, failed, died)} == {(0, ENDS)}
        await store.done(ended)
        await store.retry(failed, NOW + SECOND, "failed")
        [again] = await take(store, NOW + SECOND)
        assert (again.key, again.attempts) == (failed.key, 1)
        [again] = await take(store, ENDS)
        assert (again.key, again.attempts, again.effect) == (died.key, 1, ANNOUNCE)
        await store.done(died)
        assert await store.next_job(["chat"]) is not None, "somebody else has it by now"

    async def test_what_is_being_performed_is_not_handed_on_a_second_time(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        await store.done((await take(store))[0])
        await redraw(store)
        [job] = await take(store)
        taker = Taker()
        async with store.taking("chat", taker):
            await redraw(store, NOW + SECOND)
        assert taker.jobs == []
        await store.done(job)
        [again] = await take(store, NOW + SECOND)
        assert (again.effect, again.attempts) == (REDRAW, 0)
        async with store.taking("chat", taker):
            await store.done(again)
            await redraw(store, NOW + 2 * SECOND)
        [newer] = taker.jobs or await take(store, NOW + 2 * SECOND)
        assert newer.fence > again.fence
        await store.done(again)
        assert await store.next_job(["chat"]) is not None
        await store.done(newer)
        assert await store.next_job(["chat"]) is None

    async def test_what_is_not_stored_or_not_due_is_not_handed_on(self, store: Store) -> None:
        taker = Taker()
        later = events.Announce(place="chat:#ops", after=NOW + SECOND)
        step = tickets.asked("r1")
        async with store.taking("chat", taker):
            await store.commit(machine.Step(step.ticket, (later,)), tickets.opened())
            with pytest.raises(errors.Conflict):
                await store.commit(tickets.asked("r1"), tickets.opened())
            await tickets.ask(store, "r2", route=("mail:a@b",))
        assert taker.jobs == []
        [job] = await take(store, NOW + SECOND)
        assert job.effect == later
