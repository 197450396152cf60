"""The routes an approval bot uses, under the names that Discord's API description gives them, and what a call is.

Rule: names and shapes only; what a route does is in `chat`, `threads` and `interactions`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord.errors import Json
from tests.fakes.discord.posting import File

_MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_REACTION = _MESSAGE + "/reactions/{emoji_name}"
_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"

ROUTES: dict[str, tuple[str, str]] = {
    "get_my_user": ("GET", "/users/@me"),
    "get_user": ("GET", "/users/{user_id}"),
    "get_my_oauth2_application": ("GET", "/oauth2/applications/@me"),
    "list_application_commands": ("GET", "/applications/{application_id}/commands"),
    "create_application_command": ("POST", "/applications/{application_id}/commands"),
    "get_gateway": ("GET", "/gateway"),
    "get_bot_gateway": ("GET", "/gateway/bot"),
    "create_dm": ("POST", "/users/@me/channels"),
    "get_guild": ("GET", "/guilds/{guild_id}"),
    "guild_role_member_counts": ("GET", "/guilds/{guild_id}/roles/member-counts"),
    "get_guild_member": ("GET", "/guilds/{guild_id}/members/{user_id}"),
    "get_channel": ("GET", "/channels/{channel_id}"),
    "update_channel": ("PATCH", "/channels/{channel_id}"),
    "list_messages": ("GET", "/channels/{channel_id}/messages"),
    "create_message": ("POST", "/channels/{channel_id}/messages"),
    "get_message": ("GET", _MESSAGE),
    "update_message": ("PATCH", _MESSAGE),
    "delete_message": ("DELETE", _MESSAGE),
    "create_thread_from_message": ("POST", _MESSAGE + "/threads"),
    "create_thread": ("POST", "/channels/{channel_id}/threads"),
    "join_thread": ("PUT", "/channels/{channel_id}/thread-members/@me"),
    "add_thread_member": ("PUT", "/channels/{channel_id}/thread-members/{user_id}"),
    "list_message_reactions_by_emoji": ("GET", _REACTION),
    "add_my_message_reaction": ("PUT", _REACTION + "/@me"),
    "delete_my_message_reaction": ("DELETE", _REACTION + "/@me"),
    "create_interaction_response": ("POST", "/interactions/{interaction_id}/{interaction_token}/callback"),
    "execute_webhook": ("POST", _WEBHOOK),
    "get_original_webhook_message": ("GET", _WEBHOOK + "/messages/@original"),
    "update_original_webhook_message": ("PATCH", _WEBHOOK + "/messages/@original"),
    "delete_original_webhook_message": ("DELETE", _WEBHOOK + "/messages/@original"),
    "get_webhook_message": ("GET", _WEBHOOK + "/messages/{message_id}"),
    "update_webhook_message": ("PATCH", _WEBHOOK + "/messages/{message_id}"),
    "delete_webhook_message": ("DELETE", _WEBHOOK + "/messages/{message_id}"),
}
WITHOUT_TOKEN = {name for name in ROUTES if "webhook" in name} | {"create_interaction_response", "get_gateway"}
"""Routes that take no token, most of them with a secret in their address; they are outside the global rate limit."""

_MAJOR = ("channel_id", "guild_id", "webhook_id")
_PATTERNS = [
    # Fixed parts first: `@original` and `@me` are no ids.
    (name, method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$"))
    for name, (method, path) in sorted(ROUTES.items(), key=lambda item: item[1][1].count("{"))
]


@dataclass(frozen=True)
class Call:
    """One request as it arrived, `at` seconds by the fake's clock; `operation` is empty for an unknown route."""

    operation: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    body: Json
    at: float
    files: list[File] = field(default_factory=list[File])
    token: str = ""

    @property
    def major(self) -> str:
        """The part of the path that has rate limits of its own."""
        return next((self.params[name] for name in _MAJOR if name in self.params), "")


Answer = tuple[int, Any]
Handler = Callable[[Call], Answer]


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The operation and path parameters of a request; an empty name when there is no such route."""
    for name, wanted, pattern in _PATTERNS:
        hit = pattern.match(path)
        if method == wanted and hit:
            return name, hit.groupdict()
    return "", {}
