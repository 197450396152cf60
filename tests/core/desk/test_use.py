"""One allow is good once: used before the tool runs, by who asked, in its time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sayso
from sayso import errors, machine, model
from sayso.asking import gate
from sayso.desk import Caller, Desk, Setup, callers, refused_uses
from sayso.machine import events
from sayso.stores import Query, Record, Row, memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import DEPLOY, MINT, NOW, actor, after, opened, permission, said
from tests.conftest import BOUND

ANN = actor("ann")
ALLOW = model.Answer(verdict="allow")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def front(clock: ManualClock) -> AsyncIterator[Desk]:
    built = Desk(memory.MemoryStore(), MINT, Setup({"default": model.Policy()}), clock)
    yield built
    await built.store.close()


async def allowed(front: Desk, caller: Caller | None = None, **asked: Any) -> model.Decision:
    ticket = await front.open(permission(**asked), caller)
    await front.answer(ticket.id, ALLOW, ANN)
    return await front.wait(ticket.id)


def used(after: float = 2.0, attempt: str | None = None) -> events.Used:
    return events.Used(at=NOW + timedelta(seconds=after), by="agent", attempt=attempt)


async def test_an_allow_is_used_once_and_a_second_use_says_when_it_was_used(front: Desk, clock: ManualClock) -> None:
    decision = await allowed(front, id="r1")
    assert (decision.id, decision.used_at, decision.allowed) == ("r1", None, True)
    clock.advance(5)
    ticket = await front.use(decision.id)
    assert ticket.used_at == clock.now()
    clock.advance(5)
    with pytest.raises(sayso.AlreadyUsed, match=f"{ticket.used_at:%H:%M:%S} UTC") as refused:
        await front.use(decision.id)
    assert (refused.value.ticket, refused.value.status) == (ticket, 409)
    row = (await front.store.log("r1"))[-1]
    wanted = events.UseRefused(at=clock.now(), by="local", code="already_used", message=refused.value.message)
    assert (row.entry, row.version) == (wanted, 0)
    assert (await front.get("r1")) == ticket


async def test_a_decision_that_is_read_after_its_use_is_no_allow_any_more(front: Desk) -> None:
    decision = await allowed(front, id="r1")
    used_at = (await front.use("r1")).used_at
    again = await front.ask(permission(id="r1"))
    assert (again.outcome, again.allowed, again.used_at) == ("allowed", False, used_at)
    assert "used at" in again.model_text
    assert "Do not run it again" in again.model_text
    assert again.input == decision.input


async def test_an_allow_that_nobody_used_in_its_time_is_void_and_reads_so(front: Desk, clock: ManualClock) -> None:
    decision = await allowed(front, id="r1")
    assert decision.valid_until == clock.now() + timedelta(minutes=15)
    clock.advance(899)
    assert (await front.wait("r1")).allowed
    clock.advance(1)
    late = await front.wait("r1")
    assert (late.outcome, late.void, late.allowed) == ("allowed", True, False)
    assert "not run in time" in late.model_text
    with pytest.raises(sayso.NotUsable, match="void"):
        await front.use("r1")
    asked_again = await (await front.ask(permission(id="r1"), wait=False))
    assert not asked_again.allowed


async def test_an_allow_that_was_used_in_time_is_not_void_later(front: Desk, clock: ManualClock) -> None:
    await allowed(front, id="r1")
    await front.use("r1")
    clock.advance(100_000)
    assert not (await front.wait("r1")).void
    with pytest.raises(sayso.AlreadyUsed):
        await front.use("r1")


async def test_a_policy_says_how_long_its_allows_are_good(clock: ManualClock) -> None:
    front = Desk(memory.MemoryStore(), MINT, Setup({"default": model.Policy(valid_for=60)}), clock)
    decision = await allowed(front, id="r1")
    clock.advance(60)
    with pytest.raises(sayso.NotUsable):
        await front.use(decision.id)
    await front.store.close()


@pytest.mark.parametrize("outcome", ["pending", "denied", "cancelled", "expired", "answered"])
async def test_what_is_no_allow_cannot_be_used(front: Desk, clock: ManualClock, outcome: str) -> None:
    request = sayso.Question("Why?", id="r1") if outcome == "answered" else permission(id="r1", expires_in=60)
    await front.open(request)
    match outcome:
        case "denied":
            await front.answer("r1", model.Answer(verdict="deny"), ANN)
        case "answered":
            await front.answer("r1", model.Answer(text="because"), ANN)
        case "cancelled":
            await front.cancel("r1")
        case "expired":
            clock.advance(60)
            await front.let_time_act("r1")
        case _:
            pass
    before = await front.get("r1")
    with pytest.raises(sayso.NotUsable):
        await front.use("r1")
    assert await front.get("r1") == before


async def test_only_who_asked_uses_the_allow_and_an_operator_does_not(front: Desk) -> None:
    await allowed(front, Caller(owner="one"), id="r1")
    for other in (Caller(owner="two"), Caller(owner="boss", operator=True)):
        with pytest.raises(sayso.NotFound):
            await front.use("r1", other)
    assert (await callers.CallersDesk(front, Caller(owner="one")).use("r1")).used_at
    rows = [row.entry for row in await front.store.log("r1")]
    assert isinstance(rows[-1], events.Used)
    assert rows[-1].by == "one"


async def test_the_same_attempt_again_is_the_same_use(front: Desk, clock: ManualClock) -> None:
    await allowed(front, id="r1")
    first = await front.use("r1", attempt="a")
    clock.advance(1)
    assert await front.use("r1", attempt="a") == first
    for other in ("b", None):
        with pytest.raises(sayso.AlreadyUsed):
            await front.use("r1", attempt=other)


class Meanwhile(memory.MemoryStore):
    """A store where something happens once, after a request was read."""

    happens: Callable[[], Awaitable[object]] | None = None

    async def load(self, id: str) -> model.Ticket:
        read = await super().load(id)
        happens, self.happens = self.happens, None
        if happens:
            await happens()
        return read


async def test_what_happens_once_a_request_was_read_counts_all_the_same(clock: ManualClock) -> None:
    store = Meanwhile()
    front, other = (Desk(store, MINT, Setup({"default": model.Policy()}), clock) for _ in range(2))
    for id in ("allowed", "used", "withdrawn"):
        await front.open(permission(id=id))
    store.happens = lambda: other.answer("allowed", ALLOW, ANN)
    assert (await front.use("allowed", Caller())).used_at
    await front.answer("used", ALLOW, ANN)
    store.happens = lambda: other.use("used")
    with pytest.raises(sayso.AlreadyUsed):
        await front.use("used", Caller())
    store.happens = lambda: other.answer("withdrawn", ALLOW, ANN)
    decision = (await front.cancel("withdrawn", Caller())).decision
    assert decision is not None
    assert decision.allowed


async def test_of_twelve_uses_at_once_one_counts(front: Desk) -> None:
    await allowed(front, id="r1")
    barrier = asyncio.Barrier(12)

    async def use() -> str:
        await barrier.wait()
        try:
            await front.use("r1")
        except sayso.AlreadyUsed:
            return "refused"
        return "used"

    assert sorted(await asyncio.gather(*(use() for _ in range(12)))) == ["refused"] * 11 + ["used"]
    assert sum(isinstance(row.entry, events.Used) for row in await front.store.log("r1")) == 1


async def test_a_tool_gets_the_allowed_input_once(front: Desk) -> None:
    decision = await allowed(front, id="r1")
    assert await gate.use_allowed(front, "Bash", decision) == DEPLOY
    with pytest.raises(sayso.AlreadyUsed):
        await gate.use_allowed(front, "Bash", decision)
    with pytest.raises(sayso.AlreadyUsed):
        await gate.use_allowed(front, "Bash", await front.wait("r1"))
    with pytest.raises(sayso.Denied, match="used at"):
        gate.approved_input("Bash", await front.wait("r1"))


async def test_an_allow_of_another_request_does_not_stand_in(front: Desk) -> None:
    decision = await allowed(front, id="r1")
    await allowed(front, id="r2", input={"command": "ls"})
    with pytest.raises(errors.DigestMismatch):
        await gate.use_allowed(front, "Bash", decision.model_copy(update={"id": "r2"}))
    with pytest.raises(errors.DigestMismatch):
        await gate.use_allowed(front, "Bash", decision.model_copy(update={"input": {"command": "rm"}}))
    assert (await front.get("r1")).used_at is None


async def test_a_wrapped_function_with_an_id_of_its_own_runs_once_on_one_allow(front: Desk) -> None:
    ran: list[int] = []

    @sayso.requires_approval(front, id="refund")
    async def refund(cents: int) -> None:
        ran.append(cents)

    async def person() -> None:
        async for _ in front.store.changes():
            if found := await front.store.list(Query(state="pending")):
                await front.answer(found[0].id, ALLOW, ANN)
                return

    answering = asyncio.create_task(person())
    await asyncio.wait_for(refund(7), BOUND)
    await answering
    for _ in range(2):
        with pytest.raises(sayso.AlreadyUsed, match="used at"):
            await refund(7)
    assert ran == [7]


def test_a_sync_function_with_an_id_of_its_own_runs_once_on_one_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{tmp_path}/desk.db")
    ran: list[int] = []

    @sayso.requires_approval(id="refund", tool="refund")
    def refund(cents: int) -> None:
        ran.append(cents)

    async def allow() -> None:
        async with sayso.open() as here:
            assert isinstance(here, Desk)
            await here.open(sayso.Permission(id="refund", tool="refund", input={"cents": 7}))
            await here.answer("refund", ALLOW, ANN)

    asyncio.run(allow())
    refund(7)
    with pytest.raises(sayso.AlreadyUsed):
        refund(7)
    assert ran == [7]


async def test_an_edit_that_does_not_fit_the_function_does_not_cost_the_allow(front: Desk) -> None:
    @sayso.requires_approval(front, id="refund")
    async def refund(cents: int) -> None:
        raise AssertionError

    await front.open(sayso.Permission(id="refund", tool="refund", input={"cents": 7}))
    await front.answer("refund", model.Answer(verdict="allow", input={"euros": 7}), ANN)
    with pytest.raises(errors.DigestMismatch):
        await refund(7)
    assert (await front.get("refund")).used_at is None


def test_a_use_changes_neither_the_outcome_nor_the_answers() -> None:
    decided = after(opened(), said("ann", verdict="allow"))
    step = machine.step(decided, used())
    assert step.effects == ()
    assert step.ticket.version == decided.version + 1
    assert step.ticket.decision is not None
    assert decided.decision is not None
    kept = decided.decision.model_dump(exclude={"used_at", "model_text"})
    assert step.ticket.decision.model_dump(exclude={"used_at", "model_text"}) == kept


@given(st.lists(st.tuples(st.floats(0, 2000), st.sampled_from((None, "a", "b"))), max_size=8))
def test_whatever_the_order_of_uses_there_is_one_and_it_was_in_time(uses: list[tuple[float, str | None]]) -> None:
    ticket = after(opened(), said("ann", verdict="allow"))
    assert ticket.decision is not None
    counted = 0
    for at, attempt in uses:
        before = ticket
        try:
            ticket = machine.step(ticket, used(at, attempt)).ticket
        except (errors.AlreadyUsed, errors.NotUsable):
            continue
        counted += ticket != before
    assert counted == (ticket.used_at is not None)
    if ticket.used_at is not None:
        assert ticket.decision is not None
        assert ticket.used_at < machine.valid_until(ticket, ticket.decision)


def test_a_policy_without_the_newer_rules_gives_the_digest_it_always_gave() -> None:
    # as it was stored before there was a `valid_for`
    assert opened(expires_in=None).digest == "sha256:13ecb4cf45fe5a2d750661b5c8c2f4858a796063d13f7979755045e51b11dd97"
    assert opened(valid_for=60).digest != opened().digest


async def test_what_may_not_run_is_on_record_and_what_is_not_decided_was_asked_for_too_early(
    front: Desk, clock: ManualClock
) -> None:
    async def tried(id: str) -> list[str]:
        with pytest.raises(errors.NotUsable):
            await front.use(id)
        return [row.entry.code for row in await front.store.log(id) if isinstance(row.entry, events.UseRefused)]

    await front.open(permission(id="open"))
    assert await tried("open") == []
    await front.answer("open", model.Answer(verdict="deny"), ANN)
    assert await tried("open") == ["not_usable"]
    await allowed(front, id="late")
    clock.advance(86_400)
    assert await tried("late") == ["not_usable"]


async def test_an_agent_that_tries_for_ever_does_not_fill_the_log(front: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    log, get = front.store.log, front.store.get

    async def look(id: str, *page: int) -> Sequence[Row]:
        rows = await log(id, *page)
        # a real database takes its time, too
        await asyncio.sleep(0)
        return rows

    async def find(kind: str, name: str) -> Record | None:
        record = await get(kind, name)
        await asyncio.sleep(0)
        return record

    monkeypatch.setattr(front.store, "log", look)
    monkeypatch.setattr(front.store, "get", find)
    await allowed(front, id="r1")
    await front.use("r1")
    copies = front, *(Desk(front.store, MINT, front.setup, front.clock) for _ in range(2))
    for count in (refused_uses.MOST - 5, 300):
        # many at the same moment, too, and in several copies of the service
        uses = (copies[number % 3].use("r1") for number in range(count))
        await asyncio.gather(*uses, return_exceptions=True)
    for _ in range(2):
        tried = [row.entry for row in await front.store.log("r1") if isinstance(row.entry, events.UseRefused)]
        assert len(tried) == refused_uses.MOST
        # once the count is over, the log knows
        await front.store.remove("userefused", "r1")
        with pytest.raises(sayso.AlreadyUsed):
            await front.use("r1")


async def test_a_refusal_that_cannot_be_written_down_stays_a_refusal(
    front: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await allowed(front, id="r1")
    await front.use("r1")

    async def fail(*_: object) -> None:
        raise errors.StoreUnavailable("the database is away")

    monkeypatch.setattr(front.store, "append", fail)
    with pytest.raises(errors.AlreadyUsed):
        await front.use("r1")
