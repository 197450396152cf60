"""Compiles a condition once, and asks it for every call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from sayso.rules.book import Condition
from sayso.rules.calls import NAMES

# More than anybody reads in one line of settings.
_LONGEST = 2_000
_PLACE = re.compile(r"ERROR: <input>:[0-9]+:([0-9]+): ")
_TYPES = {"text": cel.Type.STRING, "any": cel.Type.DYN}
_ENVIRONMENT = cel.NewEnv(variables={name: _TYPES[kind] for name, kind in NAMES.items()})


def condition(text: str) -> Condition:
    """A condition. Raises `ValueError` if it is no CEL, names something unknown, or can never be true or false."""
    if len(text) > _LONGEST:
        raise ValueError(f"has more than {_LONGEST} characters")
    try:
        expression = _ENVIRONMENT.compile(text)
    except Exception as error:
        raise ValueError(_said(error)) from None
    kind = expression.return_type()
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        raise ValueError(f"is of type {kind.name()}, and never true")

    def is_true(facts: Mapping[str, Any]) -> bool | None:
        try:
            found = expression.eval(data=dict(facts))
            return found.value() is True if found.type() == cel.Type.BOOL else None
        except Exception:
            # a number that is too large, or text that is no text
            return None

    return is_true


def _said(error: Exception) -> str:
    first = str(error).strip().splitlines()[0]
    return _PLACE.sub(r"at character \1: ", first.replace("INVALID_ARGUMENT: ", ""))
