"""A card as plain text for a terminal. Pure; foreign text stands behind a bar or in quotes, never in our own place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from sayso import card, model, prose, text, tokens

_BAR = "  │ "
_TONES = {"pending": "?", "good": "✓", "bad": "✗", "gone": "–"}
_FLAGS: dict[tokens.Action, str] = {
    "allow": "--allow",
    "deny": "--deny",
    "reason": "--deny --reason TEXT",
    "review": "--allow",
    "edit": "--allow --input JSON",
    "session": "--allow --grant session",
    "always": "--allow --grant always",
    "respond": "--respond TEXT",
    "stop": "--stop",
    "other": "--choice TEXT",
}


def render(drawn: card.Card) -> str:
    """The whole card; what a button does elsewhere is a command here. A terminal has no limit, so nothing is cut."""
    lines = [f"{_TONES[drawn.tone]} {drawn.summary}", ""]
    for part in drawn.parts:
        lines += _part(part)
    if commands := list(_commands(drawn)):
        lines += ["", "To answer:", *commands]
    return "\n".join(lines)


def form(asked: Iterable[model.Field]) -> str:
    """What `--value` takes: a card has no room for the fields of a form, other surfaces show them in a dialog."""
    return "\n".join(line for field in asked for line in _field(field))


def _field(field: model.Field) -> Iterable[str]:
    several = ", several" if field.multiple else ""
    kind = f"{field.kind}{several}" + ("" if field.required else ", may be left out")
    yield f"  --value {_quoted(text.line(field.name))}=…  ({kind})  {_quoted(text.line(field.label))}"
    if field.description:
        yield from _barred(text.literal(field.description).text)
    yield from (f"    {_quoted(text.line(option.label))}" for option in field.options)


def _part(part: card.Part) -> Iterable[str]:
    match part:
        case card.Line(spans=spans) | card.Note(spans=spans):
            yield _spans(spans)
        case card.Ask(shown=shown):
            yield "Asked:"
            yield from _barred(shown.text)
        case card.Code(label=label, shown=shown, cut=cut):
            yield f"{_spans(label)}:"
            yield from _barred(shown.text)
            if cut:
                yield f"  ({cut} more characters)"
        case card.Says(told=told):
            yield "The agent says:"
            yield from _barred(prose.plain(told))
        case card.Facts(rows=rows):
            for name, value in rows:
                yield f"{_span(name)}: {_span(value)}"
        case card.Choices(options=options):
            for number, (option, description) in enumerate(options, 1):
                yield f"{number}. {_span(option)}"
                yield from _barred(description.text) if description else ()
        case card.Warn(said=said):
            yield f"! {said}"
        case _:
            assert_never(part)


def _commands(drawn: card.Card) -> Iterable[str]:
    """How to answer: one command for each thing that a button would do."""
    command = f"  sayso answer {drawn.ticket_id}"
    for control in drawn.controls:
        if isinstance(control, card.Pick):
            yield f"{command} --choice LABEL" + (" [--choice LABEL …]" if control.multiple else "")
            continue
        pressed = tokens.read(control.token)
        action = pressed.action
        if action == "offer":
            yield f"{command} --allow --grant {pressed.index + 1}"
        elif action == "fill":
            yield f"{command} --text TEXT" if control.label == "Answer" else f"{command} --value NAME=VALUE …"
        elif action in _FLAGS:
            yield f"{command} {_FLAGS[action]}"


def _barred(shown: str) -> Iterable[str]:
    # every line has its bar, so no line break of theirs begins a line that looks like ours
    return (f"{_BAR}{line}" for line in shown.split("\n"))


def _spans(spans: Iterable[card.Inline]) -> str:
    return "".join(map(_span, spans))


def _span(span: card.Inline) -> str:
    if isinstance(span, card.Moment):
        return _local(span.at)
    if isinstance(span, text.Literal):
        return _quoted(span)
    return span


def _quoted(span: text.Literal) -> str:
    return json.dumps(span.text, ensure_ascii=False)


def _local(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z").strip()
