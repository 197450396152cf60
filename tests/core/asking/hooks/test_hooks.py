"""Hooks by label and by type: who gets which answer, what a restart finds, and that nobody waits for ever."""

import asyncio
import dataclasses
import datetime
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Annotated, Any

import pydantic
import pytest

import sayso
from sayso import machine
from sayso.desk import token_secret
from sayso.machine import events, people
from sayso.stores import Query, Record, memory
from sayso.testing.clock import ManualClock
from tests.conftest import until

ANN = people.local("ann")


class Booking(pydantic.BaseModel):
    city: str
    nights: Annotated[int, pydantic.Field(ge=1, le=14)]
    day: datetime.date | None = None


class Transfer(pydantic.BaseModel):
    amount: float
    account: str

    @pydantic.field_validator("account")
    @classmethod
    def known(cls, value: str) -> str:
        if not value.startswith("DE"):
            raise ValueError("only accounts in Germany")
        return value


@dataclasses.dataclass
class Verdict:
    approved: bool
    comment: str | None = None


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def desk(clock: ManualClock) -> AsyncIterator[sayso.Desk]:
    store = memory.MemoryStore()
    yield sayso.Desk(store, await token_secret.mint(store), clock=clock)
    await store.close()


async def asked(desk: sayso.Desk, count: int = 1, but: str = "") -> sayso.Ticket:
    """The newest open request, once *count* are open, and it is not *but*."""
    async with asyncio.timeout(5):
        async for _ in desk.store.changes():
            found = await desk.store.list(Query(state="pending"))
            if len(found) == count and found[0].id != but:
                return found[0]
    raise AssertionError("the store is closed")


def waits(hook: Coroutine[Any, Any, Any] | sayso.Hook[Any]) -> asyncio.Task[Any]:
    async def waiting() -> Any:
        return await hook

    return asyncio.ensure_future(waiting())


async def soon(task: asyncio.Task[Any]) -> Any:
    async with asyncio.timeout(5):
        return await task


# By label


async def test_a_person_fills_the_form_of_a_hook_and_the_agent_gets_an_instance(desk: sayso.Desk) -> None:
    task = waits(sayso.hook("Which hotel?", payload=Booking, metadata={"guests": 2, "name": "Bo"}, desk=desk))
    ticket = await asked(desk)
    assert (ticket.request.kind, ticket.request.title) == ("form", "Which hotel?")
    assert ticket.request.context == {"guests": "2", "name": "Bo"}
    await desk.answer(ticket.id, sayso.Answer(values={"city": "Rome", "nights": 2, "day": "2026-05-01"}), ANN)
    assert await soon(task) == Booking(city="Rome", nights=2, day=datetime.date(2026, 5, 1))


async def test_a_tool_approval_is_a_permission_that_shows_what_will_run_and_cannot_be_edited(desk: sayso.Desk) -> None:
    metadata = {"tool": "refund", "kwargs": {"order": "A1", "cents": 5}}
    task = waits(sayso.hook("approve_call_1", payload=sayso.ToolApproval, metadata=metadata, desk=desk))
    request = (await asked(desk)).request
    assert (request.kind, request.tool, request.input) == ("permission", "refund", {"order": "A1", "cents": 5})
    edited = sayso.Answer(verdict="allow", input={"order": "A2", "cents": 5})
    with pytest.raises(sayso.InvalidAnswer):
        await desk.answer((await asked(desk)).id, edited, ANN)
    await sayso.resolve_hook("approve_call_1", sayso.ToolApproval(granted=False, reason="too much"), desk=desk)
    assert await soon(task) == sayso.ToolApproval(granted=False, reason="too much")


async def test_all_that_is_said_about_a_call_is_in_the_input_that_is_shown(desk: sayso.Desk) -> None:
    metadata = {"tool": "refund", "kwargs": {"order": "A1"}, "why": "complaint"}
    task = waits(sayso.hook("a", payload=sayso.ToolApproval, metadata=metadata, desk=desk))
    assert (await asked(desk)).request.input == {"kwargs": {"order": "A1"}, "why": "complaint"}
    await sayso.resolve_hook("a", {"granted": True}, desk=desk)
    assert (await soon(task)).granted


async def test_metadata_too_large_for_facts_is_attached_in_full(desk: sayso.Desk) -> None:
    long = "x" * 3000
    task = waits(sayso.hook("a", payload=Booking, metadata={"page": long}, desk=desk))
    ticket = await asked(desk)
    assert (ticket.request.context, long in (ticket.request.attachments[0].text or "")) == ({}, True)
    await sayso.cancel_hook("a", desk=desk)
    with pytest.raises(sayso.HookCancelled):
        await soon(task)


