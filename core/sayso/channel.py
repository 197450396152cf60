"""The `Channel` protocol: two verbs out. Presses come in through the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sayso import card


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where a card was posted: enough to edit it and to know it again when somebody presses on it."""

    ticket_id: str
    place: str
    """The place of the route it was posted for: `slack:#ops`."""
    channel: str
    """The channel's name: the part of `place` before the colon."""
    conversation: str
    """The platform's own id of the room it stands in."""
    message: str
    """The platform's own id of the message."""


class Channel(Protocol):
    """A platform to post on. Contract: `sayso.testing.channels.ChannelContract`."""

    @property
    def name(self) -> str:
        """The part of a place before the colon."""
        ...

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> MessageRef:
        """Post a card. *again* means that an earlier try may have got through: find it instead of posting twice.

        Raises:
            ChannelError: `final` if this place will never take it, `retry_after` where the platform says when.
        """
        ...

    async def edit(self, ref: MessageRef, drawn: card.Card) -> None:
        """Bring a posted card up to date. Raises `ChannelError`, `final` where the message is gone."""
        ...
