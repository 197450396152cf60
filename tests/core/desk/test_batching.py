"""Several requests on one card: nothing is allowed unseen, each is decided once, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from sayso import attention, errors, model
from sayso.cards import batch, batch_tokens, card, dialog
from sayso.desk import Caller, Desk, PressedMessage, Setup, channel, courier
from sayso.desk.posting import batching, lanes, leases
from sayso.machine import people
from sayso.stores import Record, memory, sqlite
from sayso.testing import samples
from sayso.testing.board import Board, Pinned
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import LONG

SOURCE = model.Source(session="fix the build")

ROOM = dialog.WindowLimits(content=700, inputs=3, typed=3000)
ANN, BOB, CAT = actor("ann"), actor("bob"), actor("cat")


def desk_on(store: memory.MemoryStore | sqlite.SqliteStore, board: Board, **policy: object) -> Desk:
    policies = {"default": model.Policy.model_validate(policy)}
    made = Desk(store, MINT, Setup(policies, route=("chat:#ops",)), ManualClock())
    made.platforms["chat"] = channel.Platform(board, rows=20)
    return made


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
async def front(board: Board) -> AsyncIterator[Desk]:
    store = memory.MemoryStore()
    yield desk_on(store, board)
    await store.close()


async def ask(front: Desk, count: int, *, sizes: Sequence[int] = (0,), **given: object) -> list[model.Ticket]:
    """So many calls of one turn; each says its own number, and has the size of its turn."""
    made = [
        permission(
            input={"command": f"call <{number}> {'x' * sizes[number % len(sizes)]} </{number}>"},
            **{"source": SOURCE, **given},
        )
        for number in range(count)
    ]
    return [await front.open(one, Caller(owner="agent")) for one in made]


async def deliver(front: Desk, board: Board) -> None:
    runner = courier.Courier(front, [board])
    while await runner.deliver():
        pass


def the_card(board: Board, message: str = "1") -> batch.BatchCard:
    drawn = board.pinned[message].drawn
    assert isinstance(drawn, batch.BatchCard)
    return drawn


def seat(message: str = "1") -> PressedMessage:
    return PressedMessage("chat", "chat:#ops", message)


async def press(front: Desk, token: str, who: people.Actor, **draft: str) -> dialog.Dialog | card.Line:
    return await front.press_batch(token, who, ROOM, seat(), draft or None)


async def last_page(front: Desk, token: str, who: people.Actor) -> tuple[dialog.Dialog, str]:
    """The last page of a review, and all that was read on the way."""
    read = ""
    opened = await press(front, token, who)
    while True:
        assert isinstance(opened, dialog.Dialog)
        read += "".join(piece for part in opened.parts for piece in card.pieces(part))
        if not opened.more:
            return opened, read
        opened = await press(front, opened.token, who)


def words(said: dialog.Dialog | card.Line) -> str:
    assert isinstance(said, card.Line)
    return "".join(card.pieces(said))


@pytest.mark.parametrize("seed", range(200 if LONG else 16))
async def test_nothing_is_allowed_that_was_not_shown_to_whom_allowed_it(seed: int) -> None:
    chance, board = random.Random(seed), Board()
    front = desk_on(memory.MemoryStore(), board)
    # several on a page, one on a page, and one on several
    tickets = await ask(front, chance.randint(3, 9), sizes=chance.choices([0, 60, 900, 3000], [6, 3, 1, 1], k=9))
    await deliver(front, board)
    token = board.token("1", the_card(board).controls[0].label)  # type: ignore[union-attr]
    windows: dict[str, tuple[dialog.Dialog, str]] = {}
    for _ in range(chance.randint(4, 25)):
        who = chance.choice([ANN, BOB])
        opened, read = windows.get(who.account, (None, ""))
        try:
            if chance.random() < 0.1:
                one = chance.choice(tickets)
                await front.answer(one.id, model.Answer(verdict=chance.choice(["allow", "deny"])), CAT)
            elif opened is None or chance.random() < 0.1:
                found = await press(front, token, who)
                assert isinstance(found, dialog.Dialog)
                windows[who.account] = found, "".join(p for part in found.parts for p in card.pieces(part))
            else:
                found = await press(front, opened.token, who, go="1")
                if isinstance(found, dialog.Dialog):
                    read += "".join(piece for part in found.parts for piece in card.pieces(part))
                    windows[who.account] = found, read
                else:
                    del windows[who.account]
                    for one in tickets:
                        decision = (await front.get(one.id)).decision
                        if decision and decision.outcome == "allowed" and decision.by[0].via == who.account:
                            number = tickets.index(one)
                            assert f"<{number}>" in read and f"</{number}>" in read  # noqa: PT018
        except errors.AlreadyDecided:
            continue
    await front.store.close()


async def test_who_was_not_shown_all_pages_cannot_allow_all(front: Desk, board: Board) -> None:
    tickets = await ask(front, 5, sizes=(600,))
    await deliver(front, board)
    drawn = the_card(board)
    opened, read = await last_page(front, board.token("1", "Review all 5…"), ANN)
    assert all(f"<{number}>" in read for number in range(5))
    pressed = batch_tokens.read(opened.token)
    assert pressed.act == "allow"
    # what Ann was shown is no proof for Bob, and nobody can write such a token
    for token in (opened.token, opened.token[:-3] + "AAA"):
        with pytest.raises(errors.Refused, match="look at all of it again"):
            await front.press_batch(token, BOB, ROOM, seat())
    made = batch_tokens.write(MINT, pressed.ref, batch_tokens.digest_of(tickets), "allow")
    with pytest.raises(errors.Refused):
        await front.press_batch(made, ANN, ROOM, seat())
    with pytest.raises(errors.InvalidToken):
        await front.press_batch("b1.x", ANN, ROOM, seat())
    with pytest.raises(errors.InvalidToken):
        await front.press_batch(opened.token, ANN, ROOM, PressedMessage("chat", "chat:#other", "99"))
    assert [row.open for row in drawn.rows] == [True] * 5
    assert words(await press(front, opened.token, ANN)) == "Allowed 5."


async def test_a_press_on_one_row_and_all_at_once_give_one_decision_each(front: Desk, board: Board) -> None:
    tickets = await ask(front, 6)
    await deliver(front, board)
    opened, _ = await last_page(front, board.token("1", "Review all 6…"), ANN)
    denies = the_card(board).rows[2].controls[1].token
    said, *_ = await asyncio.gather(
        press(front, opened.token, ANN), front.press(denies, BOB, ROOM, seat()), return_exceptions=True
    )
    decided = [(await front.get(one.id)).decision for one in tickets]
    assert all(decided)
    outcomes = sorted(one.outcome for one in decided if one)
    assert outcomes in (["allowed"] * 6, ["allowed"] * 5 + ["denied"])
    assert isinstance(said, card.Line)
    assert words(said) in ("Allowed 6.", "Allowed 5. 1 was decided meanwhile.")
    for one in tickets:
        rows = await front.store.log(one.id)
        assert sum(row.entry.type == "answered" for row in rows) == 1


async def test_a_quorum_is_counted_for_each_row(board: Board) -> None:
    front = desk_on(memory.MemoryStore(), board, quorum=2)
    tickets = await ask(front, 3)
    await deliver(front, board)
    for who, said in ((ANN, "3 counted: others have to agree."), (BOB, "Allowed 3.")):
        opened, _ = await last_page(front, board.token("1", "Review all 3…"), who)
        assert words(await press(front, opened.token, who)) == said
        await deliver(front, board)
    assert {len((await front.get(one.id)).answers) for one in tickets} == {2}
    await front.store.close()


async def test_what_a_policy_wants_with_an_allow_is_asked_once_for_all(board: Board) -> None:
    front = desk_on(memory.MemoryStore(), board, reason="allow")
    tickets = await ask(front, 3)
    await deliver(front, board)
    opened, _ = await last_page(front, board.token("1", "Review all 3…"), ANN)
    why = await press(front, opened.token, ANN, go="1")
    assert isinstance(why, dialog.Dialog)
    assert why.inputs[0].required
    assert words(await press(front, why.token, ANN, reason="planned")) == "Allowed 3."
    reasons = {(await front.get(one.id)).answers[0].answer.reason for one in tickets}
    assert reasons == {"planned"}
    await front.store.close()


async def test_what_must_be_typed_for_each_is_not_allowed_with_all(board: Board) -> None:
    front = desk_on(memory.MemoryStore(), board, confirm="tool")
    await ask(front, 3)
    await deliver(front, board)
    opened, _ = await last_page(front, board.token("1", "Review all 3…"), ANN)
    assert "3 not counted: To allow this, its name has to be typed" in words(await press(front, opened.token, ANN))
    await front.store.close()


async def test_time_to_read_begins_with_the_page_that_shows_it(board: Board) -> None:
    front = desk_on(memory.MemoryStore(), board, confirm=30.0)
    await ask(front, 3)
    await deliver(front, board)
    opened, _ = await last_page(front, board.token("1", "Review all 3…"), ANN)
    assert "read it first" in words(await press(front, opened.token, ANN)).lower()
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(31)
    assert words(await press(front, opened.token, ANN)) == "Allowed 3."
    await front.store.close()


async def test_who_may_answer_none_sees_no_page_and_it_is_on_record(board: Board) -> None:
    front = desk_on(memory.MemoryStore(), board, approvers=("bob",))
    tickets = await ask(front, 3)
    await deliver(front, board)
    for label in ("Review all 3…", "Deny all 3…"):
        with pytest.raises(errors.NotAllowed):
            await press(front, board.token("1", label), ANN)
    logged = [row.entry.type for one in tickets for row in await front.store.log(one.id)]
    assert logged.count("refused") == 2
    await front.store.close()


async def test_the_last_call_that_is_open_is_it_and_not_all_1(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3)
    await deliver(front, board)
    for one in tickets[:2]:
        await front.answer(one.id, model.Answer(verdict="deny"), BOB)
    await deliver(front, board)
    assert [one.label for one in the_card(board).controls if isinstance(one, card.Button)] == ["Review it…", "Deny it…"]
    opened, _ = await last_page(front, board.token("1", "Review it…"), ANN)
    assert str(opened.submit) == "Allow it"


async def test_a_closed_card_shows_all_of_it_to_full_members(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3)
    await deliver(front, board)
    for one in tickets:
        await front.answer(one.id, model.Answer(verdict="deny"), BOB)
    review = board.token("1", "Review all 3…")
    await deliver(front, board)
    drawn = the_card(board)
    assert drawn.rows == ()
    assert drawn.details is not None
    _, read = await last_page(front, drawn.details.token, ANN)
    assert all(f"<{number}>" in read for number in range(3))
    with pytest.raises(errors.NotAllowed):
        await press(front, review, actor("dan", member=False))
    denies = batch_tokens.write(MINT, batch_tokens.read(review).ref, batch_tokens.digest_of(tickets), "deny")
    with pytest.raises((errors.AlreadyDecided, errors.Refused)):
        await press(front, denies, ANN)


async def test_a_restart_between_finds_the_same_card(tmp_path: Path, board: Board) -> None:
    first = desk_on(await sqlite.SqliteStore.open(str(tmp_path / "s.db")), board)
    tickets = await ask(first, 4)
    await deliver(first, board)
    opened, _ = await last_page(first, board.token("1", "Review all 4…"), ANN)
    await first.store.close()
    second = desk_on(await sqlite.SqliteStore.open(str(tmp_path / "s.db")), board)
    assert words(await press(second, opened.token, ANN)) == "Allowed 4."
    await deliver(second, board)
    assert len(board.pinned) == 1
    # four rows are brought up to date by one edit
    assert board.pinned["1"].edits == 1
    assert the_card(board).rows == ()
    cards = await batching.cards_of(second.store, *(one.id for one in tickets))
    assert [posted.message for _, posted in cards] == ["1"] * 4
    await second.store.close()


async def test_a_card_that_was_posted_and_not_recorded_is_found_again(front: Desk, board: Board) -> None:
    board.lose = 1
    tickets = await ask(front, 3)
    runner = courier.Courier(front, [board])
    await runner.deliver()
    assert len(board.pinned) == 1
    assert [one for one in await front.store.cards(*(t.id for t in tickets)) if one.channel == "chat"] == []
    # a press on it counts, and the card stays that of all
    await front.press(the_card(board).rows[0].controls[0].token, ANN, ROOM, seat())
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(10)
    await deliver(front, board)
    assert len(board.pinned) == 1
    assert [row.open for row in the_card(board).rows].count(False) == 1
    found = await front.store.find_card("chat", "chat:#ops", "1")
    assert found is not None
    assert batch_tokens.ref_of(found.ticket_id) is not None


async def test_a_card_that_is_taken_away_is_posted_anew_with_what_is_open(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3)
    await deliver(front, board)
    board.pinned["1"].gone = True
    await front.answer(tickets[0].id, model.Answer(verdict="allow"), ANN)
    await deliver(front, board)
    assert len(board.pinned) == 2
    assert [row.open for row in the_card(board, "2").rows].count(True) == 2
    # once all are decided nobody posts it again
    for one in tickets[1:]:
        await front.answer(one.id, model.Answer(verdict="allow"), ANN)
    board.pinned["2"].gone = True
    await deliver(front, board)
    assert len(board.pinned) == 2


async def test_a_process_that_was_overtaken_on_the_way_draws_the_card_again(front: Desk, board: Board) -> None:
    """Two processes draw one card for two of its requests, and what was drawn first arrives last."""
    tickets = await ask(front, 3)
    await deliver(front, board)
    sent, arrives = asyncio.Event(), asyncio.Event()

    class Slow(Board):
        async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
            sent.set()
            await arrives.wait()
            await board.edit(posted, drawn)

    await front.answer(tickets[0].id, model.Answer(verdict="allow"), ANN)
    slow = asyncio.create_task(courier.Courier(front, [Slow()]).deliver())
    await asyncio.wait_for(sent.wait(), 5)
    await front.answer(tickets[1].id, model.Answer(verdict="deny"), ANN)
    await deliver(front, board)
    arrives.set()
    await asyncio.wait_for(slow, 5)
    assert [row.open for row in the_card(board).rows].count(True) == 1


async def test_two_processes_that_have_a_request_of_a_batch_each_post_one_card(front: Desk, board: Board) -> None:
    tickets = await ask(front, 2, batch=model.Batch(id="turn 1", size=2))
    sent, arrives = asyncio.Event(), asyncio.Event()

    class Slow(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            sent.set()
            await arrives.wait()
            return await board.post(place, drawn, again=again)

    mine, other = await front.store.take(["chat"], front.clock.now(), leases.LEASE)
    slow = asyncio.create_task(courier.Courier(front, [Slow()])._perform(mine))  # pyright: ignore[reportPrivateUsage]
    await asyncio.wait_for(sent.wait(), 5)
    await courier.Courier(front, [board])._perform(other)  # pyright: ignore[reportPrivateUsage]
    assert not board.pinned
    arrives.set()
    await asyncio.wait_for(slow, 5)
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(2)
    await deliver(front, board)
    assert [len(the_card(board, message).rows) for message in board.pinned] == [2]
    assert {one.ticket_id for one in await front.store.cards(*(one.id for one in tickets))} == {
        one.id for one in tickets
    }


async def test_a_card_whose_process_died_is_looked_for_by_the_next_one(front: Desk, board: Board) -> None:
    await ask(front, 2, batch=model.Batch(id="turn 1", size=2))
    board.lose = 1
    mine, other = await front.store.take(["chat"], front.clock.now(), leases.LEASE)
    await courier.Courier(front, [board])._perform(mine)  # pyright: ignore[reportPrivateUsage]
    runner = courier.Courier(front, [board])
    await runner._perform(other)  # pyright: ignore[reportPrivateUsage]
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(leases.LEASE + 1)
    while await runner.deliver():
        pass
    assert [len(the_card(board, message).rows) for message in board.pinned] == [2]


async def test_a_batch_that_is_not_known_any_more_leaves_each_request_its_own_card(front: Desk, board: Board) -> None:
    tickets = await ask(front, 2)
    for one in tickets:
        await front.store.add_card(model.PostedCard(one.id, "chat:#ops", batching.CHANNEL, "gone", one.id))
    await deliver(front, board)
    assert sorted(pinned.drawn.ticket_id for pinned in board.pinned.values()) == sorted(one.id for one in tickets)
    assert await batching.load(front.store, "gone") is None
    lost = model.PostedCard(batch_tokens.id_of("gone"), "chat:#ops", "chat", "chat:#ops", "7")
    with pytest.raises(errors.NotFound):
        await batching.ticket_at(front, lost)
    with pytest.raises(errors.NotFound):
        await batching.card_at(front, lost, tickets[0])


async def test_a_place_that_takes_none_of_it_is_lost_for_each(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3)
    board.faults.append(errors.ChannelError("channel_not_found", final=True))
    await deliver(front, board)
    outcomes = {(await front.get(one.id)).decision.outcome for one in tickets}  # type: ignore[union-attr]
    assert outcomes == {"undeliverable"}


async def test_what_was_decided_before_it_was_posted_needs_no_card(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3)
    made = await batching.form(front.store, "chat:#ops", tickets)
    for one in tickets:
        await front.cancel(one.id)
    await deliver(front, board)
    assert board.pinned == {}
    assert await batching.load(front.store, made.ref) is not None


async def test_questions_images_and_what_is_held_have_cards_of_their_own(front: Desk) -> None:
    from sayso import asking

    for request in (asking.Question("Which?"), samples.with_image().request):
        assert not batching.may_stand(samples.opened(request))
    assert not batching.may_stand(samples.opened().model_copy(update={"held": True}))
    assert batching.may_stand(samples.opened())


def test_requests_without_a_session_share_no_card() -> None:
    def asked(session: str | None) -> model.Ticket:
        return samples.opened(permission(source=model.Source(session=session)))

    assert batching.may_share(asked("s1"))
    assert not batching.may_share(asked(None))
    gathered = asked(None).model_copy(update={"reach": attention.Reach(shown_at=samples.NOW)})
    assert batching.may_share(gathered)


async def test_the_record_of_a_batch_outlives_its_requests(front: Desk) -> None:
    tickets = await ask(front, 3)
    made = await batching.form(front.store, "chat:#ops", tickets, "R" * 22)
    found: Record | None = await front.store.get("batch", made.ref)
    assert found is not None
    assert found.expires_at is not None
    assert found.expires_at > max(one.expires_at for one in tickets)


async def test_a_burst_that_is_longer_than_what_is_taken_at_once_is_looked_through(front: Desk, board: Board) -> None:
    for number in range(90):
        asked = permission(input={"command": f"call {number}"}, source=SOURCE)
        await front.open(asked, Caller(owner=f"agent{number}" if number % 3 else "agent"))
    runner = courier.Courier(front, [board])
    # the thirty of one agent stand on two cards already, and each other one of the first twenty has its own
    assert await runner.deliver() == 50
    drawn = [pinned.drawn for pinned in board.pinned.values()]
    assert sorted(len(one.rows) for one in drawn if isinstance(one, batch.BatchCard)) == [10, 20]
    await deliver(front, board)
    assert len(board.pinned) == 62


async def test_what_was_taken_is_handed_back_if_the_lane_ends_while_it_plans(front: Desk, board: Board) -> None:
    await ask(front, 3)

    async def plan(jobs: object) -> object:
        await asyncio.Event().wait()
        return [], False

    taking = asyncio.create_task(lanes.take(front.store, front.clock, ["chat"], 20, plan))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert len(await front.store.take(["chat"], front.clock.now(), 30.0)) == 3


async def test_those_that_share_a_card_remind_once_below_it(board: Board) -> None:
    reminded: list[str] = []

    class Reminder:
        async def remind(
            self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
        ) -> str:
            reminded.append(posted.message)
            return "reminder"

    front = desk_on(memory.MemoryStore(), board, remind=(60.0,))
    front.platforms["chat"] = channel.Platform(board, rows=20, reminder=Reminder())
    tickets = await ask(front, 3)
    await deliver(front, board)
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(61)
    for one in tickets:
        await front.let_time_act(one.id)
    await deliver(front, board)
    assert reminded == ["1"]
    await front.store.close()


async def test_what_a_message_shows_is_found_whether_it_is_of_one_or_of_several(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3)
    await deliver(front, board)
    (alone,) = [await front.open(permission(tool="deploy"), Caller(owner="other"))]
    await deliver(front, board)
    several = await batching.at(front, tickets[0], "chat", "chat:#ops", "1")
    one = await batching.at(front, alone, "chat", "chat:#ops", "2")
    assert isinstance(await batching.card_at(front, several, tickets[0]), batch.BatchCard)
    assert (await batching.card_at(front, one, alone)).ticket_id == alone.id
    assert (await batching.ticket_at(front, one)).id == alone.id
    assert {(await batching.ticket_at(front, several)).id} <= {one.id for one in tickets}
    # one that nobody recorded counts as that of the request that it is about
    assert (await batching.at(front, alone, "chat", "chat:#ops", "99")).ticket_id == alone.id
    assert not await batching.shows(front.store, several, alone)


async def test_nobody_joins_a_batch_that_has_changed_and_no_unknown_one_is_pressed(front: Desk, board: Board) -> None:
    tickets = await ask(front, 3)
    made = await batching.form(front.store, "chat:#ops", tickets[:2])
    found = await batching.load(front.store, made.ref)
    assert found is not None
    assert await batching.join(front.store, found, tickets[2])
    assert not await batching.join(front.store, found, tickets[2])
    # of two that form the same one the first one did
    again = await batching.form(front.store, "chat:#dev", tickets[:1], made.ref)
    assert (await batching.load(front.store, again.ref)) != again
    token = batch_tokens.write(MINT, "U" * 22, batch_tokens.digest_of(tickets), "page")
    with pytest.raises(errors.InvalidToken):
        await front.press_batch(token, ANN, ROOM, None)
    # a request that is gone from the store leaves the others their rows
    lost = batching.Batch("L" * 22, "chat:#ops", (tickets[0].id, "gone"))
    assert [one.id for one in await batching.tickets_of(front.store, lost)] == [tickets[0].id]


async def test_a_redraw_of_what_is_not_known_any_more_does_nothing(front: Desk, board: Board) -> None:
    (ticket,) = await ask(front, 1)
    await deliver(front, board)
    await front.store.add_card(model.PostedCard(ticket.id, "chat:#ops", batching.CHANNEL, "gone", ticket.id))
    await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    await deliver(front, board)
    assert board.pinned["1"].drawn.tone == "good"


async def test_a_request_with_a_card_of_its_own_and_a_row_loses_the_buttons_of_both(front: Desk, board: Board) -> None:
    first, second = await ask(front, 2, batch=model.Batch(id="turn 1", size=2))
    alone = model.PostedCard(second.id, "chat:#ops", "chat", "chat:#ops", "own")
    await deliver(front, board)
    board.pinned["own"] = Pinned(await front.draw_posted(second), place="chat:#ops")
    await front.store.add_card(alone)
    for one in (first, second):
        await front.answer(one.id, model.Answer(verdict="allow"), ANN)
    await deliver(front, board)
    assert {name: pinned.drawn.tone for name, pinned in board.pinned.items()} == {"1": "good", "own": "good"}


async def test_a_batch_that_another_process_begins_at_the_same_moment_is_joined(
    front: Desk, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has begun it by the time this one hears that there is none: who is in it gets no second card."""
    tickets = await ask(front, 2, batch=model.Batch(id="turn 1", size=2))
    mine, other = await front.store.take(["chat"], front.clock.now(), leases.LEASE)
    known = front.store.get

    async def get(kind: str, name: str) -> Record | None:
        found = await known(kind, name)
        if kind == "batch":
            monkeypatch.undo()
            await courier.Courier(front, [board])._perform(other)  # pyright: ignore[reportPrivateUsage]
        return found

    monkeypatch.setattr(front.store, "get", get)
    await courier.Courier(front, [board])._perform(mine)  # pyright: ignore[reportPrivateUsage]
    await deliver(front, board)
    assert [len(the_card(board, message).rows) for message in board.pinned] == [2]
    assert {one.channel for one in await front.store.cards(*(one.id for one in tickets))} == {batching.CHANNEL}


