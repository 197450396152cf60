"""Calls that an agent makes together: their card waits for all of them, and of some all are allowed or none."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sayso import errors, model, rules
from sayso.asking import runs
from sayso.cards import batch, card, dialog
from sayso.desk import Caller, Desk, PressedMessage, Setup, channel, courier
from sayso.desk.answering import batch_presses
from sayso.desk.posting import batching
from sayso.rules import rule as words
from sayso.stores import Record, memory, record_kinds
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.tables import each

ROOM = dialog.WindowLimits(content=9000, inputs=3, typed=3000)
ANN, BOB = actor("ann"), actor("bob")
ALLOW, DENY = model.Answer(verdict="allow"), model.Answer(verdict="deny")


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
async def front(board: Board) -> AsyncIterator[Desk]:
    made = Desk(memory.MemoryStore(), MINT, Setup(route=("chat:#ops",)), ManualClock())
    made.platforms["chat"] = channel.Platform(board, rows=8)
    yield made
    await made.store.close()


async def ask(
    front: Desk, count: int, *, size: int | None = None, whole: bool = False, of: str = "t1", first: int = 0
) -> list[model.Ticket]:
    named = model.Batch(id=of, size=size, whole=whole)
    made = [permission(input={"command": f"call <{number}>"}, batch=named) for number in range(first, first + count)]
    return [await front.open(one, Caller(owner="agent")) for one in made]


async def deliver(front: Desk, board: Board) -> None:
    runner = courier.Courier(front, [board])
    while await runner.deliver():
        pass


def wait(front: Desk, seconds: float) -> None:
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(seconds)


def rows(board: Board, message: str = "1") -> int:
    drawn = board.pinned[message].drawn
    return len(drawn.rows) if isinstance(drawn, batch.BatchCard) else 0


async def press(front: Desk, token: str, **draft: str) -> dialog.Dialog | card.Line:
    return await front.press_batch(token, ANN, ROOM, PressedMessage("chat", "chat:#ops", "1"), draft or None)


async def allow_all(front: Desk, board: Board, label: str) -> str:
    opened = await press(front, board.token("1", label))
    assert isinstance(opened, dialog.Dialog)
    said = await press(front, opened.token, go="1")
    assert isinstance(said, card.Line)
    return "".join(card.pieces(said))


async def outcomes(front: Desk, tickets: list[model.Ticket]) -> set[str | None]:
    found = [(await front.get(one.id)).decision for one in tickets]
    return {one.outcome if one else None for one in found}


async def test_a_card_waits_until_all_have_come_that_were_announced(front: Desk, board: Board) -> None:
    await ask(front, 1, size=2)
    await deliver(front, board)
    assert board.pinned == {}
    await ask(front, 1, size=2, first=1)
    wait(front, 0.5)
    await deliver(front, board)
    assert [rows(board, message) for message in board.pinned] == [2]


async def test_it_waits_for_a_bound_time_only(front: Desk, board: Board) -> None:
    await ask(front, 1, size=3)
    for _ in range(22):
        await deliver(front, board)
        wait(front, 0.25)
    await deliver(front, board)
    # the only one that came has a card of its own, and those that come now share another
    assert [rows(board, message) for message in board.pinned] == [0]
    await ask(front, 2, size=3, first=1)
    await deliver(front, board)
    assert [rows(board, message) for message in board.pinned] == [0, 2]


async def test_without_a_size_it_waits_a_moment_and_who_comes_later_gets_a_row_below(front: Desk, board: Board) -> None:
    await ask(front, 2)
    await deliver(front, board)
    assert board.pinned == {}
    wait(front, 1)
    await deliver(front, board)
    assert rows(board) == 2
    await ask(front, 7, first=2)
    wait(front, 1)
    await deliver(front, board)
    # eight have room, and the ninth one has a card of its own
    assert sorted(rows(board, message) for message in board.pinned) == [0, 8]


async def test_other_turns_have_other_cards(front: Desk, board: Board) -> None:
    await ask(front, 2, size=2)
    await ask(front, 2, size=2, of="t2")
    await deliver(front, board)
    assert [rows(board, message) for message in board.pinned] == [2, 2]


async def test_all_or_none_is_allowed_in_one_step_after_all_were_shown(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3, size=3, whole=True)
    await deliver(front, board)
    drawn = board.pinned["1"].drawn
    assert isinstance(drawn, batch.BatchCard)
    assert [row.controls for row in drawn.rows] == [(), (), ()]
    assert any("All or none" in "".join(card.pieces(part)) for part in drawn.parts)
    with pytest.raises(errors.Refused, match="decided together with 2 other calls"):
        await front.answer(tickets[0].id, ALLOW, ANN)
    with pytest.raises(errors.Refused):
        await front.answer(tickets[0].id, ALLOW, ANN, shown=[tickets[0].id, tickets[1].id])
    edited = model.Answer(verdict="allow", input={"command": "other"})
    with pytest.raises(errors.InvalidAnswer, match="allowed as they are"):
        await front.answer(tickets[0].id, edited, ANN, shown=[one.id for one in tickets])
    assert await outcomes(front, tickets) == {None}
    assert await allow_all(front, board, "Review all 3…") == "Allowed 3."
    assert await outcomes(front, tickets) == {"allowed"}
    with pytest.raises(errors.AlreadyDecided):
        await front.answer(tickets[0].id, DENY, ANN)


async def test_a_no_to_one_is_a_no_to_all_by_whatever_door(front: Desk) -> None:
    tickets = await ask(front, 3, size=4, whole=True)
    await front.answer(tickets[1].id, model.Answer(verdict="deny", reason="no"), BOB)
    found = [(await front.get(one.id)).decision for one in tickets]
    assert [one and (one.outcome, one.reason) for one in found] == [("denied", "no")] * 3
    # and one that comes only then can never run
    (late,) = await ask(front, 1, size=4, whole=True, first=3)
    assert late.decision is not None
    assert late.decision.outcome == "cancelled"


async def test_what_is_not_whole_yet_or_not_any_more_cannot_be_allowed(front: Desk) -> None:
    tickets = await ask(front, 2, size=3, whole=True)
    shown = [one.id for one in tickets]
    with pytest.raises(errors.Refused, match="only 2 came"):
        await front.answer(tickets[0].id, ALLOW, ANN, shown=shown)
    tickets += await ask(front, 1, size=3, whole=True, first=2)
    await front.cancel(tickets[0].id)
    with pytest.raises(errors.AlreadyDecided):
        await front.answer(tickets[1].id, ALLOW, ANN, shown=[*shown, tickets[2].id])
    assert await outcomes(front, tickets) == {"cancelled"}


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("expired", "not answered in time"),
        ("withdrawn", "withdrawn"),
        ("replaced", "replaced by a newer one"),
        ("undeliverable", "not shown to anybody"),
        ("ruled", "denied"),
    ],
)
async def test_if_one_cannot_run_any_more_the_others_are_closed_with_it_and_say_why(
    front: Desk, board: Board, end: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets = await ask(front, 2, size=3, whole=True)
    named = model.Batch(id="t1", size=3, whole=True)
    last = permission(input={"command": "last"}, batch=named, expires_in=60.0)
    if end == "ruled":
        match = words.read_match("no", {"input.command": "last"})
        deny = rules.Rule.model_validate({"id": "no", "match": match, "effect": "deny"})
        front.setup = dataclasses.replace(front.setup, rules=rules.Book((deny,)))
    closed = (await front.open(last, Caller(owner="agent"))).id
    match end:
        case "expired":
            wait(front, 61)
            await front.let_time_act(closed)
        case "withdrawn":
            await front.cancel(closed, Caller(owner="agent"))
        case "replaced":
            await front.open(permission(supersedes=closed), Caller(owner="agent"))
        case "undeliverable":
            await front.place_lost(closed, "chat:#ops", "archived")
        case _:
            pass
    for one in tickets:
        decision = (await front.get(one.id)).decision
        assert decision is not None
        assert decision.outcome == "cancelled"
        assert decision.model_text.endswith(f"it is decided together with another call, which was {said}")
    assert (await front.get(closed)).decision is not None


async def test_the_end_of_one_is_the_end_of_all_or_of_none(front: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets = await ask(front, 2, size=2, whole=True)

    async def fails(*_: object) -> None:
        raise errors.StoreUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(front.store, "commit_together", fails)
        with pytest.raises(errors.StoreUnavailable):
            await front.cancel(tickets[0].id)
    assert await outcomes(front, tickets) == {None}
    await front.cancel(tickets[0].id)
    assert await outcomes(front, tickets) == {"cancelled"}


async def test_a_fault_between_leaves_no_half(front: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets = await ask(front, 3, size=3, whole=True)
    shown = [one.id for one in tickets]
    store = front.store
    together, tries = store.commit_together, 0

    async def fail(*given: object) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise errors.Conflict("somebody was quicker")
        if tries == 2:
            raise errors.StoreUnavailable("the disk is full")
        await together(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "commit_together", fail)
    with pytest.raises(errors.StoreUnavailable):
        await front.answer(tickets[0].id, ALLOW, ANN, shown=shown)
    assert await outcomes(front, tickets) == {None}
    await front.answer(tickets[0].id, ALLOW, ANN, shown=shown)
    assert await outcomes(front, tickets) == {"allowed"}


async def test_a_quorum_is_counted_for_all_at_once(board: Board) -> None:
    setup = Setup({"default": model.Policy(quorum=2)}, route=("chat:#ops",))
    front = Desk(memory.MemoryStore(), MINT, setup, ManualClock())
    tickets = await ask(front, 2, size=2, whole=True)
    shown = [one.id for one in tickets]
    for who in (ANN, ANN, BOB):
        assert await outcomes(front, tickets) == {None}
        await front.answer(tickets[0].id, ALLOW, who, shown=shown)
    assert await outcomes(front, tickets) == {"allowed"}
    await front.store.close()


async def test_a_call_that_comes_after_all_takes_no_part_even_between_two_answers(front: Desk) -> None:
    front.setup = dataclasses.replace(front.setup, policies={"default": model.Policy(quorum=2)})
    tickets = await ask(front, 2, size=2, whole=True)
    shown = [one.id for one in tickets]
    await front.answer(tickets[0].id, ALLOW, ANN, shown=shown)
    wait(front, 1)
    (late,) = await ask(front, 1, size=2, whole=True, first=2)
    assert late.decision is not None
    assert late.decision.outcome == "cancelled"
    assert await outcomes(front, tickets) == {None}
    with pytest.raises(errors.AlreadyDecided):
        await front.answer(late.id, ALLOW, BOB, shown=[*shown, late.id])
    await front.answer(tickets[0].id, ALLOW, BOB, shown=shown)
    assert await outcomes(front, tickets) == {"allowed"}


@pytest.mark.parametrize("named", [model.Batch(id="t1"), model.Batch(id="t1", size=3, whole=True)])
async def test_calls_of_which_the_agent_says_different_things_are_not_allowed(front: Desk, named: model.Batch) -> None:
    tickets = await ask(front, 2, size=2, whole=True)
    (first,) = await ask(front, 1, size=2, whole=True, of="t2")
    other = await front.open(permission(batch=named.model_copy(update={"id": "t2"})), Caller(owner="agent"))
    with pytest.raises(errors.Refused, match="the same of all calls"):
        await front.answer(first.id, ALLOW, ANN, shown=[first.id, other.id])
    await front.answer(tickets[0].id, ALLOW, ANN, shown=[one.id for one in tickets])


async def test_an_answer_that_is_enough_for_one_and_not_for_another_allows_neither(front: Desk) -> None:
    policies = {"default": model.Policy(), "two": model.Policy(quorum=2)}
    front.setup = dataclasses.replace(front.setup, policies=policies)
    named = model.Batch(id="t1", size=2, whole=True)
    tickets = [await front.open(permission(batch=named, policy=one), Caller(owner="agent")) for one in policies]
    with pytest.raises(errors.Refused, match="different policies"):
        await front.answer(tickets[0].id, ALLOW, ANN, shown=[one.id for one in tickets])
    assert await outcomes(front, tickets) == {None}
    await front.answer(tickets[0].id, DENY, ANN)
    assert await outcomes(front, tickets) == {"denied"}


async def test_an_answer_for_all_counts_at_once(front: Desk) -> None:
    tickets = await ask(front, 2, size=2, whole=True)
    shown = [one.id for one in tickets]
    await front.answer(tickets[0].id, ALLOW, ANN, grace=timedelta(seconds=30), shown=shown)
    assert await outcomes(front, tickets) == {"allowed"}


async def test_time_that_is_over_counts_before_the_answer(front: Desk) -> None:
    tickets = await ask(front, 2, size=2, whole=True)
    shown = [one.id for one in tickets]
    wait(front, 86_400)
    with pytest.raises(errors.Refused):
        await front.answer(tickets[0].id, ALLOW, ANN, shown=shown)
    assert (await outcomes(front, tickets)) == {"expired", "cancelled"}


async def test_no_rule_allows_one_of_them_alone(front: Desk) -> None:
    match = words.read_match("x", {"tool": "Bash"})
    allows = rules.Rule.model_validate({"id": "all", "match": match, "effect": "allow"})
    front.setup = Setup(route=("chat:#ops",), rules=rules.Book((allows,)))
    (alone,) = await ask(front, 1, of="t0")
    assert await outcomes(front, [alone]) == {"allowed"}
    tickets = await ask(front, 2, size=2, whole=True)
    assert await outcomes(front, tickets) == {None}


def test_a_batch_that_makes_no_sense_is_refused() -> None:
    rows: list[dict[str, object]] = [{"whole": True}, {"whole": True, "size": 9}, {"size": 0}, {"size": 101}]
    for row in each(rows):
        with row as given, pytest.raises(ValueError, match="size"):
            model.Batch.model_validate({"id": "t1", **given})


async def test_only_a_permission_belongs_to_a_batch(front: Desk) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await front.open(model.Request(kind="question", title="Which?", batch=model.Batch(id="t1")))
    assert refused.value.field == "batch"
    assert batching.CHANNEL == "batch"


async def test_who_comes_after_all_was_decided_gets_a_new_card(front: Desk, board: Board) -> None:
    tickets = await ask(front, 2)
    wait(front, 1)
    await deliver(front, board)
    for one in tickets:
        await front.answer(one.id, DENY, ANN)
    await ask(front, 2, first=2)
    wait(front, 1)
    await deliver(front, board)
    assert len(board.pinned) == 2
    assert rows(board, "2") == 2


async def test_the_same_call_in_another_turn_is_the_same_request(front: Desk) -> None:
    first = await front.open(permission(id="r1", batch=model.Batch(id="t1", size=2)), Caller(owner="agent"))
    again = await front.open(permission(id="r1", batch=model.Batch(id="t2", size=3)), Caller(owner="agent"))
    assert again.ref == first.ref
    with pytest.raises(errors.AlreadyExists):
        await front.open(permission(id="r1", batch=model.Batch(id="t1", size=2, whole=True)), Caller(owner="agent"))


def test_a_framework_that_waits_with_several_calls_says_so() -> None:
    several = runs.turn("x", "run", "a", "b")
    assert several is not None
    assert (several.size, several) == (2, runs.turn("x", "run", "a", "b"))
    assert runs.turn("x", "run", "a") is None
    assert runs.turn("x", None, "a", "b") != runs.turn("x", None, "a", "b")


async def test_batches_of_two_agents_are_two_however_they_are_called(front: Desk) -> None:
    named = model.Batch(id="t1", size=1, whole=True)
    made = [await front.open(permission(batch=named), Caller(owner=owner)) for owner in ("one", "two")]
    said = await batch_presses.answer_shown(front.answer, made, DENY, ANN)
    assert "".join(card.pieces(said)) == "Denied 2."
    assert await outcomes(front, made) == {"denied"}


async def test_a_new_key_of_the_same_name_takes_no_part_in_what_an_older_one_began(front: Desk) -> None:
    for key in ("k1", "k2"):
        await front.store.put(Record(record_kinds.KEY, key, {"name": "agent", "role": "agent"}))
    named = model.Batch(id="t1", size=2, whole=True)
    older = await front.open(permission(batch=named), Caller(owner="agent", key="k1"))
    newer = [await front.open(permission(batch=named), Caller(owner="agent", key="k2")) for _ in range(2)]
    await front.answer(newer[0].id, DENY, ANN)
    assert (await front.store.load(newer[1].id)).decision is not None
    assert (await front.store.load(older.id)).decision is None
    with pytest.raises(errors.Refused, match="only 1 came"):
        await front.answer(older.id, ALLOW, ANN)


async def test_a_no_to_all_is_remembered_of_each(front: Desk) -> None:
    tickets = await ask(front, 3, size=3, whole=True)
    await front.answer(tickets[0].id, model.Answer(verdict="deny", reason="not now"), ANN)
    for one in tickets:
        again = await front.open(permission(input=one.request.input), Caller(owner="agent"))
        assert again.remembered is not None
        assert (again.remembered.denied, again.remembered.reason) == (1, "not now")
        # and of a call that is nearly the same
        nearly = permission(input={"command": f"{(one.request.input or {})['command']} --again"})
        retried = (await front.open(nearly, Caller(owner="agent"))).remembered
        assert retried is not None
        assert retried.like is not None
    denied = await front.store.scan(record_kinds.DENIED)
    assert {one.name.rpartition("/")[2] for one in denied} == {one.id for one in tickets}


async def test_of_calls_at_the_same_moment_none_is_left_that_nobody_can_answer(front: Desk) -> None:
    named = model.Batch(id="t1", size=2, whole=True)
    tickets = [await front.open(permission(id=id, batch=named), Caller(owner="agent")) for id in ("b", "c", "a")]
    assert await outcomes(front, tickets[1:2]) == {"cancelled"}
    await front.answer("a", ALLOW, ANN, shown=("a", "b"))
    assert await outcomes(front, [tickets[0], tickets[2]]) == {"allowed"}
