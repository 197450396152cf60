"""The manifest from which Slack makes the app, with the scopes and events that the adapter uses and no others."""

from __future__ import annotations

from sayso import errors
from sayso.chat import listing, orders
from sayso.chat.received import Json
from sayso_slack import happenings, looks

SCOPES = {
    "chat:write": "post cards and edit them",
    "reactions:write": "mark the words that were taken as an answer",
    "im:write": "send a card to one person",
    "users:read": "tell members from guests and strangers at each click",
    "usergroups:read": "let a user group decide",
    "channels:read": "find a channel by its name",
    "groups:read": "find a private channel by its name",
    "channels:history": "take a reply in a card's thread as the answer to a question",
    "groups:history": "the same in private channels",
    "im:history": "the same in direct messages",
    "mpim:history": "the same in group messages",
}
"""Every bot scope that cards and answers need, and what it is for."""

WAYS = {"commands": f"{looks.COMMAND} {listing.PENDING} and its like, and the shortcut Answer this on a message"}
"""The same for the ways in beside cards; an app without it goes on working."""

IMAGES = {"files:write": "show attached images on cards, if slack.images is true"}
"""The same for attached images."""

_EVENTS = ["message.channels", "message.groups", "message.im", "message.mpim", *happenings.EVENTS, looks.EVENT]
# the schema of manifests allows no longer address
_LONGEST_URL = 3_500
_LONGEST_PATH = 30


def manifest(socket_mode: bool = True, url: str | None = None) -> Json:
    """The manifest of an app for one workspace; without Socket Mode *url* is the service's public https address.

    Raises:
        InvalidSettings: HTTP mode without such an address.
    """
    settings: Json = {
        "event_subscriptions": {"bot_events": _EVENTS},
        "interactivity": {"is_enabled": True},
        "org_deploy_enabled": False,
        "socket_mode_enabled": socket_mode,
        "token_rotation_enabled": False,
    }
    command: Json = {
        "command": looks.COMMAND,
        "description": "What waits for you, what was decided, and stop",
        "usage_hint": orders.HINT,
        "should_escape": False,
    }
    if not socket_mode:
        base = (url or "").rstrip("/")
        if not base.startswith("https://") or len(base) > _LONGEST_URL - _LONGEST_PATH:
            hint = "Slack posts only to https addresses; without one use Socket Mode"
            raise errors.InvalidSettings("HTTP mode needs the public address of the service", field="url", hint=hint)
        settings["event_subscriptions"]["request_url"] = f"{base}/slack/events"
        settings["interactivity"]["request_url"] = f"{base}/slack/interactions"
        command["url"] = f"{base}/slack/commands"
    home = {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False}
    shortcut = {
        "name": "Answer this",
        "type": "message",
        "callback_id": looks.SHORTCUT,
        "description": "Opens the request that this message stands for",
    }
    return {
        "_metadata": {"major_version": 2},
        "display_information": {"name": "sayso", "description": "Human approval for AI agents"},
        "features": {
            "app_home": home,
            "bot_user": {"display_name": "sayso", "always_online": True},
            "shortcuts": [shortcut],
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": [*SCOPES, *WAYS, *IMAGES]}},
        "settings": settings,
    }
