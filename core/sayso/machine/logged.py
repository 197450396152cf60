"""What is written to the log and changes no request: asked, shown, refused, mentioned. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sayso import model


class Opened(model.Frozen):
    """For the log only: a request was asked."""

    type: Literal["opened"] = "opened"
    at: datetime
    by: str
    digest: str
    ruled: model.Ruled | None = None
    """What the operator's rules came to."""
    settings: str | None = None
    """The digest of the settings under which it was asked."""


class AnswerRefused(model.Frozen):
    """For the log only: somebody's answer was refused."""

    type: Literal["refused"] = "refused"
    at: datetime
    by: model.Person
    code: str
    message: str


class UseRefused(model.Frozen):
    """For the log only: a use of an allow was refused, because it was used before, is void or is none."""

    type: Literal["use_refused"] = "use_refused"
    at: datetime
    by: str
    """The key that tried; of a receipt whom it is for."""
    code: str
    message: str
    receipt: bool = False
    """Whether its receipt was shown."""


class Revoked(model.Frozen):
    """For the log only, and of no request: a key was revoked."""

    type: Literal["revoked"] = "revoked"
    at: datetime
    key: str
    """Its name."""


class Revealed(model.Frozen):
    """For the log only: somebody was shown what masks cover."""

    type: Literal["revealed"] = "revealed"
    at: datetime
    by: model.Person


class GrantEnded(model.Frozen):
    """For the log only: somebody ended the grant that an allow of this request gave."""

    type: Literal["grant_ended"] = "grant_ended"
    at: datetime
    by: str
    grant: str


class Delivered(model.Frozen):
    """For the log only: a card was posted, or a decision was handed over."""

    type: Literal["delivered"] = "delivered"
    at: datetime
    place: model.Place
    message: str
    shown: str | None = None
    """The digest of what was posted: the canonical JSON of the message as the platform got it."""


class Reminded(model.Frozen):
    """For the log only: people were mentioned below a card."""

    type: Literal["reminded"] = "reminded"
    at: datetime
    place: model.Place
    message: str
    people: tuple[str, ...]
    """Who, by their names in the settings."""
