"""The Web API: which methods there are, what scope each needs, and the read-only ones.

Rule: a method is a function from arguments to the answer's fields; it raises `Refused` for every `ok: false`.
"""

from collections.abc import Callable
from typing import Any

from tests.fakes.slack import chat as slack_chat
from tests.fakes.slack.chat import Chat
from tests.fakes.slack.controls import Json
from tests.fakes.slack.limits import Refused
from tests.fakes.slack.views import Views
from tests.fakes.slack.world import APP, BOT, BOT_USER, TEAM, Channel, User, World

Method = tuple[Callable[[Json], Json], str | None]

SCOPES: tuple[str, ...] = (
    "channels:history", "channels:read", "chat:write", "commands", "files:write", "groups:history", "groups:read",
    "im:history", "im:write", "mpim:history", "reactions:write", "usergroups:read", "users:read", "users:read.email",
)  # fmt: skip


def methods(world: World, views: Views, chat: Chat, scopes: set[str]) -> dict[str, Method]:
    """Every method of the bot token, by name, with the scope it needs."""
    asked = _Lookups(world, scopes)
    return {
        "auth.test": (asked.auth_test, None),
        "chat.postMessage": (chat.post, "chat:write"),
        "chat.postEphemeral": (chat.post_ephemeral, "chat:write"),
        "chat.update": (chat.update, "chat:write"),
        "chat.delete": (chat.delete, "chat:write"),
        "conversations.info": (asked.channel_info, "channels:read"),
        "conversations.list": (asked.channels, "channels:read"),
        "conversations.members": (asked.members, "channels:read"),
        "conversations.history": (asked.history, "channels:history"),
        "conversations.replies": (asked.replies, "channels:history"),
        "conversations.open": (asked.open_dm, "im:write"),
        "users.info": (asked.user_info, "users:read"),
        "users.lookupByEmail": (asked.by_email, "users:read.email"),
        "usergroups.users.list": (asked.group, "usergroups:read"),
        "usergroups.list": (asked.groups, "usergroups:read"),
        "reactions.add": (chat.react, "reactions:write"),
        "reactions.remove": (chat.unreact, "reactions:write"),
        "views.open": (views.open, None),
        "views.push": (views.push, None),
        "views.update": (views.update, None),
        "views.publish": (views.publish, None),
        "files.getUploadURLExternal": (chat.upload_url, "files:write"),
        "files.completeUploadExternal": (chat.upload_done, "files:write"),
    }


class _Lookups:
    def __init__(self, world: World, scopes: set[str]) -> None:
        self._world = world
        self._scopes = scopes

    def auth_test(self, args: Json) -> Json:
        who: Json = {"user": "sayso", "user_id": BOT_USER, "bot_id": BOT, "team": "Fake", "team_id": TEAM}
        return {"url": f"{self._world.base_url}/", "is_enterprise_install": False, "app_id": APP, **who}

    def channel_info(self, args: Json) -> Json:
        channel = self._world.channel(args.get("channel", ""))
        if channel.dm_with and "im:read" not in self._scopes:
            raise Refused("missing_scope", needed="im:read", provided=",".join(sorted(self._scopes)))
        return {"channel": _channel(channel)}

    def channels(self, args: Json) -> Json:
        kinds = set(str(args.get("types", "public_channel")).split(","))
        open_to_us = (c for c in self._world.channels.values() if not c.is_private or BOT_USER in c.members)
        return _page("channels", [_channel(c) for c in open_to_us if _kind(c) in kinds], args, 100)

    def members(self, args: Json) -> Json:
        return _page("members", sorted(self._world.channel(args.get("channel", "")).members), args, 100)

    def history(self, args: Json) -> Json:
        messages = self._readable(args).messages.values()
        roots = [slack_chat.echo(m) for m in messages if m.thread_ts in (None, m.ts)]
        found = _page("messages", [_shown(m, args) for m in reversed(roots)], args, 100)
        return {**found, "has_more": bool(found["response_metadata"]["next_cursor"])}

    def replies(self, args: Json) -> Json:
        channel, root = self._readable(args), args.get("ts", "")
        if root not in channel.messages:
            raise Refused("thread_not_found")
        thread = [slack_chat.echo(m) for m in channel.messages.values() if root in (m.ts, m.thread_ts)]
        found = _page("messages", [_shown(m, args) for m in thread], args, 1000)
        return {**found, "has_more": bool(found["response_metadata"]["next_cursor"])}

    def open_dm(self, args: Json) -> Json:
        channel = self._world.dm(str(args.get("users", "")))
        return {"channel": {"id": channel.id}}

    def user_info(self, args: Json) -> Json:
        user = self._world.users.get(args.get("user", ""))
        if user is None:
            raise Refused("user_not_found")
        return {"user": _user(user, with_email="users:read.email" in self._scopes)}

    def by_email(self, args: Json) -> Json:
        wanted = args.get("email", "").lower()
        user = next((one for one in self._world.users.values() if (one.email or "").lower() == wanted), None)
        if user is None or user.deleted:
            raise Refused("users_not_found")
        return {"user": _user(user, with_email=True)}

    def group(self, args: Json) -> Json:
        if args.get("usergroup") not in self._world.groups:
            raise Refused("no_such_subteam")
        return {"users": self._world.groups[args["usergroup"]]}

    def groups(self, args: Json) -> Json:
        listed = list[Json]()
        for some_id, users in self._world.groups.items():
            disabled = some_id in self._world.disabled
            if disabled and str(args.get("include_disabled", "")).lower() not in ("1", "true"):
                continue
            group: Json = {"id": some_id, "handle": f"group-{some_id}", "date_delete": int(disabled)}
            if str(args.get("include_users", "")).lower() in ("1", "true"):
                group["users"] = users
            listed.append(group)
        return {"usergroups": listed}

    def _readable(self, args: Json) -> Channel:
        channel = self._world.channel(args.get("channel", ""))
        if BOT_USER not in channel.members:
            raise Refused("not_in_channel")
        return channel


def _page(name: str, items: list[Any], args: Json, usual: int) -> Json:
    start, limit = int(args.get("cursor") or 0), int(args.get("limit") or usual)
    more = str(start + limit) if start + limit < len(items) else ""
    return {name: items[start : start + limit], "response_metadata": {"next_cursor": more}}


def _shown(message: Json, args: Json) -> Json:
    metadata = str(args.get("include_all_metadata", "")).lower() in ("1", "true")
    return message if metadata else {k: v for k, v in message.items() if k != "metadata"}


def _kind(channel: Channel) -> str:
    if channel.dm_with:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _channel(channel: Channel) -> Json:
    facts: Json = {"id": channel.id, "name": channel.name, "is_member": BOT_USER in channel.members}
    flags: Json = {"is_im": bool(channel.dm_with), "is_channel": not channel.dm_with, "user": channel.dm_with}
    shared: Json = {"is_ext_shared": channel.is_ext_shared, "is_shared": channel.is_ext_shared}
    return {**facts, **flags, **shared, "is_private": channel.is_private, "is_archived": channel.is_archived}


def _user(user: User, *, with_email: bool) -> Json:
    profile: Json = {"real_name": user.real_name or user.name, "display_name": user.name}
    if with_email and user.email:
        profile["email"] = user.email
    flags = ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted", "is_email_confirmed")
    facts: Json = {"id": user.id, "team_id": user.team_id, "name": user.name, "real_name": profile["real_name"]}
    return {**facts, **{flag: getattr(user, flag) for flag in flags}, "tz": "Etc/UTC", "profile": profile}
