"""What the bot must be allowed to do, and the link that asks for it and for nothing else."""

from __future__ import annotations

from sayso import errors

# Digits of an id of Discord.
_LONGEST_ID = 20

PERMISSIONS = {
    "View Channels": (1 << 10, "see the channel that cards go to"),
    "Send Messages": (1 << 11, "post cards"),
    "Send Messages in Threads": (1 << 38, "post questions into the thread of a session"),
    "Create Public Threads": (1 << 35, "begin the thread of a session"),
    "Attach Files": (1 << 15, "hand out what is too long for a card"),
    "Read Message History": (1 << 16, "read the answers given while the service was away"),
    "Add Reactions": (1 << 6, "show that a reply was taken"),
}
"""Every permission by its name in Discord: its bit, and what it is for."""

SCOPES = "bot%20applications.commands"
"""The bot itself, and its commands in the server."""


def bits() -> int:
    """All permissions as one number."""
    return sum(bit for bit, _ in PERMISSIONS.values())


def invite(application: str) -> str:
    """The address at which somebody who manages a server lets the bot in.

    Raises:
        InvalidSettings: *application* is not an id.
    """
    if not (application.isascii() and application.isdigit() and len(application) <= _LONGEST_ID):
        hint = "the Application ID of General Information in the Developer Portal: digits only"
        raise errors.InvalidSettings("this is not an application id", field="application", hint=hint)
    return f"https://discord.com/oauth2/authorize?client_id={application}&scope={SCOPES}&permissions={bits()}"
