"""What Discord's objects look like in JSON: users, members, channels, threads, messages, guild and interactions.

Rule: pure reading of the world; a message whose content the app may not see comes with everything empty.
"""

import dataclasses
from datetime import UTC, datetime

from tests.fakes.discord import text
from tests.fakes.discord.errors import Json
from tests.fakes.discord.world import (
    APP,
    BOT,
    BOT_ROLE,
    DM,
    FORUM,
    GUILD,
    OWNER,
    THREADS,
    Channel,
    Message,
    Role,
    User,
    World,
)

MESSAGE_CONTENT, GUILD_MEMBERS, GUILD_PRESENCES = 1 << 15, 1 << 1, 1 << 8
ATTACHMENT_LIMIT = 10 * 1024 * 1024
_FLAG_OF_INTENT = {GUILD_PRESENCES: 1 << 12, GUILD_MEMBERS: 1 << 14, MESSAGE_CONTENT: 1 << 18}
_DEFAULT, _REPLY = 0, 19
_HAS_THREAD = 1 << 5
_JOINED = "2025-01-01T00:00:00+00:00"


def when(seconds: float) -> str:
    """ISO 8601 as Discord writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def user(who: User) -> Json:
    """A user object."""
    names: Json = {"username": who.name, "global_name": who.display_name or None, "discriminator": "0"}
    looks: Json = {"avatar": None, "avatar_decoration_data": None, "public_flags": 0, "flags": 0}
    nothing: Json = dict.fromkeys(("clan", "primary_guild", "banner", "accent_color", "collectibles"))
    return {"id": who.id, **names, **looks, **nothing, "bot": who.is_bot, "system": False}


def member(who: User) -> Json:
    """A member object without its user, as it comes with messages."""
    nothing: Json = dict.fromkeys(("nick", "avatar", "banner", "premium_since", "communication_disabled_until"))
    states: Json = {"deaf": False, "mute": False, "pending": False, "flags": 0, "joined_at": _JOINED}
    return {"roles": list(who.roles), **nothing, **states}


def full_member(who: User) -> Json:
    """A member object with its user."""
    return {"user": user(who), **member(who)}


def channel(world: World, found: Channel) -> Json:
    """A channel, thread or direct message."""
    last = max(found.messages, key=int, default=None)
    plain: Json = {"id": found.id, "type": found.type, "last_message_id": last, "flags": 0}
    if found.dm_with:
        return {**plain, "type": DM, "recipients": [user(world.users[found.dm_with])]}
    placed: Json = {**plain, "guild_id": GUILD, "name": found.name, "parent_id": found.parent}
    if found.type in THREADS:
        return {**placed, **_thread(found)}
    overwrites = [
        {"id": target, "type": 0 if target in world.roles else 1, "allow": str(allow), "deny": str(deny)}
        for target, (allow, deny) in found.overwrites.items()
    ]
    more: Json = {"permission_overwrites": overwrites, "position": 0, "nsfw": False, "topic": None}
    return {**placed, **more, "rate_limit_per_user": 0, **({"available_tags": []} if found.type == FORUM else {})}


def message(world: World, found: Message, *, readable: bool = True) -> Json:
    """A message as it is now; without `readable` as an app without the MESSAGE_CONTENT intent gets it."""
    ringing = text.pings(world, found)
    people = [target[2:-1] for target in ringing if target[:2] == "<@" and target[2] != "&"]
    payload: Json = {
        "id": found.id,
        "channel_id": found.channel,
        "author": user(world.users[found.author]),
        "timestamp": when(found.at),
        "edited_timestamp": None if found.edited_at is None else when(found.edited_at),
        "content": found.content if readable else "",
        "embeds": [{"type": "rich", **embed} for embed in found.embeds] if readable else [],
        "attachments": list(found.attachments) if readable else [],
        "components": list(found.components) if readable else [],
        "flags": found.flags | (_HAS_THREAD if found.id in world.channels else 0),
        "mentions": [user(world.users[some_id]) for some_id in people],
        "mention_roles": [target[3:-1] for target in ringing if target.startswith("<@&")],
        "mention_everyone": any(target.startswith("@") for target in ringing),
        "pinned": False,
        "tts": False,
        "type": _REPLY if found.replies_to else _DEFAULT,
    }
    return {**payload, **_extras(world, found, readable=readable)}


def role(found: Role) -> Json:
    """A role."""
    facts: Json = {"id": found.id, "name": found.name, "permissions": str(found.permissions)}
    tags: Json = {"tags": {"bot_id": BOT}} if found.id == BOT_ROLE else {}
    return {**facts, "mentionable": found.mentionable, **_ROLE_LOOKS, **tags}


def guild(world: World) -> Json:
    """GUILD_CREATE: the guild with what the app may see of it, and no member but the app."""
    roles = [role(found) for found in world.roles.values()]
    shown = [c for c in world.channels.values() if not c.dm_with and world.permissions(BOT, c)]
    channels = [channel(world, c) for c in shown if not c.is_thread]
    threads = [channel(world, c) for c in shown if c.is_thread and not c.archived]
    lists: Json = {"roles": roles, "channels": channels, "threads": threads, "emojis": [], "features": []}
    members: Json = {"members": [full_member(world.users[BOT])], "member_count": len(world.users)}
    return {"id": GUILD, "name": "guild", "owner_id": OWNER, "unavailable": False, "large": False, **lists, **members}


def counts(world: World) -> dict[str, int]:
    """How many members have each role, but for @everyone."""
    roles = [role for user in world.users.values() if user.in_guild for role in user.roles]
    return {some_id: roles.count(some_id) for some_id in world.roles if some_id != GUILD}


def application(world: World, public_key: str) -> Json:
    """The app itself, with the flags of its privileged intents."""
    flags = sum(bit for intent, bit in _FLAG_OF_INTENT.items() if world.privileged & intent)
    words: Json = {"id": APP, "name": "sayso", "description": "", "icon": None, "flags": flags}
    return {
        **words,
        "bot_public": False,
        "bot_require_code_grant": False,
        "owner": user(world.users[OWNER]),
        "verify_key": public_key,
        "interactions_endpoint_url": None,
    }


def interaction(world: World, who: User, where: Channel) -> Json:
    """The part common to clicks and submissions: who, where, and what they may do there."""
    app_may, they_may = (str(world.permissions(some_id, where)) for some_id in (BOT, who.id))
    common: Json = {
        "application_id": APP,
        "version": 1,
        "channel_id": where.id,
        "channel": {**channel(world, where), "permissions": they_may},
        "app_permissions": app_may,
        "attachment_size_limit": ATTACHMENT_LIMIT,
        "entitlements": [],
        "locale": "en-US",
    }
    if where.dm_with:
        owners: Json = {"0": "0"}
        return {**common, "user": user(who), "context": 1, "authorizing_integration_owners": owners}
    they = {**full_member(who), "permissions": they_may}
    place: Json = {
        "guild_id": GUILD,
        "guild_locale": "en-US",
        "guild": {"id": GUILD, "locale": "en-US", "features": []},
    }
    return {**common, **place, "member": they, "context": 0, "authorizing_integration_owners": {"0": GUILD}}


def _thread(found: Channel) -> Json:
    times: Json = {"archive_timestamp": _JOINED, "create_timestamp": _JOINED}
    state: Json = {"archived": found.archived, "locked": found.locked, "auto_archive_duration": found.auto_archive}
    counts: Json = {"message_count": len(found.messages), "total_message_sent": len(found.messages)}
    invitable: Json = {"invitable": found.invitable} if found.type == 12 else {}
    people: Json = {"owner_id": found.owner, "member_count": min(len(found.members), 50), "rate_limit_per_user": 0}
    tags: Json = {"applied_tags": list(found.tags)} if found.tags else {}
    return {**people, **counts, **tags, "thread_metadata": {**state, **times, **invitable}}


def _extras(world: World, found: Message, *, readable: bool) -> Json:
    extras: Json = {}
    if found.nonce is not None:
        extras["nonce"] = found.nonce
    if found.reactions:
        extras["reactions"] = [_reaction(emoji, people) for emoji, people in found.reactions]
    if found.asked_by:
        extras["interaction_metadata"] = found.asked_by
    if found.is_webhook:
        extras |= {"webhook_id": APP, "application_id": APP}
    if found.id in world.channels:
        extras["thread"] = channel(world, world.channels[found.id])
    if found.replies_to:
        place: Json = {} if world.channels[found.channel].dm_with else {"guild_id": GUILD}
        extras["message_reference"] = {"type": 0, "message_id": found.replies_to, "channel_id": found.channel, **place}
        parent = world.find(found.replies_to)
        # One level only: Discord does not nest replies to replies.
        flat = message(world, _plain(parent), readable=readable or parent.author == BOT) if parent else None
        extras["referenced_message"] = flat
    return extras


def _plain(found: Message) -> Message:
    return dataclasses.replace(found, replies_to=None)


def _reaction(emoji: str, people: tuple[str, ...]) -> Json:
    name, _, some_id = emoji.partition(":")
    counts: Json = {"count": len(people), "count_details": {"burst": 0, "normal": len(people)}, "burst_colors": []}
    return {"emoji": {"id": some_id or None, "name": name}, **counts, "me": BOT in people, "me_burst": False}


_ROLE_LOOKS: Json = {
    "color": 0,
    "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
    "hoist": False,
    "position": 1,
    "managed": False,
    "flags": 0,
    "icon": None,
    "unicode_emoji": None,
    "description": None,
}
