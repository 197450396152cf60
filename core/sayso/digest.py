"""Canonical bytes and their digest: the same content gives the same digest in every language (RFC 8785)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from sayso import errors

# RFC 8785 covers integers that a double holds exactly (I-JSON); larger ones, chat ids say, are kept as digits.
MAX_SAFE_INTEGER = 2**53 - 1


def canonical(value: Mapping[str, Any], field: str = "input") -> bytes:
    """The one byte form of a JSON object.

    Where integers go beyond 2^53 - 1 they are written as text and the form becomes an array of the object and the
    places they stood at; an object and an array never look alike, so a number never equals its digits as text.

    Raises:
        InvalidRequest: the value is not plain JSON (a lone surrogate, NaN, a key that is not text, too deep).
    """
    big: list[str] = []
    try:
        plain = _without_big_integers(value, "", big)
        return rfc8785.dumps([plain, big] if big else plain)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError, TypeError) as error:
        raise errors.InvalidRequest(
            f"{field} is not plain JSON: {error or 'nested too deeply'}",
            field=field,
            hint="send objects with text keys, arrays, text, finite numbers, true, false and null",
        ) from error


def digest(value: Mapping[str, Any], field: str = "input") -> str:
    """`sha256:` and the hex digest of the canonical bytes."""
    return "sha256:" + hashlib.sha256(canonical(value, field)).hexdigest()


def of_call(tool: str, arguments: Mapping[str, Any]) -> str:
    """The digest that binds an allowed tool call to the call that runs: over `{"input": …, "tool": …}`."""
    return digest({"tool": tool, "input": arguments})


def _without_big_integers(value: Any, path: str, big: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_big_integers(item, f"{path}/{key}", big) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_without_big_integers(item, f"{path}/{index}", big) for index, item in enumerate(value)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER:
        big.append(path)
        return str(value)
    return value
