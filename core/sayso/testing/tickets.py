"""The tickets part of the store contract, and what the other parts share. Users subclass `sayso.testing.stores`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import Query, Row, Store, whole_log

Opener = Callable[[], Awaitable[Store]]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
NASTY = "a\x00b \U0001f600 \u202e é \\u0000 ' \" $1 \x1a %"


def asked(
    id: str = "r1",
    *,
    title: str = "Deploy?",
    owner: str = "agent",
    session: str | None = None,
    at: datetime = NOW,
    route: tuple[str, ...] = ("chat:#ops",),
) -> machine.Step:
    """What the desk commits for a new permission request that waits for 60 seconds."""
    request = model.Request(
        kind="permission", tool="deploy", title=title, source=model.Source(session=session), expires_in=60.0
    )
    return machine.open_ticket(request, machine.Terms(owner, model.Policy(), route), id=id, ref=f"ref-{id}", at=at)


def opened(at: datetime = NOW) -> events.Opened:
    """The log row of a new request."""
    return events.Opened(at=at, by="agent", digest="d")


def answered(person: str = "ann", at: datetime = NOW + SECOND) -> events.Answered:
    """An *allow*."""
    who = model.Person(id=person, name=person.title(), account=f"chat:T/{person}", member=True)
    return events.Answered(at=at, by=who, answer=model.Answer(verdict="allow"))


async def ask(store: Store, *ids: str, **more: Any) -> None:
    """Commit new requests."""
    for id in ids:
        await store.commit(asked(id, **more), opened())


async def answer(store: Store, id: str, event: events.Event) -> model.Ticket:
    """Step and commit until it is stored, as the desk does. Raises `AlreadyDecided`."""
    while True:
        step = machine.step(await store.load(id), event)
        try:
            await store.commit(step, event)
        except errors.Conflict:
            continue
        return step.ticket


async def together(*work: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """Start everything at one barrier; errors come back as values."""
    barrier = asyncio.Barrier(len(work))

    async def one(item: Coroutine[Any, Any, Any]) -> Any:
        await barrier.wait()
        return await item

    async with asyncio.timeout(30):
        return await asyncio.gather(*map(one, work), return_exceptions=True)


async def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that has come to its first wait, and is not done."""
    task = asyncio.ensure_future(work)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def all_log(store: Store) -> Sequence[Row]:
    """The whole log, read page by page as a stream does."""
    rows = list(await store.log_after(0, 7))
    while page := await store.log_after(rows[-1].number if rows else 0, 7):
        rows += page
    return rows


class Opened:
    """What every part of the contract starts from."""

    @pytest.fixture
    async def store(self, opener: Opener) -> AsyncIterator[Store]:
        """A store on the empty database."""
        store = await opener()
        yield store
        await store.close()


