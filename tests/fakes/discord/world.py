"""The guild behind the fake Discord: people, roles, channels, threads, messages, and a bell that rings on every change.

Rule: keeps what is; messages and modals are frozen, so what a test holds is what a person saw at that moment.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord import controls
from tests.fakes.discord import permissions as discord_permissions
from tests.fakes.discord.errors import Json, Refused

GUILD, APP, BOT, OWNER = "100000000000000001", "100000000000000002", "100000000000000003", "100000000000000004"
BOT_ROLE = "100000000000000005"
TEXT, DM, PUBLIC_THREAD, PRIVATE_THREAD, FORUM = 0, 1, 11, 12, 15
THREADS = (10, PUBLIC_THREAD, PRIVATE_THREAD)
_EPOCH = 1_420_070_400_000


@dataclass(frozen=True)
class Role:
    """A role of the guild; `permissions` is a bit field."""

    id: str
    name: str
    permissions: int = 0
    mentionable: bool = True


@dataclass(frozen=True)
class User:
    """Somebody; members of the guild have `roles`, a stranger is known only by direct messages."""

    id: str
    name: str
    display_name: str = ""
    roles: tuple[str, ...] = ()
    is_bot: bool = False
    in_guild: bool = True
    dms_open: bool = True


@dataclass
class Channel:
    """A channel, thread or direct message; a thread has a `parent`, a direct message has `dm_with`."""

    id: str
    name: str
    type: int = TEXT
    parent: str | None = None
    dm_with: str | None = None
    overwrites: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    owner: str = BOT
    members: set[str] = field(default_factory=set[str])
    archived: bool = False
    locked: bool = False
    invitable: bool = True
    auto_archive: int = 1440
    tag_required: bool = False
    tags: tuple[str, ...] = ()
    messages: dict[str, "Message"] = field(default_factory=dict[str, "Message"])

    @property
    def is_thread(self) -> bool:
        """Whether it is a thread of any kind."""
        return self.type in THREADS


@dataclass(frozen=True)
class Message:
    """A message as it is now; `edits` counts updates, `only_for` makes it ephemeral, `asked_by` is an interaction."""

    id: str
    channel: str
    author: str
    at: float
    content: str = ""
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    sent: tuple[Json, ...] = ()  # the components as the app wrote them, without what Discord filled in
    attachments: tuple[Json, ...] = ()
    flags: int = 0
    nonce: str | int | None = None
    allowed_mentions: Json | None = None
    replies_to: str | None = None
    pings_author: bool = False
    asked_by: Json | None = None
    only_for: str | None = None
    edits: int = 0
    edited_at: float | None = None
    reactions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_webhook: bool = False


@dataclass(frozen=True)
class Modal:
    """A modal one person has open; `token` is of the interaction that opened it, `message` where that was."""

    id: str
    user: str
    channel: str
    message: Message | None
    content: Json

    @property
    def components(self) -> list[Json]:
        """The components, with the ids that Discord filled in."""
        found: list[Json] = self.content["components"]
        return found


class World:
    """All state of one guild with one app; the clock is injected (seconds since 1970).

    `clock_off` is how many seconds the Date header is ahead of the machine's clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.clock_off = 0.0
        self.base_url = ""
        self.roles = {
            GUILD: Role(GUILD, "@everyone", discord_permissions.MEMBER, mentionable=False),
            BOT_ROLE: Role(BOT_ROLE, "sayso", discord_permissions.APP, mentionable=False),
        }
        self.users = {BOT: User(BOT, "sayso", roles=(BOT_ROLE,), is_bot=True), OWNER: User(OWNER, "owner")}
        self.channels: dict[str, Channel] = {}
        self.ephemerals: list[Message] = []
        self.modals: dict[str, Modal] = {}
        self.shown: list[Modal] = []
        self.entered: dict[str, Json] = {}
        self.files: dict[str, bytes] = {}
        self.privileged = 0
        # What tells the app of an event: set by the gateway.
        self.emit: Callable[[str, Json, Channel | None], None] = lambda _name, _data, _channel: None
        self._waiting: set[asyncio.Future[None]] = set()
        self._count = 0

    def snowflake(self) -> str:
        """An id that was never given before and grows with time."""
        self._count += 1
        return str(((int(self.clock() * 1000) - _EPOCH) << 22) + self._count)

    def changed(self) -> None:
        """Wake everybody who waits for something to happen."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, true: Callable[[], object], *, within: float = 30.0) -> None:
        """Return once `true()` holds, looking again after every change; TimeoutError after *within* seconds."""
        ends = asyncio.get_running_loop().time() + within
        while not true():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            await asyncio.wait([waiter], timeout=ends - asyncio.get_running_loop().time())
            self._waiting.discard(waiter)
            if not waiter.done() and not true():
                raise TimeoutError(f"the guild did not come to that within {within} s")

    def ids(self) -> set[str]:
        """Everybody and everything that can be picked by its id."""
        return {*self.users, *self.roles, *self.channels}

    def name(self, some_id: str) -> str:
        """The visible name of a person, role or channel."""
        holder = self.users.get(some_id) or self.roles.get(some_id) or self.channels.get(some_id)
        if isinstance(holder, User):
            return holder.display_name or holder.name
        return holder.name if holder else some_id

    def permissions(self, user: str, channel: Channel) -> int:
        """What *user* may do in *channel*; threads take everything from their parent."""
        if channel.dm_with:
            return discord_permissions.DIRECT if user in (BOT, channel.dm_with) else 0
        place = self.channels[channel.parent] if channel.is_thread and channel.parent else channel
        member = self.users[user]
        if not member.in_guild:
            return 0
        base = [self.roles[role].permissions for role in (GUILD, *member.roles)]
        found = discord_permissions.allowed(base, member.roles, user, GUILD, place.overwrites)
        hidden = channel.type == PRIVATE_THREAD and user not in channel.members
        return 0 if hidden and not found & discord_permissions.MANAGE_THREADS else found

    def visible(self, some_id: str, need: int = 0) -> Channel:
        """The channel, for the app; raises `Refused` when it is missing, hidden, or one bit of *need* is not given."""
        found = self.channels.get(some_id)
        if found is None:
            raise Refused(10003)
        given = self.permissions(BOT, found)
        if not given & discord_permissions.VIEW:
            raise Refused(50001)
        if given & need != need:
            raise Refused(50013)
        return found

    def message(self, channel: Channel, some_id: str) -> Message:
        """A message that is not ephemeral; raises `Refused`."""
        if some_id not in channel.messages:
            raise Refused(10008)
        return channel.messages[some_id]

    def find(self, some_id: str) -> Message | None:
        """A message by its id, ephemeral or not, wherever it is."""
        hidden = next((m for m in self.ephemerals if m.id == some_id), None)
        return hidden or next((c.messages[some_id] for c in self.channels.values() if some_id in c.messages), None)

    def dm(self, user: str) -> Channel:
        """The direct message channel with *user*, opened on first use."""
        for channel in self.channels.values():
            if channel.dm_with == user:
                return channel
        opened = Channel(self.snowflake(), "", DM, dm_with=user)
        return self.channels.setdefault(opened.id, opened)

    def put(self, message: Message) -> Message:
        """Store a new or changed message, ephemeral or not."""
        if message.only_for is None:
            self.channels[message.channel].messages[message.id] = message
        else:
            self.ephemerals = [*(m for m in self.ephemerals if m.id != message.id), message]
        self.changed()
        return message

    def remove(self, message: Message) -> None:
        """Take a message away."""
        self.channels[message.channel].messages.pop(message.id, None)
        self.ephemerals = [m for m in self.ephemerals if m.id != message.id]
        self.changed()


def numbered(components: list[Json], used: set[Any] | None = None) -> list[Json]:
    """A copy of *components* with the numeric ids that Discord fills in where they are left out."""
    taken = used if used is not None else {part.get("id") for part in controls.walk(components)}
    copies: list[Json] = []
    for part in components:
        # The id first: numbers are given in reading order, the parent before its children.
        mine = {**part, "id": part.get("id") or _free(taken)}
        for name in ("components", "accessory", "component"):
            inner = part.get(name)
            if inner:
                mine[name] = numbered(inner, taken) if isinstance(inner, list) else numbered([inner], taken)[0]
        copies.append(mine)
    return copies


def _free(taken: set[Any]) -> int:
    number = 1
    while number in taken:
        number += 1
    taken.add(number)
    return number
