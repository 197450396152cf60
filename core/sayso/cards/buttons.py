"""Every button in one table: its name, its words, when it is offered, what it opens and what it means. Pure.

The rule: a button is known by its action, never by its words. Cards, windows, answers, the terminal and the history
read this table; a new button is a name in `Action` and a row here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from sayso import model
from sayso.cards import button_row, offering, windows

Action = button_row.Action
Style = button_row.Style
Window = windows.Window
Row = button_row.Row

_SAID, _YES, _NO = model.Answer(), model.Answer(verdict="allow"), model.Answer(verdict="deny")
_INSTEAD, _STOP = model.Answer(verdict="respond"), model.Answer(verdict="stop")
_SESSION = model.Answer(verdict="allow", grant="session")
_ALWAYS = model.Answer(verdict="allow", grant="always")
_OTHERS: tuple[model.Kind, ...] = ("question", "choice", "form")

_REVIEW = Row(
    "review", "Review and allow…", "Allowed", "--allow", _YES, offered=offering.after_a_look, first=True, deciding=True
)
_PICK = Row("pick", "Choose", "Answered", "--choice LABEL", _SAID, kinds=("choice",), first=True, window="pick")
_FILL = Row(
    "fill",
    "Answer",
    "Answered",
    "--text TEXT",
    _SAID,
    kinds=("question",),
    style="primary",
    first=True,
    deciding=True,
    window="fill",
)
_DENY = Row("deny", "Deny", "Denied", "--deny", _NO, style="danger", first=True)
_ASKS = Row("askback", "Ask back…", "Denied", "--ask-back TEXT", _NO, window=windows.ASK_BACK, then=", with a question")
_END = Row("stop", "Deny and stop…", "Denied", "--stop", _STOP, then=", and the agent is to stop")

TABLE: tuple[Row, ...] = (
    replace(_REVIEW, window="review"),
    Row(
        "allow",
        "Allow",
        "Allowed",
        "--allow",
        _YES,
        offered=offering.at_once,
        style="primary",
        first=True,
        deciding=True,
    ),
    # never on a card that several see: it opens for whoever may break the glass, and for nobody else
    Row(
        "glass",
        "Break the glass…",
        "Glass broken and allowed",
        "--break-glass --reason TEXT",
        model.Answer(verdict="allow", break_glass=True),
        kinds=(),
        style="danger",
        window=windows.BREAK_GLASS,
    ),
    # on closed cards only: it answers nothing
    Row("details", "Details", "", "", None, kinds=(), window="review"),
    # on a card with masks, if its policy names who may see what they cover: it answers nothing
    Row("reveal", "Show secrets…", "", "", None, kinds=()),
    _PICK,
    # never alone: the options of a pick
    Row("option", "", "Answered", "", _SAID, kinds=(), index="option"),
    replace(
        _PICK,
        action="other",
        label="Other…",
        flag="--choice TEXT",
        offered=offering.takes_words,
        deciding=True,
        window=windows.OTHERWISE,
    ),
    _FILL,
    replace(_FILL, label="Fill in", kinds=("form",), flag="--value NAME=VALUE …"),
    _DENY,
    replace(_DENY, label="Decline", done="Declined", kinds=_OTHERS, offered=offering.takes("deny"), style="plain"),
    Row(
        "claim",
        "I take it",
        "",
        "--claim",
        None,
        kinds=("permission", *_OTHERS),
        offered=offering.takes_turns,
        first=True,
    ),
    Row(
        "reason",
        "Deny with reason…",
        "Denied",
        "--deny --reason TEXT",
        _NO,
        offered=offering.may_be_silent,
        window=windows.WHY_NOT,
    ),
    Row(
        "edit",
        "Edit and allow…",
        "Allowed",
        "--allow --input JSON",
        _YES,
        offered=offering.can_be_edited,
        deciding=True,
        window="edit",
    ),
    _ASKS,
    replace(_ASKS, done="Declined", kinds=_OTHERS, offered=offering.takes("deny")),
    Row(
        "session",
        "Stop asking this session",
        "Allowed for the session",
        "--allow --grant session",
        _SESSION,
        offered=offering.grants("session"),
        deciding=True,
    ),
    Row(
        "always",
        "Stop asking for good",
        "Allowed always",
        "--allow --grant always",
        _ALWAYS,
        offered=offering.grants("always"),
        deciding=True,
    ),
    Row(
        "call",
        "Allow this call for a while…",
        "Allowed",
        "--allow --standing call",
        model.Answer(verdict="allow", standing="call"),
        offered=offering.stands("call"),
        deciding=True,
        window="standing",
        then=", and the same call for a while",
    ),
    Row(
        "tool",
        "Allow this tool for a while…",
        "Allowed",
        "--allow --standing tool",
        model.Answer(verdict="allow", standing="tool"),
        offered=offering.stands("tool"),
        deciding=True,
        window="standing",
        then=", and this tool in this session for a while",
    ),
    Row(
        "pattern",
        "Allow what is like this for a while…",
        "Allowed",
        "--allow --standing pattern --free PART",
        model.Answer(verdict="allow", standing="pattern"),
        offered=offering.stands("pattern"),
        deciding=True,
        window="likeness",
        index="parts",
        then=", and what is like it for a while",
    ),
    Row(
        "offer",
        "{offer} and allow…",
        "Allowed",
        "--allow --grant {number}",
        _YES,
        deciding=True,
        window="offer",
        index="offer",
        then=", and more",
    ),
    Row(
        "respond",
        "Answer instead…",
        "Answered instead",
        "--respond TEXT",
        _INSTEAD,
        offered=offering.takes("respond"),
        window=windows.IN_PLACE,
    ),
    replace(_END, offered=offering.takes("stop"), window=windows.DENY_AND_STOP),
    replace(
        _END,
        label="Decline and stop…",
        done="Declined",
        kinds=_OTHERS,
        offered=offering.takes("stop"),
        window=windows.DECLINE_AND_STOP,
    ),
    Row(
        "pass",
        "Ask someone else…",
        "",
        "",
        None,
        kinds=("permission", *_OTHERS),
        offered=offering.names_more,
        window="pass",
    ),
    Row(
        "snooze",
        "Snooze…",
        "",
        "--snooze TIME",
        None,
        kinds=("permission", *_OTHERS),
        offered=offering.reminds,
        window="snooze",
    ),
    Row("undo", "Take back", "", "", None, kinds=("permission", *_OTHERS), first=True),
)
"""In the order in which they stand on a card: the most important first."""

_OF_KIND: Mapping[model.Kind, Sequence[Row]] = {
    kind: [row for row in TABLE if kind in row.kinds] for kind in get_args(model.Kind)
}

REVIEW = replace(_REVIEW, label="Review", style="primary", deciding=False)
"""Stands in for all that decides in favour, on a card that does not show the whole content."""


def on(ticket: model.Ticket) -> Iterator[tuple[Row, int]]:
    """The buttons on the card of an open ticket, each with its number; an answer that was taken can only be undone.

    Under a stop only those stand there that say no.
    """
    for row in _OF_KIND[ticket.request.kind]:
        if ticket.stopped is not None and not row.says_no:
            continue
        if (row.action == "undo") == (ticket.taken is not None):
            yield from ((row, number) for number in row.numbers(ticket))


@functools.cache
def row_of(action: Action, kind: model.Kind) -> Row:
    """The button that does this on a request of this kind."""
    rows = [row for row in TABLE if row.action == action]
    return next((row for row in rows if kind in row.kinds), rows[0])


@functools.lru_cache(256)
def row_for(
    kind: model.Kind,
    verdict: model.Verdict | None,
    grant: str | None = None,
    *,
    asks_back: bool = False,
    glass: bool = False,
    standing: model.Standing | None = None,
) -> Row:
    """The button from which such an answer comes, whatever it was given with."""
    rows = [row for row in TABLE if row.gives(verdict, grant, asks_back, glass, standing)]
    return next((row for row in rows if kind in row.kinds), rows[0])
