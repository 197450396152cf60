"""What the Slack adapter must be told."""

from __future__ import annotations

from dataclasses import dataclass, field

NAME = "slack"
"""The channel's name, with which accounts, places and kinds of records begin."""
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
    images: bool = False
    """Whether attached images are uploaded, so that cards show them."""
