"""Credentials in a text: by the forms that their makers gave them, by the names beside them, in addresses and options.

The rule: a text is sought for fixed words first, and read closely only around them, so that it takes as long as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sayso.content import acting, labelled, makers, outside, secret_names

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
    made = list(makers.find(raw))
    for sign in _SIGNS:
        if sign in lower:
            variables = acting.Variables(raw)
            others = (*labelled.find(raw, lower, variables), *_find_others(raw, lower, variables))
            found = acting.without(raw, _without(others, made)) if others else ()
            return joined([*made, *found])
    return made


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
_COOKIE = re.compile(
    rf"""(?:^|;\ ?|(?<=["':])|(?<=["':]\ ))(?P<name>[\w-]{{1,80}}+)=
    (?=\S{{0,40}}[0-9!*\#^~+])(?P<value>{labelled.SAFE}{{6,4096}}+)""",
    re.VERBOSE,
)
# Variables by which a command does something else.
_ACTS = re.compile(
    r"(?:LD_|DYLD_|GIT_|BASH_|PYTHON|PERL|RUBY|NODE_)\w*|ENV|IFS|\w{0,60}(?:PATH|EDITOR|PAGER|COMMAND|SHELL)"
)
_AFTER = re.compile(rf"""\ ?["']?({labelled.SAFE}{{4,400}}+)""")
_JOINED = re.compile(rf"""["']?({labelled.SAFE}{{4,400}}+)""")
_QUOTED = re.compile(rf"""["']({labelled.SAFE}{{4,400}}+)["']""")
_ACCOUNT = re.compile(rf"""[ =]?["']?[^\s:"'$]{{1,80}}+:({labelled.SAFE}{{4,400}}+)""")
_SAID = re.compile(rf"""["']?(?=\S{{0,40}}[0-9])({labelled.SAFE}{{5,400}}+)""")


class _Option(NamedTuple):
    """An option after which a password stands."""

    written: str
    before: tuple[str, ...]
    """One of these stands before it in the same command."""
    follows: re.Pattern[str]


_LOGINS = ("sshpass", "docker login", "podman login", "helm registry login", "az login", "htpasswd")
_DIRECTORIES = ("ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami")
_OPTIONS = (
    *(_Option(one, ("curl",), _ACCOUNT) for one in (" -u", " --user", " -U", " --proxy-user")),
    _Option(" -p", ("mysql", "mariadb"), _JOINED),
    _Option(" -p", _LOGINS, _AFTER),
    _Option(" -a ", ("redis-cli",), _AFTER),
    _Option("pass:", ("openssl", "-pass"), _JOINED),
    _Option(" -k ", ("openssl",), _AFTER),
    _Option(" -P ", ("zip", "unzip"), _AFTER),
    _Option(" -w ", _DIRECTORIES, _AFTER),
    *(_Option(one, ("user", "role"), _QUOTED) for one in (" IDENTIFIED BY ", " identified by ")),
    _Option(" password ", ("login ",), _JOINED),
    _Option(" is ", ("password", "passwd", "passphrase", "token", "api key", "secret"), _SAID),
)
# What is written or entered is in sight but for keys that have a form of their own.
_PATHS = frozenset(outside.PATHS) | {"cwd", "workdir", "dir", "directory", "folder"}
_SCHEMES, _HEADERS = ("bearer ", "basic "), ("cookie", "set-cookie")


def _signs() -> tuple[str, ...]:
    """Without any of these there is no secret beside a name, in an address or in an option; none is in another one."""
    before = (one for option in _OPTIONS for one in option.before)
    signs = {*labelled.STEMS, *labelled.ENDS, *_SCHEMES, *before, "cookie", "://"}
    return tuple(sorted(one for one in signs if not any(other in one for other in signs - {one})))


_SIGNS = _signs()
# How far before an option its program is sought.
_FAR = 200
_COMMAND_ENDS = re.compile(r"[\n|;&]")


def _find_others(raw: str, lower: str, variables: acting.Variables) -> Iterator[Span]:
    for found in _behind(raw, "://", raw, _AUTHORITY):
        if secret_names.is_secret(found["value"] or found["token"], "password"):
            yield found.span("value" if found["value"] else "token")
    for scheme in _SCHEMES:
        # in `A=Bearer b` a shell runs b
        given = (
            one for one in _behind(lower, scheme, raw, _BEARER) if not raw.endswith("=", 0, one.start() - len(scheme))
        )
        yield from (one.span(1) for one in given)
    for line in _behind(lower, "cookie", raw, _COOKIES):
        cookies = _COOKIE.finditer(raw, *line.span("all"))
        said = (one for one in cookies if not (_ACTS.fullmatch(one["name"]) or variables.act(one["name"])))
        yield from (one.span("value") for one in said)
    for option in _OPTIONS:
        if option.written in raw and any(one in lower for one in option.before):
            yield from _find_option(raw, lower, option)


def _find_option(raw: str, lower: str, option: _Option) -> Iterator[Span]:
    for found in _behind(raw, option.written, raw, option.follows):
        begin = found.start() - len(option.written)
        command = _COMMAND_ENDS.split(lower[max(0, begin - _FAR) : begin])[-1]
        near = option.written != " is " or command.endswith(option.before)
        said = near and any(_as_program(one).search(command) for one in option.before) and not found[1].isdigit()
        if said and secret_names.is_secret(found[1], "password"):
            yield found.span(1)


@functools.cache
def _as_program(client: str) -> re.Pattern[str]:
    # in `A=sshpass time -p reboot` it is none
    return re.compile(rf"""(?<![^\s/(`"']){re.escape(client.rstrip())}(?![^\s"'])""")


def _behind(seen: str, sought: str, raw: str, follows: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """What follows behind every one of these words; nothing is read twice."""
    at = seen.find(sought)
    while at >= 0:
        at += len(sought)
        if found := follows.match(raw, at):
            yield found
            at = found.end()
        at = seen.find(sought, at)
