"""Discord: cards as messages, answers by buttons, modals and replies in threads, over the gateway or signed HTTP."""

from sayso_discord.connection import Discord, connect
from sayso_discord.doctor import check
from sayso_discord.settings import Finding, Settings

__all__ = ["Discord", "Finding", "Settings", "check", "connect"]
