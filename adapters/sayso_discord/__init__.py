"""Discord: cards as messages, answers by buttons, modals and replies in threads, over the gateway or signed HTTP."""

from typing import TYPE_CHECKING

from sayso import late

if TYPE_CHECKING:
    from sayso.chat.finding import Finding
    from sayso_discord.connection import Discord, connect
    from sayso_discord.doctor import check
    from sayso_discord.settings import Settings
else:
    # the invite link is printed even if discord.py is not installed
    __getattr__ = late.names(
        __name__,
        {
            "sayso.chat.finding": "Finding",
            "sayso_discord.connection": "Discord connect",
            "sayso_discord.doctor": "check",
            "sayso_discord.settings": "Settings",
        },
    )

__all__ = ["Discord", "Finding", "Settings", "check", "connect"]
