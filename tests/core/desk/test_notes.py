"""Progress notes: where they are told, and what is refused."""

from dataclasses import dataclass, field

import pytest

import sayso
from sayso import errors, model
from sayso.cards import card, prose
from sayso.desk import Caller, Desk, Setup, channel
from sayso.stores import memory
from sayso.testing.board import Board
from sayso.testing.samples import MINT


@dataclass
class Told:
    """A teller that remembers, and refuses when it is told to."""

    name: str
    refuses: bool = False
    heard: list[tuple[str, card.Session, str]] = field(default_factory=list[tuple[str, card.Session, str]])

    async def note(self, place: str, session: card.Session, said: card.Says | card.Line) -> None:
        assert isinstance(said, card.Says)
        if self.refuses:
            raise errors.ChannelError(f"{self.name} is down")
        self.heard.append((place, session, prose.plain(said.text)))


def front(*tellers: Told, route: tuple[str, ...] = ("chat:#ops", "web", "talk:1")) -> Desk:
    built = Desk(memory.MemoryStore(), MINT, Setup(route=route))
    built.platforms.update({teller.name: channel.Platform(Board(teller.name), teller) for teller in tellers})
    return built


async def test_a_note_is_told_wherever_requests_go_and_somebody_listens() -> None:
    chat, talk = Told("chat"), Told("talk")
    assert await front(chat, talk).note("s-1", "**Half** done") == ("chat:#ops", "talk:1")
    ((place, session, said),) = chat.heard
    assert (place, session.owner, session.id, session.name.text, said) == (
        "chat:#ops",
        "local",
        "s-1",
        "s-1",
        "Half done",
    )


async def test_a_note_follows_the_newest_request_of_its_own_session() -> None:
    chat = Told("chat")
    built = front(chat)
    for session, route in (("s-1", "chat:#old"), ("s-1", "chat:#new"), ("s-2", "chat:#other")):
        asked = sayso.Question("Which?", source=model.Source(session=session), route=[route])
        await built.open(asked)
    assert await built.note("s-1", "x") == ("chat:#new",)
    assert await built.note("s-1", "x", Caller(owner="somebody else")) == ("chat:#ops",)


async def test_one_place_that_takes_it_is_enough_and_none_is_an_error() -> None:
    chat, talk = Told("chat", refuses=True), Told("talk")
    assert await front(chat, talk).note("s-1", "x") == ("talk:1",)
    with pytest.raises(errors.ChannelError, match="chat is down"):
        await front(chat).note("s-1", "x")


@pytest.mark.parametrize(
    ("session", "said", "wrong"),
    [
        ("s", "", "text"),
        ("s", " \n", "text"),
        ("s", "x" * 1501, "text"),
        ("", "x", "session"),
        ("s" * 201, "x", "session"),
    ],
)
async def test_a_note_of_no_use_is_refused(session: str, said: str, wrong: str) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        await front(Told("chat")).note(session, said)
    assert caught.value.field == wrong


async def test_where_no_chat_is_connected_a_note_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match="no chat"):
        await front().note("s-1", "x")
