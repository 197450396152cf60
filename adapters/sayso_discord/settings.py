"""What the Discord adapter must be told, and what `sayso doctor` finds out about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sayso import people

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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is right, and if not, what to click."""

    name: str
    ok: bool
    said: str
    hint: str | None = None
    enrolled: Mapping[str, people.Enrolled] = field(default_factory=dict[str, people.Enrolled])
    """Who is in a platform group that was looked up."""