@pytest.mark.parametrize("gathered", [True, False])
@pytest.mark.parametrize("failing", range(1, 6))
async def test_each_has_one_card_wherever_a_batch_that_begins_is_cut_short(
    front: Desk, board: Board, failing: int, monkeypatch: pytest.MonkeyPatch, *, gathered: bool
) -> None:
    """The database is away once, at each of the writes that begin a batch."""
    tickets = await ask(front, 3, batch=model.Batch(id="turn 1", size=3) if gathered else None)
    put, add_card, writes = front.store.put, front.store.add_card, 0

    def count() -> None:
        nonlocal writes
        writes += 1
        if writes == failing:
            raise errors.StoreUnavailable("away")

    async def put_or_fail(record: Record) -> None:
        count()
        await put(record)

    async def add_or_fail(posted: model.PostedCard) -> None:
        count()
        await add_card(posted)

    monkeypatch.setattr(front.store, "put", put_or_fail)
    monkeypatch.setattr(front.store, "add_card", add_or_fail)
    await deliver(front, board)
    assert isinstance(front.clock, ManualClock)
    for _ in range(10):
        front.clock.advance(10)
        await deliver(front, board)
    drawn = [pinned.drawn for pinned in board.pinned.values()]
    rows = [len(one.rows) if isinstance(one, batch.BatchCard) else 1 for one in drawn]
    assert sum(rows) == len(tickets)
    for one in tickets:
        await front.answer(one.id, model.Answer(verdict="deny"), ANN)
    await deliver(front, board)
    assert {pinned.drawn.tone for pinned in board.pinned.values()} == {"bad"}


