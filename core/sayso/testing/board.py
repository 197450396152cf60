"""A channel in memory: a board that cards are pinned to, with faults on demand and people who press."""

from __future__ import annotations

from dataclasses import dataclass, field

from sayso import errors, model
from sayso.cards import card


@dataclass
class Pinned:
    """One posted card, as it stands now, how often it was edited, and whether somebody took it away."""

    drawn: card.Card
    edits: int = 0
    place: str = ""
    gone: bool = False


@dataclass
class Board:
    """A `Channel` named *name*. `faults` are raised one by one; a *lost* post is pinned and then fails."""

    name: str = "chat"
    pinned: dict[str, Pinned] = field(default_factory=dict[str, Pinned])
    faults: list[errors.ChannelError] = field(default_factory=list[errors.ChannelError])
    lose: int = 0

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        """Pin a card; *again* finds one that an earlier try pinned."""
        self._fail()
        found = [name for name, one in self.pinned.items() if again and one.place == place and _shows(one, drawn)]
        message = found[0] if found else str(len(self.pinned) + 1)
        if not found:
            self.pinned[message] = Pinned(drawn, place=place)
        if self.lose:
            self.lose -= 1
            raise errors.ChannelError("the answer was lost", unsure=True)
        return model.PostedCard(drawn.ticket_id, place, self.name, place, message)

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        """Replace a pinned card."""
        self._fail()
        if self.pinned[posted.message].gone:
            raise errors.ChannelError("the card is gone", final=True, gone=True)
        self.pinned[posted.message].drawn = drawn
        self.pinned[posted.message].edits += 1

    def token(self, message: str, label: str) -> str:
        """The token behind the button that reads *label*."""
        controls = self.pinned[message].drawn.controls
        return next(one.token for one in controls if isinstance(one, card.Button) and one.label == label)

    def _fail(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


def _shows(pinned: Pinned, drawn: card.Card) -> bool:
    return pinned.drawn.ticket_id == drawn.ticket_id and not pinned.gone
