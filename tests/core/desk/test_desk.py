"""The front door over a real store: asking, answering, pressing, waiting, time."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sayso import asking, errors, model
from sayso.cards import dialog, draw, tokens
from sayso.desk import Caller, Desk, PressedMessage, Setup, channel, refused_uses, timekeeper
from sayso.desk.admission import quota
from sayso.machine import events, people
from sayso.stores import Query, memory, sqlite
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import BOUND, until

ROOM = dialog.WindowLimits(content=5000, inputs=3, typed=3000)
ANN = actor("ann")


@pytest.fixture
async def store() -> AsyncIterator[memory.MemoryStore]:
    opened = memory.MemoryStore()
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def front(store: memory.MemoryStore, clock: ManualClock) -> Desk:
    directory = people.Directory({"ann": people.Profile(frozenset({"chat:T/ann", "other:9"}))})
    policies = {"default": model.Policy(), "two": model.Policy(quorum=2), "nobody": model.Policy(approvers=())}
    setup = Setup(policies, directory, ("chat:#ops",), channels={"chat", "web"})
    return Desk(store, MINT, setup, clock)


async def ask(front: Desk, request: model.Request) -> tuple[asyncio.Task[model.Decision], model.Ticket]:
    ticket = await front.open(request)
    return asyncio.create_task(front.wait(ticket.id)), ticket


def token(ticket: model.Ticket, action: tokens.Action, index: int = 0) -> str:
    return MINT.token(ticket, action, index)


async def test_who_waits_keeps_nothing_of_the_request(tmp_path: Path) -> None:
    """A request takes seven kilobytes, and people may take days."""

    def kept() -> int:
        kinds = {model.Ticket, model.Request, *model.Request.__subclasses__()}
        return sum(type(one) in kinds for one in gc.get_objects())

    store = await sqlite.SqliteStore.open(str(tmp_path / "x.db"))
    front, before = Desk(store, MINT, Setup(route=("web",))), kept()
    asking = [asyncio.create_task(front.ask(permission(id=f"r{n}"))) for n in range(20)]
    await until(lambda: store.waiting == len(asking))
    gc.collect()
    assert kept() - before < 5
    for n, one in enumerate(asking):
        await front.answer(f"r{n}", model.Answer(verdict="allow"), ANN)
        assert (await asyncio.wait_for(one, BOUND)).allowed
    await store.close()


async def test_an_agent_waits_and_gets_the_decision(front: Desk) -> None:
    waiting, ticket = await ask(front, permission())
    await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    decision = await asyncio.wait_for(waiting, BOUND)
    assert decision.allowed
    assert decision.by[0].person == "ann"


async def test_of_two_who_wait_each_has_an_input_of_its_own(tmp_path: Path) -> None:
    store = await sqlite.SqliteStore.open(str(tmp_path / "a.db"))
    front = Desk(store, MINT, clock=ManualClock())
    waiting, ticket = await ask(front, permission(input={"paths": ["a"]}))
    other = asyncio.create_task(front.wait(ticket.id))
    answered = await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    assert answered.decision is not None
    answered.decision.input["paths"].append("c")
    decisions = await asyncio.wait_for(asyncio.gather(waiting, other, front.wait(ticket.id)), BOUND)
    decisions[0].input["paths"].append("b")
    assert [one.input for one in decisions[1:]] == [{"paths": ["a"]}] * 2
    await store.close()


async def test_asking_again_with_the_same_id_finds_the_same_ticket(front: Desk) -> None:
    first = await front.open(permission(id="deploy-42"))
    assert await front.open(permission(id="deploy-42")) == first
    with pytest.raises(errors.AlreadyExists) as taken:
        await front.open(permission(id="deploy-42", input={"command": "rm"}))
    assert taken.value.field == "id"
    with pytest.raises(errors.AlreadyExists):
        await front.open(permission(id="deploy-42"), Caller(owner="somebody else"))


async def test_what_the_house_does_not_have_is_refused_and_nothing_is_stored(
    front: Desk, store: memory.MemoryStore
) -> None:
    for given, field in (
        ({"policy": "none"}, "policy"),
        ({"route": ("nowhere:#x",)}, "route"),
        ({"callback_url": "https://x.example/"}, "callback_url"),
    ):
        with pytest.raises(errors.InvalidRequest) as refused:
            await front.open(permission(**given))
        assert refused.value.field == field
    assert await store.list(Query()) == []


async def test_a_place_that_its_channel_does_not_know_is_refused_at_the_ask(
    front: Desk, store: memory.MemoryStore
) -> None:
    def check(place: model.Place) -> None:
        raise errors.InvalidRequest(f"{place!r} is not a place", field="route")

    front.platforms["chat"] = channel.Platform(Board(), check_place=check)
    with pytest.raises(errors.InvalidRequest) as refused:
        await front.open(permission(route=("chat:nowhere",)))
    assert refused.value.field == "route"
    assert await store.list(Query()) == []


async def test_a_newer_request_takes_the_place_of_an_older_one(front: Desk) -> None:
    waiting, older = await ask(front, permission(id="a"))
    newer = await front.open(permission(id="b", supersedes="a"))
    assert (await asyncio.wait_for(waiting, BOUND)).outcome == "superseded"
    assert await front.open(permission(id="b", supersedes="a")) == newer
    assert (await front.get(older.id)).decision is not None


@pytest.mark.parametrize("older", ["a", "nothing"])
async def test_who_cannot_replace_a_request_has_asked_nothing(front: Desk, older: str) -> None:
    await front.open(permission(id="a"), Caller(owner="one"))
    for caller in (Caller(owner="two"), Caller(owner="boss", operator=True)):
        with pytest.raises(errors.NotFound) as refused:
            await front.open(permission(id="b", supersedes=older), caller)
        assert refused.value.field == "supersedes"
    assert [ticket.id for ticket in await front.store.list(Query())] == ["a"]
    assert (await front.get("a")).state == "pending"


async def test_a_request_cannot_take_its_own_place(front: Desk) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await front.open(permission(id="a", supersedes="a"))
    assert refused.value.field == "supersedes"


async def test_of_several_that_replace_one_request_at_once_all_are_asked_and_one_ended_it(front: Desk) -> None:
    await front.open(permission(id="a"))
    barrier = asyncio.Barrier(6)

    async def replace(id: str) -> model.Ticket:
        await barrier.wait()
        return await front.open(permission(id=id, supersedes="a"))

    asked = await asyncio.gather(*(replace(f"b{n % 5}") for n in range(6)))
    assert {ticket.id for ticket in asked} == {f"b{n}" for n in range(5)}
    ended = [row.entry for row in await front.store.log("a") if isinstance(row.entry, events.Superseded)]
    assert len(ended) == 1
    assert ended[0].by in {ticket.id for ticket in asked}


async def test_a_request_that_is_decided_stays_decided_and_the_newer_one_is_asked(
    front: Desk, clock: ManualClock
) -> None:
    await front.open(permission(id="a", expires_in=60))
    clock.advance(60)
    newer = await front.open(permission(id="b", supersedes="a"))
    older = (await front.let_time_act("a")).decision
    assert older is not None
    assert (older.outcome, newer.state) == ("superseded", "pending")
    await front.answer("b", model.Answer(verdict="allow"), ANN)
    last = await front.open(permission(id="c", supersedes="b"))
    allowed = (await front.get("b")).decision
    assert allowed is not None
    assert (allowed.outcome, last.state) == ("allowed", "pending")


async def test_the_wait_ends_at_the_deadline(front: Desk, clock: ManualClock) -> None:
    waiting, _ = await ask(front, permission(expires_in=60))
    await asyncio.sleep(0)
    clock.advance(60)
    assert (await asyncio.wait_for(waiting, BOUND)).outcome == "expired"


async def test_an_answer_after_the_deadline_is_too_late_even_if_nobody_ticked(front: Desk, clock: ManualClock) -> None:
    ticket = await front.open(permission(expires_in=60))
    clock.advance(61)
    with pytest.raises(errors.AlreadyDecided) as late:
        await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    assert late.value.ticket.decision is not None
    assert late.value.ticket.decision.outcome == "expired"


async def test_only_its_owner_or_an_operator_sees_and_cancels_a_request(front: Desk) -> None:
    ticket = await front.open(permission(), Caller(owner="one"))
    with pytest.raises(errors.NotFound):
        await front.get(ticket.id, Caller(owner="two"))
    with pytest.raises(errors.NotFound):
        await front.cancel(ticket.id, Caller(owner="two"))
    assert await front.get(ticket.id, Caller(owner="boss", operator=True)) == ticket
    closed = await front.cancel(ticket.id, Caller(owner="one"), "enough")
    assert await front.cancel(ticket.id, Caller(owner="one")) == closed


async def test_every_refused_answer_is_on_record(front: Desk, store: memory.MemoryStore) -> None:
    ticket = await front.open(permission(policy="nobody"))
    with pytest.raises(errors.NotAllowed):
        await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    entries = [row.entry for row in await store.log(ticket.id)]
    assert [entry.type for entry in entries] == ["opened", "refused"]
    assert isinstance(entries[1], events.AnswerRefused)
    assert (entries[1].by.id, entries[1].code) == ("ann", "not_allowed")


async def test_who_presses_for_ever_does_not_fill_the_log_and_hides_nobody_else(
    front: Desk, store: memory.MemoryStore
) -> None:
    ticket = await front.open(permission(policy="nobody"))
    copies = front, Desk(store, MINT, front.setup, front.clock)
    presses = (copies[number % 2].answer(ticket.id, model.Answer(verdict="allow"), ANN) for number in range(300))
    refused = await asyncio.gather(*presses, return_exceptions=True)
    assert all(isinstance(one, errors.NotAllowed) for one in refused)
    for account in ("chat:T/bob", "chat:T/eve"):
        with pytest.raises(errors.NotAllowed):
            await front.answer(ticket.id, model.Answer(verdict="allow"), people.Actor(account, account, member=True))
    for _ in range(2):
        tried = Counter(row.entry.by.account for row in await store.log(ticket.id) if row.entry.type == "refused")
        assert tried == {ANN.account: refused_uses.MOST, "chat:T/bob": 1, "chat:T/eve": 1}
        # once the count is over, the log knows
        await store.remove("answerrefused", f"{ticket.id} {ANN.account}")
        with pytest.raises(errors.NotAllowed):
            await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)


async def test_one_person_on_two_platforms_counts_once(front: Desk) -> None:
    ticket = await front.open(permission(policy="two"))
    for account in ("chat:T/ann", "other:9"):
        await front.answer(ticket.id, model.Answer(verdict="allow"), people.Actor(account, member=True))
    assert (await front.get(ticket.id)).state == "pending"


async def test_twelve_people_at_once_give_one_decision(front: Desk, store: memory.MemoryStore) -> None:
    ticket = await front.open(permission())
    barrier = asyncio.Barrier(12)

    async def click(number: int) -> str:
        await barrier.wait()
        verdict: Any = "allow" if number % 2 else "deny"
        try:
            await front.answer(ticket.id, model.Answer(verdict=verdict), actor(f"p{number}"))
        except errors.AlreadyDecided:
            return "late"
        return "counted"

    said = await asyncio.gather(*(click(number) for number in range(12)))
    assert sorted(said) == ["counted"] + ["late"] * 11
    answered = [row for row in await store.log(ticket.id) if isinstance(row.entry, events.Answered)]
    assert len(answered) == 1


async def test_a_press_decides_and_a_second_press_is_told(front: Desk) -> None:
    ticket = await front.open(permission())
    pressed = await front.press(token(ticket, "allow"), ANN, ROOM, None)
    assert isinstance(pressed, model.Ticket)
    assert pressed.state == "decided"
    with pytest.raises(errors.AlreadyDecided):
        await front.press(token(ticket, "deny"), ANN, ROOM, None)


async def test_a_dialog_does_not_open_for_somebody_who_may_not_answer(front: Desk) -> None:
    ticket = await front.open(permission())
    with pytest.raises(errors.NotAllowed):
        await front.press(token(ticket, "reason"), actor("guest", member=False), ROOM, None)


async def test_a_reason_comes_through_its_dialog(front: Desk) -> None:
    ticket = await front.open(permission())
    opened = await front.press(token(ticket, "reason"), ANN, ROOM, None)
    assert isinstance(opened, dialog.Dialog)
    closed = await front.press(opened.token, ANN, ROOM, None, {"reason": "no"})
    assert isinstance(closed, model.Ticket)
    assert closed.decision is not None
    assert (closed.decision.outcome, closed.decision.reason) == ("denied", "no")


async def test_a_form_in_steps_remembers_each_person_apart(front: Desk) -> None:
    form = asking.Form("Fill", [model.Field(name=f"n{n}", label=f"N{n}") for n in range(5)])
    ticket = await front.open(form)
    bob = actor("bob")
    ann_step = await front.press(token(ticket, "fill"), ANN, ROOM, None, {"f0": "a0", "f1": "a1", "f2": "a2"})
    bob_step = await front.press(token(ticket, "fill"), bob, ROOM, None, {"f0": "b0", "f1": "b1", "f2": "b2"})
    assert isinstance(ann_step, dialog.Dialog)
    assert isinstance(bob_step, dialog.Dialog)
    again = await front.press(token(ticket, "fill"), ANN, ROOM, None, {"f0": "A0", "f1": "a1", "f2": "a2"})
    assert isinstance(again, dialog.Dialog)
    closed = await front.press(ann_step.token, ANN, ROOM, None, {"f3": "a3", "f4": "a4"})
    assert isinstance(closed, model.Ticket)
    assert closed.decision is not None
    # each window goes on with what was typed before it, also where one person has two
    assert again.token != ann_step.token
    assert closed.decision.values == {"n0": "a0", "n1": "a1", "n2": "a2", "n3": "a3", "n4": "a4"}


def shown(opened: object) -> dict[str, str | tuple[int, ...] | None]:
    assert isinstance(opened, dialog.Dialog)
    return {one.name: one.chosen or one.value for one in opened.inputs}


async def test_whoever_begins_a_form_again_finds_what_they_typed(front: Desk, clock: ManualClock) -> None:
    fields = [
        model.Field(name="n0", label="N0"),
        model.Field(name="n1", label="N1", kind="boolean"),
        model.Field(name="n2", label="N2", kind="choice", options=(model.Option(label="a"), model.Option(label="b"))),
        model.Field(name="n3", label="N3", kind="number"),
    ]
    ticket = await front.open(asking.Form("Fill", fields))
    begin = token(ticket, "fill")
    assert shown(await front.press(begin, ANN, ROOM, None)) == {"f0": None, "f1": None, "f2": None}
    second = await front.press(begin, ANN, ROOM, None, {"f0": "x", "f1": True, "f2": [1]})
    assert shown(second) == {"f3": None}
    assert isinstance(second, dialog.Dialog)
    # a step that was refused is there again as well
    with pytest.raises(errors.InvalidAnswer):
        await front.press(second.token, ANN, ROOM, None, {"f3": "ten"})
    assert shown(await front.press(begin, ANN, ROOM, None)) == {"f0": "x", "f1": "true", "f2": (1,)}
    again = await front.press(begin, ANN, ROOM, None, {"f0": "y", "f1": True, "f2": [1]})
    assert shown(again) == {"f3": "ten"}
    # nobody else sees it, and after an hour nobody does
    assert shown(await front.press(begin, actor("bob"), ROOM, None)) == {"f0": None, "f1": None, "f2": None}
    clock.advance(3_601)
    assert shown(await front.press(begin, ANN, ROOM, None)) == {"f0": None, "f1": None, "f2": None}


async def test_a_step_whose_draft_is_gone_says_so(front: Desk) -> None:
    ticket = await front.open(asking.Form("Fill", [model.Field(name=f"n{n}", label=f"N{n}") for n in range(5)]))
    with pytest.raises(errors.InvalidAnswer, match="gone"):
        await front.press(token(ticket, "fill", 1), ANN, ROOM, None, {"f3": "a3", "f4": "a4"})


async def test_a_token_of_another_request_or_secret_is_refused(front: Desk) -> None:
    ticket = await front.open(permission())
    forged = tokens.TokenMaker(b"another secret of the same length").token(ticket, "allow")
    with pytest.raises(errors.InvalidToken):
        await front.press(forged, ANN, ROOM, None)
    with pytest.raises(errors.NotFound):
        await front.press(token(ticket.model_copy(update={"ref": tokens.new_ref()}), "allow"), ANN, ROOM, None)
    assert (await front.get(ticket.id)).state == "pending"


async def test_a_card_that_a_crash_left_behind_is_adopted_and_one_from_elsewhere_refused(
    front: Desk, store: memory.MemoryStore
) -> None:
    ticket = await front.open(permission(policy="two"))
    await front.press(token(ticket, "allow"), ANN, ROOM, PressedMessage("chat", "C1", "1.0"))
    assert [(ref.place, ref.message) for ref in await store.cards(ticket.id)] == [("chat:#ops", "1.0")]
    await front.press(token(ticket, "allow"), ANN, ROOM, PressedMessage("chat", "C1", "2.0"))
    assert len(await store.cards(ticket.id)) == 2
    for seat in (PressedMessage("chat", "C2", "3.0"), PressedMessage("web", "x", "4.0")):
        with pytest.raises(errors.InvalidToken):
            await front.press(token(ticket, "allow"), ANN, ROOM, seat)


async def test_a_form_asked_with_a_model_comes_back_as_its_instance(front: Desk) -> None:
    import pydantic

    class Refund(pydantic.BaseModel):
        amount: float

    waiting = asyncio.create_task(front.ask(asking.Form("Refund", Refund, id="f")))
    async for _ in front.store.changes():
        if await front.store.list(Query()):
            break
    await front.answer("f", model.Answer(values={"amount": "3.5"}), ANN)
    assert (await asyncio.wait_for(waiting, BOUND)).value == Refund(amount=3.5)


async def test_a_cancelled_waiter_leaves_the_request_open(front: Desk) -> None:
    waiting, ticket = await ask(front, permission())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await front.get(ticket.id)).state == "pending"


async def test_the_card_of_what_is_stored_is_the_card_of_what_was_asked(front: Desk) -> None:
    ticket = await front.open(permission(input={"n": 1.0, "t": ["a"]}))
    assert draw.card_of(await front.get(ticket.id), MINT) == draw.card_of(ticket, MINT)


async def test_half_a_character_is_refused_at_every_door_and_stops_nothing(front: Desk) -> None:
    half = "x\ud800y"
    ticket = await front.open(asking.Question("Which?"))
    with pytest.raises(errors.InvalidRequest, match="reason"):
        await front.cancel(ticket.id, reason=half)
    for session, said in ((half, "x"), ("s-1", half)):
        with pytest.raises(errors.InvalidRequest, match="half a character"):
            await front.note(session, said)
    for work in (front.get, front.wait, front.use, front.cancel):
        with pytest.raises(errors.NotFound):
            await work(half)
    closed = await front.answer(ticket.id, model.Answer(text="Acme"), replace(ANN, name=half))
    assert closed.answers[0].name == "x?y"


async def test_a_request_that_changes_faster_than_anybody_can_act_on_it_is_an_outage_not_an_answer(
    front: Desk, store: memory.MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await front.open(permission(id="r1"))

    async def changed(*_: object) -> None:
        raise errors.Conflict("somebody was first")

    monkeypatch.setattr(store, "commit", changed)
    monkeypatch.setattr(store, "commit_together", changed)
    with pytest.raises(errors.StoreUnavailable, match="changes too fast"):
        await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    with pytest.raises(errors.StoreUnavailable, match="r1 changes too fast"):
        await front.open(permission(id="r2", supersedes="r1"))
    assert (await front.get("r1")).state == "pending"


async def test_an_answer_whose_grace_is_over_counts_before_a_newer_request_takes_the_place(
    front: Desk, clock: ManualClock
) -> None:
    await front.open(permission(id="r1"))
    await front.answer("r1", model.Answer(verdict="allow"), ANN, grace=timedelta(seconds=10))
    clock.advance(10)
    await front.open(permission(id="r2", supersedes="r1"))
    older, newer = await front.get("r1"), await front.get("r2")
    assert older.decision is not None
    assert (older.decision.outcome, newer.state) == ("allowed", "pending")


async def test_a_handle_uses_the_allow_that_it_waited_for(front: Desk) -> None:
    handle = await front.ask(permission(), wait=False)
    await front.answer(handle.id, model.Answer(verdict="allow"), ANN)
    assert (await handle).allowed
    assert (await handle.use()).used_at is not None
    with pytest.raises(errors.AlreadyUsed):
        await handle.use()


async def test_who_asks_too_often_waits_for_the_next_minute(store: memory.MemoryStore, clock: ManualClock) -> None:
    desk = Desk(store, MINT, Setup(limits=quota.Limits(per_minute=2)), clock)
    for id in ("r1", "r2", "r1"):  # to ask the same again is not counted
        await desk.open(permission(id=id))
    with pytest.raises(errors.TooMany):
        await desk.open(permission(id="r3"))
    clock.advance(30)
    await desk.open(permission(id="r3"))


async def test_a_database_that_is_away_ends_the_watch_over_time_so_that_somebody_notices(
    front: Desk, store: memory.MemoryStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await front.open(permission())
    clock.advance(1_000_000)

    async def away(*_: object) -> None:
        raise errors.StoreUnavailable("away")

    monkeypatch.setattr(store, "commit", away)
    with pytest.raises(errors.StoreUnavailable):
        await asyncio.wait_for(timekeeper.expire_due(front, store, clock), BOUND)
