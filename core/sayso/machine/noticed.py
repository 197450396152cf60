"""Events that decide nothing: what is told to whoever waits."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sayso import model


class Delayed(model.Frozen):
    """A place could not be reached so far, or takes no more for now; it is tried again."""

    type: Literal["delayed"] = "delayed"
    at: datetime
    place: model.Place
    reason: str
    until: datetime | None = None
    """When it is its turn there; None if it failed."""


class Reached(model.Frozen):
    """A place was reached after all."""

    type: Literal["reached"] = "reached"
    at: datetime
    place: model.Place


class Claimed(model.Frozen):
    """Somebody has taken the request on."""

    type: Literal["claimed"] = "claimed"
    at: datetime
    by: model.Person


class Viewed(model.Frozen):
    """Somebody has the request open, for the first time."""

    type: Literal["viewed"] = "viewed"
    at: datetime
    by: model.Person
    shown: str | None = None
    """The digest of what it showed, from a surface that draws it for each look."""


class Snoozed(model.Frozen):
    """Somebody has put the request off for themselves."""

    type: Literal["snoozed"] = "snoozed"
    at: datetime
    by: model.Person
    until: datetime
