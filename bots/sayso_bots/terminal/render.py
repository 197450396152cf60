"""A card as plain text for a terminal. Pure; foreign text stands behind a bar or in quotes, never in our own place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from sayso import model
from sayso.cards import card, prose
from sayso.content import text
from sayso_bots.terminal import rows

if TYPE_CHECKING:
    from sayso.cards import dialog

_TONES = {"pending": "?", "good": "✓", "bad": "✗", "gone": "–"}


def render(drawn: card.Card, width: int = 80) -> str:
    """The whole card; what a button does elsewhere is a command here. A terminal has no limit, so nothing is cut.

    *width* is how many columns the terminal has: no line of others is left for it to break.
    """
    shown = [f"{_TONES[drawn.tone]} {drawn.summary}", ""]
    shown += _parts(drawn.parts, width)
    if commands := list(_commands(drawn)):
        shown += ["", "To answer:", *commands]
    return "\n".join(shown)


def form(asked: Iterable[model.Field], width: int = 80) -> str:
    """What `--value` takes: a card has no room for the fields of a form, other surfaces show them in a dialog."""
    return "\n".join(line for field in asked for line in _field(field, width))


def render_dialog(opened: dialog.Dialog, width: int = 80) -> str:
    """What the prompt asks in place of a window, one input after the other."""
    shown = [str(opened.title)]
    shown += _parts(opened.parts, width)
    for given in opened.inputs:
        shown += options(given.options, width)
        if given.hint is not None:
            shown += rows.put_behind_bar(given.hint.text, width)
        shown.append(question(given.label, ": ", width))
    return "\n".join(shown)


def options(labels: Iterable[text.Foreign], width: int = 80) -> Iterable[str]:
    """What there is to choose from, numbered."""
    for number, label in enumerate(labels, 1):
        yield from rows.hang(f"  {number}. {_quote(label)}", width)


def question(label: card.Inline, ending: str, width: int = 80) -> str:
    """What stands before the keyboard's cursor."""
    return "\n".join(rows.hang(f"{_span(label)}{ending}", width))


def lines(said: str, width: int = 80) -> str:
    """A sentence of the service that may hold foreign text, as it can be printed: nothing acts, and no row is ours."""
    first, *rest = text.literal(said).text.split("\n")
    return "\n".join([*rows.hang(first, width), *(row for line in rest for row in rows.put_behind_bar(line, width))])


def parts(shown: Iterable[card.Part], width: int = 80) -> list[str]:
    """These parts of a card, line by line."""
    return [line for part in shown for line in _part(part, width)]


def _field(field: model.Field, width: int) -> Iterable[str]:
    several = ", several" if field.multiple else ""
    kind = f"{field.kind}{several}" + ("" if field.required else ", may be left out")
    named = f"  --value {_quote(text.line(field.name))}=…  ({kind})  {_quote(text.line(field.label))}"
    yield from rows.hang(named, width)
    if field.description:
        yield from rows.put_behind_bar(text.literal(field.description).text, width)
    for option in field.options:
        yield from rows.hang(f"    {_quote(text.line(option.label))}", width)


def _parts(parts: Iterable[card.Part], width: int) -> Iterable[str]:
    above: card.Part | None = None
    for part in parts:
        # what stands above may end behind the bar as well, such as a reason
        if _is_input(part) and not _is_input(above) and not (isinstance(part, card.Code) and part.label):
            yield "Input:"
        yield from _part(part, width)
        above = part


def _is_input(part: card.Part | None) -> bool:
    return isinstance(part, card.Line | card.Code) and part.role == "input"


def _part(part: card.Part, width: int) -> Iterable[str]:
    match part:
        case card.Line(text=spans, role="input"):
            # behind the bar each value has a row of its own: no value can pose as another one
            for span in spans:
                yield from rows.put_behind_bar(span.text, width) if isinstance(span, text.Foreign) else ()
        case card.Line(text=spans) | card.Note(text=spans) | card.Image(text=spans):
            yield from rows.hang(_spans(spans), width)
        case card.Ask(text=shown):
            yield "Asked:"
            yield from rows.put_behind_bar(shown.text, width)
        case card.Code(label=label, text=shown):
            if label:
                yield from rows.hang(f"{_spans(label)}:", width)
            yield from rows.put_behind_bar(shown.text, width)
            if part.left_out:
                yield f"  ({part.left_out})"
        case card.Says(text=told):
            yield "The agent says:"
            yield from rows.put_behind_bar(prose.plain(told), width)
        case card.Facts(rows=facts):
            for name, value in facts:
                yield from rows.hang(f"{_span(name)}: {_span(value)}", width)
        case card.Choices(options=options):
            for number, (option, description) in enumerate(options, 1):
                yield from rows.hang(f"{number}. {_span(option)}", width)
                yield from rows.put_behind_bar(description.text, width) if description else ()
        case card.Warn(text=said):
            yield f"! {said}"
        case card.Risk(text=spans, level=level):
            yield from rows.hang(f"{'!!' if level == 'high' else '!'} {_spans(spans)}", width)
        case _:
            assert_never(part)


def _commands(drawn: card.Card) -> Iterable[str]:
    """How to answer: one command for each thing that a button would do."""
    for control in drawn.controls:
        if control.flag:
            several = f" [{control.flag} …]" if isinstance(control, card.Pick) and control.multiple else ""
            yield f"  sayso answer {drawn.ticket_id} {control.flag}{several}"


def _spans(spans: Iterable[card.Inline]) -> str:
    return "".join(map(_span, spans))


def _span(span: card.Inline) -> str:
    if isinstance(span, card.Moment):
        return _local(span.at)
    if isinstance(span, text.Foreign):
        return _quote(span)
    return span


def quote(raw: str) -> str:
    """Foreign text on one line, in quotes that it cannot end."""
    return _quote(text.line(raw))


def _quote(span: text.Foreign) -> str:
    return json.dumps(span.text, ensure_ascii=False)


def _local(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z").strip()