class TicketContract(Opened):
    """Tickets, log and posted cards."""

    async def test_a_ticket_comes_back_as_it_was_written(self, store: Store) -> None:
        step = asked("r1", title=NASTY, session=NASTY, owner=NASTY)
        await store.commit(step, opened())
        assert await store.load("r1") == step.ticket
        assert await store.load_by_ref("ref-r1") == step.ticket
        assert await store.list(Query(owner=NASTY, session=NASTY)) == [step.ticket]

    @pytest.mark.parametrize("unknown", ["r2", "", NASTY])
    async def test_an_unknown_ticket_is_an_error_at_once(self, store: Store, unknown: str) -> None:
        await ask(store, "r1")
        for looked in (
            store.load(unknown),
            store.load_by_ref(unknown),
            store.changed(unknown, 0),
            store.awaited(unknown),
        ):
            with pytest.raises(errors.NotFound):
                await looked

    async def test_asking_twice_gives_one_ticket(self, store: Store) -> None:
        first, again = asked("r1"), asked("r1", title="Something else?")
        outcomes = await together(store.commit(first, opened()), store.commit(again, opened()))
        assert {type(one) for one in outcomes} == {errors.Conflict, type(None)}
        assert (await store.load("r1")).request.title in ("Deploy?", "Something else?")
        assert [row.version for row in await store.log("r1")] == [1]

    async def test_a_reference_that_is_taken_is_a_conflict(self, store: Store) -> None:
        await ask(store, "r1")
        other = asked("r2")
        taken = machine.Step(other.ticket.model_copy(update={"ref": "ref-r1"}), other.effects)
        with pytest.raises(errors.Conflict):
            await store.commit(taken, opened())
        assert len(await all_log(store)) == 1

    async def test_a_stale_version_is_refused_and_writes_nothing(self, store: Store) -> None:
        await ask(store, "r1")
        ticket = await answer(store, "r1", answered())
        late = machine.step(asked("r1").ticket, events.Cancelled(at=NOW, by="agent"))
        before = await all_log(store), await store.take(["chat"], NOW + SECOND, 1)
        with pytest.raises(errors.Conflict):
            await store.commit(late, events.Cancelled(at=NOW, by="agent"))
        assert await store.load("r1") == ticket
        assert (await all_log(store), await store.take(["chat"], NOW + SECOND, 1)) == (before[0], [])

    async def test_a_version_without_the_one_before_it_is_refused(self, store: Store) -> None:
        ahead = asked("r1").ticket.model_copy(update={"version": 2})
        with pytest.raises(errors.Conflict):
            await store.commit(machine.Step(ahead), opened())
        await ask(store, "r1")
        with pytest.raises(errors.Conflict):
            await store.commit(machine.Step(ahead.model_copy(update={"version": 3})), opened())
        assert (await store.load("r1")).version == 1

    async def test_twelve_clickers_at_a_barrier_give_one_decision_and_one_log_row(self, store: Store) -> None:
        await ask(store, "r1")
        outcomes = await together(*(answer(store, "r1", answered(f"p{n}")) for n in range(12)))
        winners = [one for one in outcomes if isinstance(one, model.Ticket)]
        late = [one for one in outcomes if isinstance(one, errors.AlreadyDecided)]
        assert (len(winners), len(late)) == (1, 11)
        assert all(one.ticket == winners[0] for one in late)
        assert [row.version for row in await store.log("r1")] == [1, 2]

    async def test_a_thousand_commits_at_once_are_all_stored(self, store: Store) -> None:
        ids = [f"r{n}" for n in range(1000)]
        assert set(await together(*(store.commit(asked(id), opened()) for id in ids))) == {None}
        assert {ticket.id for ticket in await store.list(Query(limit=2000))} == set(ids)
        assert await store.last_row() == (await all_log(store))[-1].number

    async def test_the_log_tells_what_happened_in_order(self, store: Store) -> None:
        assert (await store.last_row(), await all_log(store)) == (0, [])
        await ask(store, "r1", "r2")
        await answer(store, "r1", answered())
        await store.append("r2", 1, events.Delivered(at=NOW, place="chat:#ops", message=NASTY))
        rows = await all_log(store)
        assert [(row.ticket_id, row.version, row.entry.type) for row in rows] == [
            ("r1", 1, "opened"),
            ("r2", 1, "opened"),
            ("r1", 2, "answered"),
            ("r2", 1, "delivered"),
        ]
        assert [row.number for row in rows] == sorted({row.number for row in rows})
        assert await store.log("r2") == [rows[1], rows[3]]
        assert await store.log_after(rows[2].number) == [rows[3]]
        assert await store.last_row() == rows[3].number

    async def test_the_log_of_one_ticket_is_read_page_by_page(self, store: Store) -> None:
        await ask(store, "r1", "r2")
        for text in ("x", "y" * 3_000_000, "z" * 3_000_000):
            for id in ("r2", "r1"):
                await store.append(id, 1, events.Delivered(at=NOW, place="chat:#ops", message=text))
        first = await store.log("r1")
        whole = [row async for row in whole_log(store, "r1")]
        assert [row.entry.type for row in whole] == ["opened", *["delivered"] * 3]
        assert {row.ticket_id for row in whole} == {"r1"}
        assert await store.log("r1", whole[0].number, 2) == whole[1:3]
        # in memory there are no bytes to be read
        assert first in (whole, whole[:3])
        assert await store.log("r1", whole[-1].number) == []

    async def test_due_is_exact_to_the_microsecond(self, store: Store) -> None:
        assert await store.next_due() is None
        await ask(store, "r2", at=NOW + MICROSECOND)
        await ask(store, "r1")
        ends = asked("r1").ticket.expires_at
        assert await store.next_due() == ends
        assert await store.due(ends - MICROSECOND) == []
        assert await store.due(ends) == ["r1"]
        assert await store.due(ends + MICROSECOND) == ["r1", "r2"]
        assert await store.due(ends + MICROSECOND, limit=1) == ["r1"]
        await answer(store, "r1", answered())
        assert (await store.next_due(), await store.due(ends)) == (ends + MICROSECOND, [])

    async def test_what_was_handed_in_or_out_is_not_what_is_kept(self, store: Store) -> None:
        step = asked("r1")
        before = step.ticket.model_copy(deep=True)
        await store.commit(step, opened())
        for held in (step.ticket, await store.load("r1"), (await store.list(Query()))[0]):
            held.request.metadata["changed"] = True
        assert await store.load("r1") == before

    async def test_a_taken_answer_is_due_when_its_grace_is_over(self, store: Store) -> None:
        await ask(store, "r1")
        taken = await answer(store, "r1", answered().model_copy(update={"grace": 10.0}))
        ends = NOW + 11 * SECOND
        assert await store.load("r1") == taken
        assert (await store.next_due(), await store.due(ends - MICROSECOND)) == (ends, [])
        assert await store.due(ends) == ["r1"]
        await answer(store, "r1", events.Settled(at=ends))
        assert await store.next_due() is None

    async def test_of_twelve_uses_at_once_one_is_stored(self, store: Store) -> None:
        await ask(store, "r1")
        await answer(store, "r1", answered())
        uses = (answer(store, "r1", events.Used(at=NOW + 2 * SECOND, by=f"p{n}")) for n in range(12))
        ends = await together(*uses)
        assert sum(isinstance(end, errors.AlreadyUsed) for end in ends) == 11
        [used] = [row.entry for row in await store.log("r1") if isinstance(row.entry, events.Used)]
        assert (await store.load("r1")).used_at == used.at

    async def test_a_list_is_paged_by_key_and_filtered(self, store: Store) -> None:
        await ask(store, "r1", "r3", "r2")
        await ask(store, "r4", at=NOW - SECOND, session="s", owner="other")
        await answer(store, "r2", answered())

        async def ids(**query: Any) -> Sequence[str]:
            found = [ticket.id for ticket in await store.list(Query(**query))]
            assert await store.count(Query(**query)) == len(found)
            return found

        assert await ids() == ["r3", "r2", "r1", "r4"]
        assert await ids(limit=2) == ["r3", "r2"]
        assert await ids(limit=2, before=(NOW, "r2")) == ["r1", "r4"]
        assert await ids(state="pending", before=(NOW, "r3")) == ["r1", "r4"]
        assert await ids(state="decided") == ["r2"]
        assert await ids(owner="other") == await ids(session="s") == ["r4"]
        assert await ids(owner="agent", session="s") == []
        assert await ids(prefix="r3") == ["r3"]
        assert await ids(prefix="r", limit=2, before=(NOW, "r3")) == ["r2", "r1"]
        assert await ids(prefix="R") == await ids(prefix="%") == await ids(prefix="3") == []

    async def test_a_summary_says_what_figures_need(self, store: Store) -> None:
        await ask(store, "r1", "r2")
        decided = (await answer(store, "r2", answered())).decision
        assert decided is not None
        for ticket in (await store.load("r1"), await store.load("r2")):
            found = await store.summary(ticket.id)
            assert (found.version, found.created_at) == (ticket.version, ticket.created_at)
            assert found.kind == ticket.request.kind
        assert (found.outcome, found.decided_at) == (decided.outcome, decided.decided_at)
        assert (await store.summary("r1")).outcome is None
        with pytest.raises(errors.NotFound):
            await store.summary("r9")

    async def test_a_posted_card_is_found_again(self, store: Store) -> None:
        refs = [model.PostedCard("r1", f"chat:#{name}", "chat", f"C{name}", NASTY) for name in "ba"]
        for ref in [*refs, refs[0]]:
            await store.add_card(ref)
        assert await store.cards("r1") == refs
        assert await store.cards("r2") == []
        assert await store.find_card("chat", "Ca", NASTY) == refs[1]
        assert await store.find_card("chat", "Cc", NASTY) is None
        await store.remove_card(refs[1])
        await store.remove_card(refs[1])
        assert await store.cards("r1") == refs[:1]
        assert await store.find_card("chat", "Ca", NASTY) is None
