"""The routes of channels, threads, direct messages and people.

Rule: threads live, sleep and wake here; messages in them are the business of `chat`.
"""

from tests.fakes.discord import payloads
from tests.fakes.discord import permissions as may
from tests.fakes.discord.calls import Answer, Call, Handler
from tests.fakes.discord.errors import Json, Refused, form
from tests.fakes.discord.posting import Posting
from tests.fakes.discord.shapes import anything, flag, one_of, shape, text
from tests.fakes.discord.world import (
    BOT,
    FORUM,
    GUILD,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    THREADS,
    Channel,
    World,
)

_ARCHIVE_AFTER = one_of(60, 1440, 4320, 10080)
_NEW = {"name": text(1, 100), "auto_archive_duration": _ARCHIVE_AFTER, "rate_limit_per_user": anything}
_FROM_MESSAGE = shape(_NEW, {"name"})
_IN_CHANNEL = shape(
    {**_NEW, "type": one_of(*THREADS), "invitable": flag, "message": anything, "applied_tags": anything}, {"name"}
)
_CHANGES = shape({**_NEW, "archived": flag, "locked": flag, "invitable": flag, "flags": anything})
_MOST_MEMBERS = 1000


class Threads:
    """Threads and where they hang; `most_active` is the guild's limit."""

    def __init__(self, world: World, posting: Posting) -> None:
        self._world = world
        self._posting = posting
        self.most_active = 1000

    def handlers(self) -> dict[str, Handler]:
        """The routes answered here."""
        return {
            "get_channel": self.get,
            "update_channel": self.update,
            "create_thread_from_message": self.from_message,
            "create_thread": self.create,
            "add_thread_member": self.add_member,
            "join_thread": self.join,
            "create_dm": self.direct,
            "get_guild_member": self.member,
            "get_user": self.user,
        }

    def get(self, call: Call) -> Answer:
        """A channel or thread."""
        return 200, self._shown(self._world.visible(call.params["channel_id"]))

    def from_message(self, call: Call) -> Answer:
        """The one thread of a message; it has the message's id."""
        channel = self._world.visible(call.params["channel_id"], may.CREATE_PUBLIC_THREADS)
        form(_FROM_MESSAGE(call.body, ()))
        if channel.type != TEXT:
            raise Refused(50024)
        message = self._world.message(channel, call.params["message_id"])
        if message.id in self._world.channels:
            raise Refused(160004)
        thread = self._open(message.id, channel, call.body, PUBLIC_THREAD)
        self._posting.tell("MESSAGE_UPDATE", message)
        return 201, self._shown(thread)

    def create(self, call: Call) -> Answer:
        """A thread without a message, private unless it says otherwise; in a forum a post."""
        channel = self._world.visible(call.params["channel_id"])
        form(_IN_CHANNEL(call.body, ()))
        if channel.type == FORUM:
            return self._post(channel, call)
        if channel.type != TEXT:
            raise Refused(50024)
        kind = call.body.get("type") or PRIVATE_THREAD
        need = may.CREATE_PRIVATE_THREADS if kind == PRIVATE_THREAD else may.CREATE_PUBLIC_THREADS
        self._world.visible(channel.id, need)
        return 201, self._shown(self._open(self._world.snowflake(), channel, call.body, kind))

    def update(self, call: Call) -> Answer:
        """Rename, archive, lock or wake up a thread."""
        thread = self._world.visible(call.params["channel_id"])
        if not thread.is_thread:
            self._world.visible(thread.id, 1 << 4)  # MANAGE_CHANNELS
            raise Refused(50024)
        form(_CHANGES(call.body, ()))
        given = self._world.permissions(BOT, thread)
        # whoever may write in an open thread may wake it up, whoever began it
        wakes = set(call.body) == {"archived"} and call.body["archived"] is False and given & may.SEND_IN_THREADS
        others = not wakes and thread.owner != BOT
        if ("locked" in call.body or thread.locked or others) and not given & may.MANAGE_THREADS:
            raise Refused(50013)
        if thread.archived and call.body.get("archived") is not False:
            raise Refused(50083)
        thread.name = call.body.get("name") or thread.name
        thread.auto_archive = call.body.get("auto_archive_duration") or thread.auto_archive
        for name in ("archived", "locked", "invitable"):
            setattr(thread, name, call.body.get(name, getattr(thread, name)))
        self.tell(thread)
        return 200, self._shown(thread)

    def add_member(self, call: Call) -> Answer:
        """Bring somebody in."""
        return self._enter(call, call.params["user_id"])

    def join(self, call: Call) -> Answer:
        """Bring the app in."""
        return self._enter(call, BOT)

    def direct(self, call: Call) -> Answer:
        """The direct message channel with somebody."""
        some_id = str(call.body.get("recipient_id"))
        if some_id not in self._world.users or self._world.users[some_id].is_bot:
            raise Refused(50033)
        return 200, self._shown(self._world.dm(some_id))

    def member(self, call: Call) -> Answer:
        """A member with roles, for which no intent is needed."""
        found = self._world.users.get(call.params["user_id"])
        if call.params["guild_id"] != GUILD:
            raise Refused(50001)
        if found is None or not found.in_guild:
            raise Refused(10007 if found else 10013)
        return 200, payloads.full_member(found)

    def user(self, call: Call) -> Answer:
        """A user; `@me` is the app."""
        found = self._world.users.get(call.params["user_id"])
        if found is None:
            raise Refused(10013)
        return 200, payloads.user(found)

    def remove(self, some_id: str) -> None:
        """A moderator deletes a channel or thread; what hangs on a channel goes with it."""
        gone = self._world.channels.pop(some_id)
        for thread in [one for one in self._world.channels.values() if one.is_thread and one.parent == some_id]:
            del self._world.channels[thread.id]
        name = "THREAD_DELETE" if gone.is_thread else "CHANNEL_DELETE"
        self._world.emit(name, self._shown(gone), None)
        self._world.changed()

    def tell(self, thread: Channel) -> None:
        """Let the app hear that a thread changed."""
        self._world.emit("THREAD_UPDATE", self._shown(thread), thread)
        self._world.changed()

    def _post(self, forum: Channel, call: Call) -> Answer:
        self._world.visible(forum.id, may.SEND)
        if forum.tag_required and not call.body.get("applied_tags"):
            raise Refused(40067)
        first: Json = call.body.get("message") or {}
        some_id = self._world.snowflake()
        thread = self._open(some_id, forum, call.body, PUBLIC_THREAD)
        thread.tags = tuple(map(str, call.body.get("applied_tags") or ()))
        try:
            made = self._posting.create(thread, first, call.files)
        except Refused:
            del self._world.channels[some_id]
            raise
        return 201, {**self._shown(thread), "message": payloads.message(self._world, made)}

    def _open(self, some_id: str, parent: Channel, body: Json, kind: int) -> Channel:
        active = [c for c in self._world.channels.values() if c.is_thread and not c.archived]
        if len(active) >= self.most_active:
            raise Refused(160006)
        thread = Channel(some_id, body["name"], kind, parent.id, members={BOT})
        thread.auto_archive = body.get("auto_archive_duration") or 1440
        thread.invitable = body.get("invitable", True)
        self._world.channels[some_id] = thread
        self._world.emit("THREAD_CREATE", {**self._shown(thread), "newly_created": True}, thread)
        self._world.changed()
        return thread

    def _enter(self, call: Call, who: str) -> Answer:
        thread = self._world.visible(call.params["channel_id"], may.SEND_IN_THREADS)
        if not thread.is_thread:
            raise Refused(50024)
        if thread.archived:
            raise Refused(50083)
        if who not in self._world.users or not self._world.users[who].in_guild:
            raise Refused(10013)
        if len(thread.members) >= _MOST_MEMBERS:
            raise Refused(30033)
        thread.members.add(who)
        self._world.changed()
        return 204, None

    def _shown(self, channel: Channel) -> Json:
        return payloads.channel(self._world, channel)
