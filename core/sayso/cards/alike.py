"""The windows in which somebody leaves parts of a call open: what may differ, then all that this covers. Pure.

The rule: what is to count is shown in full before it does, with calls that it covers and calls that it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sayso import errors, model
from sayso.cards import arguments, card, inputs, phrases, values
from sayso.content import text
from sayso.machine import likeness

Trusted = text.Trusted

FREE = "free"
"""The input in which the parts are chosen."""
_MOST_EXAMPLES = 4


def asked(request: model.Request) -> inputs.Input:
    """The choice of what may differ."""
    options = tuple(text.line(f"{one.name}: {one.words}") for one in likeness.margins_of(request))
    return inputs.Input(FREE, Trusted("What may differ?"), kind="choice", multiple=True, options=options)


def read(request: model.Request, draft: inputs.Draft) -> int:
    """What was chosen, as a number for a token. Raises `InvalidAnswer`.

    It counts the arguments and not the options: which of these are offered follows from what is shown of a secret.
    """
    margins, chosen = likeness.margins_of(request), inputs.read_indexes(draft.get(FREE), FREE)
    if not chosen or max(chosen) >= len(margins):
        raise errors.InvalidAnswer("choose at least one part that may differ", field=FREE)
    every = list(request.input or {})
    return sum(1 << every.index(margins[index].name) for index in set(chosen))


def names(request: model.Request, number: int) -> tuple[str, ...]:
    """The parts that such a number stands for."""
    may = {one.name for one in likeness.margins_of(request)}
    return tuple(name for index, name in enumerate(request.input or {}) if number >> index & 1 and name in may)


def parts_of(ticket: model.Ticket, free: tuple[str, ...]) -> Iterator[card.Part]:
    """All that the allow would cover. Raises `InvalidAnswer` as `likeness.pattern_of`."""
    request, lasts = ticket.request, phrases.duration(timedelta(seconds=ticket.policy.grants or 0.0))
    pattern = likeness.pattern_of(request, free)
    yield card.Line(
        (Trusted(f"For {lasts} every call of "), text.line(ticket.owner), Trusted(" like this is allowed at once:"))
    )
    yield card.Line((text.line(request.tool or ""),), strong=True)
    for one in pattern.free:
        yield card.Line((text.line(one.name), Trusted(": "), text.line(one.words)), strong=True)
    fixed = {name: value for name, value in (request.input or {}).items() if name not in free}
    if fixed:
        yield card.Line((Trusted("And the rest exactly so:"),))
        yield from arguments.parts_of(request.tool or "", fixed)
    like, unlike = likeness.examples(pattern, request)
    yield from _shown("It covers, for example", like)
    yield from _shown("It does not cover, for example", unlike)
    yield card.Note(
        (
            Trusted("A call in which the service finds a risk that this card does not show is asked about. "),
            Trusted("A deny by a rule beats it, and it can be ended: sayso grants end."),
        )
    )


def covered(pattern: likeness.Pattern, what: str) -> Iterator[card.Inline]:
    """The same in the line of a list."""
    for index, one in enumerate(pattern.free):
        yield from (Trusted(", " if index else "with "), text.line(one.name), Trusted(": "), text.line(one.words))
    yield from (Trusted(", like "), text.line(what)) if what else (Trusted(", like its card"),)


def _shown(said: str, examples: Sequence[likeness.Example]) -> Iterator[card.Part]:
    for index, (name, value) in enumerate(examples[:_MOST_EXAMPLES]):
        spans = (text.line(name), Trusted(" "), text.line(values.text_of(value)))
        yield card.Line((Trusted(f"{said}: ") if not index else Trusted("and "), *spans))
