"""The lists part of the store contract: whose they are, in which order, from one page to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sayso import machine, model
from sayso.stores import Query, Record, Store
from sayso.testing import tickets


def asked_of(id: str, *approvers: str, requester: str | None = None, seconds: float = 60.0) -> machine.Step:
    """What the desk commits for a request that these people may answer."""
    request = model.Request(kind="permission", tool="deploy", expires_in=seconds)
    terms = machine.Terms("agent", model.Policy(approvers=approvers), ("chat:#ops",), requester=requester)
    return machine.open_ticket(request, terms, id=id, ref=f"ref-{id}", at=tickets.NOW)


async def _store(store: Store, *steps: machine.Step) -> None:
    for step in steps:
        await store.commit(step, tickets.opened())


async def _ids(store: Store, query: Query) -> list[str]:
    return [ticket.id for ticket in await store.list(query)]


class PageContract(tickets.Opened):
    """Lists that are read by an index."""

    async def test_a_list_is_read_by_audience(self, store: Store) -> None:
        await _store(store, asked_of("a", "ann"), asked_of("b", "bob"), asked_of("c", "ann", "bob"), asked_of("d"))
        ann = model.Person(id="ann", name="Ann", account="chat:ann")
        every = await store.audiences()
        theirs = [audience for audience in every if machine.concerns(audience, ann)]
        assert (len(every), len(theirs)) == (4, 2)
        for query in (Query(audiences=theirs), Query(state="pending", audiences=theirs)):
            assert await _ids(store, query) == ["c", "a"]
            assert await store.count(query) == 2
        assert await _ids(store, Query(state="decided", audiences=theirs)) == []
        assert await _ids(store, Query(audiences=())) == []

    async def test_of_many_audiences_none_is_left_out(self, store: Store) -> None:
        await _store(store, *(asked_of(f"r{number:03}", f"p{number}") for number in range(130)))
        every = await store.audiences()
        assert len(await _ids(store, Query(audiences=every, limit=200))) == 130
        assert await _ids(store, Query(audiences=every, limit=2)) == ["r129", "r128"]

    async def test_what_was_asked_for_somebody_is_listed_with_what_they_may_answer(self, store: Store) -> None:
        await _store(store, asked_of("a", "ann"), asked_of("b", "bob", requester="ann"), asked_of("c", "bob"))
        theirs = [one for one in await store.audiences() if "ann" in one]
        assert await _ids(store, Query(audiences=theirs, requester="ann")) == ["b", "a"]
        # nobody's audience: only what was asked for this person, in every state and page by page
        assert await _ids(store, Query(audiences=(), requester="ann")) == ["b"]
        assert await _ids(store, Query(state="decided", audiences=(), requester="ann")) == []
        assert await _ids(store, Query(audiences=theirs)) == ["a"]

    async def test_what_expires_first_is_on_top_if_that_is_wanted(self, store: Store) -> None:
        seconds = {"a": 50.0, "b": 10.0, "c": 90.0, "d": 10.5}
        await _store(store, *(asked_of(id, "ann", seconds=until) for id, until in seconds.items()))
        soonest = Query(state="pending", soonest=True, limit=2)
        for query in (soonest, replace(soonest, audiences=await store.audiences())):
            first = await store.list(query)
            rest = await store.list(replace(query, before=(first[-1].expires_at, first[-1].id)))
            assert [ticket.id for ticket in (*first, *rest)] == ["b", "d", "a", "c"]
        late = tickets.NOW + timedelta(days=1)
        assert await _ids(store, replace(soonest, before=(late, ""))) == []

    async def test_cards_of_several_tickets_are_read_at_once(self, store: Store) -> None:
        for id in ("a", "b", "c"):
            await store.add_card(model.PostedCard(id, "chat:#ops", "chat", "C", f"m-{id}"))
        assert [posted.message for posted in await store.cards("c", "a")] == ["m-a", "m-c"]
        assert await store.cards() == []

    async def test_records_are_found_by_the_beginning_of_their_name(self, store: Store) -> None:
        for name in ("a", "ab", "ab\x7f", "b"):
            await store.put(Record("draft", name))
        assert [record.name for record in await store.scan("draft", "ab")] == ["ab", "ab\x7f"]
        assert len(await store.scan("draft")) == 4
