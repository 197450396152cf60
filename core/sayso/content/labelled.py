"""Secrets by the names beside them: `PASSWORD=…`, `"token": "…"`, `--api-key …`, a header in an option. Pure.

The rule: what is found is the secret alone, never a blank, a quote or a sign that a shell would act on.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator

from sayso.content import acting, secret_names

Span = tuple[int, int]

# What may stand in a secret that a mask covers: nothing of this acts in a shell, and none of it ends a word there.
SAFE = r"""[^\s"'`$;|&<>(){}\[\]\\,•]"""
RUN = re.compile(rf"{SAFE}{{1,4096}}+")

_LONGEST_NAME, _LONGEST = 80, 4_096
# A name holds one of these; each is sought as it is, which takes next to no time.
STEMS = ("passw", "passphrase", "passcode", "pwd", "kennwort", "secret", "token", "key", "credential", "auth", "jwt")
ENDS = ("pass", "bearer", "sig", "sas", "sessid", "sessionid", "pat", "pw", "psk", "phrase")
_SIGNS_BEHIND = ("=", ":", '"', "'", " ")
_BREAKS = (" ", "\n", '"', "'", "")
_NAME = re.compile(rf"[\w.-]{{0,{_LONGEST_NAME}}}+")
_SCHEMES = "Bearer|Basic|Token|Bot|ApiKey|OAuth|Digest|Negotiate"
_NAMED = re.compile(
    rf"""(?P<dashes>-{{0,2}}) (?P<name>[A-Za-z_][\w.-]{{0,{_LONGEST_NAME}}}+) (?P<closed>\\?["'])?
    (?: \ ?(?P<sign>:=|=>|==?|:|,)\ {{0,3}} | (?P<blank>\ {{1,3}}) )
    (?P<quote>\\?["'])? (?P<scheme>(?:{_SCHEMES}|(?<=uthorization:\ )(?:token|bearer|basic))\ {{1,2}})?
    (?P<value>{SAFE}{{1,{_LONGEST}}}+)""",
    re.VERBOSE,
)
# An element of XML. Where a shell reads one, a `>` with nothing behind it is an error, and nothing runs.
_ELEMENT = re.compile(
    rf"""<(?P<name>[A-Za-z_][\w.:-]{{0,{_LONGEST_NAME}}}+)(?:\s[^<>\n]{{0,200}})?>(?P<value>{SAFE}{{1,{_LONGEST}}}+)
    </(?P=name)>(?=[ \t]{{0,40}}(?:<[A-Za-z/!?]|\r?\n|\Z))""",
    re.VERBOSE,
)
# A name and its value beside each other, as YAML, JSON and attributes have them.
_NAME_AND_VALUE = re.compile(
    rf"""\b(?:name|key)["']?\ ?[:=]\ ?["']?(?P<name>[A-Za-z_][\w.-]{{1,{_LONGEST_NAME}}}+)["']?\ ?,?\s{{1,40}}
    ["']?value["']?(?:\ ?:\ ?|=(?=["'])|\ =\ )["']?(?P<value>{SAFE}{{1,{_LONGEST}}}+)""",
    re.VERBOSE | re.IGNORECASE,
)
_SCHEME = re.compile(rf"(?:{_SCHEMES}) {{1,3}}", re.IGNORECASE)
_OPERATOR = re.compile(r"[;|&<>`\n]|\$\(")
# What a shell runs even between double quotes.
_RUNS = re.compile(r"`|\$\(")
_TOKEN_OF_QUOTES = re.compile(
    r"""\\. | (?P<string> '[^']*' | "(?:[^"\\$`]|\\.|\$(?![({]))*" )
    | (?P<odd> ['"`] | \$[({'] | << | (?<![^\s;&|()])\# )""",
    re.VERBOSE | re.DOTALL,
)
_MAIL = re.compile(r"@[\w-]{1,60}\.[\w.-]")
_SET = re.compile(r"\bset \S{0,70}\Z")
_LINE = re.compile(r"(?:^|\n)[ \t+-]{0,40}\Z")


def find(raw: str, lower: str, variables: acting.Variables) -> Iterator[Span]:
    """Where secrets stand beside their names; *lower* is the same text in small letters."""
    done, quotes = set[int](), _Quotes(raw)
    short = [f"{end}{sign}" for end in ENDS if end in lower for sign in _SIGNS_BEHIND]
    for stem in (*STEMS, *short):
        at = lower.find(stem)
        while at >= 0:
            begin, end = _word_around(raw, at)
            if begin not in done:
                done.add(begin)
                found = _NAMED.match(raw, begin)
                if found and (strength := secret_names.strength_of(found["name"].rstrip(".-"))):
                    given = _is_given(raw, found) and _is_secret(raw, found, strength)
                    if given and not _acts(raw, found, variables):
                        yield from _whole(raw, found, strength, quotes)
                    # a long value is no name of another one
                    end = max(end, found.end() if found.end() - end > _LONGEST_NAME else end)
            at = lower.find(stem, max(end, at + 1))


def find_beside(raw: str, lower: str, variables: acting.Variables) -> Iterator[Span]:
    """Where secrets stand between the tags of XML, and as the value beside a name."""
    elements = _ELEMENT.finditer(raw) if "</" in raw else ()
    pairs = _NAME_AND_VALUE.finditer(raw) if "value" in lower and not variables.act("value") else ()
    for found in (*elements, *pairs):
        strength = secret_names.strength_of(found["name"])
        if strength and secret_names.is_secret(found["value"], strength):
            yield found.span("value")


def _word_around(raw: str, at: int) -> Span:
    after = _NAME.match(raw, at)
    end = after.end() if after else at
    if raw[at - 1 : at] in _BREAKS:
        return at, end
    found = _NAME.match(raw[max(0, at - _LONGEST_NAME) : at][::-1])
    return at - (found.end() if found else 0), end


def _is_given(raw: str, found: re.Match[str]) -> bool:
    """Whether what follows the name is its value, and not the next word."""
    quoted = bool(found["quote"])
    if found["sign"] == ",":
        return bool(found["closed"]) and quoted
    if found["sign"]:
        return not _is_assigned_before(raw, found)
    # `--password x`, `config set token x`, and `PASSWORD 'x'` as SQL has it
    said = bool(found["dashes"]) and not found["closed"]
    said = said or bool(_SET.search(raw, max(0, found.start() - 80), found.start()))
    return (said or quoted) and not found["value"].startswith("-")


def _is_assigned_before(raw: str, found: re.Match[str]) -> bool:
    """Whether what follows is a word of its own for a shell.

    It is the program in `PASSWORD= reboot` and `TOKEN=Bearer reboot`, and the file in `TOKEN=>file`.
    """
    begin, end = found.span("sign")
    bare = not found["dashes"] and not found["closed"] and found["name"].isidentifier() and raw[begin - 1] != " "
    if found["sign"] not in ("=", "=="):
        return bare and found["sign"] == "=>"
    return bare and (raw[end] == " " or bool(found["scheme"] and not found["quote"]))


def _is_secret(raw: str, found: re.Match[str], strength: secret_names.Strength) -> bool:
    value, bare = found["value"], not found["quote"] and not found["scheme"]
    following = raw[found.end() : found.end() + 1]
    if following == "(" or (bare and following in (",", ")") and value.isidentifier()):
        return False
    if bare and found["sign"] == ":" and not found["closed"] and _leads_somewhere(raw, found):
        return False
    if bare and found["sign"] == ":" and not found["closed"]:
        value = value.rstrip(".?:")
        # in a sentence a word follows, in a file a value
        on_a_line = following in ("", "\n") and _LINE.search(raw, max(0, found.start() - 42), found.start())
        if value.isalpha() and not (on_a_line and strength == "password"):
            return False
    return secret_names.is_secret(value, strength, bare=bare)


def _acts(raw: str, found: re.Match[str], variables: acting.Variables) -> bool:
    """Whether what looks like a secret may be run, written to or reached."""
    name, value, begin = found["name"], found["value"], found.start()
    if secret_names.is_random(value):
        return False
    if variables.is_alias(begin, name):
        return True
    if not found["sign"]:
        return (acting.is_value_of_another(raw, begin) or variables.positional) and acting.may_be_a_word(value)
    if raw[max(0, begin - 2) : begin] == "${":
        # `${PASSWORD:-reboot}` runs reboot
        return variables.act(name)
    plain = found["sign"] == "=" and not found["dashes"] and not found["closed"] and name.isidentifier()
    # what a dollar stands before is set in no shell
    is_set = variables.act if raw[max(0, begin - 1) : begin] != "$" else variables.is_run
    return plain and is_set(name)


def _leads_somewhere(raw: str, found: re.Match[str]) -> bool:
    """Whether it is a part of an address: `https://token:a@host`, `token:path` of a host, an image and its tag."""
    begin, value = found.start(), found["value"]
    if _MAIL.search(value):
        return True
    if raw[found.end("sign") : found.end("sign") + 1] == " ":
        return False
    # without a blank only a header or a row of settings is written so
    before = raw[max(0, begin - 1) : begin]
    return before not in ("", "\n", '"', "'", ",", "{") or (not begin and value.isidentifier())


class _Quotes:
    """What stands between quotes, as a shell reads them, up to the first sign that would need all of its rules."""

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._read: list[Span] | None = None

    def hold(self, begin: int, end: int) -> bool:
        """Whether one pair of quotes is around all of this."""
        if self._read is None:
            tokens = _TOKEN_OF_QUOTES.finditer(self._raw)
            strings = itertools.takewhile(lambda token: token.lastgroup != "odd", tokens)
            self._read = [token.span() for token in strings if token.lastgroup == "string"]
        at = bisect.bisect_right(self._read, (begin, 0)) - 1
        return at >= 0 and end < self._read[at][1]


def _whole(raw: str, found: re.Match[str], strength: secret_names.Strength, quotes: _Quotes) -> Iterator[Span]:
    """The value, up to the quote that ends it: between quotes it may hold signs that a shell would act on elsewhere."""
    begin, end = found.span("value")
    closes = raw.find(found["quote"], end, end + _LONGEST) if found["quote"] else -1
    # what looks like the beginning of a string may be the end of the one before
    one_word = end == closes and not found["scheme"]
    if closes < 0 or "\n" in raw[end:closes] or not (one_word or quotes.hold(begin, closes)):
        if not (found["scheme"] and found["quote"]):
            yield begin, end
    else:
        yield from ((begin + a, begin + b) for a, b in _pieces(raw[begin:closes], strength))


def find_in_value(name: str, value: str) -> Iterator[Span]:
    """Where the secret stands in all of the value of an argument of this name."""
    strength = secret_names.strength_of(name)
    if strength is not None:
        scheme = _SCHEME.match(value)
        begin = scheme.end() if scheme else 0
        if secret_names.is_secret(value[begin:], strength):
            yield from ((begin + a, begin + b) for a, b in _pieces(value[begin:], strength))


def _pieces(value: str, strength: secret_names.Strength) -> Iterator[Span]:
    """The parts of a secret that may be covered; of several words only a first one that is secret by itself."""
    words = value.split(maxsplit=20)
    if len(words) > 1:
        phrase = strength == "password" and len(words) > 2 and all(word.isalnum() for word in words)
        if not phrase:
            value = value[: value.find(words[0]) + len(words[0])]
            if not any(sign.isdigit() for sign in value):
                return
        stops = _OPERATOR.search(value)
    else:
        stops = _RUNS.search(value)
    yield from (found.span() for found in RUN.finditer(value, 0, stops.start() if stops else len(value)))
