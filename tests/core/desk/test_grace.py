"""An answer by plain words is taken first: who gave it can take it back until the agent is told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sayso
from sayso import errors, machine, model, stores
from sayso.cards import card, dialog, draw, plain_words, submission, telling, tokens
from sayso.desk import Desk, Setup, timekeeper
from sayso.machine import events
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW, actor, after, opened, permission, person, said
from tests.conftest import BOUND

ANN, BOB = actor("ann"), actor("bob")
ROOM = dialog.WindowLimits(content=5000, inputs=3, typed=3000)
TEN = timedelta(seconds=10)
ACME = model.Answer(text="Acme")


@pytest.fixture
def now() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def front(now: ManualClock) -> AsyncIterator[Desk]:
    policies = {"default": model.Policy(), "two": model.Policy(quorum=2)}
    built = Desk(memory.MemoryStore(), MINT, Setup(policies, route=("chat:#ops",)), now)
    yield built
    await built.store.close()


async def asked(front: Desk, **given: Any) -> model.Ticket:
    return await front.open(sayso.Question("Which customer?", id="q1", **given))


def words(name: str = "ann", text: str = "Acme", *, after: float = 1.0, grace: float = 10.0) -> events.Answered:
    return said(name, text=text, after=after).model_copy(update={"grace": grace})


def question(**policy: Any) -> model.Ticket:
    return opened(sayso.Question("Which customer?"), **policy)


async def test_an_answer_with_a_grace_is_taken_and_decides_when_the_grace_is_over(
    front: Desk, now: ManualClock
) -> None:
    await asked(front)
    waiting = asyncio.create_task(front.wait("q1"))
    ticket = await front.answer("q1", ACME, ANN, grace=TEN)
    assert ticket.taken is not None
    assert (ticket.state, ticket.answers, ticket.taken.until) == ("pending", (), now.now() + TEN)
    await asyncio.sleep(0)
    now.advance(10)
    decision = await asyncio.wait_for(waiting, BOUND)
    assert (decision.text, [one.person for one in decision.by]) == ("Acme", ["chat:T/ann"])
    ended = await front.get("q1")
    assert (ended.taken, len(ended.answers)) == (None, 1)
    assert [row.entry.type for row in await front.store.log("q1")] == ["opened", "answered", "settled"]


async def test_who_gave_it_takes_it_back_and_answers_anew(front: Desk, now: ManualClock) -> None:
    await asked(front)
    await front.answer("q1", ACME, ANN, grace=TEN)
    now.advance(9)
    back = await front.take_back("q1", ANN)
    assert (back.state, back.taken, back.answers) == ("pending", None, ())
    now.advance(60)
    assert (await front.let_time_act("q1")).state == "pending"
    await front.answer("q1", model.Answer(text="Other"), ANN)
    assert (await front.wait("q1")).text == "Other"


async def test_nobody_else_takes_it_back_or_answers_meanwhile(front: Desk) -> None:
    await asked(front)
    taken = await front.answer("q1", ACME, ANN, grace=TEN)
    with pytest.raises(errors.NotAllowed, match="only who gave"):
        await front.take_back("q1", BOB)
    for grace in (timedelta(0), TEN):
        with pytest.raises(errors.AlreadyTaken, match="the answer of chat:T/ann was taken") as refused:
            await front.answer("q1", model.Answer(text="Mine"), BOB, grace=grace)
        assert refused.value.ticket == taken
    assert await front.get("q1") == taken


async def test_after_the_grace_it_is_too_late_even_if_nobody_ticked(front: Desk, now: ManualClock) -> None:
    await asked(front)
    await front.answer("q1", ACME, ANN, grace=TEN)
    now.advance(10)
    with pytest.raises(errors.AlreadyDecided) as late:
        await front.take_back("q1", ANN)
    assert late.value.ticket.decision is not None
    assert late.value.ticket.decision.text == "Acme"


async def test_there_must_be_an_answer_to_take_back(front: Desk) -> None:
    await asked(front)
    with pytest.raises(errors.Refused, match="no answer"):
        await front.take_back("q1", ANN)


async def test_another_answer_of_the_same_person_stands_in_its_place(front: Desk, now: ManualClock) -> None:
    await asked(front)
    await front.answer("q1", ACME, ANN, grace=TEN)
    now.advance(5)
    edited = await front.answer("q1", model.Answer(text="Acme Ltd"), ANN, grace=TEN)
    assert edited.taken is not None
    assert edited.taken.until == now.now() + TEN
    assert await front.answer("q1", model.Answer(text="Acme Ltd"), ANN, grace=TEN) == edited
    pressed = await front.answer("q1", model.Answer(text="By window"), ANN)
    assert pressed.decision is not None
    assert (pressed.decision.text, len(pressed.answers), pressed.taken) == ("By window", 1, None)


async def test_time_that_runs_out_within_the_grace_delivers_what_was_given_in_time(
    front: Desk, now: ManualClock
) -> None:
    await asked(front, expires_in=60)
    now.advance(55)
    ticket = await front.answer("q1", ACME, ANN, grace=TEN)
    assert ticket.taken is not None
    assert ticket.taken.until == ticket.expires_at
    now.advance(100_000)
    assert (await front.wait("q1")).text == "Acme"


async def test_a_request_that_is_cancelled_within_the_grace_is_cancelled(front: Desk, now: ManualClock) -> None:
    await asked(front)
    await front.answer("q1", ACME, ANN, grace=TEN)
    now.advance(9)
    cancelled = await front.cancel("q1", reason="the agent stopped")
    assert cancelled.decision is not None
    assert (cancelled.decision.outcome, cancelled.taken, cancelled.answers) == ("cancelled", None, ())


async def test_a_cancel_that_comes_after_the_grace_comes_too_late(front: Desk, now: ManualClock) -> None:
    await asked(front)
    await front.answer("q1", ACME, ANN, grace=TEN)
    now.advance(10)
    ended = await front.cancel("q1")
    assert ended.decision is not None
    assert ended.decision.outcome == "answered"


async def test_a_grace_is_a_minute_at_most(front: Desk, now: ManualClock) -> None:
    await asked(front)
    ticket = await front.answer("q1", ACME, ANN, grace=timedelta(hours=1))
    assert ticket.taken is not None
    assert ticket.taken.until == now.now() + timedelta(minutes=1)


async def test_a_quorum_goes_on_after_the_grace_of_the_first(front: Desk, now: ManualClock) -> None:
    await front.open(permission(id="q1", policy="two"))
    allow = model.Answer(verdict="allow")
    await front.answer("q1", allow, ANN, grace=TEN)
    with pytest.raises(errors.AlreadyTaken):
        await front.answer("q1", allow, BOB)
    now.advance(10)
    first = await front.answer("q1", allow, BOB, grace=TEN)
    assert (first.state, len(first.answers)) == ("pending", 1)
    now.advance(10)
    decision = await front.wait("q1")
    assert decision.allowed
    assert [one.person for one in decision.by] == ["chat:T/ann", "chat:T/bob"]


async def test_a_taken_answer_is_one_answer_over_restarts(tmp_path: Path, now: ManualClock) -> None:
    url = f"sqlite:///{tmp_path}/sayso.db"
    for wait in (0, 1):
        store = await stores.connect(url)
        front = Desk(store, MINT, None, now)
        ticket = await front.open(sayso.Question("Which customer?", id="q1"))
        if not wait:
            await front.answer("q1", ACME, ANN, grace=TEN)
            now.advance(3600)
            await store.close()
            continue
        assert ticket.taken is not None
        watching = asyncio.create_task(timekeeper.expire_due(front, store, now))
        decision = await asyncio.wait_for(front.wait("q1"), BOUND)
        watching.cancel()
        assert (decision.outcome, decision.text) == ("answered", "Acme")
        assert [row.entry.type for row in await store.log("q1")] == ["opened", "answered", "settled"]
        await store.close()


async def test_taking_back_and_the_end_of_the_grace_at_once_give_one_of_the_two(front: Desk, now: ManualClock) -> None:
    outcomes = set[str]()
    for number in range(20):
        ticket = await front.open(sayso.Question("Which customer?", id=f"r{number}"))
        await front.answer(ticket.id, ACME, ANN, grace=TEN)
        now.advance(9.999999 if number % 2 else 10)
        barrier = asyncio.Barrier(3)

        async def meet(act: Any, barrier: asyncio.Barrier = barrier) -> Any:
            await barrier.wait()
            return await act

        acts = (front.take_back(ticket.id, ANN), front.let_time_act(ticket.id), front.let_time_act(ticket.id))
        said_back = (await asyncio.gather(*map(meet, acts), return_exceptions=True))[0]
        now.advance(1)
        ended = await front.let_time_act(ticket.id)
        assert ended.taken is None
        assert (ended.decision is not None) == isinstance(said_back, errors.AlreadyDecided)
        outcomes.add(ended.state)
    assert outcomes == {"pending", "decided"}


def test_the_card_says_whose_words_were_taken_and_offers_to_take_them_back() -> None:
    ticket = after(question(), words())
    drawn = draw.card_of(ticket, MINT)
    assert [str(button.label) for button in drawn.controls if isinstance(button, card.Button)] == ["Take back"]
    shown = "".join(line for part in drawn.parts for line in card.pieces(part))
    assert "Taken as the answer of Ann" in shown
    assert "Acme" in shown


async def test_the_button_of_the_card_takes_back_and_only_for_who_gave_it(front: Desk, now: ManualClock) -> None:
    await asked(front)
    ticket = await front.answer("q1", ACME, ANN, grace=TEN)
    token = MINT.token(ticket, "undo")
    with pytest.raises(errors.NotAllowed):
        await front.press(token, BOB, ROOM, None)
    with pytest.raises(errors.AlreadyTaken):
        await front.press(MINT.token(ticket, "fill"), BOB, ROOM, None)
    back = await front.press(token, ANN, ROOM, None)
    assert isinstance(back, model.Ticket)
    assert (back.taken, back.state) == (None, "pending")
    with pytest.raises(errors.Refused):
        await front.press(token, ANN, ROOM, None)


def test_the_button_is_no_answer() -> None:
    ticket = after(question(), words())
    with pytest.raises(errors.InvalidToken):
        submission.follow(ticket, tokens.read(MINT.token(ticket, "undo")), {}, MINT, ROOM)


def test_words_that_were_taken_are_known_when_the_platform_sends_them_again() -> None:
    ticket = after(question(), words())
    assert plain_words.is_repeated(ticket, "chat:T/ann", "Acme")
    assert not plain_words.is_repeated(ticket, "chat:T/bob", "Acme")


def test_others_are_told_whose_answer_was_taken_with_a_name_and_a_time() -> None:
    ticket = after(question(), words())
    assert ticket.taken is not None
    told = telling.refusal(errors.AlreadyTaken(ticket), "chat:T/bob")
    assert card.Moment(ticket.taken.until) in told.text
    assert "ann" in "".join(card.pieces(told))


def test_a_last_place_that_is_lost_meanwhile_does_not_take_the_answer_away() -> None:
    lost = events.Undelivered(at=NOW + timedelta(seconds=2), place="chat:#ops", reason="gone")
    ticket = after(opened(sayso.Question("Which?"), route=("chat:#ops",)), words(), lost)
    assert ticket.state == "pending"
    settled = after(ticket, events.Settled(at=NOW + timedelta(seconds=11)))
    assert settled.decision is not None
    assert settled.decision.text == "Acme"
    back = after(ticket, events.TakenBack(at=NOW + timedelta(seconds=3), by=person("ann")))
    assert back.decision is not None
    assert back.decision.outcome == "undeliverable"


def test_what_a_restored_copy_holds_is_not_delivered_first() -> None:
    ticket = after(question(), words())
    held = events.Held(at=NOW + timedelta(days=1))
    assert machine.first(ticket, held) is held
    assert after(ticket, held).taken is None
    assert after(ticket, held).state == "pending"


def test_the_machine_lets_no_time_act_too_early_and_no_take_back_too_late() -> None:
    ticket = after(question(), words())
    assert ticket.taken is not None
    assert machine.next_wake(ticket) == ticket.taken.until
    early = ticket.taken.until - timedelta(microseconds=1)
    for event in (events.Settled(at=early), events.Ticked(at=early)):
        assert machine.step(ticket, event) == machine.Step(ticket)
    with pytest.raises(errors.Refused):
        machine.step(ticket, events.TakenBack(at=ticket.taken.until, by=person("ann")))
    assert machine.step(ticket, events.Ticked(at=ticket.taken.until)).ticket.decision is not None


PEOPLE = ("ann", "bob", "carl")
AT = st.floats(0, 4000)
HAPPENED: st.SearchStrategy[events.Event] = st.one_of(
    st.builds(
        lambda who, verdict, at, grace: said(who, verdict=verdict, after=at).model_copy(update={"grace": grace}),
        st.sampled_from(PEOPLE),
        st.sampled_from(("allow", "deny")),
        AT,
        st.sampled_from((0.0, 10.0, 60.0)),
    ),
    st.builds(
        lambda who, at: events.TakenBack(at=NOW + timedelta(seconds=at), by=person(who)), st.sampled_from(PEOPLE), AT
    ),
    st.builds(lambda at: events.Settled(at=NOW + timedelta(seconds=at)), AT),
    st.builds(lambda at: events.Ticked(at=NOW + timedelta(seconds=at)), AT),
    st.builds(lambda at: events.Used(at=NOW + timedelta(seconds=at), by="agent"), AT),
    st.just(events.Cancelled(at=NOW, by="agent")),
    st.builds(lambda: events.Undelivered(at=NOW, place="chat:#ops", reason="x")),
)


@given(st.lists(HAPPENED, max_size=14), st.integers(1, 3))
def test_any_order_of_events_keeps_one_decision_one_use_and_no_taken_answer_beside_them(
    happened: list[events.Event], quorum: int
) -> None:
    ticket, resumed, uses = opened(permission(callback_url="https://x.example/"), quorum=quorum), 0, 0
    for event in happened:
        before = ticket
        try:
            step = machine.step(ticket, event)
        except (errors.Refused, errors.AlreadyUsed, errors.NotUsable):
            continue
        ticket = step.ticket
        resumed += sum(isinstance(effect, events.Resume) for effect in step.effects)
        uses += ticket.used_at != before.used_at
        assert ticket.version == before.version + (ticket != before)
        if before.decision is not None and ticket.decision is not None:
            assert ticket.decision.outcome == before.decision.outcome
            assert (ticket == before) or isinstance(event, events.Used)
        if ticket.taken is not None:
            assert ticket.decision is None
            assert ticket.taken.until <= ticket.expires_at
    assert resumed == (ticket.decision is not None)
    assert uses == (ticket.used_at is not None)
    if ticket.decision is not None and ticket.decision.outcome == "allowed":
        assert len({one.person for one in ticket.answers if one.answer.verdict == "allow"}) >= quorum
