"""Patterns of others over texts of others, in linear time and little memory: neither can stop the service. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable

import pydantic_core

MOST = 8_000_000
"""Bytes that the patterns of one request may weigh together: a tenth of a second to compile."""
# The engine takes up to ten times as much for one pattern, so that only a few of those are kept.
_HEAVY = 1_000_000

# What one sign compiles to in bytes, about: a class of Unicode is a table of all its letters. Nothing is tried twice.
_SIGN = re.compile(
    r"(?P<open>\(\??)|(?P<close>\))"
    r"|\{\s*+(?P<least>[0-9]{1,9}+)\s*+(?P<more>,\s*+(?P<most>[0-9]{0,9}+)\s*+)?\}"
    r"|(?P<letters>\\[wW]|\\[pP](?:\{[^}]{0,99}\}|.))|(?P<digits>\\[dD])|(?P<any>\\[sS]|\.)"
    r"|(?P<class>\[\^?\]?(?:[^\]\\]|\\.)*\]?)|\\?.",
    re.DOTALL,
)
_LETTERS, _DIGITS, _ANY, _PLAIN = 50_000, 13_000, 2_000, 128
_OF_CLASS = ((re.compile(r"\\[wWpP]"), _LETTERS), (re.compile(r"\\[dD]"), _DIGITS), (re.compile(r"\\[sS]|\^"), _ANY))
# where blanks and comments are no signs, nobody knows what a number repeats
_VERBOSE = re.compile(r"\(\?[a-zA-Z-]*x")


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches *pattern* anywhere. Raises `pydantic_core.SchemaError` if it is not a valid one."""
    return (_compiled if weight_of(pattern) < _HEAVY else _compiled_heavy)(pattern)


def are_light(patterns: Iterable[str]) -> bool:
    """Whether these patterns together are taken."""
    return sum(map(weight_of, dict.fromkeys(patterns))) <= MOST


@functools.lru_cache(maxsize=64)
def weight_of(pattern: str) -> int:
    """What *pattern* compiles to in bytes, about, and rather too much: what a number repeats counts so often."""
    verbose = _VERBOSE.search(pattern) is not None
    groups, whole, last = list[int](), 0, 0
    for sign in _SIGN.finditer(pattern):
        if sign["open"]:
            groups.append(whole)
            whole, last = 0, 0
        elif sign["close"] and groups:
            whole, last = groups.pop() + whole, whole
        elif sign["least"]:
            times = max(int(sign["least"]) + bool(sign["more"]), int(sign["most"] or 0), 1)
            repeated = whole if verbose else last
            # no number with a digit for each repetition: beyond this nothing is taken anyway
            last = min(repeated * times, 2 * MOST)
            whole = min(whole + repeated * (times - 1), 2 * MOST)
        else:
            last = _weight_of_sign(sign)
            whole += last
    return whole + sum(groups)


def _weight_of_sign(sign: re.Match[str]) -> int:
    if listed := sign["class"]:
        return max([40 * len(listed), *(weight for held, weight in _OF_CLASS if held.search(listed))])
    return _LETTERS if sign["letters"] else _DIGITS if sign["digits"] else _ANY if sign["any"] else _PLAIN


def _compile(pattern: str) -> Callable[[str], bool]:
    # an engine without look-around and back references, which therefore reads each text once
    validator = pydantic_core.SchemaValidator({"type": "str", "pattern": pattern, "regex_engine": "rust-regex"})
    return validator.isinstance_python


# while it reads, a pattern may take three megabytes more; as many heavy ones as one request may have
_compiled = functools.lru_cache(maxsize=32)(_compile)
_compiled_heavy = functools.lru_cache(maxsize=MOST // _HEAVY)(_compile)
