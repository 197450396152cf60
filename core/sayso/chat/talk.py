"""Which message is the answer to which request: one rule for every chat. Pure.

The rule: a message is judged once, in the situation in which it was written. People who talk to each other are left
alone, and what somebody says to the app is never dropped without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import regex

from sayso import errors, model
from sayso.cards import plain_words

BY_BUTTON = "A reply does not decide this request. Please use the buttons on its card."
WHICH = "Several questions are open here. Please reply to the card of the one you mean."
NOTHING_OPEN = "Nothing is open here that you could answer. What agents ask comes as a card."
NO_CARD = "This was not said to a question, so no agent reads it. To answer, reply to the card itself."
NO_WORDS = "There are no words in this that can be read here. Please write the answer as a reply, or use the card."
NO_OPTION = (
    "This is none of the options. To answer with other words, press Other… on the card, or mention the app here."
)
TO_SOMEBODY = (
    "This was not taken as the answer, since somebody spoke to you here. To answer the agent, mention the app here, or "
    "use the card."
)
NAMED_OTHER = (
    "This was not taken as the answer, since it is said to somebody else. To answer the agent, mention the app first, "
    "or use the card."
)
NAMED_ALL = (
    "This was not taken as the answer, since it is said to everybody here. To answer the agent, mention the app first, "
    "or use the card."
)
FIRST_COUNTED = "Your first text counted: the agent has it already. A later change of the message changes nothing."
CHANGE_COUNTED = "Your changed text was taken in place of the first one."
TAKEN_BACK = "Taken back: it is open again."
FILES_LEFT = "Files are not handed on; only the words were taken."

# Words that ask for a person, in the languages that most users speak.
_WHO = regex.compile(
    r"(?i)\b(?:who|whom|whose|who's|wer|wem|wen|wessen|qui|quien|quién|quiénes|chi|quem|vem|kto|кто|кого|кому)\b|谁|誰|누가"
    r"|\b(?:person|people|somebody|someone|colleague|team ?mate|reviewer|assignee|approver|owner|engineer|developer"
    r"|contact|on[- ]call|assign|notify|ping|mention)(?:s|ed)?\b"
)
_READ = 2_000

LEAST_GRACE = timedelta(seconds=10)
"""Words that nobody addressed to the app can always be taken back for at least so long."""


To = Literal["card", "thread", "app", "other"] | None
"""What a message replies to: a card, the thread below a card where people also talk to each other, another message of
the app such as a note, or a message of somebody else."""

Named = Literal["app", "other", "all"] | None
"""Whom a text mentions first; all is everybody there."""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote, as far as it matters for whom it was meant."""

    text: str
    to: To = None
    names: Named = None
    """Whom it mentions first."""
    alone: bool = False
    """Whether nobody but the app reads it: a direct message."""
    session: bool = False
    """Whether it stands in the thread of a session, where people may answer just by talking."""
    asked: bool = False
    """Whether somebody else spoke to its writer there just before."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from a message."""

    ticket: model.Ticket | None = None
    """The request that it answers, if any."""
    told: str | None = None
    """What its writer is told if it is not an answer; None if people talk to each other."""
    addressed: bool = False
    """Whether it was said to the app: then a refusal is told, too."""


def judge(words: Words, about: model.Ticket | None, here: Sequence[model.Ticket]) -> Meaning:
    """What a message means; *about* is the request whose card it replies to, *here* what was open at that moment."""
    if words.to == "card" and about is not None:
        return _on_card(words, about)
    if words.to == "thread" and about is not None:
        return _below(words, about)
    if words.to == "other":
        return Meaning()
    if words.to is not None:
        return Meaning(told=NO_CARD, addressed=True)
    if words.names in ("other", "all") and not words.alone:
        return _to_others(words, here) if words.session else Meaning()
    if words.names == "app" or words.alone:
        return _to_app(words, here)
    return _talk(words, here) if words.session else Meaning()


def grace(usual: timedelta, meaning: Meaning) -> timedelta:
    """How long an answer by plain words can be taken back."""
    return usual if meaning.addressed else max(usual, LEAST_GRACE)


