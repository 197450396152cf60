"""Who is on call: the protocol of a rota, which an adapter brings for each third party that keeps one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sayso.machine import people


@dataclass(frozen=True, slots=True)
class Shift:
    """Who is on call at this moment: by their names in the settings, and by their addresses."""

    names: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()

    def has(self, person: str, email: str) -> bool:
        """Whether this person of the settings is on call."""
        return person in self.names or any(people.same_email(one, email) for one in self.emails)

    def of(self, directory: people.Directory) -> tuple[str, ...]:
        """The people of the settings who are on call."""
        return tuple(name for name, one in directory.people.items() if self.has(name, one.email))

    def strangers(self, directory: people.Directory) -> int:
        """How many are on call whom the settings do not know."""
        known = {*self.of(directory)}
        emails = {directory.people[name].email.lower() for name in known}
        return len(self.names - known) + len({one.lower() for one in self.emails} - emails)


class Rota(Protocol):
    """Says who is on call, as it is now or was a minute ago at most."""

    async def on_call(self) -> Shift:
        """Who it is. Raises `ChannelError` if nobody can tell."""
        ...
