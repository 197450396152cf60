"""What the service asks when it suggests a rule: the rule, and the very calls that it would have covered. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sayso import model
from sayso.cards import naming
from sayso.content import masks, wording
from sayso.desk.admission import learned
from sayso.rules import globs, written
from sayso.rules.replaying import Past
from sayso.rules.suggesting import Suggestion

# Calls with one input that are listed by themselves; lines and characters of all that is read before it is accepted.
_EACH, _MOST, _LONGEST = 5, 500, 60_000


def is_readable(one: Suggestion, cover: masks.Masks) -> bool:
    """Whether all that it covers stands on its card: what nobody can read whole, nobody is asked to accept."""
    shown = _covered(one, cover)
    return shown.count("\n") < _MOST and len(shown) <= _LONGEST


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
            model.Attachment(
                name="It would allow", text=written.rule(f"suggested-{learned.grant_of(key)}", one.match, until)
            ),
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
    """Every input that was allowed, with who allowed it when; of many with the same input how many they are."""
    by_input = dict[str, list[Past]]()
    for past in one.covered:
        by_input.setdefault(written.toml(cover.value(past.request.input or {})), []).append(past)
    return "\n".join(line for asked, some in by_input.items() for line in (asked, *_lines(some)))


def _lines(some: list[Past]) -> Iterator[str]:
    for past in some[:_EACH]:
        yield f"  {past.id}, asked {past.at:%Y-%m-%d %H:%M} UTC, allowed by {past.by}"
    if rest := some[_EACH:]:
        first, last = min(past.at for past in rest), max(past.at for past in rest)
        by = wording.in_a_row(sorted({past.by for past in rest}))
        times = wording.counted(len(rest), "time")
        yield f"  and the same {times} more, {first:%Y-%m-%d} to {last:%Y-%m-%d}, allowed by {by}"
