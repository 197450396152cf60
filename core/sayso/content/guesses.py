"""Patterns that guess what a text is, each alternative with an example of what it is for and of what it must not miss.

The rule: deleting any alternative changes how one of its own examples is shown.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import regex


class Guess(NamedTuple):
    """One alternative."""

    pattern: str
    ordinary: str
    """Ordinary writing near it: stays as it is."""
    deceiving: str
    """A trick near it: is named or spelled out."""
    code: bool = False
    """The examples are for a machine."""


class Late:
    """A pattern that is made when it is first needed."""

    def __init__(self, text: str) -> None:
        self._text = text

    @functools.cached_property
    def pattern(self) -> regex.Pattern[str]:
        """The pattern itself."""
        return regex.compile(self._text)


class AnyOf:
    """A pattern that matches if one of the alternatives does, except at the places of *unless*."""

    def __init__(self, *guesses: Guess, unless: Guess | None = None, flags: str = "V1x") -> None:
        self.guesses = guesses
        self.unless = unless
        self.flags = flags

    @functools.cached_property
    def pattern(self) -> regex.Pattern[str]:
        """All of it, made when it is first needed: most commands show nothing that has to be guessed at."""
        excluded = f"(?! {self.unless.pattern} )" if self.unless else ""
        joined = "\n | ".join(guess.pattern for guess in self.guesses)
        return regex.compile(f"(?{self.flags}) {excluded} (?: {joined} )")

    def without(self, guess: Guess) -> AnyOf:
        """The same without one of its alternatives, to see what that one is for."""
        rest = (one for one in self.guesses if one is not guess)
        return AnyOf(*rest, unless=None if guess is self.unless else self.unless, flags=self.flags)
