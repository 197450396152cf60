"""Secrets in content, covered before people see it: how long each is, and a fingerprint by which equal ones look equal.

The rule: a mask covers the inside of a word alone, so what is around it reads as it runs. What runs, and what a digest
covers, is never masked.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sayso import errors
from sayso.content import acting, credentials, secret_names

Span = credentials.Span
Find = Callable[[str], Iterable[Span]]
"""Finds further secrets in a text: where they stand."""

_MASK = credentials.MASKED
# What is left of a mask into which somebody typed.
_REST = re.compile(r"•[0-9]{1,7}:|[0-9]:[0-9a-f]{1,8}•|•[0-9a-f]{4,15}•")
# What was found in one place is sought in all others, if nobody would write it for another reason.
_LEAST_KNOWN, _MOST_KNOWN = 8, 200
# An option, or the name of a header.
_NAME = re.compile(r"-{0,2}[A-Za-z_][\w.-]{0,79}:?")
# One that may take the next word for its value.
_OPTION = re.compile(r"-{1,2}[A-Za-z][\w-]{0,40}")
_SET_TO = re.compile(r"""([A-Za-z_]\w{0,80})=["']?\Z""")
# What stands under these is named by what stands beside or above them.
_OF_NAME = ("value", "Value", "default", "const", "example", "examples")


def nothing(raw: str) -> Iterable[Span]:
    """No further secrets."""
    return ()


@dataclass(frozen=True, slots=True)
class Masks:
    """How secrets are covered."""

    key: bytes = field(repr=False)
    """Of the fingerprints: without it nobody can try out what a mask covers. If it is empty, there are none."""
    find: Find = nothing
    """Finds what this module does not know."""
    off: bool = False
    """Whether all is shown as it is."""
    again: bool = False
    """Whether masks that stand in a text already were made by the service, and stay."""

    def over(self, found: dict[str, Any], beside: Any = None) -> Covering:
        """Cover what belongs together; *found* gets what each mask stands for.

        *beside* is a JSON value that runs: what it uses by its name stays in sight.
        """
        return Covering(self, found, beside)

    def text(self, raw: str) -> str:
        """One text by itself, with its secrets covered."""
        return raw if self.off else self.over({}).text(raw)

    def value(self, value: Any) -> Any:
        """One JSON value by itself, with its secrets covered."""
        return value if self.off else self.over({}).value(value)


