"""Canonical bytes and their digest: the same content gives the same digest in every language (RFC 8785)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import rfc8785

from sayso import errors

# RFC 8785 covers integers that a double holds exactly (I-JSON); larger ones, such as ids of chats, are kept as digits.
MAX_SAFE_INTEGER = 2**53 - 1
# Characters of the paths of all such integers: they become part of the canonical form.
_LONGEST_PATHS = 4 * 1_048_576
# JSON libraries refuse deeper values, each at a depth of its own; some of them crash.
MAX_DEPTH = 100
# What is asked is wrapped a few levels deep before it is hashed whole.
_WRAPPED = 20
_TEXTS = frozenset((str,))

# The same bytes as RFC 8785 writes, ten times faster; it differs only in odd floats and in the order of odd keys.
_QUICK = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
# Made once: `encode` makes it anew for each value, and that takes longer than a small value. None where there is no C.
_make: Any = getattr(json.encoder, "c_make_encoder", None)
_ITS_CORE: Any = _make and _make(
    None, _QUICK.default, json.encoder.encode_basestring, None, ":", ",", True, False, True
)


def canonical(value: Mapping[str, Any], field: str = "input", *, deepest: int = MAX_DEPTH + _WRAPPED) -> bytes:
    """The one byte form of a JSON object.

    If integers go beyond 2^53 - 1, they are written as text, and the form becomes an array of the object and the
    paths of these integers. An object and an array never look alike, so a number never equals its digits as text.

    Raises:
        InvalidRequest: the value is not plain JSON (a lone surrogate, NaN, a key that is not text, too deep).
    """
    try:
        if _is_plain(value, deepest):
            return _written(value)
        seen = _Seen(field)
        plain = _plain(value, None, seen, deepest)
        whole = [plain, seen.big] if seen.big else plain
        if seen.irregular:
            return rfc8785.dumps(whole)
        return _written(whole)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError, TypeError) as error:
        why = "it holds half a character" if isinstance(error, UnicodeEncodeError) else error or "nested too deeply"
        raise errors.InvalidRequest(
            f"{field} is not plain JSON: {why}",
            field=field,
            hint="send objects with text keys, arrays, text, finite numbers, true, false and null",
        ) from error


def _written(value: Any) -> bytes:
    # how deep it is was looked at before, so that it holds itself nowhere
    return ("".join(_ITS_CORE(value, 0)) if _ITS_CORE else _QUICK.encode(value)).encode()


def check(value: Mapping[str, Any], field: str) -> None:
    """Refuse what has no canonical form, except for half a character in it. Raises as `canonical`."""
    if not _is_plain(value, MAX_DEPTH):
        canonical(value, field, deepest=MAX_DEPTH)


def digest(value: Mapping[str, Any], field: str = "input") -> str:
    """`sha256:` and the hex digest of the canonical bytes."""
    return "sha256:" + hashlib.sha256(canonical(value, field)).hexdigest()


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two JSON objects are the same: 1 and 1.0 are, 1 and true are not. Raises as `canonical`."""
    return one is other or canonical(one) == canonical(other)


def of_call(tool: str, arguments: Mapping[str, Any]) -> str:
    """The digest that binds an allowed tool call to the call that runs: over `{"input": …, "tool": …}`."""
    return digest({"tool": tool, "input": arguments})


@dataclass(slots=True)
class _Seen:
    """What a value has in it: paths of big integers, and anything that only the full algorithm writes right."""

    name: str
    big: list[str] = field(default_factory=lambda: [])
    irregular: bool = False
    room_left: int = _LONGEST_PATHS

    def remember(self, way: _Way) -> None:
        """Remember the path of a big integer."""
        path = _path(way)
        self.room_left -= len(path)
        if self.room_left < 0:
            raise errors.InvalidRequest(
                f"{self.name} has too many integers beyond 2^53 under long names",
                field=self.name,
                hint="send them as text",
            )
        self.big.append(path)


# A path is written out for big integers only: with a name of half a megabyte above a long list, writing it for every
# value would take the square of the size.
_Way = tuple["_Way", str | int] | None


def _path(way: _Way) -> str:
    steps: list[str] = []
    while way is not None:
        way, step = way
        steps.append(f"/{step}")
    return "".join(reversed(steps))


def _is_plain(value: Any, deepest: int) -> bool:
    """Whether a value is written right as it stands. Most are, and need not be copied for that."""
    level: list[Any] = [value]
    keys: list[Any] = []
    for _ in range(deepest):
        if _TEXTS.issuperset(map(type, level)):
            # most end with texts alone
            return _are_plain(keys)
        below: list[Any] = []
        for one in level:
            kind: type[Any] = type(one)  # pyright: ignore[reportUnknownVariableType]
            if kind is str:
                continue
            if kind is dict:
                keys += one
                below += one.values()
            elif kind is list or kind is tuple:
                below += one
            elif kind is int:
                if not -MAX_SAFE_INTEGER <= one <= MAX_SAFE_INTEGER:
                    return False
            elif one is not None and kind is not bool:
                return False
        if not below:
            return _are_plain(keys)
        level = below
    return False


def _are_plain(keys: list[Any]) -> bool:
    try:
        return "".join(keys).isascii()
    except TypeError:
        return False


def _plain(value: Any, way: _Way, seen: _Seen, deepest: int) -> Any:
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if deepest < 0:
        raise RecursionError("nested too deeply")
    if isinstance(value, dict):
        return _plain_object(value, way, seen, deepest)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_plain(item, (way, index), seen, deepest - 1) for index, item in enumerate(value)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        seen.remember(way)
        return str(value)
    return _plain_number(value, seen)


def _plain_number(value: Any, seen: _Seen) -> Any:
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= MAX_SAFE_INTEGER:
            return int(value)
        # here Python and JavaScript write the same digits, and neither an exponent
        seen.irregular = seen.irregular or not 1e-4 <= abs(value) < 1e15
    else:
        seen.irregular = seen.irregular or not isinstance(value, int)
    return value


def _plain_object(value: dict[Any, Any], way: _Way, seen: _Seen, deepest: int) -> dict[Any, Any]:
    # JavaScript orders by UTF-16: up to the surrogates that is the order of code points, too
    is_regular = all(isinstance(key, str) and (key.isascii() or max(key) < "\ud800") for key in value)
    seen.irregular = seen.irregular or not is_regular
    return {key: _plain(item, (way, key), seen, deepest - 1) for key, item in value.items()}
