"""The store contract on what cannot be stepped now or read at once. Users subclass `sayso.testing.stores`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sayso.stores import Query, Store
from sayso.testing import tickets


class LimitContract(tickets.Opened):
    """Tickets that are put off, the check, and the size of a page."""

    async def test_a_ticket_that_cannot_be_stepped_is_due_later_and_the_others_are_not(self, store: Store) -> None:
        await tickets.ask(store, "r1", "r2")
        ends = tickets.asked("r1").ticket.expires_at
        await store.postpone("r1", ends + tickets.SECOND)
        assert await store.due(ends) == ["r2"]
        assert await store.due(ends + tickets.SECOND) == ["r2", "r1"]
        await tickets.answer(store, "r2", tickets.answered())
        assert await store.next_due() == ends + tickets.SECOND
        await tickets.answer(store, "r1", tickets.answered())
        await store.postpone("r1", ends)
        assert (await store.next_due(), await store.due(ends + tickets.SECOND)) == (None, [])

    async def test_a_check_commits_and_changes_nothing_that_anybody_sees(self, store: Store) -> None:
        await tickets.ask(store, "r1")
        before = await tickets.all_log(store)
        await tickets.together(*(store.check() for _ in range(5)))
        assert (await tickets.all_log(store), await store.list(Query())) == (before, [tickets.asked("r1").ticket])

    async def test_a_page_has_a_limit_in_bytes_and_one_ticket_at_least(self, store: Store) -> None:
        await tickets.ask(store, "r1", "r2", "r3")
        size = len(tickets.asked("r1").ticket.model_dump_json(exclude_defaults=True))

        async def ids(most: int, **query: Any) -> Sequence[str]:
            return [ticket.id for ticket in await store.list(Query(most_bytes=most, **query))]

        assert await ids(1) == ["r3"]
        assert await ids(size + 1) == ["r3", "r2"]
        assert await ids(size + 1, before=(tickets.NOW, "r2")) == ["r1"]
        assert await ids(3 * size, limit=2) == ["r3", "r2"]
        assert await ids(3 * size, state="decided") == []
