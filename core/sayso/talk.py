"""Which message is the answer to which request: one rule for every chat. Pure.

The rule: a message is judged once, in the situation in which it was written. People who talk to each other are left
alone, and what somebody says to the app is never dropped without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sayso import errors, model, submission

BY_BUTTON = "A reply does not decide this request. Please use the buttons on its card."
WHICH = "Several questions are open here. Please reply to the card of the one you mean."
NOTHING_OPEN = "Nothing is open here that you could answer. What agents ask comes as a card."
NO_CARD = "This was not said to a question, so no agent reads it. To answer, reply to the card itself."
NO_WORDS = "There are no words in this that can be read here. Please write the answer as a reply, or use the card."
FIRST_COUNTED = "Your first text counted: the agent has it already. A later change of the message changes nothing."
FILES_LEFT = "Files are not handed on; only the words were taken."

LEAST_GRACE = timedelta(seconds=10)
"""Words that nobody addressed to the app can always be taken back for at least so long."""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote, as far as it matters for whom it was meant."""

    text: str
    to: Literal["card", "app", "other"] | None = None
    """What it replies to: a card, another message of the app such as a note, or a message of somebody else."""
    names: Literal["app", "other"] | None = None
    """Whom it mentions first."""
    alone: bool = False
    """Whether nobody but the app reads it: a direct message."""
    session: bool = False
    """Whether it stands in the thread of a session, where people may answer just by talking."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from a message."""

    ticket: model.Ticket | None = None
    """The request that it answers; None where it answers none."""
    told: str | None = None
    """What its writer is told where it is no answer; None where people talk to each other."""
    addressed: bool = False
    """Whether it was said to the app: then a refusal is told, too."""


def judge(words: Words, about: model.Ticket | None, here: Sequence[model.Ticket]) -> Meaning:
    """What a message means; *about* is the request whose card it replies to, *here* what was open at that moment."""
    if words.to == "card" and about is not None:
        return _to_card(words, about)
    if words.to == "other":
        return Meaning()
    if words.to in ("app", "card"):
        return Meaning(told=NO_CARD, addressed=True)
    if words.names == "other" and not words.alone:
        return Meaning()
    if words.names == "app" or words.alone:
        return _to_app(words, here)
    return _talk(words, here) if words.session else Meaning()


def open_at(tickets: Sequence[model.Ticket], at: datetime) -> list[model.Ticket]:
    """Those of *tickets* that were open at a moment, decided since or not."""
    return [one for one in tickets if one.created_at <= at and (one.decision is None or one.decision.decided_at > at)]


def grace(usual: timedelta, meaning: Meaning) -> timedelta:
    """How long an answer by plain words can be taken back."""
    return usual if meaning.addressed else max(usual, LEAST_GRACE)


def _to_card(words: Words, about: model.Ticket) -> Meaning:
    if about.request.kind in ("permission", "form"):
        return Meaning(told=BY_BUTTON if about.decision is None else None, addressed=True)
    if not words.text:
        return Meaning(told=NO_WORDS if about.decision is None else None, addressed=True)
    return Meaning(about, addressed=True)


def _to_app(words: Words, here: Sequence[model.Ticket]) -> Meaning:
    by_words = [one for one in here if one.request.kind in ("question", "choice")]
    if len(by_words) > 1:
        return Meaning(told=WHICH, addressed=True)
    if not by_words:
        return Meaning(told=BY_BUTTON if here else NOTHING_OPEN, addressed=True)
    if not words.text:
        return Meaning(told=NO_WORDS, addressed=True)
    return Meaning(by_words[0], addressed=True)


def _talk(words: Words, here: Sequence[model.Ticket]) -> Meaning:
    by_words = [one for one in here if one.request.kind in ("question", "choice")]
    if len(by_words) != 1 or not words.text:
        return Meaning()
    (only,) = by_words
    if only.request.kind == "question":
        return Meaning(only)
    if only.request.other:
        return Meaning()  # any words would fit, also those of people who talk about it
    try:
        submission.spoken(only, words.text)
    except errors.InvalidAnswer:
        return Meaning()
    return Meaning(only)