async def test_a_row_is_not_taken_for_a_card_that_came_late(front: Desk, board: Board) -> None:
    """Its own card was posted, and the process died before its job ended; meanwhile it got a row."""
    first, second = await ask(front, 2, batch=model.Batch(id="turn 1", size=2))
    job = next(one for one in await front.store.take(["chat"], front.clock.now(), 1.0) if one.ticket_id == first.id)
    await front.store.add_card(await board.post("chat:#ops", await front.draw_posted(first), again=False))
    assert job.attempts == 0
    made = await batching.form(front.store, "chat:#ops", [first, second])
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(2)
    await deliver(front, board)
    assert (await front.get(first.id)).undelivered == ()
    assert len((await batching.load(front.store, made.ref) or made).tickets) == 2
    for one in (first, second):
        await front.answer(one.id, model.Answer(verdict="deny"), ANN)
    await deliver(front, board)
    assert await front.store.next_job(["chat"]) is None
    assert {pinned.drawn.tone for pinned in board.pinned.values()} == {"bad"}


async def test_who_lost_the_race_to_join_keeps_no_row(front: Desk) -> None:
    tickets = await ask(front, 4)
    made = await batching.form(front.store, "chat:#ops", tickets[:2])
    known = await batching.load(front.store, made.ref)
    assert known is not None
    assert await batching.join(front.store, known, tickets[2])
    assert not await batching.join(front.store, known, tickets[3])
    assert [one.ticket_id for one in await front.store.cards(tickets[2].id, tickets[3].id)] == [tickets[2].id]
    # a row of nothing, as one that was cut short leaves it: it is shown by itself
    await batching.seat(front.store, made, tickets[3].id)
    board = Board()
    await deliver(front, board)
    assert sorted(one.drawn.ticket_id for one in board.pinned.values()) == sorted([made.id, tickets[3].id])