@dataclass(frozen=True, slots=True)
class Covering:
    """Covers the texts that belong together."""

    masks: Masks
    found: dict[str, Any]
    """What each mask stands for."""
    beside: Any = None
    used: list[acting.Variables] = field(default_factory=list[acting.Variables])
    """What is used in that, once it was asked for."""

    def text(self, raw: str, name: str = "") -> str:
        """A text, which stands under *name*, with its secrets covered; the text itself if it has none."""
        places = credentials.spans_of(name, raw) if name else credentials.spans(raw)
        more = self.masks.find(raw)
        further = [span for span in more if _is_new(raw, span, places)] if more else ()
        # whoever writes what looks like a mask gets one over it
        forged = [] if self.masks.again else [found.span() for found in _MASK.finditer(raw)] if "•" in raw else []
        if further or forged:
            places = credentials.joined([*places, *further, *forged])
        if places and self.beside is not None:
            places = [span for span in places if not self._is_used(raw, span, name)]
        if not places:
            return raw
        pieces, at = list[str](), 0
        for begin, end in places:
            pieces += [raw[at:begin], self._cover(raw[begin:end])]
            at = end
        return "".join((*pieces, raw[at:]))

    def _is_used(self, raw: str, span: Span, name: str) -> bool:
        """Whether it is what a variable is set to that is used beside: `{"command": "$TOKEN", "env": {"TOKEN": …}}`."""
        set_to = _SET_TO.search(raw, max(0, span[0] - 90), span[0])
        said = set_to[1] if set_to else name
        if not said.isidentifier() or secret_names.is_random(raw[span[0] : span[1]]):
            return False
        if not self.used:
            self.used.append(acting.Variables("\n".join(_texts_in(self.beside))))
        return self.used[0].use(said)

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value with the secrets in it covered; the value itself if it has none."""
        if isinstance(value, str):
            return self.text(value, name)
        if isinstance(value, dict):
            return self._object(cast("dict[str, Any]", value), name)
        if isinstance(value, list | tuple):
            return self._list(cast("list[Any]", value), name)
        number = isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) >= 4
        if number and secret_names.strength_of(name) == "password":
            return self._cover(str(value), value)
        return value

    def _object(self, given: dict[str, Any], name: str) -> dict[str, Any]:
        # `{"name": "DB_PASSWORD", "value": "…"}`, as containers have it, and the default of a field in a schema
        said = next((one for key in ("name", "key", "Name", "Key") if isinstance(one := given.get(key), str)), name)
        titled = given.get("title")
        said = titled if "type" in given and isinstance(titled, str) and names_a_secret(titled) else said
        made = {self.text(key): self.value(inner, said if key in _OF_NAME else key) for key, inner in given.items()}
        return given if _same(made, given) else made

    def _list(self, given: list[Any] | tuple[Any, ...], name: str) -> Any:
        made, before = list[Any](), name
        acts: frozenset[str] | None = None
        for at, inner in enumerate(given):
            if before != name and isinstance(inner, str) and secret_names.strength_of(before):
                acts = acting.among(given) if acts is None else acts
                taken = at > 1 and _OPTION.fullmatch(str(given[at - 2])) and acting.may_be_a_word(inner)
                before = name if taken or inner in acts else before
            made.append(self.value(inner, before))
            # `["--password", "…"]`, `["set", "password", "…"]`, and a header with its value; no word before a program
            named = isinstance(inner, str) and (len(given) == 2 or inner[:1] == "-" or given[at - 1 : at] == ["set"])
            before = inner.lstrip("-") if named and _NAME.fullmatch(inner) else name
        return given if all(a is b for a, b in zip(made, given, strict=True)) else type(given)(made)

    def hide(self, secret: str) -> None:
        """Have this covered wherever `known` finds it."""
        self._cover(secret)

    def known(self, value: Any, *, runs: bool = False) -> Any:
        """A JSON value with those secrets covered that were found elsewhere; the value itself if it has none.

        Of what *runs* only such as a machine made: otherwise an agent could hide a word by calling it a secret.
        """
        if isinstance(value, str):
            for mask, secret in itertools.islice(self.found.items(), _MOST_KNOWN):
                if isinstance(secret, str) and secret in value and _is_told_apart(secret, runs):
                    value = value.replace(secret, mask)
            return value
        if isinstance(value, dict):
            given = cast("dict[str, Any]", value)
            made = {self.known(key, runs=runs): self.known(inner, runs=runs) for key, inner in given.items()}
            return given if _same(made, given) else made
        if isinstance(value, list | tuple):
            listed = cast("list[Any]", value)
            covered = [self.known(inner, runs=runs) for inner in listed]
            return listed if all(a is b for a, b in zip(covered, listed, strict=True)) else type(listed)(covered)
        return value

    def _cover(self, secret: str, value: Any = None) -> str:
        if not self.masks.key:
            return credentials.MASK
        code = hmac.digest(self.masks.key, secret.encode(errors="replace"), hashlib.sha256).hex()[:8]
        mask = f"{credentials.MASK}{len(secret)}:{code}{credentials.MASK}"
        self.found[mask] = secret if value is None else value
        return mask


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            yield from _texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            yield from _texts_in(inner)


def _is_told_apart(secret: str, runs: bool) -> bool:
    """Whether nobody would write it for another reason."""
    if not runs:
        return len(secret) >= _LEAST_KNOWN and not secret.isalpha()
    return secret_names.is_random(secret)


def _same(made: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return all(key in given and given[key] is inner for key, inner in made.items())


def _is_new(raw: str, span: Span, places: Sequence[Span]) -> bool:
    """Whether a place is none of the others, and holds nothing that a mask may not cover."""
    beside = all(span[1] <= begin or end <= span[0] for begin, end in places)
    return beside and credentials.is_safe(raw[span[0] : span[1]])


GONE = Masks(b"")
"""For what is kept beside its request: a secret leaves four dots, which say nothing of it."""


def names_a_secret(said: str) -> bool:
    """Whether what is called so is secret."""
    return secret_names.strength_of(said) is not None


def are_in(value: Any) -> bool:
    """Whether a JSON value holds masks, or what is left of some."""
    if isinstance(value, str):
        return "•" in value and (credentials.MASK in value or bool(_REST.search(value)))
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        return any(are_in(key) or are_in(inner) for key, inner in named.items())
    return isinstance(value, list | tuple) and any(map(are_in, cast("list[Any]", value)))


def restore(given: Any, found: Mapping[str, Any], field: str) -> Any:
    """A value that somebody edited, with the secrets back in the place of their masks.

    Raises:
        InvalidAnswer: it holds a mask, or a part of one, that stands for nothing here.
    """
    if isinstance(given, str):
        return found[given] if given in found else _restored(given, found, field)
    if isinstance(given, dict):
        named = cast("dict[str, Any]", given)
        return {_restored(key, found, field): restore(inner, found, field) for key, inner in named.items()}
    if isinstance(given, list | tuple):
        return [restore(inner, found, field) for inner in cast("list[Any]", given)]
    return given


def _restored(given: str, found: Mapping[str, Any], field: str) -> str:
    if "•" not in given:
        return given
    pieces, at = list[str](), 0
    for mask in _MASK.finditer(given):
        pieces += [given[at : mask.start()], str(found.get(mask[0], mask[0]))]
        at = mask.end()
        if mask[0] not in found or _is_rest(pieces[-2], found):
            raise _not_here(field)
    if _is_rest(given[at:], found):
        raise _not_here(field)
    return "".join((*pieces, given[at:]))


def _is_rest(between: str, found: Mapping[str, Any]) -> bool:
    """Whether something is left of a mask; dots alone are, where there were masks."""
    return bool(_REST.search(between)) or (bool(found) and credentials.MASK in between)


def _not_here(field: str) -> errors.InvalidAnswer:
    said = "this holds a mask that stands for nothing here: leave masks whole, or type the secret itself"
    return errors.InvalidAnswer(said, field=field)
