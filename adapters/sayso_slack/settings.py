"""What the Slack adapter must be told, and what `sayso doctor` finds out about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sayso import people

API_URL = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class Settings:
    """From the environment and from `[slack]`. With an app token clicks come over Socket Mode, else by HTTP."""

    bot_token: str = field(repr=False)
    app_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    channel: str | None = None
    """Where a request without a place goes: `#approvals`, an id, or `@person`."""
    api_url: str = API_URL


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is right, and if not, what to click."""

    name: str
    ok: bool
    said: str
    hint: str | None = None
    enrolled: Mapping[str, people.Enrolled] = field(default_factory=dict[str, people.Enrolled])
    """Who is in a platform group that was looked up."""
