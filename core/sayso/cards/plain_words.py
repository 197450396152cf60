"""What a person's plain words mean as the answer to a request. Pure; buttons and windows are read by `submission`."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import regex

from sayso import errors, model
from sayso.cards import submission
from sayso.content import lookalikes, text

_EMOJI = regex.compile(
    r"(?V1):[a-z0-9_+-]{2,50}:|[\p{Extended_Pictographic}--[0-9#*©®™]]|[\p{Emoji_Modifier}\uFE0F\u200D]"
)


def read(ticket: model.Ticket, said: str) -> model.Answer:
    """What a person's plain words mean as the answer to a question or a choice.

    Raises:
        InvalidAnswer: they do not answer it; a permission and a form are not answered with words.
    """
    request = ticket.request
    if not text.is_whole(said):
        raise errors.InvalidAnswer("this holds half a character", field="text")
    if request.kind == "question":
        return model.Answer(text=submission.read_text({"text": said}, "text", model.MAX_TEXT))
    if request.kind != "choice":
        raise errors.InvalidAnswer("this cannot be answered with words", hint="Please use the buttons on its card.")
    words = said.strip()
    label = find_option([option.label for option in request.options], words)
    if label is None and not request.other:
        raise errors.InvalidAnswer("this is none of the options", hint="Write an option or its number.")
    return model.Answer(
        **submission.free_choice(ticket, submission.read_text({"other": label or words}, "other", model.MAX_TEXT))
    )


def find_option(labels: Sequence[str], words: str) -> str | None:
    """The one option that somebody wrote: as it is, in another spelling, without emoji, or as its number."""
    for form in (str, _fold, _strip):
        found = [label for label in labels if form(label) == form(words) != ""]
        if len(found) == 1:
            return found[0]
    is_number = words.isascii() and words.isdigit() and 0 < int(words[:6]) <= len(labels)
    return labels[int(words) - 1] if is_number and len(words) < 7 else None


def _fold(written: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", written).casefold().split())


def _strip(written: str) -> str:
    """Without emoji, their names, the sign before a person's name, and the quotes and dashes that a phone puts in."""
    return _fold(lookalikes.likeness(_EMOJI.sub(" ", written))).removeprefix("@")


def is_repeated(ticket: model.Ticket, account: str, said: str) -> bool:
    """Whether these words of this account are among the answers already: platforms deliver a message again at times."""
    meant = read(ticket, said)
    wanted = meant.text or meant.choice or list(meant.choices or ())
    answers = (*ticket.answers, *([ticket.taken.given] if ticket.taken else []))
    given = (one.answer.values or {} for one in answers if one.via == account)
    return any(wanted in values.values() for values in given)