async def test_resolving_a_label_that_nobody_waits_under_is_an_error_and_leaves_nothing_behind(
    desk: sayso.Desk,
) -> None:
    with pytest.raises(sayso.NotFound):
        await sayso.resolve_hook("early", {"granted": True}, desk=desk)
    with pytest.raises(sayso.NotFound):
        await sayso.cancel_hook("early", desk=desk)
    task = waits(sayso.hook("early", payload=sayso.ToolApproval, desk=desk))
    await asked(desk)
    assert not task.done()
    await sayso.resolve_hook("early", {"granted": False}, desk=desk)
    assert not (await soon(task)).granted


async def test_a_second_answer_is_refused_and_says_who_was_first(desk: sayso.Desk) -> None:
    task = waits(sayso.hook("a", payload=sayso.ToolApproval, desk=desk))
    await asked(desk)
    await sayso.resolve_hook("a", {"granted": False}, desk=desk)
    with pytest.raises(sayso.AlreadyDecided) as late:
        await sayso.resolve_hook("a", {"granted": True}, desk=desk)
    decision = late.value.ticket.decision
    assert decision is not None
    assert [one.name for one in decision.by] == ["local"]
    assert (await soon(task)).granted is False


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"city": "Rome"}, "nights"),
        ({"city": "Rome", "nights": 99}, "nights"),
        ({"city": "Rome", "nights": 2, "stars": 5}, "stars"),
        ("Rome", "payload"),
        (sayso.ToolApproval(granted=True), "values"),
    ],
)
async def test_a_payload_that_does_not_fit_names_the_field_and_leaves_the_hook_open(
    desk: sayso.Desk, data: Any, field: str
) -> None:
    task = waits(sayso.hook("a", payload=Booking, desk=desk))
    await asked(desk)
    with pytest.raises(sayso.InvalidAnswer) as unfit:
        await sayso.resolve_hook("a", data, desk=desk)
    assert unfit.value.field == field
    await sayso.resolve_hook("a", {"city": "Rome", "nights": 2}, desk=desk)
    assert (await soon(task)).city == "Rome"


@pytest.mark.parametrize("data", [{}, {"granted": "yes"}, {"granted": True, "sure": 1}, {"granted": None}])
async def test_only_a_plain_yes_is_consent(desk: sayso.Desk, data: Any) -> None:
    task = waits(sayso.hook("a", payload=sayso.ToolApproval, desk=desk))
    await asked(desk)
    with pytest.raises(sayso.InvalidAnswer):
        await sayso.resolve_hook("a", data, desk=desk)
    await sayso.cancel_hook("a", desk=desk)
    with pytest.raises(sayso.HookCancelled):
        await soon(task)


async def test_a_cancelled_hook_raises_with_the_reason(desk: sayso.Desk) -> None:
    task = waits(sayso.hook("a", payload=Booking, desk=desk))
    await asked(desk)
    await sayso.cancel_hook("a", reason="the order is gone", desk=desk)
    with pytest.raises(sayso.HookCancelled) as cancelled:
        await soon(task)
    assert (cancelled.value.reason, cancelled.value.token) == ("the order is gone", "a")


async def test_a_hook_that_nobody_answers_raises_at_its_time(desk: sayso.Desk, clock: ManualClock) -> None:
    task = waits(sayso.hook("a", payload=sayso.ToolApproval, expires_in=60, desk=desk))
    await asked(desk)
    clock.advance(61)
    with pytest.raises(sayso.HookExpired):
        await soon(task)


async def test_several_hooks_wait_at_once_and_are_answered_in_any_order(desk: sayso.Desk) -> None:
    tasks = {label: waits(sayso.hook(label, payload=Booking, desk=desk)) for label in "abc"}
    await asked(desk, 3)
    for label in "cab":
        await sayso.resolve_hook(label, {"city": label, "nights": 1}, desk=desk)
    assert {label: (await soon(task)).city for label, task in tasks.items()} == {"a": "a", "b": "b", "c": "c"}


