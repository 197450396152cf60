"""One button: its name, its words, when it is offered, what it opens and what it means. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sayso import model
from sayso.cards import offering, windows

_Allowing = Literal["allow", "session", "always", "offer", "edit", "call", "tool", "pattern", "glass"]
_Refusing = Literal["deny", "reason", "askback", "respond", "stop"]
_Attending = Literal["pass", "claim", "snooze"]
Action = Literal[
    _Allowing, _Refusing, _Attending, "undo", "review", "details", "reveal", "option", "pick", "other", "fill"
]
"""What a token can be for. These names are in tokens, and so in cards that were posted long ago."""

Style = Literal["primary", "danger", "plain"]


Window = windows.Window
Special = Literal["edit", "offer", "standing", "likeness", "review", "pick", "fill", "pass", "snooze"]
"""A window that is made from the content of its request: `dialog` draws it, `submission` reads it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One button, on requests of some kinds."""

    action: Action
    label: str
    """`{offer}` in it stands for one of the request's offers."""
    done: str
    """What was done then, for cards and the history: said before the name of the person."""
    flag: str
    """The same as options of `sayso answer`; `{number}` in it stands for an offer."""
    answer: model.Answer | None
    """What a press says, as far as nobody has to choose or to write it; None if it gives no answer."""
    kinds: tuple[model.Kind, ...] = ("permission",)
    """The kinds of request that it is for."""
    offered: Callable[[model.Ticket], bool] = offering.always
    """When it is on a card of these kinds."""
    style: Style = "plain"
    """What grants more than this once is plain, in words of its own: never to be taken for *Allow*."""
    first: bool = False
    """Whether it is always in sight; the others may stand behind *More…* (see `rows`)."""
    deciding: bool = False
    """Whether it decides in favour: dropped from a card that does not show the whole content."""
    window: Window | Special | None = None
    """What a press opens first."""
    index: Literal["option", "offer", "parts"] | None = None
    """What the number in its token means. There is one button for each option and offer; *parts* are chosen later."""
    then: str = ""
    """What goes with what was done: said after the name."""

    def numbers(self, ticket: model.Ticket) -> Sequence[int]:
        """The numbers for which it stands on the card of a ticket."""
        if ticket.request.kind not in self.kinds or not self.offered(ticket):
            return ()
        return range(len(ticket.request.offers)) if self.index == "offer" else (0,)

    def label_on(self, request: model.Request, number: int) -> str:
        """Its words on the card of a request."""
        if self.index != "offer":
            return self.label
        return self.label.format(offer=_OFFERS[request.offers[number].kind].format(number + 1))

    @property
    def says_no(self) -> bool:
        """Whether it can only come to a denial."""
        return self.answer is not None and self.answer.verdict in ("deny", "stop")

    @property
    def asks_back(self) -> bool:
        """Whether it says no with a question."""
        return isinstance(self.window, Window) and self.window.fills == "question"

    def gives(
        self,
        verdict: model.Verdict | None,
        grant: str | None,
        asks_back: bool,
        glass: bool,
        standing: model.Standing | None,
    ) -> bool:
        """Whether an answer with these can come from this button."""
        if self.answer is not None and self.answer.standing != standing:
            return False
        if self.answer is None or self.answer.verdict != verdict or self.asks_back != asks_back:
            return False
        if bool(self.answer.break_glass) != glass:
            return False
        return grant not in (None, *get_args(model.Grant)) if self.index == "offer" else self.answer.grant == grant


_OFFERS: dict[model.OfferKind, str] = {
    "rule": "Add rule {}",
    "folder": "Open folder {}",
    "mode": "Change mode {}",
}
