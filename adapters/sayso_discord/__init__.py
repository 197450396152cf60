"""Discord: cards as messages, answers by buttons, modals and replies in threads, over the gateway or signed HTTP."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sayso.chat.finding import Finding
    from sayso_discord.connection import Discord, connect
    from sayso_discord.doctor import check
    from sayso_discord.settings import Settings

__all__ = ["Discord", "Finding", "Settings", "check", "connect"]

_MODULES = {
    "Finding": "sayso.chat.finding",
    "Settings": "sayso_discord.settings",
    "Discord": "sayso_discord.connection",
    "check": "sayso_discord.doctor",
    "connect": "sayso_discord.connection",
}


def __getattr__(name: str) -> Any:
    # the invite link is printed even if discord.py is not installed
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
