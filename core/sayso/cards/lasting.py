"""What somebody reads before they allow more than one run: all that it covers, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from sayso import model
from sayso.cards import alike, arguments, card, phrases
from sayso.content import text
from sayso.machine import likeness

Trusted = text.Trusted


def parts_of(ticket: model.Ticket, standing: model.Standing, free: tuple[str, ...] = ()) -> Iterator[card.Part]:
    """All that the allow would cover; of a pattern with the parts that may differ."""
    if standing == "pattern":
        yield from alike.parts_of(ticket, free)
        return
    request, lasts = ticket.request, phrases.duration(timedelta(seconds=ticket.policy.grants or 0.0))
    if standing == "call":
        yield card.Line(
            (Trusted(f"For {lasts} exactly this call of "), text.line(ticket.owner), Trusted(" is allowed at once:"))
        )
        yield card.Line((text.line(request.tool or ""),), strong=True)
        yield from arguments.parts_of(request.tool or "", request.input or {})
    else:
        yield card.Line(
            (
                Trusted(f"For {lasts} every call of the tool "),
                text.line(request.tool or ""),
                Trusted(" by "),
                text.line(ticket.owner),
                Trusted(" in the session "),
                text.line(request.source.session or ""),
                Trusted(" is allowed at once, whatever its input is."),
            )
        )
    yield card.Note((Trusted("A deny by a rule beats it, and it can be ended: sayso grants end."),))


def covered(
    standing: model.Standing | Literal["rule"],
    session: str | None,
    what: str,
    pattern: likeness.Pattern | None = None,
) -> Iterator[card.Inline]:
    """What a grant covers, in the line of a list; *what* is how the call of its card begins, or its rule."""
    if standing == "rule":
        yield from (Trusted("wherever it matches "), text.line(what))
    elif pattern is not None:
        yield from alike.covered(pattern, what)
    elif standing == "call":
        yield from (Trusted("exactly so: "), text.line(what)) if what else (Trusted("exactly as its card shows"),)
    else:
        yield from (Trusted("with any input, in the session "), text.line(session or ""))
