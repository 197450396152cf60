"""What people decided before, as the service remembers it of a new request."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sayso.parts import Frozen, Name, Reason, RequestId


class Risky(Frozen):
    """Something risky that an agent was allowed before."""

    id: RequestId
    words: str
    """What the service found in it."""
    trigger: str
    """The words that triggered it."""
    at: datetime


class Denied(Frozen):
    """What people denied an agent lately."""

    id: RequestId
    tool: Name
    said: str
    """What the call would have done, its beginning."""
    by: str
    at: datetime
    reason: Reason | None = None


class Remembered(Frozen):
    """What people decided in the last days on exactly this call of this agent, as the service remembers it."""

    allowed: int = 0
    denied: int = 0
    last: Literal["allowed", "denied"] | None = None
    """What the latest of these decisions was."""
    by: str = ""
    """Who made it, as people know them."""
    at: datetime | None = None
    reason: Reason | None = None
    risky: tuple[Risky, ...] = ()
    """What else this agent was allowed lately that is risky, the newest first."""
    like: Denied | None = None
    """What was denied in the last hour and is nearly this call: a retry in other words."""
