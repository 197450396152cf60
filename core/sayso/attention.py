"""What happens to a request while it waits: where it could not be shown, and what followed. Frozen."""

from __future__ import annotations

from datetime import datetime

from sayso import calendars, parts


class Trouble(parts.Frozen):
    """A place where it could not be shown yet; it is tried again."""

    place: parts.Place
    at: datetime
    reason: str
    until: datetime | None = None
    """When it is its turn there: the platform takes no more for now, and nothing failed."""


class FellBack(parts.Frozen):
    """It was shown elsewhere, since it could be shown nowhere else."""

    at: datetime
    places: tuple[parts.Place, ...] = ()
    """The places that were new."""


class Asked(parts.Frozen):
    """It was put to somebody first, or to the next one after that."""

    at: datetime
    person: str | None = None
    """By their name in the settings, or their account; None once it is put to everybody."""
    stage: int = 0
    need: int = 0
    """For which kind of place of that stage, from 0."""


class Claim(parts.Frozen):
    """Somebody has taken it on: they look after it, and others still may answer."""

    at: datetime
    person: str
    name: str
    """Of this person, as people know them."""
    via: str
    needs: tuple[int, ...] = ()
    """For which kinds of places of the open stage; none is all of them."""

    def covers(self, need: int) -> bool:
        """Whether it is for this kind of place."""
        return not self.needs or need in self.needs


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
    also: tuple[Claim, ...] = ()
    """Who has taken it on before, for other kinds of places."""
    snoozed: tuple[Snooze, ...] = ()
    """Who has put it off for themselves; one entry a person."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Everybody who has taken it on, the latest last."""
        return (*self.also, self.claim) if self.claim else self.also


class Round(parts.Frozen):
    """To whom one kind of place is put, one after the other."""

    people: tuple[str, ...]
    """By their names in the settings; by their accounts, if these do not know them."""
    stage: int = 0
    need: int = 0


class Direct(parts.Frozen):
    """Somebody's direct message, which is written once it is their time."""

    person: str
    place: parts.Place
    stage: int = 0
    """The stage that is to be open."""


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
    """To whom it is put, one after the other, as long as nobody takes it on: for the first kind of place."""
    others: tuple[Round, ...] = ()
    """The same for other kinds of places, and other stages."""
    direct: tuple[Direct, ...] = ()
    """Messages that are not written yet."""
    quiet: tuple[Quiet, ...] = ()
    """Of whom it names: when they are left alone."""
    shown_at: datetime | None = None
    """When it is shown, together with others; None is at once."""

    @property
    def rounds(self) -> tuple[Round, ...]:
        """To whom each kind of place is put."""
        return (Round(people=self.turns), *self.others) if self.turns else self.others
