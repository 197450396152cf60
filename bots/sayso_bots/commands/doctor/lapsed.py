"""What the settings still say and is over: somebody is back, and whoever acted for them does so no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sayso
from sayso_bots.commands.doctor.finding import Finding


def look(setup: sayso.Setup, now: datetime) -> Iterator[Finding]:
    """One finding for each delegation that is over."""
    for number, one in enumerate(setup.directory.delegations):
        if one.until <= now:
            said = f"nobody acts for {one.of} since {one.until:%Y-%m-%d}: it is over"
            yield Finding(f"delegations.{number}.until", True, said, "remove it, or name a later day", warn=True)
