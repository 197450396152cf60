"""The `Channel` protocol: two verbs out. Presses come in through the desk."""

from __future__ import annotations

from typing import Protocol

from sayso import model
from sayso.cards import card


class Channel(Protocol):
    """A platform to post on. Contract: `sayso.testing.channels.ChannelContract`."""

    @property
    def name(self) -> str:
        """The part of a place before the colon."""
        ...

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.MessageRef:
        """Post a card. *again* means that an earlier try may have got through: find it instead of posting twice.

        Raises:
            ChannelError: `final` if this place will never take it, `retry_after` where the platform says when.
        """
        ...

    async def edit(self, ref: model.MessageRef, drawn: card.Card) -> None:
        """Bring a posted card up to date. Raises `ChannelError`, `final` where the message is gone."""
        ...