async def test_an_aborted_run_leaves_the_hook_open_and_the_next_one_finds_the_answer(desk: sayso.Desk) -> None:
    first = waits(sayso.hook("a", payload=Booking, session="s1", desk=desk))
    ticket = await asked(desk)
    await asyncio.to_thread(sayso.abort_pending_hook, "a")
    with pytest.raises(sayso.HookDeferred):
        await soon(first)
    await sayso.resolve_hook("a", {"city": "Rome", "nights": 1}, desk=desk)
    assert (await soon(waits(sayso.hook("a", payload=Booking, session="s1", desk=desk)))).city == "Rome"
    assert [one.id for one in await desk.store.list(Query())] == [ticket.id]


async def test_only_a_hook_that_can_be_found_again_can_be_left_open(desk: sayso.Desk) -> None:
    with pytest.raises(sayso.NotFound):
        sayso.abort_pending_hook("a")
    task = waits(sayso.hook("a", payload=Booking, desk=desk))
    await asked(desk)
    await until(lambda: desk.store.waiting)
    with pytest.raises(sayso.InvalidRequest):
        sayso.abort_pending_hook("a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)


# Sessions


async def test_a_run_that_is_cancelled_withdraws_its_hook_unless_it_has_a_session(desk: sayso.Desk) -> None:
    kept = waits(sayso.hook("kept", payload=Booking, session="s1", desk=desk))
    lost = waits(sayso.hook("lost", payload=Booking, desk=desk))
    await asked(desk, 2)
    await until(lambda: desk.store.waiting == 2)
    for task in (kept, lost):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await soon(task)
    assert (await asked(desk)).request.title == "kept"


async def test_without_a_session_an_old_answer_is_never_used_again(desk: sayso.Desk) -> None:
    for granted in (True, False):
        task = waits(sayso.hook("deploy", payload=sayso.ToolApproval, desk=desk))
        await asked(desk)
        await sayso.resolve_hook("deploy", {"granted": granted}, desk=desk)
        assert (await soon(task)).granted is granted


async def test_another_session_does_not_get_the_answer_of_the_first(desk: sayso.Desk) -> None:
    for session, city in (("s1", "Rome"), ("s2", "Oslo"), ("s3", "Bern"), ("s4", "Lima")):
        task = waits(sayso.hook("a", payload=Booking, session=session, desk=desk))
        await asked(desk)
        await sayso.resolve_hook("a", {"city": city, "nights": 1}, desk=desk)
        assert (await soon(task)).city == city
    again = waits(sayso.hook("a", payload=Booking, session="s2", desk=desk))
    assert (await soon(again)).city == "Oslo"


async def test_a_label_in_use_by_another_session_names_it(desk: sayso.Desk) -> None:
    task = waits(sayso.hook("a", payload=Booking, session="s1", desk=desk))
    ticket = await asked(desk)
    with pytest.raises(sayso.HookConflict) as conflict:
        await sayso.hook("a", payload=Booking, session="s2", desk=desk)
    assert (conflict.value.token, conflict.value.ticket) == ("a", ticket)
    assert "session s1" in conflict.value.message
    await sayso.cancel_hook("a", desk=desk)
    with pytest.raises(sayso.HookCancelled):
        await soon(task)


async def test_a_yes_that_an_earlier_run_used_is_asked_about_again(desk: sayso.Desk) -> None:
    call: Any = {"payload": sayso.ToolApproval, "metadata": {"tool": "send", "order": 7}, "session": "s", "desk": desk}
    first = waits(sayso.hook("send-7", **call))
    asked_first = await asked(desk)
    await sayso.resolve_hook("send-7", {"granted": True}, desk=desk)
    assert (await soon(first)).granted
    assert (await desk.get(asked_first.id)).used_at is not None
    for granted in (True, False):
        again = waits(sayso.hook("send-7", **call))
        ticket = await asked(desk)
        assert "it may have run already" in (ticket.request.body or "")
        assert ticket.request.input == {"order": 7}
        await sayso.resolve_hook("send-7", {"granted": granted}, request=ticket.id, desk=desk)
        assert (await soon(again)).granted is granted
    # a no runs nothing, so it is found again as often as somebody comes back for it
    assert not (await soon(waits(sayso.hook("send-7", **call)))).granted


async def test_a_yes_that_came_too_long_ago_is_asked_about_again(desk: sayso.Desk, clock: ManualClock) -> None:
    hook = sayso.define_hook(sayso.ToolApproval, desk=desk).create(token="send-7", session="s")
    await hook.open()
    await sayso.resolve_hook("send-7", {"granted": True}, desk=desk)
    clock.advance(15 * 60)
    late = waits(hook)
    ticket = await asked(desk)
    assert "not run in time" in (ticket.request.body or "")
    await sayso.resolve_hook("send-7", {"granted": True}, request=ticket.id, desk=desk)
    assert (await soon(late)).granted


async def test_a_yes_that_is_delivered_twice_does_not_allow_the_next_pause(desk: sayso.Desk) -> None:
    approvals = sayso.define_hook(sayso.ToolApproval, desk=desk)
    granted: list[bool] = []

    async def stream() -> None:
        async with approvals.create(token="t") as hook:
            async for approval in hook:
                granted.append(approval.granted)

    task = asyncio.ensure_future(stream())
    first = await asked(desk)
    await approvals.resume("t", {"granted": True})
    await until(lambda: len(granted) == 1)
    second = await asked(desk)
    for again in (approvals.resume("t", {"granted": True}), sayso.resolve_hook("t", {"granted": True}, desk=desk)):
        with pytest.raises(sayso.InvalidAnswer) as refused:
            await again
        assert (refused.value.field, second.id in str(refused.value.hint)) == ("request", True)
    with pytest.raises(sayso.AlreadyDecided):
        await approvals.resume("t", {"granted": True}, request=first.id)
    with pytest.raises(sayso.NotFound):
        await approvals.resume("t", {"granted": True}, request="somebody-elses")
    assert (await desk.get(second.id)).state == "pending"
    await approvals.resume("t", {"granted": True}, request=second.id)
    await until(lambda: len(granted) == 2)
    await asked(desk)
    # a no harms nobody
    await approvals.resume("t", {"granted": False})
    await until(lambda: granted == [True, True, False])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_yes_for_one_run_does_not_stop_the_next_run_under_the_same_label(desk: sayso.Desk) -> None:
    for _ in range(2):
        task = waits(sayso.hook("deploy", payload=sayso.ToolApproval, desk=desk))
        await asked(desk)
        await sayso.resolve_hook("deploy", {"granted": True}, desk=desk)
        assert (await soon(task)).granted


async def test_the_same_label_with_another_question_is_a_conflict_and_no_answer(desk: sayso.Desk) -> None:
    task = waits(sayso.hook("a", payload=sayso.ToolApproval, metadata={"tool": "ls"}, session="s", desk=desk))
    await asked(desk)
    await sayso.resolve_hook("a", {"granted": True}, desk=desk)
    assert (await soon(task)).granted
    with pytest.raises(sayso.HookConflict):
        await sayso.hook("a", payload=sayso.ToolApproval, metadata={"tool": "rm"}, session="s", desk=desk)


async def test_a_token_of_somebody_elses_key_is_a_conflict_without_their_request(desk: sayso.Desk) -> None:
    await sayso.define_hook(Booking, desk=Keyed(desk, "one")).create(token="a").open()
    with pytest.raises(sayso.HookConflict) as conflict:
        await sayso.define_hook(Booking, desk=Keyed(desk, "two")).create(token="a")
    assert conflict.value.ticket is None


class Keyed:
    """The desk as an agent with a key sees it."""

    def __init__(self, desk: sayso.Desk, name: str) -> None:
        self._desk = desk
        self._caller = sayso.Caller(owner=name)

    async def ask(self, request: sayso.Request, *, wait: bool = True) -> Any:
        raise NotImplementedError

    async def open(self, request: sayso.Request) -> sayso.Ticket:
        return await self._desk.open(request, self._caller)

    async def wait(self, id: str) -> sayso.Decision:
        return await self._desk.wait(id)

    async def get(self, id: str) -> sayso.Ticket:
        return await self._desk.get(id, self._caller)

    async def cancel(self, id: str, *, reason: str | None = None) -> sayso.Ticket:
        return await self._desk.cancel(id, self._caller, reason)

    async def use(self, id: str, *, attempt: str | None = None) -> sayso.Ticket:
        return await self._desk.use(id, self._caller, attempt=attempt)

    async def note(self, session: str, said: str) -> tuple[str, ...]:
        return ()


async def test_at_a_desk_that_takes_no_answers_nobody_is_answered_for(desk: sayso.Desk) -> None:
    agent = Keyed(desk, "bot")
    await sayso.define_hook(Booking, desk=agent).create(token="a").open()
    with pytest.raises(sayso.NotAllowed):
        await sayso.resolve_hook("a", {"city": "Rome", "nights": 1}, desk=agent)


# By type


async def test_a_typed_hook_is_resumed_by_its_token(desk: sayso.Desk) -> None:
    bookings = sayso.define_hook(Booking, desk=desk, title="Book a room")
    hook = bookings.create(token="order:1", metadata={"order": 1})
    task = waits(hook)
    await asked(desk)
    found = await bookings.get("order:1")
    assert (found.request.title, found.request.metadata["hook"]["metadata"]) == ("Book a room", {"order": 1})
    await bookings.resume("order:1", Booking(city="Rome", nights=3))
    assert (await soon(task)).nights == 3


async def test_a_random_token_is_known_to_its_maker_and_differs_each_time(desk: sayso.Desk) -> None:
    bookings = sayso.define_hook(Booking, desk=desk)
    one, two = bookings.create(), bookings.create()
    tasks = waits(one), waits(two)
    await asked(desk, 2)
    assert one.token != two.token
    for hook, task in zip((one, two), tasks, strict=True):
        await bookings.resume(hook.token, {"city": hook.token, "nights": 1})
        assert (await soon(task)).city == hook.token


async def test_a_dataclass_that_says_yes_or_no_is_a_permission_with_a_comment(desk: sayso.Desk) -> None:
    verdicts = sayso.define_hook(Verdict, desk=desk, title="Book it?")
    task = waits(verdicts.create(token="t", metadata={"price": 420}))
    ticket = await asked(desk)
    assert ticket.request.title == "Book it?"
    assert (ticket.request.kind, ticket.request.tool, ticket.request.input) == ("permission", "Verdict", {"price": 420})
    await desk.answer(ticket.id, sayso.Answer(verdict="deny", reason="too dear"), ANN)
    assert await soon(task) == Verdict(approved=False, comment="too dear")


@pytest.mark.parametrize("payload", [{"amount": "much", "account": "DE1"}, {"amount": 1, "account": "FR1"}])
async def test_a_resume_that_the_type_refuses_is_not_sent(desk: sayso.Desk, payload: Any) -> None:
    transfers = sayso.define_hook(Transfer, desk=desk)
    task = waits(transfers.create(token="t"))
    await asked(desk)
    with pytest.raises(sayso.InvalidAnswer) as unfit:
        await transfers.resume("t", payload)
    assert unfit.value.field in ("amount", "account")
    await transfers.resume("t", {"amount": 1, "account": "DE1"})
    assert await soon(task) == Transfer(amount=1, account="DE1")


async def test_an_answer_that_only_the_type_itself_refuses_is_asked_again_with_the_complaint(desk: sayso.Desk) -> None:
    def transfer() -> sayso.Hook[Transfer]:
        return sayso.define_hook(Transfer, desk=desk).create(token="t", session="s")

    task = waits(transfer())
    first = await asked(desk)
    await desk.answer(first.id, sayso.Answer(values={"amount": 1, "account": "FR1"}), ANN)
    second = await asked(desk, but=first.id)
    assert "only accounts in Germany" in (second.request.body or "")
    await desk.answer(second.id, sayso.Answer(values={"amount": 1, "account": "DE1"}), ANN)
    assert (await soon(task)).account == "DE1"
    assert (await soon(waits(transfer()))).account == "DE1"


async def test_a_hook_takes_many_answers_until_it_is_disposed_and_then_its_token_is_free(desk: sayso.Desk) -> None:
    bookings = sayso.define_hook(Booking, desk=desk)
    cities: list[str] = []

    async def stream() -> None:
        async with bookings.create(token="t") as hook:
            async for booking in hook:
                cities.append(booking.city)
                if booking.city == "Bern":
                    break

    task = asyncio.ensure_future(stream())
    for city in ("Rome", "Oslo", "Bern"):
        await asked(desk)
        await bookings.resume("t", {"city": city, "nights": 1})
        await until(lambda city=city: city in cities)  # type: ignore[misc]
    await soon(task)
    assert cities == ["Rome", "Oslo", "Bern"]
    assert await bookings.create(token="t", session="other").conflict() is None


async def test_a_run_that_comes_back_hears_the_answers_it_had_and_goes_on(desk: sayso.Desk) -> None:
    bookings = sayso.define_hook(Booking, desk=desk)

    async def take(count: int) -> list[str]:
        found: list[str] = []
        async for booking in bookings.create(token="t", session="s"):
            found.append(booking.city)
            if len(found) == count:
                return found
        return found

    first = waits(take(1))
    await asked(desk)
    await bookings.resume("t", {"city": "Rome", "nights": 1})
    assert await soon(first) == ["Rome"]
    second = waits(take(2))
    await asked(desk)
    await bookings.resume("t", {"city": "Oslo", "nights": 1})
    assert await soon(second) == ["Rome", "Oslo"]


async def test_disposing_withdraws_the_card_and_ends_the_wait(desk: sayso.Desk) -> None:
    hook = sayso.define_hook(Booking, desk=desk).create(token="t")
    task = waits(hook)
    ticket = await asked(desk)
    await hook.dispose()
    await hook.dispose()
    with pytest.raises(sayso.HookCancelled):
        await soon(task)
    decision = (await desk.get(ticket.id)).decision
    assert decision is not None
    assert decision.outcome == "cancelled"


async def test_iteration_ends_quietly_when_its_own_run_disposes_of_the_hook(desk: sayso.Desk) -> None:
    hook = sayso.define_hook(Booking, desk=desk).create(token="t")

    async def stream() -> list[Booking]:
        return [booking async for booking in hook]

    task = waits(stream())
    await asked(desk)
    await hook.dispose()
    assert await soon(task) == []


async def test_a_conflict_can_be_looked_at_before_it_hurts(desk: sayso.Desk) -> None:
    bookings = sayso.define_hook(Booking, desk=desk)
    await bookings.create(token="t", session="s1").open()
    found = await bookings.create(token="t", session="s2").conflict()
    assert found is not None
    assert found.request.source.session == "s1"


async def test_a_timeout_of_the_caller_ends_the_hook(desk: sayso.Desk) -> None:
    bookings = sayso.define_hook(Booking, desk=desk)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await bookings.create(token="t")
    with pytest.raises(sayso.AlreadyDecided):
        await bookings.resume("t", {"city": "Rome", "nights": 1})


async def test_a_hook_waits_for_days(desk: sayso.Desk, clock: ManualClock) -> None:
    bookings = sayso.define_hook(Booking, desk=desk)
    task = waits(bookings.create(token="t", expires_in=20 * 86_400))
    await asked(desk)
    clock.advance(19 * 86_400)
    await bookings.resume("t", {"city": "Rome", "nights": 1})
    assert (await soon(task)).city == "Rome"


async def test_who_may_answer_a_hook_is_what_the_policy_says() -> None:
    store = memory.MemoryStore()
    setup = sayso.Setup(policies={"default": sayso.Policy(approvers=("ann",))})
    desk = sayso.Desk(store, await token_secret.mint(store), setup)
    task = waits(sayso.hook("a", payload=sayso.ToolApproval, desk=desk))
    ticket = await asked(desk)
    with pytest.raises(sayso.NotAllowed):
        await sayso.resolve_hook("a", {"granted": True}, desk=desk)
    await desk.answer(ticket.id, sayso.Answer(verdict="allow"), people.Actor(account="key:ann", person="ann"))
    assert (await soon(task)).granted
    await store.close()


@dataclasses.dataclass
class Odd:
    task: asyncio.Lock


class Nested(pydantic.BaseModel):
    lines: list[Booking]


async def test_a_payload_that_nobody_could_fill_in_is_refused_at_once(desk: sayso.Desk) -> None:
    with pytest.raises(sayso.InvalidRequest):
        await sayso.hook("a", payload=Nested, desk=desk)
    for shape in (dict, list[int], Odd):
        with pytest.raises(sayso.InvalidRequest):
            sayso.define_hook(shape)


async def test_by_default_the_desk_is_the_one_that_sayso_opens(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{tmp_path}/sayso.db")
    task = waits(sayso.hook("a", payload=Booking))
    async with asyncio.timeout(5), sayso.open() as here:
        assert isinstance(here, sayso.Desk)
        await asked(here)
    await sayso.resolve_hook("a", {"city": "Rome", "nights": 1})
    assert (await soon(task)).city == "Rome"


class Counting(memory.MemoryStore):
    """Counts what is tried to be written."""

    tried = 0

    async def commit(self, step: machine.Step, entry: events.Entry, beside: Sequence[Record] = ()) -> None:
        self.tried += 1
        await super().commit(step, entry, beside)


async def test_a_label_that_was_used_often_finds_its_next_place_in_a_few_steps() -> None:
    store = Counting()
    front = sayso.Desk(store, await token_secret.mint(store))

    async def use() -> None:
        task = waits(sayso.hook("deploy", payload=sayso.ToolApproval, desk=front))
        await asked(front)
        await sayso.resolve_hook("deploy", {"granted": True}, desk=front)
        assert (await soon(task)).granted

    for _ in range(40):
        await use()
    store.tried = 0
    await use()
    assert store.tried < 6
    assert len(await store.list(Query(limit=50))) == 41
    await store.close()
