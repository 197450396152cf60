"""What the Discord adapter must be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

NAME = "discord"
"""The channel's name, with which accounts, places and kinds of records begin."""
API_URL = "https://discord.com/api/v10"


@dataclass(frozen=True, slots=True)
class Settings:
    """From the environment and from `[discord]`. With a public key clicks come by HTTP, else over the gateway."""

    bot_token: str = field(repr=False)
    public_key: str | None = None
    """64 hexadecimal digits, of the application; nothing secret."""
    channel: str | None = None
    """Where a request without a place goes: the id of a channel."""
    threads: Literal["session", "off"] = "off"
    """Whether what is asked in a session, permissions aside, goes to a thread of that session."""
    api_url: str = API_URL
    gateway_url: str | None = None
