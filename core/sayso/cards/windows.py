"""Windows with one thing to write: their words, and which part of the answer they fill. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sayso import model


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window with one thing to write, which then is part of the answer."""

    title: str
    name: str
    """Of its input."""
    label: str
    fills: Literal["reason", "question", "text", "choice"]
    """The part of the answer."""
    submit: str
    note: str = ""
    required: bool = True
    danger: bool = False
    question: bool = False
    """Whether it repeats what was asked."""

    @property
    def longest(self) -> int:
        """How many characters may be written."""
        return model.MAX_REASON if self.fills in ("reason", "question") else model.MAX_TEXT


WHY_NOT = Window(
    title="Deny with a reason",
    name="reason",
    label="Why not? The agent reads this.",
    fills="reason",
    submit="Deny",
    danger=True,
)
ASK_BACK = Window(
    title="Ask back",
    note="It is denied with your question. The agent's next request shows question and answer.",
    name="question",
    label="Your question. The agent reads this.",
    fills="question",
    submit="Deny and ask",
)
BREAK_GLASS = Window(
    title="Break the glass",
    note="It is allowed at once, by you alone. Others are told now, and review it.",
    name="reason",
    label="Why can it not wait? It is on record.",
    fills="reason",
    submit="Break the glass",
    danger=True,
)
OTHERWISE = Window(
    title="Another answer", name="other", label="Your answer", fills="choice", submit="Answer", question=True
)
IN_PLACE = Window(
    title="Answer instead",
    note="The tool does not run. The agent takes your words as its result.",
    name="text",
    label="Your answer",
    fills="text",
    submit="Answer",
)
DENY_AND_STOP = Window(
    title="Deny and stop",
    note="The tool does not run, and the agent is told to end its run.",
    name="reason",
    label="Why? For the record.",
    fills="reason",
    required=False,
    submit="Deny and stop",
    danger=True,
)
DECLINE_AND_STOP = replace(
    DENY_AND_STOP, title="Decline and stop", note="The agent is told to end its run.", submit="Decline and stop"
)
