"""The window in which somebody says for how long they put a request off. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sayso import errors
from sayso.cards import card, dialog, inputs
from sayso.content import text

Trusted = text.Trusted

NAME: Final = dialog.field_name(0)
"""Of its one input."""

_TIMES = ((15, "15 minutes"), (60, "1 hour"), (180, "3 hours"), (480, "8 hours"), (1440, "1 day"), (4320, "3 days"))
_NOTE = Trusted("You alone are not reminded until then. Others are, and it expires when it would have.")
_TOO_LATE = Trusted("It expires in less than 15 minutes.")


def window(token: str, left: timedelta) -> dialog.Dialog:
    """The window with the times that end before the deadline, which is so far away."""
    title = Trusted("Snooze")
    options = tuple(text.line(words) for minutes, words in _TIMES if timedelta(minutes=minutes) < left)
    if not options:
        return dialog.Dialog(title, token, (card.Note((_TOO_LATE,)),))
    choice = dialog.Input(NAME, Trusted("For how long?"), kind="choice", options=options)
    return dialog.Dialog(title, token, (card.Note((_NOTE,)),), (choice,), Trusted("Snooze"))


def chosen(draft: dialog.Draft) -> float:
    """The seconds that were chosen. Raises `InvalidAnswer`."""
    given = inputs.read_indexes(draft.get(NAME), NAME)
    if not given or given[0] >= len(_TIMES):
        raise errors.InvalidAnswer("choose for how long", field=NAME)
    return _TIMES[given[0]][0] * 60.0
