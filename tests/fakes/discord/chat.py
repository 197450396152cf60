"""The message and reaction routes, as a bot with a token uses them.

Rule: permissions, existence and order of checks; making and changing messages is left to `posting`.
"""

import dataclasses

from tests.fakes.discord import limits, payloads, text
from tests.fakes.discord import permissions as may
from tests.fakes.discord.calls import Answer, Call, Handler
from tests.fakes.discord.errors import Json, Refused, wrong
from tests.fakes.discord.payloads import MESSAGE_CONTENT
from tests.fakes.discord.posting import Posting
from tests.fakes.discord.world import BOT, FORUM, GUILD, Channel, Message, World

_EMOJI_PER_MESSAGE = 20
_PAGE = 50


class Chat:
    """Messages of channels, threads and direct messages."""

    def __init__(self, world: World, posting: Posting) -> None:
        self._world = world
        self._posting = posting

    def handlers(self) -> dict[str, Handler]:
        """The routes answered here."""
        return {
            "create_message": self.create,
            "get_message": self.get,
            "list_messages": self.list,
            "update_message": self.update,
            "delete_message": self.delete,
            "add_my_message_reaction": self.react,
            "delete_my_message_reaction": self.unreact,
            "list_message_reactions_by_emoji": self.reactions,
        }

    def create(self, call: Call) -> Answer:
        """Send a message; the same enforced nonce again gives the first one."""
        channel = self._sendable(call)
        limits.check_body(call.body)
        if earlier := self._posting.repeated(call.body):
            return 200, self.shown(earlier)
        reference: Json = call.body.get("message_reference") or {}
        parent = self._referenced(channel, reference)
        pings = (call.body.get("allowed_mentions") or {}).get("replied_user", "allowed_mentions" not in call.body)
        # Sending wakes an archived thread up; a locked one needs more (see `_sendable`).
        if channel.archived:
            channel.archived = False
            self._world.emit("THREAD_UPDATE", payloads.channel(self._world, channel), channel)
        made = self._posting.create(channel, call.body, call.files, replies_to=parent, pings_author=bool(pings))
        return 200, self.shown(made)

    def get(self, call: Call) -> Answer:
        """One message."""
        channel = self._world.visible(call.params["channel_id"], may.READ_HISTORY)
        return 200, self.shown(self._world.message(channel, call.params["message_id"]))

    def list(self, call: Call) -> Answer:
        """A page, newest first; nothing without permission to read the history."""
        channel = self._world.visible(call.params["channel_id"])
        if not self._world.permissions(BOT, channel) & may.READ_HISTORY:
            return 200, []
        ids = sorted(map(int, channel.messages))
        if "after" in call.query:
            ids = [some_id for some_id in ids if some_id > int(call.query["after"])][: self._limit(call)]
        elif "before" in call.query:
            ids = [some_id for some_id in ids if some_id < int(call.query["before"])]
        page = sorted(ids[-self._limit(call) :], reverse=True)
        return 200, [self.shown(channel.messages[str(some_id)]) for some_id in page]

    def update(self, call: Call) -> Answer:
        """Change an own message."""
        channel, message = self._own(call)
        if channel.archived:
            raise Refused(50083)
        if message.author != BOT:
            raise Refused(50005)
        return 200, self.shown(self._posting.edit(message, call.body, call.files))

    def delete(self, call: Call) -> Answer:
        """Take away an own message, or with permission another one."""
        channel, message = self._own(call)
        if channel.archived:
            raise Refused(50083)
        if message.author != BOT:
            self._world.visible(channel.id, may.MANAGE_MESSAGES)
        self._posting.delete(message)
        return 204, None

    def react(self, call: Call) -> Answer:
        """React as the app."""
        channel = self._world.visible(call.params["channel_id"], may.READ_HISTORY)
        message = self._world.message(channel, call.params["message_id"])
        if channel.archived:
            raise Refused(50083)
        if call.params["emoji_name"] not in dict(message.reactions):
            self._world.visible(channel.id, may.ADD_REACTIONS)
        self.add_reaction(message, call.params["emoji_name"], BOT)
        return 204, None

    def unreact(self, call: Call) -> Answer:
        """Take the app's reaction back."""
        channel, message = self._own(call)
        emoji = call.params["emoji_name"]
        left = {name: tuple(p for p in people if (p, name) != (BOT, emoji)) for name, people in message.reactions}
        kept = tuple((name, people) for name, people in left.items() if people)
        self._world.put(dataclasses.replace(message, reactions=kept))
        gone = {**self._reaction(message, emoji, BOT), "type": 0}
        self._world.emit("MESSAGE_REACTION_REMOVE", gone, channel)
        return 204, None

    def reactions(self, call: Call) -> Answer:
        """Who reacted."""
        channel = self._world.visible(call.params["channel_id"], may.READ_HISTORY)
        message = self._world.message(channel, call.params["message_id"])
        people = dict(message.reactions).get(call.params["emoji_name"], ())
        return 200, [payloads.user(self._world.users[some_id]) for some_id in people]

    def add_reaction(self, message: Message, emoji: str, user: str) -> None:
        """React as anybody; raises `Refused`."""
        if emoji.isascii() and ":" not in emoji:
            raise Refused(10014)
        found = dict(message.reactions)
        if emoji not in found and len(found) >= _EMOJI_PER_MESSAGE:
            raise Refused(30010)
        if user in found.get(emoji, ()):
            return
        found[emoji] = (*found.get(emoji, ()), user)
        self._world.put(dataclasses.replace(message, reactions=tuple(found.items())))
        event: Json = {**self._reaction(message, emoji, user), "message_author_id": message.author, "burst": False}
        channel = self._world.channels[message.channel]
        if not channel.dm_with:
            event["member"] = payloads.full_member(self._world.users[user])
        self._world.emit("MESSAGE_REACTION_ADD", {**event, "type": 0}, channel)

    def shown(self, message: Message) -> Json:
        """A message as the REST API gives it to this app: the content may be missing as on the gateway."""
        world = self._world
        open_to_app = message.author == BOT or world.channels[message.channel].dm_with or message.only_for
        readable = bool(open_to_app or world.privileged & MESSAGE_CONTENT or text.mentions_app(world, message))
        return payloads.message(world, message, readable=readable)

    def _sendable(self, call: Call) -> Channel:
        channel = self._world.visible(call.params["channel_id"])
        if channel.type == FORUM:
            raise Refused(50024)
        need = may.SEND_IN_THREADS if channel.is_thread else may.SEND
        need |= may.EMBED_LINKS if call.body.get("embeds") else 0
        need |= may.ATTACH_FILES if call.files else 0
        self._world.visible(channel.id, need)
        if channel.locked and not self._world.permissions(BOT, channel) & may.MANAGE_THREADS:
            raise Refused(50013)
        if channel.dm_with and not self._world.users[channel.dm_with].dms_open:
            raise Refused(50007)
        return channel

    def _own(self, call: Call) -> tuple[Channel, Message]:
        channel = self._world.visible(call.params["channel_id"])
        return channel, self._world.message(channel, call.params["message_id"])

    def _referenced(self, channel: Channel, reference: Json) -> str | None:
        if not reference:
            return None
        if not self._world.permissions(BOT, channel) & may.READ_HISTORY:
            raise Refused(160002)
        some_id = str(reference.get("message_id"))
        if some_id in channel.messages:
            return some_id
        if reference.get("fail_if_not_exists", True):
            raise wrong("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None

    def _limit(self, call: Call) -> int:
        limit = int(call.query.get("limit", _PAGE))
        if not 1 <= limit <= 100:
            raise wrong("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
        return limit

    def _reaction(self, message: Message, emoji: str, user: str) -> Json:
        name, _, some_id = emoji.partition(":")
        place: Json = {} if self._world.channels[message.channel].dm_with else {"guild_id": GUILD}
        who: Json = {"user_id": user, "channel_id": message.channel, "message_id": message.id}
        return {**who, **place, "emoji": {"id": some_id or None, "name": name, "animated": False}}
