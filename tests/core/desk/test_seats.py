"""Where a press counts: on a card of its own request, in a place of its own route, however the card got elsewhere."""

from collections.abc import AsyncIterator

import pytest

from sayso import errors, model
from sayso.cards import dialog, tokens
from sayso.desk import Desk, PressedMessage, Setup, channel
from sayso.stores import memory
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission

ROOM = dialog.WindowLimits(content=5000, inputs=3, typed=3000)
ANN, BOB = actor("ann"), actor("bob")
NAMES = {"chat:#ops": "C1", "chat:#dev": "C2"}


@pytest.fixture
async def store() -> AsyncIterator[memory.MemoryStore]:
    opened = memory.MemoryStore()
    yield opened
    await opened.close()


@pytest.fixture
def front(store: memory.MemoryStore) -> Desk:
    policies = {"default": model.Policy(), "two": model.Policy(quorum=2)}
    found = Desk(store, MINT, Setup(policies, route=("chat:#ops", "chat:#dev")), ManualClock())

    async def room(place: model.Place) -> str:
        if place not in NAMES:
            raise errors.ChannelError("there is no such channel", final=True)
        return NAMES[place]

    found.platforms["chat"] = channel.Platform(Board(), find_room=room)
    return found


async def press(
    front: Desk, ticket: model.Ticket, conversation: str, message: str, within: str | None = None
) -> object:
    seat = PressedMessage("chat", conversation, message, within)
    return await front.press(MINT.token(ticket, "allow"), ANN, ROOM, seat)


async def refused(front: Desk, ticket: model.Ticket, conversation: str, message: str = "9.9") -> bool:
    with pytest.raises(errors.InvalidToken, match="not posted here"):
        await press(front, ticket, conversation, message)
    return (await front.get(ticket.id)).answers == ()


def posted(ticket: model.Ticket, place: str, message: str = "1.0") -> model.PostedCard:
    return model.PostedCard(ticket.id, place, "chat", NAMES[place], message)


async def test_with_one_of_two_places_undelivered_a_copy_in_a_third_room_does_not_count(front: Desk) -> None:
    ticket = await front.open(permission())
    await front.store.add_card(posted(ticket, "chat:#ops"))
    await front.place_lost(ticket.id, "chat:#dev", "archived")
    for room in ("C3", "C2"):
        assert await refused(front, ticket, room)
    await press(front, ticket, "C1", "1.0")
    assert (await front.get(ticket.id)).state == "decided"


async def test_before_anything_is_recorded_only_rooms_of_the_route_count(front: Desk) -> None:
    ticket = await front.open(permission(policy="two"))
    assert await refused(front, ticket, "C3")
    await press(front, ticket, "C2", "5.0")
    assert [ref.place for ref in await front.store.cards(ticket.id)] == ["chat:#dev"]


async def test_a_token_does_not_count_on_the_card_of_another_request(front: Desk) -> None:
    mine, other = await front.open(permission()), await front.open(permission())
    await front.store.add_card(posted(other, "chat:#ops", "2.0"))
    await front.store.add_card(posted(mine, "chat:#ops", "1.0"))
    assert await refused(front, mine, "C1", "2.0")
    await press(front, mine, "C1", "1.0")


async def test_a_thread_counts_as_its_room(front: Desk) -> None:
    ticket = await front.open(permission(policy="two"))
    assert await refused(front, ticket, "T7")
    await press(front, ticket, "T7", "7.1", within="C1")
    assert [ref.conversation for ref in await front.store.cards(ticket.id)] == ["T7"]


async def test_a_room_that_cannot_be_found_out_counts_for_nothing(front: Desk) -> None:
    ticket = await front.open(permission(route=["chat:#gone"]))
    assert await refused(front, ticket, "C1")


async def test_a_place_of_another_platform_is_no_place_here(front: Desk) -> None:
    ticket = await front.open(permission(route=["web", "other:C1"]))
    assert await refused(front, ticket, "C1")


@pytest.mark.parametrize(
    ("route", "counts"), [(["chat:C1"], True), (["chat:#a"], True), (["chat:#a", "chat:#b"], False)]
)
async def test_a_channel_that_names_no_rooms_is_taken_at_its_only_place(
    front: Desk, route: list[str], counts: bool
) -> None:
    del front.platforms["chat"]
    ticket = await front.open(permission(route=route))
    if counts:
        await press(front, ticket, "C1", "1.0")
    else:
        assert await refused(front, ticket, "C1")


async def test_a_second_room_never_counts_beside_a_card_that_stands(front: Desk) -> None:
    del front.platforms["chat"]
    ticket = await front.open(permission(route=["chat:#a"], policy="two"))
    await press(front, ticket, "C1", "1.0")
    with pytest.raises(errors.InvalidToken):
        await front.press(MINT.token(ticket, "allow"), BOB, ROOM, PressedMessage("chat", "C3", "3.0"))


async def test_a_token_read_with_odd_digits_or_a_newline_is_none(front: Desk) -> None:
    ticket = await front.open(permission())
    good = MINT.token(ticket, "allow")
    ref, code = good.split(".")[1], good.split(".")[4]
    for odd in (f"{good}\n", f"s1.{ref}.allow.00.{code}", f"s1.{ref}.allow.٠.{code}", f"s1.{ref}.allow.01.{code}"):
        with pytest.raises(errors.InvalidToken):
            tokens.read(odd)
