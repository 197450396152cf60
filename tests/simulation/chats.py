"""Chats that are played: rooms with messages, people and groups; and what a copy of the service reaches of them.

The rule: a platform keeps what it took, whoever learns of it. What it says is late, lost, wrong or never comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sayso import clock as clocks
from sayso import errors, model
from sayso.cards import card
from sayso.desk import channel
from sayso.desk.admission import fresh
from sayso.desk.posting import leases
from sayso.machine import people
from tests.simulation.loop import PROCESS, SENT_BY
from tests.simulation.world import World

T = TypeVar("T")

FAULTS = ("429", "500", "lost", "hang", "slow", "slow", "crawl", "not yet")


@dataclass
class Message:
    """A card in a room, as people see it."""

    room: str
    id: str
    place: str
    drawn: card.Card
    since: float
    """When it was last changed."""
    came: float = 0.0
    deleted: bool = False
    orphan: bool = False
    """Whether the database was put back to before it was posted, so that nobody knows of it."""
    late: bool = False
    """Whether it came once whoever sent it had died."""
    replies: list[int] = field(default_factory=list[int])
    """The numbers of the reminders below it."""
    earlier: list[card.Card] = field(default_factory=list[card.Card])
    """What it showed before; somebody may still look at that."""


@dataclass(frozen=True)
class Note:
    """Words of the service in a room, and when it set out to say them."""

    place: str
    session: str
    words: str
    at: float
    came: float
    past: bool
    """Whether the database was put back since to before it was said."""


@dataclass
class Account:
    """An account, as the platform knows it; when it changed."""

    groups: set[str] = field(default_factory=set[str])
    closed: float | None = None
    left: dict[str, float] = field(default_factory=dict[str, float])
    """When it left which group."""


class Chat:
    """The platform itself."""

    def __init__(self, world: World, name: str, accounts: Sequence[str]) -> None:
        self.world, self.name = world, name
        self.rows = 6 if name == "a" else 0
        """How many requests one card can show."""
        self.messages = list[Message]()
        self.accounts = {one: Account() for one in accounts}
        self.closed = set[str]()
        """Rooms that nobody can post in any more."""
        self.told = list[tuple[str, str, str]]()
        """Place, request and words of direct messages."""
        self.notes = list[Note]()
        self.called = list[tuple[float, str, tuple[str, ...]]]()
        """Who was mentioned below which card, and when."""

    def connect(self, clock: clocks.Clock) -> channel.Platform:
        """What one copy of the service knows of it."""
        here = Connection(self, clock)
        return channel.Platform(
            here,
            teller=here,
            find_room=here.find_room,
            messenger=here,
            membership=here,
            reminder=here,
            find_cards=here.find_cards,
            rows=self.rows,
        )

    def find(self, room: str, ticket_id: str) -> Message | None:
        """The oldest card of a request in a room."""
        return next(iter(self.find_all(room, ticket_id)), None)

    def find_all(self, room: str, ticket_id: str) -> list[Message]:
        """The cards of a request in a room."""
        found = (one for one in self.messages if one.room == room and one.drawn.ticket_id == ticket_id)
        return [one for one in found if not one.deleted]

    def post(self, place: str, drawn: card.Card) -> Message:
        """Take a card."""
        if place in self.closed:
            raise errors.ChannelError("the room is closed", final=True, gone=True)
        new = Message(room_of(place), f"{self.name}{len(self.messages)}", place, drawn, self.world.now)
        by = PROCESS.get() or SENT_BY.get()
        new.orphan = by is not None and by.number <= self.world.past
        new.came = self.world.now
        new.late = by is not None and not by.alive
        self.messages.append(new)
        self.world.say("posted", new.id, place, drawn.ticket_id, drawn.tone)
        return new

    def edit(self, room: str, id: str, drawn: card.Card) -> None:
        """Show another card in its place."""
        found = next((one for one in self.messages if one.room == room and one.id == id), None)
        if found is None or found.deleted or found.place in self.closed:
            raise errors.ChannelError("the message is gone", final=True, gone=True)
        found.earlier.append(found.drawn)
        found.drawn, found.since = drawn, self.world.now
        self.world.say("edited", found.id, drawn.ticket_id, drawn.tone)


class Connection:
    """A channel with all that it can, as one copy of the service has it."""

    def __init__(self, chat: Chat, clock: clocks.Clock) -> None:
        self.chat, self.name = chat, chat.name
        self._world = chat.world
        self._in = fresh.Fresh[bool](clock)
        self._open = fresh.Fresh[bool](clock)

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        """See `channel.Channel.post`."""
        found = await self._call(lambda: self.chat.find(room_of(place), drawn.ticket_id)) if again else None
        if found is None:
            found = await self._call(lambda: self.chat.post(place, drawn), sends=True, posts=True)
        else:
            await self._call(lambda: self.chat.edit(found.room, found.id, drawn), sends=True)
        return model.PostedCard(drawn.ticket_id, place, self.name, found.room, found.id)

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        """See `channel.Channel.edit`."""
        await self._call(lambda: self.chat.edit(posted.conversation, posted.message, drawn), sends=True)

    async def find_cards(self, place: model.Place, ticket_id: str) -> Sequence[model.PostedCard]:
        """See `channel.Platform`."""
        room = room_of(place)
        found = await self._call(lambda: self.chat.find_all(room, ticket_id))
        return [model.PostedCard(ticket_id, place, self.name, room, one.id) for one in found]

    async def find_room(self, place: model.Place) -> str:
        """The room of a place."""
        return await self._call(lambda: room_of(place))

    async def note(self, place: model.Place, session: card.Session, said: card.Says | card.Line) -> None:
        """See `channel.Teller.note`."""
        at, past = self._world.now, self._world.past
        words = " ".join(card.pieces(said)) if isinstance(said, card.Line) else ""

        def act() -> None:
            if place in self.chat.closed:
                raise errors.ChannelError("the room is closed", final=True, gone=True)
            now = self._world.now
            self.chat.notes.append(Note(place, session.id, words, at, now, past != self._world.past))
            self._world.say("noted", place, session.id, words)

        await self._call(act, sends=True)

    async def tell(
        self, place: model.Place, said: card.Line, cards: Sequence[model.PostedCard], *, ticket_id: str, again: bool
    ) -> None:
        """See `channel.Messenger.tell`."""

        def act() -> None:
            if again and any(told[:2] == (place, ticket_id) for told in self.chat.told):
                return
            self.chat.told.append((place, ticket_id, str(said.text)))

        await self._call(act, sends=True)

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        """See `channel.Reminder.remind`."""

        def act() -> str:
            found = next((one for one in self.chat.messages if one.id == posted.message and not one.deleted), None)
            if found is None:
                raise errors.ChannelError("the message is gone", final=True)
            # one of them takes what has the same number once, whoever looks
            if not ((again or not self.chat.rows) and number in found.replies):
                found.replies.append(number)
                self.chat.called.append((self._world.now, posted.ticket_id, called.accounts))
                self._world.say("reminded", found.id, posted.ticket_id, number)
            return f"{found.id}/{number}"

        return await self._call(act, sends=True)

    async def is_in(self, group: str, account: str) -> bool:
        """See `channel.Membership.is_in`."""
        ask = self._ask(account, lambda known: group in known.groups and known.closed is None)
        return await self._in.get(f"{group} {account}", ask)

    async def is_open(self, account: str) -> bool:
        """See `channel.Membership.is_open`."""
        return await self._open.get(account, self._ask(account, lambda known: known.closed is None))

    async def account_of(self, email: str) -> str | None:
        """See `channel.Membership.account_of`."""
        return None

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        """See `channel.Membership.members`."""
        return await self._call(lambda: [one for one in sorted(self.chat.accounts) if self._has(one, group)])

    async def close(self) -> None:
        """Ask nothing more."""
        await self._in.close()
        await self._open.close()

    def _has(self, account: str, group: str) -> bool:
        known = self.chat.accounts[account]
        return group in known.groups and known.closed is None

    def _ask(self, account: str, found: Callable[[Account], bool]) -> Callable[[], asyncio.Future[bool]]:
        known = self.chat.accounts.get(account, Account())
        return lambda: asyncio.ensure_future(self._call(lambda: found(known)))

    async def _call(self, act: Callable[[], T], *, sends: bool = False, posts: bool = False) -> T:
        if sends:
            leases.check()
        chance, delay, back = self._world.chance, 0.0, 0.0
        fault = chance.choice(FAULTS) if self._world.troubled(self.name) else None
        fault = "crawl" if self._world.troubled(f"{self.name} crawls") else fault
        if fault == "429":
            raise errors.ChannelError("too many calls", retry_after=chance.choice((1.0, 5.0, 30.0)))
        if fault == "500":
            raise errors.ChannelError("the platform failed")
        if fault == "not yet":
            raise errors.NotYet("others are first", chance.choice((1.0, 5.0)))
        if fault == "hang":
            await asyncio.sleep(10.0)
            raise errors.ChannelError("no answer in time", unsure=True)
        if fault == "slow":
            delay, back = chance.uniform(0.0, 20.0), chance.uniform(0.0, 20.0)
        if fault == "crawl":
            # longer than a lease, if nobody keeps it
            delay, back = 1.0, chance.uniform(25.0, 45.0)
        if delay + back > 1.0:
            self._world.slow_down(self.name, delay + back)
        sent = chance.random() < 0.5
        if posts and self._world.troubled(f"{self.name} is late"):
            # longer than the lease of whoever sends it, who may be dead when it comes
            delay, sent = chance.uniform(33.0, 50.0), True
        if posts and self._world.troubled(f"{self.name} is approached"):
            # it dies, or stands still, with whoever is about to send it
            delay, sent = 1.0, False

        def arrive() -> T:
            if sends and not sent:
                leases.check()
            elif sends and (by := SENT_BY.get()) is not None and by.frozen:
                # its lease may be over by now, as that of one that has died
                self._world.crashes += 1
            return act()

        made = await self._world.remote(arrive, delay or chance.choice((0.0, 0.01, 0.2, 1.5)), back, sent=sent)
        if fault == "lost":
            raise errors.ChannelError("the answer was lost", unsure=True)
        return made


def room_of(place: str) -> str:
    """The room that a place is."""
    return f"room {place}"
