"""What the service asks when it suggests a rule: the rule, and the very calls that it would have covered. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sayso import model
from sayso.cards import naming
from sayso.content import masks
from sayso.desk.admission import learned
from sayso.rules import globs, written
from sayso.rules.replaying import Past
from sayso.rules.suggesting import Suggestion

# Calls that are listed by themselves, and characters of all of them.
_MOST, _LONGEST = 200, 60_000


def request_of(one: Suggestion, key: str, until: date, cover: masks.Masks) -> model.Request:
    """The request by which it is suggested."""
    newest, count = one.covered[0], len(one.covered)
    facts = {
        "Agent": newest.owner,
        "Tool": newest.request.tool or "",
        "Covers": _what(one),
        "Holds until": f"{until}, or until it is ended",
    }
    return model.Request(
        kind="choice",
        title=f"People allowed {count} calls like these, and nobody ever denied one. Allow them without asking?",
        options=(
            model.Option(label=learned.ACCEPT, description="A deny by a rule beats it. Grants show it, and end it."),
            model.Option(label=learned.REFUSE, description="It is not suggested again."),
        ),
        context=facts,
        attachments=(
            model.Attachment(name="It would allow", text=written.rule(f"suggested-{key[-12:]}", one.match, until)),
            model.Attachment(name="It would have covered", text=_covered(one, cover)),
        ),
        metadata={naming.SUGGESTED: key},
    )


def _what(one: Suggestion) -> str:
    """How far it goes beyond the calls that are listed."""
    args = one.match.get("args", ())
    if "**" in args:
        return f"{one.match['program']} {' '.join(args[:-1])}, whatever stands behind it"
    folders = [value for value in one.match.values() if isinstance(value, str) and globs.is_glob(value)]
    return f"any file below {folders[0].removesuffix('*')}" if folders else "this very call, and no other"


def _covered(one: Suggestion, cover: masks.Masks) -> str:
    """The calls, those with the same input together."""
    by_input = dict[str, list[Past]]()
    for past in one.covered:
        by_input.setdefault(written.toml(cover.value(past.request.input or {})), []).append(past)
    lines = list[str]()
    for asked, some in by_input.items():
        lines += [asked, *_lines(some)]
    shown = "\n".join(lines[:_MOST])
    left = len(lines) > _MOST or len(shown) > _LONGEST
    return f"{shown[:_LONGEST]}\n(more of them: sayso policy suggest)" if left else shown


def _lines(some: list[Past]) -> Iterator[str]:
    return (f"  {past.id}, asked {past.at:%Y-%m-%d %H:%M} UTC, allowed by {past.by}" for past in some)
