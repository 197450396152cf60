"""What a platform brings: the `Channel` protocol, with two verbs out. Presses come in through the desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sayso import model
from sayso.cards import card
from sayso.machine import people


class Channel(Protocol):
    """A platform to post on. Contract: `sayso.testing.channels.ChannelContract`."""

    @property
    def name(self) -> str:
        """The part of a place before the colon."""
        ...

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        """Post a card. *again* means that an earlier try may have got through: find it instead of posting twice.

        Raises:
            ChannelError: `final` if this place will never take it, `retry_after` where the platform says when.
        """
        ...

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        """Bring a posted card up to date. Raises `ChannelError`, `final` where the message is gone."""
        ...


class Teller(Protocol):
    """A platform where sessions have threads, in which notes are told."""

    async def note(self, place: model.Place, session: card.Session, said: card.Says | card.Line) -> None:
        """Tell it in the session's thread at *place*; a line is said by the service itself. Raises `ChannelError`."""
        ...


class Messenger(Protocol):
    """A platform on which one person is told what became of a request."""

    async def tell(
        self, place: model.Place, said: card.Line, cards: Sequence[model.PostedCard], *, ticket_id: str, again: bool
    ) -> None:
        """Tell the person of *place*, with a link to one of the *cards*. *again*: an earlier try may have got through.

        Raises:
            ChannelError: `final` if this person can never be told.
        """
        ...


class Membership(Protocol):
    """A platform that knows its people and groups. What it says is a minute old at most."""

    async def is_in(self, group: str, account: str) -> bool:
        """Whether an account is in a group or role of it: `slack:S1`, `slack:T1/U1`. A guest is in none.

        Raises:
            ChannelError: the platform did not say.
        """
        ...

    async def account_of(self, email: str) -> str | None:
        """The account of a full member with this address, if the platform has verified it.

        Raises:
            ChannelError: the platform did not say.
        """
        ...

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        """The accounts in a group or role of it: of the *known* ones, and of others if it lists them.

        Raises:
            ChannelError: the platform did not say.
        """
        ...

    async def is_open(self, account: str) -> bool:
        """Whether an account is still there: neither closed, nor out of the workspace or server.

        Raises:
            ChannelError: the platform did not say.
        """
        ...


class Reminder(Protocol):
    """A platform on which people are mentioned below a card that waits."""

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        """Say it as a reply to the card, and notify those who are *called*; return the platform's id of the message.

        *number* tells one reminder of a request from the next, and from that of somebody else at the same moment.
        *again*: an earlier try may have got through.

        Raises:
            ChannelError: `final` if there can be no reply to it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that is connected: all that the desk and the courier know of it."""

    channel: Channel
    teller: Teller | None = None
    """Takes progress notes, if it can."""
    find_room: Callable[[model.Place], Awaitable[str]] | None = None
    """Says which room of the platform a place is. Raises `ChannelError` if that cannot be found out."""
    check_place: Callable[[model.Place], None] | None = None
    """Raises `InvalidRequest` if a place of it makes no sense."""
    messenger: Messenger | None = None
    """Tells one person something, if it can."""
    membership: Membership | None = None
    """Says who is in a group of it, if it can."""
    reminder: Reminder | None = None
    """Mentions people below a card, if it can."""
    rows: int = 0
    """How many requests one card of it can show, if it can show a `BatchCard`."""
    find_cards: Callable[[model.Place, str], Awaitable[Sequence[model.PostedCard]]] | None = None
    """Finds every card under an id in the room of a place, whoever knows of it; None where no card is taken twice.

    Raises `ChannelError`.
    """
