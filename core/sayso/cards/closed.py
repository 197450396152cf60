"""A closed card in a few lines: what became of it, what it was about, and what the agent was told. Pure.

The rule: foreign text is cut before it is looked at: a hundred closed cards cost little, however long they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sayso import model
from sayso.cards import board, card, history, naming, values
from sayso.content import fields, text, tools, wording

Trusted = text.Trusted

_ABOUT, _REASON, _VALUE, _MOST_VALUES = 80, 200, 60, 6
_MORE = Trusted("…")


def brief_parts(ticket: model.Ticket) -> tuple[card.Part, ...]:
    """What a chat shows of a closed request; nothing while it is open."""
    decision = ticket.decision
    if decision is None:
        return ()
    lines = [card.Line(tuple(_verdict(ticket, decision)), strong=True), card.Line(tuple(_about(ticket, decision)))]
    lines += board.seated(ticket, decision)
    if decision.reason:
        lines.append(card.Line((Trusted("Reason: "), *_short(decision.reason, _REASON))))
    if decision.question:
        lines.append(card.Line((Trusted("Question: "), *_short(decision.question, _REASON))))
    if told := history.told_line(decision):
        lines.append(told)
    return tuple(lines)


def leaves_out(ticket: model.Ticket) -> bool:
    """Whether there is more to read than the brief parts show."""
    request, decision, source = ticket.request, ticket.decision, ticket.request.source
    if decision is None:
        return False
    beside = (request.body, request.attachments, request.context, source.url, source.session, source.project)
    asked = request.title if request.kind == "permission" else request.options or request.kind == "form"
    if any(beside) or asked or _is_edited(ticket, decision) or len(request.input or {}) > 1:
        return True
    value = next(iter((request.input or {}).values()), "")
    shown = (value, request.title or "", decision.text or "")
    if len(decision.question or "") > _REASON or ticket.asked_back is not None:
        return True
    too_long = any(not isinstance(one, str) or len(one) > _ABOUT or "\n" in one for one in shown)
    return too_long or len(decision.reason or "") > _REASON or len(decision.by) > history.MOST_PEOPLE


def _verdict(ticket: model.Ticket, decision: model.Decision) -> Iterable[card.Inline]:
    yield from history.outcome_spans(ticket, decision)
    yield from (Trusted(" · "), card.Moment(decision.decided_at))
    used = ticket.used_at or decision.used_at
    if _is_edited(ticket, decision):
        yield Trusted(" · ran as edited" if used else " · to run as edited")
    elif used:
        yield Trusted(" · used")
    if decision.void and not used:
        yield Trusted(" · not used in time, and void")


def _about(ticket: model.Ticket, decision: model.Decision) -> Iterable[card.Inline]:
    """Who asked what, and what was said to it."""
    request = ticket.request
    yield naming.asker(ticket)[0]
    if request.kind == "permission":
        yield from (Trusted(" · "), text.line((request.tool or "")[:_ABOUT]))
        arguments = (decision.input if _is_edited(ticket, decision) else request.input) or {}
        if arguments:
            yield from (Trusted(" · "), *_short(_main(request.tool or "", arguments), _ABOUT))
    elif request.title:
        yield from (Trusted(" · "), *_short(request.title, _ABOUT))
    yield from _answer(ticket, decision)


def _answer(ticket: model.Ticket, decision: model.Decision) -> Iterable[card.Inline]:
    said = [decision.text] if decision.text is not None else list(decision.choices or ())
    for index, one in enumerate(said[:_MOST_VALUES]):
        yield from (Trusted(", " if index else " → "), *_short(one, _ABOUT))
    if decision.values is not None:
        labels = {field.name: field.label for field in fields.of_request(ticket.request)}
        for index, (name, value) in enumerate(list(decision.values.items())[:_MOST_VALUES]):
            yield from (Trusted(" · " if index else " → "), *_short(labels.get(name, name), _VALUE))
            yield from (Trusted(": "), *_value(value))
    if len(said) > _MOST_VALUES or len(decision.values or ()) > _MOST_VALUES:
        yield _MORE


def _value(value: Any) -> tuple[card.Inline, ...]:
    if isinstance(value, bool):
        return (Trusted("yes" if value else "no"),)
    return _short(values.text_of(value), _VALUE)


def _main(tool: str, arguments: model.JsonObject) -> str:
    """The argument that says most about a call."""
    known = tools.find(tool)
    named = (arguments[name] for name in (known.command, known.path, known.patch) if name and name in arguments)
    return values.text_of(next(named, next(iter(arguments.values()))))


def _is_edited(ticket: model.Ticket, decision: model.Decision) -> bool:
    return decision.outcome == "allowed" and wording.is_edited(ticket, decision)


def _short(said: str, most: int) -> tuple[card.Inline, ...]:
    shown = text.line(said[:most])
    return (shown, _MORE) if len(said) > most else (shown,)
