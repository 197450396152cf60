"""What happens to a request while it waits: where it could not be shown, and what followed. Frozen."""

from __future__ import annotations

from datetime import datetime

from sayso import parts


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
