"""What happens to a request while it waits: where it could not be shown, and what followed. Frozen."""

from __future__ import annotations

from datetime import datetime

from sayso import calendars, parts


class Trouble(parts.Frozen):
    """A place where it could not be shown yet; it is tried again."""

    place: parts.Place
    at: datetime
    reason: str


class FellBack(parts.Frozen):
    """It was shown elsewhere, since it could be shown nowhere else."""

    at: datetime
    places: tuple[parts.Place, ...] = ()
    """The places that were new."""


class Asked(parts.Frozen):
    """It was put to somebody first, or to the next one after that."""

    at: datetime
    person: str | None = None
    """By their name in the settings; None once it is put to everybody."""


class Claim(parts.Frozen):
    """Somebody has taken it on: they look after it, and others still may answer."""

    at: datetime
    person: str
    name: str
    """Of this person, as people know them."""
    via: str


class Snooze(parts.Frozen):
    """Somebody has put it off for themselves: until then they are not reminded. Its deadline stays."""

    at: datetime
    person: str
    name: str
    via: str
    until: datetime


class Attending(parts.Frozen):
    """Who looks after a request while it waits."""

    asked: tuple[Asked, ...] = ()
    """To whom it was put, one after the other."""
    claim: Claim | None = None
    """Who has taken it on; the latest."""
    snoozed: tuple[Snooze, ...] = ()
    """Who has put it off for themselves; one entry a person."""


class Direct(parts.Frozen):
    """Somebody's direct message, which is written once it is their time."""

    person: str
    place: parts.Place


class Quiet(parts.Frozen):
    """When somebody is not mentioned and not written to."""

    calendar: calendars.Calendar
    inside: bool = True
    """Whether that is while it is open; else while it is closed."""
    person: str | None = None
    """Whose quiet hours these are; None is everybody's."""

    def holds(self, at: datetime) -> bool:
        """Whether they are on at this moment."""
        return self.calendar.is_open(at) == self.inside

    def ends(self, at: datetime) -> datetime | None:
        """When they are over; None if that is too far ahead."""
        return self.calendar.next(at, is_open=not self.inside)


class Reach(parts.Frozen):
    """Whom a request reaches, and when: found out when it was asked."""

    turns: tuple[str, ...] = ()
    """To whom it is put, one after the other, as long as nobody takes it on."""
    direct: tuple[Direct, ...] = ()
    """Messages that are not written yet."""
    quiet: tuple[Quiet, ...] = ()
    """Of whom it names: when they are left alone."""
    shown_at: datetime | None = None
    """When it is shown, together with others; None is at once."""
