"""What happened (events, written to the log as they are) and what must be done (effects, written to the outbox)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import pydantic

from sayso import model
from sayso.machine import logged, noticed


class Answered(model.Frozen):
    """A person answered."""

    type: Literal["answered"] = "answered"
    at: datetime
    by: model.Person
    answer: model.Answer
    grace: float = 0.0
    """For how many seconds it can be taken back before it counts."""
    read_since: datetime | None = None
    """Since when this person has it open, if its policy gives time to read."""
    gone: tuple[str, ...] = ()
    """Accounts from which others allowed it before, and that were closed since."""
    review: model.RequestId | None = None
    """What the request is called in which others review it, if this breaks the glass."""
    salt: str | None = None
    """Random text in the row, so that nobody finds out by trying its hash what somebody wrote."""


class TakenBack(model.Frozen):
    """Who gave the taken answer took it back."""

    type: Literal["taken_back"] = "taken_back"
    at: datetime
    by: model.Person


class Settled(model.Frozen):
    """The time in which the taken answer could be taken back is over: it counts."""

    type: Literal["settled"] = "settled"
    at: datetime


class Cancelled(model.Frozen):
    """The asking side does not wait any longer."""

    type: Literal["cancelled"] = "cancelled"
    at: datetime
    by: str
    reason: str | None = None


class Superseded(model.Frozen):
    """A newer request took its place."""

    type: Literal["superseded"] = "superseded"
    at: datetime
    by: model.RequestId


class Undelivered(model.Frozen):
    """A place could not be reached, finally."""

    type: Literal["undelivered"] = "undelivered"
    at: datetime
    place: model.Place
    reason: str


class Lost(model.Frozen):
    """A posted card was taken away by somebody."""

    type: Literal["lost"] = "lost"
    at: datetime
    place: model.Place


class Ticked(model.Frozen):
    """Time passed."""

    type: Literal["ticked"] = "ticked"
    at: datetime


class Due(model.Frozen):
    """The time of a reminder or an escalation has come."""

    type: Literal["due"] = "due"
    at: datetime
    to: tuple[str, ...] = ()
    """To whom, and to which places, it is escalated."""
    turn: str | None = None
    """To whom it is put next; empty for everybody."""


class Passed(model.Frozen):
    """Somebody who may answer asked somebody else who may."""

    type: Literal["passed"] = "passed"
    at: datetime
    by: model.Person
    to: model.Person
    """As the settings know them."""
    place: model.Place | None = None
    """Their direct message, if no card stands where they can see it."""


class Used(model.Frozen):
    """The allow was used: what it was given for runs next."""

    type: Literal["used"] = "used"
    at: datetime
    by: str
    attempt: str | None = None
    """Which attempt at it; a repeated call of the same one is no second use."""


class Erased(model.Frozen):
    """The content of the request and of its rows was erased; who decided what and when stayed."""

    type: Literal["erased"] = "erased"
    at: datetime
    by: str
    """Who did it: `retention`, or the user who purged."""
    kept: str
    """The digest of what was left of the rows before it; see `checking.kept_digest`."""


class Redeemed(model.Frozen):
    """The receipt of the allow was used, by whoever was shown it: what it was given for runs next."""

    type: Literal["redeemed"] = "redeemed"
    at: datetime
    audience: str
    """Whom the receipt was for."""


class Held(model.Frozen):
    """An older copy of the database was put back."""

    type: Literal["held"] = "held"
    at: datetime


class Released(model.Frozen):
    """An operator lets a held request go on."""

    type: Literal["released"] = "released"
    at: datetime
    by: str


class Stopped(model.Frozen):
    """Somebody stopped everything, or an agent: of a request, and once of none."""

    type: Literal["stopped"] = "stopped"
    at: datetime
    stop: model.Stop


class Resumed(model.Frozen):
    """The stop was lifted: of a request, and once of none, which says by whom."""

    type: Literal["resumed"] = "resumed"
    at: datetime
    by: str = ""
    via: str = ""
    agent: str | None = None


Delayed = noticed.Delayed
Reached = noticed.Reached
Claimed = noticed.Claimed
Snoozed = noticed.Snoozed
Viewed = noticed.Viewed

Event = (
    Stopped
    | Resumed
    | Held
    | Released
    | Answered
    | TakenBack
    | Settled
    | Cancelled
    | Superseded
    | Undelivered
    | Lost
    | Delayed
    | Reached
    | Claimed
    | Snoozed
    | Viewed
    | Ticked
    | Due
    | Passed
    | Used
    | Redeemed
    | Erased
)
INBOX: model.Place = "web"
"""The inbox shows what is stored, so nothing is ever posted to it, and it cannot be lost."""


class Announce(model.Frozen):
    """Post the card to a place."""

    type: Literal["announce"] = "announce"
    place: model.Place
    after: datetime | None = None
    """Not before this moment."""


class Redraw(model.Frozen):
    """Bring the cards at a place up to the ticket's present state."""

    type: Literal["redraw"] = "redraw"
    place: model.Place


CALLBACK: model.Place = "callback"
"""Where the decision goes by the address that a request named."""


class Resume(model.Frozen):
    """Send the decision to the request's callback address."""

    type: Literal["resume"] = "resume"
    place: model.Place = CALLBACK


class Tell(model.Frozen):
    """Tell the person on whose behalf it was asked what became of it."""

    type: Literal["tell"] = "tell"
    place: model.Place


Why = Literal["missing", "escalated", "turned", "asked", "next", "later", "opened"]
"""Why people are mentioned: they are missing, just brought in, it is their turn now, or somebody asked for them; it is
put to them next, they had put it off, or their quiet hours are over."""


class Remind(model.Frozen):
    """Mention those who are missing below the cards at a place, and say what is missing."""

    type: Literal["remind"] = "remind"
    place: model.Place
    number: int
    """Which reminder of the request, from 1: a later one makes those before it needless."""
    why: Why = "missing"
    to: str | None = None
    """The one person who is mentioned; None is whoever is missing then."""


PUSH: model.Place = "push"
"""Where notifications on people's devices go."""


class Push(model.Frozen):
    """Bring the notifications on people's devices up to the ticket's present state."""

    type: Literal["push"] = "push"
    place: model.Place = PUSH
    after: datetime | None = None
    """Not before this moment."""


Effect = Announce | Redraw | Resume | Tell | Remind | Push

effect_codec: pydantic.TypeAdapter[Effect] = pydantic.TypeAdapter(
    Annotated[Effect, pydantic.Field(discriminator="type")], config=pydantic.ConfigDict(defer_build=True)
)


Opened = logged.Opened
AnswerRefused = logged.AnswerRefused
UseRefused = logged.UseRefused
Revoked = logged.Revoked
GrantEnded = logged.GrantEnded
Revealed = logged.Revealed
Delivered = logged.Delivered
Reminded = logged.Reminded

Entry = Event | Opened | AnswerRefused | UseRefused | Delivered | Reminded | Revoked | GrantEnded | Revealed
"""One row of the log."""

entry_codec: pydantic.TypeAdapter[Entry] = pydantic.TypeAdapter(
    Annotated[Entry, pydantic.Field(discriminator="type")], config=pydantic.ConfigDict(defer_build=True)
)
