"""A search finds what fits, the newest first, reads so many requests and no more, and says where it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sayso import machine, model
from sayso.cards import tokens
from sayso.desk import Caller, Desk, Setup
from sayso.desk.answering import searching
from sayso.desk.answering.searching import Filter, find
from sayso.machine import events, people
from sayso.stores import Query, memory
from sayso.testing.clock import ManualClock

ANN = people.Actor("web:ann", "Ann", member=True, person="ann")
POLICIES = {"default": model.Policy(), "production": model.Policy()}


class Counting(memory.MemoryStore):
    """Counts the requests that are read."""

    loaded = 0

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        found = await super().list(query)
        self.loaded += len(found)
        return found


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def desk(store: Counting) -> Desk:
    setup = Setup(POLICIES, people.Directory({"ann": people.Profile()}), ("slack:#ops", "web"), ("slack", "web"))
    return Desk(store, tokens.TokenMaker(b"for tests only"), setup, ManualClock())


async def ask(desk: Desk, tool: str = "Bash", **more: Any) -> model.Ticket:
    request = model.Request(kind="permission", tool=tool, input={"command": "make"})
    ticket = await desk.open(request.model_copy(update=more), Caller("bot"))
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(1)
    return ticket


async def ids(desk: Desk, **wanted: Any) -> list[str]:
    found = await find(desk.store.list, Query(limit=10), Filter(**wanted))
    assert found.last is None
    return [ticket.id for ticket in found.tickets]


@pytest.mark.parametrize(
    "wanted",
    [
        {"tool": "deploy"},
        {"policy": "production"},
        {"place": "discord:#x"},
        {"place": "discord"},
        {"risk": "high"},
        {"priority": "urgent"},
        {"search": "ÄPFEL in"},
        {"search": "odd-1"},
        {"search": "the nightly"},
        {"search": "987654321"},
        {"search": "why not"},
        {"tool": "DEPLOY", "policy": "production", "search": "äpfel"},
    ],
)
async def test_each_thing_that_is_wanted_leaves_out_what_is_not_so(desk: Desk, wanted: dict[str, Any]) -> None:
    desk.setup = Setup(POLICIES, desk.setup.directory, ("slack:#ops", "web"), ("slack", "web", "discord"))
    await ask(desk)
    odd = await ask(
        desk,
        "deploy",
        id="odd-1",
        policy="production",
        route=("discord:#x",),
        risk="high",
        priority="urgent",
        body="The nightly one.",
        input={"what": {"list": ["Äpfel in boxes", 987654321]}},
    )
    await desk.answer(odd.id, model.Answer(verdict="deny", reason="why not"), ANN)
    await ask(desk, "other")
    assert await ids(desk, **wanted) == ["odd-1"]
    assert len(await ids(desk)) == 3


async def test_a_rule_is_found_by_its_id(desk: Desk, store: Counting) -> None:
    await ask(desk)
    ticket = await ask(desk)
    change = {"ruled": model.Ruled(rule="reads", effect="ask"), "version": ticket.version + 1}
    await store.commit(machine.Step(ticket.model_copy(update=change), ()), events.Ticked(at=desk.clock.now()))
    assert await ids(desk, rule="reads") == [ticket.id]


async def test_no_more_is_read_than_the_bound_and_the_search_goes_on_behind_it(
    desk: Desk, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_READ", 200)
    rare = await ask(desk, "rare")
    for _ in range(searching.MOST_READ + 20):
        await ask(desk)
    store.loaded = 0
    first = await find(desk.store.list, Query(limit=10), Filter(tool="rare"))
    assert (first.tickets, first.looked) == ([], searching.MOST_READ)
    assert store.loaded == searching.MOST_READ
    assert first.last is not None
    behind = Query(limit=10, before=(first.last.created_at, first.last.id))
    second = await find(desk.store.list, behind, Filter(tool="rare"))
    assert [one.id for one in second.tickets] == [rare.id]
    assert second.last is None


async def test_a_full_page_goes_on_with_the_next_one_and_none_is_left_out(desk: Desk) -> None:
    asked = [await ask(desk, "even" if number % 2 else "odd") for number in range(30)]
    wanted = [one.id for one in reversed(asked) if one.request.tool == "even"]
    for tool in ("even", None):
        seen, query = list[str](), Query(limit=4)
        while True:
            found = await find(desk.store.list, query, Filter(tool=tool))
            seen += [one.id for one in found.tickets]
            if found.last is None:
                break
            query = Query(limit=4, before=(found.last.created_at, found.last.id))
        assert seen == (wanted if tool else [one.id for one in reversed(asked)])


async def test_words_behind_the_bound_of_one_request_are_not_looked_for(desk: Desk) -> None:
    await ask(desk, input={"text": "x" * 30_000, "late": "needle"})
    await ask(desk, input={"text": "needle" + "x" * 30_000})
    assert len(await ids(desk, search="needle")) == 1


async def test_an_id_is_found_whatever_else_is_stored(desk: Desk) -> None:
    ticket = await ask(desk, id="deploy-42")
    assert await searching.by_id(desk.store.load, "deploy-42") == ticket
    assert await searching.by_id(desk.store.load, "deploy 42") is None
    assert await searching.by_id(desk.store.load, "none") is None
    assert await searching.by_id(desk.store.load, "") is None


async def test_a_secret_is_not_found_out_by_searching_for_it(desk: Desk) -> None:
    secret = "ghp_" + "a1B2" * 9
    ticket = await ask(desk, input={"command": f"curl -H {secret} https://example.com/needle"})
    for words, found in (("needle", [ticket.id]), (secret, []), (secret[:12], []), ("curl needle", [ticket.id])):
        result = await searching.run(desk, Filter(search=words), 10)
        assert [one.id for one in result.tickets] == found, words
