"""The records part of the store contract: small named documents beside the tickets."""

from __future__ import annotations

import pytest

from sayso import errors
from sayso.stores import Record, Store
from sayso.testing import tickets


class RecordContract(tickets.Opened):
    """A record is written by compare and set, removed once, and listed by its name."""

    async def test_a_record_is_written_by_compare_and_set(self, store: Store) -> None:
        first = Record(
            "key", tickets.NASTY, {"text": tickets.NASTY, "\ud800": [1, None]}, tickets.NOW + tickets.MICROSECOND
        )
        await store.put(first)
        stored = await store.get("key", tickets.NASTY)
        assert stored == Record("key", tickets.NASTY, first.value, first.expires_at, 1)
        with pytest.raises(errors.Conflict):
            await store.put(first)
        outcomes = await tickets.together(
            *(store.put(Record("key", tickets.NASTY, {"n": n}, None, 1)) for n in range(8))
        )
        assert outcomes.count(None) == 1
        assert [type(one) for one in outcomes if one is not None] == [errors.Conflict] * 7
        assert await store.get("key", tickets.NASTY) == Record(
            "key", tickets.NASTY, {"n": outcomes.index(None)}, None, 2
        )
        with pytest.raises(errors.Conflict):
            await store.put(Record("key", "unknown", {}, None, 1))

    async def test_of_many_who_remove_a_record_one_gets_it(self, store: Store) -> None:
        await store.put(Record("login", "x"))
        got = await tickets.together(*(store.remove("login", "x") for _ in range(8)))
        assert [one for one in got if one] == [Record("login", "x", {}, None, 1)]
        assert await store.get("login", "x") is None

    async def test_records_are_listed_by_kind_and_name(self, store: Store) -> None:
        for kind, name in (("b", "1"), ("a", "z"), ("a", "Z"), ("a", "é")):
            await store.put(Record(kind, name))
        assert [record.name for record in await store.scan("a")] == ["Z", "z", "é"]
        assert await store.scan("c") == []

    async def test_several_records_are_read_at_once(self, store: Store) -> None:
        for kind, name in (("a", "1"), ("a", "2"), ("b", "1")):
            await store.put(Record(kind, name, {"of": kind + name}, tickets.NOW))
        found = await store.get_all([("b", "1"), ("a", "2"), ("b", "2"), ("c", "é")])
        assert found == {("a", "2"): await store.get("a", "2"), ("b", "1"): await store.get("b", "1")}
        assert await store.get_all([]) == {}

    async def test_the_last_records_of_several_kinds_are_read_at_once(self, store: Store) -> None:
        for kind, name in (("a", "x/1"), ("a", "x/2"), ("a", "x/é"), ("a", "y"), ("b", "x/9"), ("b", "1")):
            await store.put(Record(kind, name, {"of": kind + name}, tickets.NOW))
        found = await store.look_back(("b", "1", 2), ("b", "2", 1), ("a", "x/", 2), ("b", "x", 3))
        assert sorted(one.value["of"] for one in found) == ["ax/2", "ax/é", "b1", "bx/9"]
        assert [one.name for one in await store.look_back(("a", "x/", 1))] == ["x/é"]
        assert list(await store.look_back(("c", "", 5))) == []

    async def test_records_beside_a_commit_are_written_with_it_or_left_out(self, store: Store) -> None:
        new, ends = Record("past", tickets.NASTY, {"n": 1}, tickets.NOW), tickets.asked("r1")
        await store.commit(ends, tickets.opened(), [new, Record("past", "b", {"n": 1})])
        assert await store.get("past", tickets.NASTY) == Record("past", tickets.NASTY, {"n": 1}, tickets.NOW, 1)
        # somebody else was first with the one, and the ticket is stored all the same
        older, newer = Record("past", tickets.NASTY, {"n": 2}, None, 0), Record("past", "b", {"n": 2}, None, 1)
        await store.commit_together([(tickets.asked("r2"), tickets.opened())], [older, newer])
        assert (await store.load("r2")).version == 1
        assert await store.get("past", tickets.NASTY) == Record("past", tickets.NASTY, {"n": 1}, tickets.NOW, 1)
        assert await store.get("past", "b") == Record("past", "b", {"n": 2}, None, 2)
        # what is not stored writes nothing beside it
        with pytest.raises(errors.Conflict):
            await store.commit(tickets.asked("r2"), tickets.opened(), [Record("past", "c")])
        assert await store.get("past", "c") is None
