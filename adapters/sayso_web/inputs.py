"""How each kind of field is filled in in a browser, and what the browser sends of it. Pure.

The rule: the name of an input says how it is read: `text.f0`, `yes.f1`, `choice.f2`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sayso import model
from sayso.cards import dialog

Group = Literal["text", "yes", "choice"]


@dataclass(frozen=True, slots=True)
class Widget:
    """What is drawn for one kind of field."""

    group: Group = "text"
    """How it is drawn and read; the first part of its name."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of the `<input>` of a text."""


def widget_of(asked: dialog.Input) -> Widget:
    """What is drawn for this input."""
    return WIDGETS[asked.kind]


def draft_of(values: Mapping[str, list[str]]) -> dialog.Draft:
    """The inputs of a form that a browser sent."""
    draft: dict[str, dialog.Submitted] = {}
    for sent_as, given in values.items():
        group, _, name = sent_as.partition(".")
        if group in _GROUPS:
            draft[name] = _GROUPS[group].read(given)
    return draft


def fitting(inputs: Iterable[dialog.Input], draft: dialog.Draft) -> dialog.Draft:
    """Of what was sent, what its input can show again."""
    sent = ((asked.name, draft.get(asked.name), _GROUPS[widget_of(asked).group].shows) for asked in inputs)
    return {name: value for name, value, shows in sent if isinstance(value, shows)}


def _text(given: list[str]) -> str:
    # browsers send a line feed as two characters
    return given[0].replace("\r\n", "\n")


def _yes_or_no(given: list[str]) -> bool | None:
    return {"true": True, "false": False}.get(given[0])


def _indexes(given: list[str]) -> list[int]:
    return [_index(value) for value in given if value]


def _index(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 4 else -1


@dataclass(frozen=True, slots=True)
class _Reading:
    read: Callable[[list[str]], dialog.Submitted]
    shows: type


_GROUPS: Mapping[str, _Reading] = {
    "text": _Reading(_text, str),
    "yes": _Reading(_yes_or_no, bool),
    "choice": _Reading(_indexes, list),
}

_DIGITS = {"class": "short", "type": "text"}

WIDGETS: Mapping[model.FieldKind, Widget] = {
    "text": Widget(attributes={"type": "text", "dir": "auto", "autocomplete": "off"}),
    "choice": Widget("choice"),
    "boolean": Widget("yes"),
    "number": Widget(attributes={**_DIGITS, "inputmode": "decimal", "autocomplete": "off"}),
    "integer": Widget(attributes={**_DIGITS, "inputmode": "numeric", "autocomplete": "off"}),
    "date": Widget(attributes={"type": "date"}),
}
"""What is drawn for each kind of field."""
