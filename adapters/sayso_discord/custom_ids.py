"""What a component carries: a token of the service, and how its press is meant. Pure.

The rule: a custom id only says what was pressed. Who may press, and whether it still counts, is looked up each time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

How = Literal["press", "choose", "submit", "window", "open", "turn", "end"]
"""A button; a menu that sends what was chosen; a button that sends a window off as it is; a window with inputs.

In a list: a button that opens a request, one that turns the page, and one that ends a grant."""

# The version of this form; a component with another version counts as outdated.
_PREFIX = "sayso1"
_LETTERS: dict[str, How] = {how[0]: how for how in get_args(How)}
_SHAPE = re.compile(rf"{_PREFIX}:([{''.join(_LETTERS)}])([0-9]?):([A-Za-z0-9._-]{{1,80}})")


@dataclass(frozen=True, slots=True)
class Carried:
    """A custom id as it was read."""

    how: How
    token: str


def write(how: How, token: str, number: int = 0) -> str:
    """The custom id for a token; *number* tells apart several components with the same token."""
    return f"{_PREFIX}:{how[0]}{number or ''}:{token}"


def read(custom_id: str) -> Carried | None:
    """What a custom id carries; None if it does not have our form."""
    found = _SHAPE.fullmatch(custom_id)
    return Carried(_LETTERS[found[1]], found[3]) if found else None
