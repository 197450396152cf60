"""What a chat adds to the settings: the form of its table, of its keys for people and groups, of its variables."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pydantic

from sayso import errors


class Table(pydantic.BaseModel):
    """`[NAME]` of `sayso.toml`. The description of a field says what is expected, in the words of an error's hint."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)

    channel: str
    """Where a request without a route goes: what follows the colon in a place of this chat."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of `[people.NAME]` or `[groups.NAME]`: what a person or a group is called on the platform."""

    name: str
    pattern: str
    """What a value must be, as a regular expression."""
    expected: str
    """The same in words."""
    example: str
    """A line of the file that `sayso init` writes."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the environment."""

    name: str
    secret: bool = False
    pattern: str = ".*"
    """What a value must be, as a regular expression."""
    complaint: str = ""
    """What is wrong with another value, such as `is not a key`; the value itself is never shown."""
    hint: str = ""

    def check(self, value: str) -> None:
        """Raise `InvalidSettings` if the value has not the form."""
        if not re.fullmatch(self.pattern, value, re.DOTALL):
            raise errors.InvalidSettings(f"{self.name} {self.complaint}", field=self.name, hint=self.hint)


def address_variable(name: str, scheme: str = "http") -> Variable:
    """A variable that holds an address, with TLS or without."""
    hint = f"an address such as {scheme}://127.0.0.1:8700"
    return Variable(name, pattern=f"{scheme}s?://.*", complaint=f"is no {scheme} address", hint=hint)
