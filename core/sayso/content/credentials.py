"""Credentials in a text: by the forms that their makers gave them, by the names beside them, in addresses and options.

The rule: a text is sought for fixed words first, and read closely only around them, so that it takes as long as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence

from sayso.content import acting, clients, labelled, makers, outside, secret_names

Span = labelled.Span
MASK = "••••"
_LONGEST_BEGINNING = 16
# A name, a sign and a secret are no shorter.
_SHORTEST = 8
_LONGEST_KEPT = 300
_ASCII_LOWER = {ord(sign): sign.lower() for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def spans(raw: str) -> Sequence[Span]:
    """Where secrets stand in a text, in order; no two of them overlap."""
    if len(raw) < _SHORTEST:
        return ()
    return _find_once(raw) if len(raw) <= _LONGEST_KEPT else _find(raw)


def _find(raw: str) -> Sequence[Span]:
    lower = raw.lower()
    # some letters become two
    lower = lower if len(lower) == len(raw) else raw.translate(_ASCII_LOWER)
    made, variables = list(makers.find(raw)), acting.Variables(raw)
    others = (*labelled.find(raw, lower, variables), *_find_others(raw, lower, variables))
    return joined([*made, *acting.without(raw, _without(others, made))]) if others else made


# a drawing looks at a text for its masks and for its risks, and most are drawn more than once
_find_once = functools.lru_cache(512)(_find)


def spans_of(name: str, value: str) -> Sequence[Span]:
    """Where secrets stand in the value of an argument of this name."""
    if name.lower() in _PATHS and "://" not in value and "\n" not in value:
        return list(makers.find(value))
    known = spans(value)
    if secret_names.strength_of(name) is None and name.lower() not in _HEADERS:
        return known
    found = [*known, *_without(labelled.find_in_value(name, value), known)]
    if name.lower() in _HEADERS:
        found += (one.span("value") for one in _COOKIE.finditer(value))
    return joined(found)


MASKED = re.compile(r"•{4}[0-9]{1,7}:[0-9a-f]{8}•{4}")
"""A mask as people see it; `masks` makes them."""

# What stands before a secret and says what it is: the name and the sign after it, or the beginning of the word.
_BEFORE = re.compile(r"""(?:[^\s;|&]{0,60}[:=]["']?\ {1,2})?[^\s;|&]{0,60}\ ?\Z""")


def find(name: str, value: str) -> Iterator[str]:
    """The credentials in an argument, masked, with what stands before each."""
    masked = (found.span() for found in MASKED.finditer(value)) if MASK in value else ()
    for begin, _ in joined([*spans_of(name, value), *masked]):
        before = _BEFORE.search(value, max(0, begin - 130), begin)
        said = before[0].lstrip() if before else ""
        yield f"{said or f'{name}='}{MASK}"


def is_safe(secret: str) -> bool:
    """Whether a mask may cover all of this."""
    return bool(labelled.RUN.fullmatch(secret))


def _without(found: Iterable[Span], made: Iterable[Span]) -> Iterator[Span]:
    """Those places that are not the same key once more, with the beginning by which people know it."""
    begins = {end: begin for begin, end in made}
    return (one for one in found if not 0 <= begins.get(one[1], -1) - one[0] <= _LONGEST_BEGINNING)


def joined(found: Sequence[Span]) -> list[Span]:
    """These places in order, where two overlap as one."""
    made: list[Span] = []
    for begin, end in sorted(found):
        if made and begin < made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((begin, end))
    return made


_OF_ACCOUNT = r"""[^\s'"$<>{}\[\];|&()`\\,•@"""
# behind an @ nothing that begins a path stands, so that what is before it is no host
_SECRET_OF_ACCOUNT = rf"{_OF_ACCOUNT}]{{1,200}}+(?:@{_OF_ACCOUNT}/?#]{{1,40}}+(?=@))?"
_AUTHORITY = re.compile(
    rf"""[^\s:@/'"$<>]{{0,80}}+ : (?![0-9]{{0,200}}+[/?\#\s]) (?P<value>{_SECRET_OF_ACCOUNT}) @ (?=[\w.\[-])
    | (?P<token>(?=[^@]{{0,100}}[0-9])[\w-]{{20,200}}+) @""",
    re.VERBOSE,
)
_BEARER = re.compile(r"(?=[\w.~+/-]{0,400}[0-9])([\w.~+/-]{16,4096}+=*)")
_COOKIES = re.compile(r"""["']?\ ?:\ ?["']?(?P<all>[^\n"']{1,4096})""")
_VALUE = rf"(?=\S{{0,40}}[0-9!*#^~+]|[A-Za-z]{{16}})(?P<value>{labelled.SAFE}{{6,4096}}+)"
_COOKIE = re.compile(rf"""(?:^|;\ ?|(?<=["':])|(?<=["':]\ ))(?P<name>[\w-]{{1,80}}+)={_VALUE}""")
_PAIR = re.compile(rf"""(?:(?<=["' =b])|;\ ?)(?P<name>[\w.-]{{1,80}}+)={_VALUE}""")
# Variables by which a command does something else.
_ACTS = re.compile(
    r"(?:LD_|DYLD_|GIT_|BASH_|PYTHON|PERL|RUBY|NODE_)\w*|ENV|IFS|\w{0,60}(?:PATH|EDITOR|PAGER|COMMAND|SHELL)"
)
# What is written or entered is in sight but for keys that have a form of their own.
_PATHS = frozenset(outside.PATHS) | {"cwd", "workdir", "dir", "directory", "folder"}
_SCHEMES, _HEADERS = ("bearer ", "basic "), ("cookie", "set-cookie")


def _find_others(raw: str, lower: str, variables: acting.Variables) -> Iterator[Span]:
    for found in clients.behind(raw, "://", raw, _AUTHORITY):
        if secret_names.is_secret(found["value"] or found["token"], "password"):
            yield found.span("value" if found["value"] else "token")
    for scheme in _SCHEMES:
        # in `A=Bearer b` a shell runs b
        given = (
            one
            for one in clients.behind(lower, scheme, raw, _BEARER)
            if not raw.endswith("=", 0, one.start() - len(scheme))
        )
        yield from (one.span(1) for one in given)
    for line in clients.behind(lower, "cookie", raw, _COOKIES):
        yield from _values_of(_COOKIE.finditer(raw, *line.span("all")), variables)
    for span in clients.cookies(raw, lower):
        yield from _values_of(_PAIR.finditer(raw, *span), variables)
    yield from labelled.find_beside(raw, lower, variables)
    yield from clients.find(raw, lower, variables)


def _values_of(cookies: Iterable[re.Match[str]], variables: acting.Variables) -> Iterator[Span]:
    said = (one for one in cookies if not (_ACTS.fullmatch(one["name"]) or variables.act(one["name"])))
    yield from (one.span("value") for one in said)
