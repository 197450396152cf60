"""What a card says beforehand of what there is to answer: the fields of a form, and options once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sayso import model
from sayso.cards import card, inputs
from sayso.content import fields, text

Trusted = text.Trusted

# A label on the card is as long as the line it stands on.
_LONGEST_LABEL = 60
_KINDS: Mapping[model.FieldKind, str] = {
    "boolean": "yes or no",
    "choice": "a choice",
    "integer": "a whole number",
    "number": "a number",
    "date": "a date",
}

_HINTS: Mapping[model.Kind, text.Trusted] = {
    "question": Trusted("Reply to this message, or press Answer."),
    "choice": Trusted("Reply to this message with an option or its number, or choose here."),
}


def field_parts(request: model.Request) -> Iterable[card.Part]:
    """The fields of a form, so that people know what they need before they begin."""
    if request.kind != "form":
        return
    asked = fields.of_request(request)
    spans: list[card.Inline] = [Trusted("To fill in: ")]
    for index, field in enumerate(asked):
        about = [_KINDS.get(field.kind, ""), "" if field.required else "optional"]
        said = ", ".join(word for word in about if word)
        label, cut = field.label[:_LONGEST_LABEL], len(field.label) > _LONGEST_LABEL
        spans += [Trusted(", " if index else ""), text.line(label), Trusted("…" if cut else "")]
        spans += [Trusted(f" ({said})")] if said else []
    if asked:
        yield card.Line(tuple(span for span in spans if isinstance(span, text.Foreign) or span), role="fields")


def hint_of(ticket: model.Ticket) -> text.Trusted:
    """How to answer in words; empty if words do not count, or count no more."""
    open_now = ticket.decision is None and ticket.taken is None and not ticket.held
    return _HINTS.get(ticket.request.kind, Trusted("")) if open_now else Trusted("")


def with_hint(drawn: card.Card, limits: inputs.WindowLimits | None = None) -> card.Card:
    """The card with how to answer below all else, if it has the buttons beside which that is true.

    *limits* are those of the surface's windows: a form of several steps says how many.
    """
    beside = any(control.action == "fill" if isinstance(control, card.Button) else True for control in drawn.controls)
    steps = inputs.count_steps(drawn.form, limits) if drawn.form and limits else 1
    said = Trusted(f"It has {steps} steps. What you fill in is kept for an hour.") if steps > 1 else drawn.hint
    return replace(drawn, parts=(*drawn.parts, card.Note((said,)))) if said and beside else drawn


def without_list(drawn: card.Card, longest: int, described: int) -> card.Card:
    """The card without its list of options, if what one chooses from shows all of it.

    It shows labels of *longest* characters, and descriptions of *described*; 0 if it shows none.
    """
    pick = next((control for control in drawn.controls if isinstance(control, card.Pick)), None)
    if pick is None or any(len(label.text) > longest for label in pick.labels):
        return drawn
    if any(about is not None and (len(about.text) > described or "\n" in about.text) for about in pick.described):
        return drawn
    return replace(drawn, parts=tuple(part for part in drawn.parts if not isinstance(part, card.Choices)))
