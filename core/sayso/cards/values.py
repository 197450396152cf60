"""Values as boxes: the arguments of a tool, and what was filled into a form. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sayso.cards import card
from sayso.content import text

# Keys are the agent's. More of them, or longer ones, are shown as one JSON text, in which they cannot pose as labels.
MOST_KEYS = 12
LONGEST_KEY = 60


def text_of(value: Any) -> str:
    """An argument as it is shown: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def parts_of(arguments: Mapping[str, Any], heading: str, role: card.Role) -> Iterable[card.Code]:
    """A tool input, one box for each argument, so that line breaks are line breaks."""
    if len(arguments) > MOST_KEYS or any(len(key) > LONGEST_KEY or not key for key in arguments):
        yield card.Code((text.Trusted(heading),), text.literal(text_of(dict(arguments)), code=True), role=role)
        return
    for key, value in arguments.items():
        kind = "" if isinstance(value, str) else " (JSON)"
        shown = text.literal(text_of(value), code=True)
        yield card.Code((text.Trusted(f"{heading}{kind} · "), text.line(key)), shown, role=role)
