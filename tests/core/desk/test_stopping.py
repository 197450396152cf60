"""Stop over a desk: from any copy, at once, on record; what was open goes on afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from sayso import asking, errors, machine, model
from sayso.desk import Caller, Desk, Setup, channel, keys, timekeeper
from sayso.desk.admission import granted
from sayso.desk.upkeep import stopping
from sayso.machine import events, people
from sayso.stores import Record, memory
from sayso.stores.record_kinds import STOP, STOPPED
from sayso.testing import oracle, samples
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock

ANN = samples.actor()
WHO = stopping.Who("ann", "Ann", "chat:T/ann")
YES = model.Answer(verdict="allow")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(samples.NOW)


@pytest.fixture
def desk(clock: ManualClock) -> Desk:
    return Desk(memory.MemoryStore(), samples.MINT, clock=clock)


@pytest.fixture
def other(desk: Desk, clock: ManualClock) -> Desk:
    """Another copy over the same store, which hears of nothing."""
    return Desk(desk.store, samples.MINT, clock=clock)


@pytest.fixture
async def watched(desk: Desk) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(stopping.watch(desk)),
        asyncio.create_task(timekeeper.expire_due(desk, desk.store, desk.clock)),
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def ask(desk: Desk, owner: str = "bot") -> model.Ticket:
    return await desk.open(asking.Permission(tool="Bash", input={"command": "make"}), Caller(owner))


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def is_sound(desk: Desk) -> bool:
    return oracle.violations(oracle.Witnessed(), await oracle.read(desk.store)) == []


async def test_what_is_open_stands_still_and_a_copy_that_heard_nothing_refuses_too(
    desk: Desk, other: Desk, clock: ManualClock
) -> None:
    asked, allowed = await ask(desk), await ask(desk)
    await desk.answer(allowed.id, YES, ANN)
    stop = await stopping.stop(desk, WHO, reason="leak")
    assert (await desk.get(asked.id)).stopped is not None
    for copy in (desk, other):
        with pytest.raises(errors.Refused, match="Ann has stopped everything"):
            await copy.answer(asked.id, YES, ANN)
        with pytest.raises(errors.NotUsable, match="Ann has stopped everything"):
            await copy.use(allowed.id)
    later = await ask(other)
    assert later.stopped is not None
    assert later.stopped.stop == stop
    clock.advance(2 * 3_600)
    assert (await desk.let_time_act(asked.id)).state == "pending"
    await stopping.resume(other, WHO)
    on = await desk.get(asked.id)
    assert (on.stopped, on.expires_at) == (None, asked.expires_at + timedelta(hours=2))
    decided = await desk.answer(asked.id, YES, ANN)
    assert decided.decision is not None
    assert decided.decision.allowed
    assert await is_sound(desk)


async def test_it_is_on_record_by_whom_and_why(desk: Desk, clock: ManualClock) -> None:
    asked = await ask(desk)
    stop = await stopping.stop(desk, WHO, reason="leak")
    clock.advance(5)
    await stopping.resume(desk, stopping.Who("bob", "Bob", "key:bob"))
    rows = [row.entry for row in await desk.store.log("")]
    assert rows == [
        events.Stopped(at=samples.NOW, stop=stop),
        events.Resumed(at=clock.now(), by="bob", via="key:bob"),
    ]
    own = [row.entry for row in await desk.store.log(asked.id)][1:]
    assert own == [events.Stopped(at=samples.NOW, stop=stop), events.Resumed(at=clock.now())]


async def test_one_agent_alone_is_stopped(desk: Desk) -> None:
    mine, others = await ask(desk), await ask(desk, "other")
    await stopping.stop(desk, WHO, agent="bot")
    with pytest.raises(errors.Refused, match="Ann has stopped the agent bot"):
        await desk.answer(mine.id, YES, ANN)
    assert (await desk.answer(others.id, YES, ANN)).state == "decided"
    with pytest.raises(errors.NotFound, match="no stop of everything") as nothing:
        await stopping.resume(desk, WHO)
    assert nothing.value.hint == "stopped now: bot"
    await stopping.stop(desk, WHO)
    await stopping.resume(desk, WHO)
    with pytest.raises(errors.Refused, match="Ann has stopped the agent bot"):
        await desk.answer(mine.id, YES, ANN)
    await stopping.resume(desk, WHO, agent="bot")
    assert (await desk.answer(mine.id, YES, ANN)).state == "decided"
    assert await is_sound(desk)


async def test_a_second_stop_of_the_same_leaves_the_first_one_standing(desk: Desk) -> None:
    first = await stopping.stop(desk, WHO)
    assert await stopping.stop(desk, stopping.Who("bob", "Bob", "key:bob")) == first
    assert len(await desk.store.log("")) == 1


@pytest.mark.parametrize("name", ["bto", "", "x" * 300])
async def test_an_agent_that_nobody_knows_is_refused(desk: Desk, name: str) -> None:
    await ask(desk)
    with pytest.raises(errors.InvalidRequest, match="there is no agent"):
        await stopping.stop(desk, WHO, agent=name)
    await desk.store.put(Record("key", "hash", {"name": "fresh"}))
    assert (await stopping.stop(desk, WHO, agent="fresh")).agent == "fresh"


@pytest.mark.usefixtures("watched")
async def test_another_copy_is_brought_in_line_without_being_told(desk: Desk, clock: ManualClock) -> None:
    asked = await ask(desk)
    await settle()
    stop = model.Stop(by="ann", name="Ann", via="chat:T/ann", at=clock.now())
    await desk.store.put(Record(STOP, "everything", stop.model_dump(mode="json")))
    clock.advance(1)
    await settle()
    assert (await desk.store.load(asked.id)).stopped == model.Standstill(stop=stop, since=samples.NOW)
    clock.advance(7_200)
    await settle()
    assert (await desk.store.load(asked.id)).state == "pending"
    await desk.store.remove(STOP, "everything")
    clock.advance(1)
    await settle()
    assert (await desk.store.load(asked.id)).stopped is None
    clock.advance(3_600)
    await settle()
    assert (await desk.store.load(asked.id)).state == "decided"


@pytest.mark.usefixtures("watched")
async def test_a_request_that_slipped_through_does_not_expire(desk: Desk, clock: ManualClock) -> None:
    await settle()
    stop = model.Stop(by="ann", name="Ann", via="chat:T/ann", at=clock.now())
    await stopping.stop(desk, WHO)
    terms = machine.Terms("bot", model.Policy(), ("web",))
    request = model.Request(kind="permission", tool="Bash", expires_in=5.0)
    step = machine.open_ticket(request, terms, id="r1", ref="r" * 22, at=stop.at)
    await desk.store.commit(step, events.Opened(at=stop.at, by="bot", digest="d"))
    clock.advance(6)
    await settle()
    assert (await desk.store.load("r1")).stopped is not None


async def test_a_start_looks_through_the_open_requests_only_if_the_stops_changed(desk: Desk) -> None:
    assert await desk.store.get(STOPPED, "in line") is None
    watching = asyncio.create_task(stopping.watch(desk))
    await settle()
    assert await desk.store.get(STOPPED, "in line") is None
    await stopping.stop(desk, WHO)
    found = await desk.store.get(STOPPED, "in line")
    await settle()
    assert found == await desk.store.get(STOPPED, "in line")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_where_a_stop_cannot_be_read_nothing_is_allowed(desk: Desk) -> None:
    asked = await ask(desk)
    await desk.store.put(Record(STOP, "everything", {"of": "another version"}))
    with pytest.raises(errors.StoreUnavailable, match="so nothing is allowed"):
        await desk.answer(asked.id, YES, ANN)


async def test_who_may_is_named_by_the_settings(desk: Desk) -> None:
    groups = {"sre": people.Group(members=frozenset({"bob"}))}
    profiles = {name: people.Profile(frozenset({f"chat:T/{name}"})) for name in ("ann", "bob", "carl")}
    desk.setup = Setup(stoppers=("ann", "group:sre"), directory=people.Directory(profiles, groups))
    assert await stopping.find(desk, samples.actor("ann")) == stopping.Who("ann", "Ann", "chat:T/ann")
    assert await stopping.may(desk, samples.actor("bob"))
    assert not await stopping.may(desk, samples.actor("carl"))
    with pytest.raises(errors.NotAllowed, match="it is for: ann, group:sre"):
        await stopping.find(desk, samples.actor("carl"))
    desk.setup = Setup()
    with pytest.raises(errors.NotAllowed, match="it is for: an operator"):
        await stopping.find(desk, samples.actor("ann"))


async def test_a_group_that_nobody_can_ask_does_not_stop_and_says_so(desk: Desk) -> None:
    groups = {"sre": people.Group(platform_groups=frozenset({"chat:S1"}))}
    desk.setup = Setup(stoppers=("group:sre",), directory=people.Directory({}, groups))
    with pytest.raises(errors.NotAllowed, match="could not find out who is in"):
        await stopping.find(desk, samples.actor("ann"))


async def test_a_key_that_is_revoked_while_a_chat_says_who_is_in_a_group_stops_nothing_and_ends_no_grant(
    desk: Desk, clock: ManualClock
) -> None:
    found = keys.Keys(desk.store)
    groups = {"sre": people.Group(platform_groups=frozenset({"chat:G1"}))}
    desk.setup = Setup(stoppers=("group:sre",), directory=people.Directory({}, groups))

    class Slow:
        async def is_in(self, group: str, account: str) -> bool:
            await found.revoke(made.name, clock.now())
            return True

        async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
            return ()

        async def account_of(self, email: str) -> str | None:
            return None

        async def is_open(self, account: str) -> bool:
            return True

    desk.platforms["chat"] = channel.Platform(Board("chat"), membership=Slow())
    made = await found.find(await found.add("bob", "approver", clock.now()))
    with pytest.raises(errors.Unauthorized):
        await stopping.find(desk, replace(samples.actor("bob"), key=made.record))
    made = await found.find(await found.add("bob", "approver", clock.now()))
    with pytest.raises(errors.Unauthorized):
        await granted.end(desk, replace(samples.actor("bob"), key=made.record), "g1")
