"""Who answers, and whose answer made a decision. Frozen."""

from __future__ import annotations

from datetime import datetime

from sayso import parts


class Person(parts.Frozen):
    """Somebody who answers, as the directory knows them now; their accounts on `platforms` are known."""

    id: str
    """The name in `[people]`, or the account itself if no person is configured for it."""
    name: str
    account: str
    """Platform, organisation and user: `slack:T1/U1`."""
    groups: tuple[str, ...] = ()
    """Those they are in for certain, and the rotas that have them on call now: `release`, `oncall:payments`."""
    unknown: tuple[str, ...] = ()
    """Groups and rotas of which nobody could find out whether this person is in them."""
    member: bool = False
    """A full member of the place: no guest, no stranger, no bot."""
    platforms: tuple[str, ...] = ()
    delegate: str | None = None
    """Who answered in place of this person, as their delegate."""

    @property
    def human(self) -> str:
        """Who it was: one human counts once, for whomever they stand in."""
        return self.delegate or self.id


class By(parts.Frozen):
    """One person whose answer made the decision."""

    person: str
    name: str
    via: str
    at: datetime
    delegate: str | None = None
    """Who answered in place of this person, as their delegate."""
