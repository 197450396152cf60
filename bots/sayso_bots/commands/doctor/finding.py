"""What `sayso doctor` found: one thing that it looked at, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    said: str
    hint: str | None = None
    warn: bool = False
    """Whether it works, and somebody should know of it all the same."""
