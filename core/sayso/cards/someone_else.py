"""The window in which somebody is chosen who is asked in one's place. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sayso.cards import card, dialog, inputs
from sayso.content import text

Trusted = text.Trusted

NAME: Final = dialog.field_name(0)
"""Of its one input."""

_NOTE = Trusted("They are mentioned below the card. You can still answer; who may, and how many must, stays as it is.")
_NOBODY = Trusted("The settings name nobody else whose turn it is, and who was not asked yet.")


def window(token: str, names: Sequence[str]) -> dialog.Dialog:
    """The window with those who can be asked."""
    title = Trusted("Ask someone else")
    if not names:
        return dialog.Dialog(title, token, (card.Note((_NOBODY,)),))
    options = tuple(text.line(name) for name in names)
    choice = dialog.Input(NAME, Trusted("Who can answer this?"), kind="choice", options=options)
    return dialog.Dialog(title, token, (card.Note((_NOTE,)),), (choice,), Trusted("Ask"))


def chosen(draft: dialog.Draft) -> int | None:
    """Which of them was chosen; None if nobody was. Raises `InvalidAnswer`."""
    return next(iter(inputs.read_indexes(draft.get(NAME), NAME)), None)