def _on_card(words: Words, about: model.Ticket) -> Meaning:
    """Some reply to the card only to show somebody else what they speak of."""
    if _decided_by_words(about) and not words.alone and _is_to_somebody(words, about):
        told = NAMED_ALL if words.names == "all" else NAMED_OTHER
        return Meaning(told=told if about.decision is None else None, addressed=True)
    return _to_card(words, about)


def _to_card(words: Words, about: model.Ticket) -> Meaning:
    if not _decided_by_words(about):
        return Meaning(told=BY_BUTTON if about.decision is None else None, addressed=True)
    if not words.text:
        return Meaning(told=NO_WORDS if about.decision is None else None, addressed=True)
    return Meaning(about, addressed=True)


def _below(words: Words, about: model.Ticket) -> Meaning:
    """In the thread below a card people answer it, and talk about it."""
    if words.names == "app" or words.alone:
        return _to_card(words, about)
    option = _names_option(about, words.text)
    if _is_to_somebody(words, about):
        return Meaning(told=_missed(words, about))
    if words.asked and not option and _decided_by_words(about):
        return Meaning(told=TO_SOMEBODY if about.decision is None else None)
    if about.request.kind == "choice" and about.request.other and words.text and not option:
        return Meaning(told=NO_OPTION if about.decision is None else None)
    return _to_card(words, about)


def _is_to_somebody(words: Words, about: model.Ticket) -> bool:
    """Whether it is said to whom it names, and not an answer that is the name of a person."""
    if words.names not in ("other", "all") or _names_option(about, words.text):
        return False
    return "?" in words.text or not _asks_for_somebody(about)


def _missed(words: Words, about: model.Ticket) -> str | None:
    """What is said to everybody may be the answer, or talk. Its writer is told; whoever asks something knows."""
    is_open = _decided_by_words(about) and about.decision is None
    return NAMED_ALL if words.names == "all" and is_open and "?" not in words.text else None


def _decided_by_words(about: model.Ticket) -> bool:
    return about.request.kind in ("question", "choice")


def _asks_for_somebody(about: model.Ticket) -> bool:
    """Whether the answer may well begin with the name of a person."""
    asked = about.request.title or (about.request.body or "")[:_READ]
    return bool(_WHO.search(asked))


def _names_option(about: model.Ticket, said: str) -> bool:
    if about.request.kind != "choice":
        return False
    try:
        named = plain_words.read(about, said)
    except errors.InvalidAnswer:
        return False
    return {named.choice, *(named.choices or ())} & {option.label for option in about.request.options} != set()


def _to_app(words: Words, here: Sequence[model.Ticket]) -> Meaning:
    by_words = [one for one in here if _decided_by_words(one)]
    if len(by_words) > 1:
        return Meaning(told=WHICH, addressed=True)
    if not by_words:
        return Meaning(told=BY_BUTTON if here else NOTHING_OPEN, addressed=True)
    if not words.text:
        return Meaning(told=NO_WORDS, addressed=True)
    return Meaning(by_words[0], addressed=True)


def _to_others(words: Words, here: Sequence[model.Ticket]) -> Meaning:
    by_words = [one for one in here if _decided_by_words(one)]
    if len(by_words) != 1 or by_words[0].taken is not None:
        return Meaning()
    (only,) = by_words
    return Meaning(told=_missed(words, only)) if _is_to_somebody(words, only) else _talk(words, here)


def _talk(words: Words, here: Sequence[model.Ticket]) -> Meaning:
    by_words = [one for one in here if _decided_by_words(one)]
    if len(by_words) != 1 or not words.text or words.asked:
        return Meaning()
    (only,) = by_words
    if only.taken is not None:
        return Meaning()  # somebody was taken at their word a moment ago, and people go on talking
    if only.request.kind == "question":
        return Meaning(only)
    if only.request.other:
        return Meaning()  # any words would fit, also those of people who talk about it
    try:
        plain_words.read(only, words.text)
    except errors.InvalidAnswer:
        return Meaning()
    return Meaning(only)
