"""What a person fills in: one input for each field, and as many of them at once as a window holds. Pure.

The rule: the names of inputs are made here and nowhere else, and nobody takes them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sayso import errors, model
from sayso.cards import card, cutting, values
from sayso.content import field_kinds, fields, readers, text

# A text that may be longer than this gets several lines.
_ONE_LINE = 200
Submitted = str | bool | Sequence[int] | None
"""What a surface sends for one input: typed text, yes or no, or the indexes of the chosen options."""

Draft = Mapping[str, Submitted]
"""Inputs of earlier steps, by name."""

field_name = card.field_name


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """What one window of a surface holds: characters of content, inputs, and characters of a value to edit."""

    content: int
    inputs: int
    typed: int
    answer: int = model.MAX_TEXT
    """Characters of one typed answer."""
    options: int = model.MAX_OPTIONS
    """Options that one input holds; a longer list takes the room of several inputs."""
    asks_again: bool = False
    """Whether a press that is to be confirmed opens a window; a surface that asks by itself needs none."""
    paper: cutting.Paper | None = None
    """What a page of a review holds, if that is not *content*."""

    @property
    def page(self) -> cutting.Paper:
        """What a page of a review holds."""
        return self.paper or cutting.Paper(self.content)


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to fill in. `name` is ours; agent text stands only in the literals."""

    name: str
    """What a surface sends it under; `field_name`, `other_name` and `key_name` make it, and nobody takes it apart."""
    label: text.Foreign | text.Trusted
    kind: model.FieldKind = "text"
    required: bool = True
    multiline: bool = False
    multiple: bool = False
    options: tuple[text.Foreign, ...] = ()
    hint: text.Foreign | None = None
    value: str | None = None
    chosen: tuple[int, ...] = ()
    """The options that are chosen to begin with, by index."""
    longest: int = model.MAX_TEXT
    """Characters that it takes; a surface may have room for fewer."""

    @property
    def label_text(self) -> str:
        """The label where only plain text is shown."""
        return self.label.text if isinstance(self.label, text.Foreign) else self.label


def other_name(name: str) -> str:
    """The name of the input for the free text of a choice, whose own input has this *name*."""
    return f"{name}o"


def key_name(index: int) -> str:
    """The name of the input for one argument of a tool that is edited, by its number."""
    return f"k{index}"


def inputs_of(
    ticket: model.Ticket, longest: int = model.MAX_TEXT, only: Collection[int] | None = None
) -> tuple[Input, ...]:
    """One input for each field, or for those with *only* these numbers; a choice with *Other* has a second one.

    *longest* is how many characters of an answer the surface takes.
    """
    made: list[Input] = []
    for index, field in enumerate(fields.of_request(ticket.request)):
        if only is not None and index not in only:
            continue
        name = field_name(index)
        made.append(_input(name, field, longest))
        if field.other:
            label = text.Trusted("Or another answer")
            made.append(Input(other_name(name), label, required=False, longest=longest))
    return tuple(made)


def _input(name: str, field: model.Field, longest: int) -> Input:
    traits = field_kinds.TRAITS[field.kind]
    lines = field.multiple and field.kind != "choice"
    said = " ".join(([field.description] if field.description else []) + (["One a line."] if lines else []))
    return Input(
        name=name,
        label=text.line(field.label),
        kind="text" if lines else field.kind,
        required=field.required and not field.other,
        multiline=lines or (traits.multiline and (field.max_length or model.MAX_TEXT) > _ONE_LINE),
        multiple=field.multiple and not lines,
        options=tuple(text.line(option.label) for option in field.options),
        hint=text.line(said) if said else None,
        value=_default(field, longest),
        chosen=_chosen(field),
        longest=longest if lines else min(field.max_length or longest, longest),
    )


def steps_of(ticket: model.Ticket, limits: WindowLimits) -> list[list[int]]:
    """The numbers of the fields of each step, as many at once as the surface has room for."""
    return _split(sizes_of(ticket), limits)


def sizes_of(ticket: model.Ticket) -> tuple[tuple[int, ...], ...]:
    """How many options each input has, by fields: a choice and its own free text stay on one screen."""
    asked = fields.of_request(ticket.request)
    return tuple((len(field.options), 0) if field.other else (len(field.options),) for field in asked)


def count_steps(sizes: Sequence[Sequence[int]], limits: WindowLimits) -> int:
    """In how many windows a form of these inputs is filled in."""
    return len(_split(sizes, limits))


def fill_in(given: Input, typed: Submitted) -> Input:
    """An input with what somebody typed before; what it cannot show again is left out."""
    if isinstance(typed, bool):
        return replace(given, value="true" if typed else "false") if given.kind == "boolean" else given
    if isinstance(typed, str):
        return replace(given, value=typed) if given.kind != "choice" and len(typed) <= given.longest else given
    if given.kind != "choice":
        return given
    chosen = tuple(index for index in typed or () if 0 <= index < len(given.options))
    return replace(given, chosen=chosen if given.multiple else chosen[:1])


def read_indexes(value: Submitted, name: str) -> list[int]:
    """The options that were chosen in an input. Raises `InvalidAnswer`."""
    if value is None or value == "":
        return []
    if isinstance(value, str | bool) or any(index < 0 for index in value):
        raise errors.InvalidAnswer("choose among the options", field=name)
    return list(value)


def _split(sizes: Sequence[Sequence[int]], limits: WindowLimits) -> list[list[int]]:
    """The groups of each step, by their numbers."""
    steps: list[list[int]] = [[]]
    room = limits.inputs
    for number, group in enumerate(sizes):
        # a long list of options is split over several inputs of a window
        taken = sum(max(1, -(-options // limits.options)) for options in group)
        if taken > room and steps[-1]:
            steps.append([])
            room = limits.inputs
        steps[-1].append(number)
        room -= taken
    return steps


def _default(field: model.Field, longest: int) -> str | None:
    if field.default is None or field.kind == "choice":
        return None
    # a default is agent text: it is offered only if a person sees all of it
    default = _type_out(field)
    return default if text.literal(default).text == default and len(default) <= longest else None


def _type_out(field: model.Field) -> str:
    """A default as somebody would type it."""
    items = _items(field.default)
    if field.multiple and items is not None:
        return "\n".join(map(values.text_of, items))
    if field_kinds.TRAITS[field.kind].numeric and isinstance(field.default, int | float):
        return readers.write_number(field.default)
    return values.text_of(field.default)


def _chosen(field: model.Field) -> tuple[int, ...]:
    """The options that a default means."""
    if field.kind != "choice" or field.default is None:
        return ()
    items = _items(field.default)
    wanted = [field.default] if items is None else items
    found = [index for index, option in enumerate(field.options) if any(option.means(one) for one in wanted)]
    return tuple(found if field.multiple else found[:1])


def _items(default: Any) -> list[Any] | None:
    return [*default] if isinstance(default, list) else None
