"""The workspace behind the fake Slack: people, channels, messages, views, and a bell that rings on every change.

Rule: keeps what is; messages and views are frozen, so what a test holds is what a person saw at that moment.
"""

import asyncio
import copy
import html
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack import controls, state
from tests.fakes.slack.controls import Json
from tests.fakes.slack.limits import Refused

TEAM, APP, BOT, BOT_USER = "T1", "A1", "B1", "UBOT"


@dataclass(frozen=True)
class User:
    """A member, guest or stranger; `team_id` other than the app's own makes an external of a shared channel."""

    id: str
    name: str
    real_name: str = ""
    email: str | None = None
    is_email_confirmed: bool = True
    team_id: str = TEAM
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_bot: bool = False
    deleted: bool = False


@dataclass
class Channel:
    """A conversation; a direct message has the other person in `dm_with`."""

    id: str
    name: str
    members: set[str] = field(default_factory=set[str])
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    dm_with: str | None = None
    messages: dict[str, "Message"] = field(default_factory=dict[str, "Message"])


@dataclass(frozen=True)
class Message:
    """A message as its author sent it; `edits` counts updates, `only_for` makes it ephemeral."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    metadata: Json | None = None
    thread_ts: str | None = None
    edits: int = 0
    only_for: str | None = None
    files: tuple[Json, ...] = ()
    reactions: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """A modal or Home tab of one person, as the app sent it; `hash` changes with every update."""

    id: str
    user: str
    content: Json
    hash: str
    root: str
    previous: str | None = None

    @property
    def blocks(self) -> list[Json]:
        """The blocks, with the ids that Slack filled in."""
        found: list[Json] = self.content["blocks"]
        return found


class World:
    """All state of one workspace; the clock is injected (seconds since 1970), chance is seeded.

    `clock_off` is how many seconds the Date header is ahead of the machine's clock; `disabled` has user groups.
    """

    def __init__(self, clock: Callable[[], float], seed: int) -> None:
        self.clock = clock
        self.chance = random.Random(seed)
        self.base_url = ""
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, list[str]] = {}
        self.disabled: set[str] = set()
        self.clock_off = 0.0
        self.ephemerals: list[Message] = []
        self.uploads: dict[str, Json] = {}
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.shown: list[View] = []
        self._entered: dict[str, state.Entered] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self._count = 0

    def number(self) -> int:
        """A number that was never given before."""
        self._count += 1
        return self._count

    def next_ts(self) -> str:
        """A message timestamp; ends in zeros on purpose, so that whoever makes it a float loses the message."""
        return f"{int(self.clock())}.{self.number() % 10_000 * 100:06d}"

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
                raise TimeoutError(f"the workspace did not come to that within {within} s")

    def name(self, some_id: str) -> str:
        """The visible name of a person or channel."""
        holder = self.users.get(some_id) or self.channels.get(some_id)
        return holder.name if holder else some_id

    def channel(self, some_id: str) -> Channel:
        """Raise `Refused` for a channel that is not there or that the app must not know about."""
        found = self.channels.get(some_id)
        if found is None or (found.is_private and BOT_USER not in found.members):
            raise Refused("channel_not_found")
        return found

    def dm(self, user: str) -> Channel:
        """The direct message channel with *user*, opened on first use."""
        if user not in self.users:
            raise Refused("user_not_found")
        some_id = "D" + user.removeprefix("U")
        members = {user, BOT_USER}
        return self.channels.setdefault(some_id, Channel(some_id, "", members, is_private=True, dm_with=user))

    def put(self, message: Message) -> Message:
        """Store a new or changed message, ephemeral or not."""
        if message.only_for is None:
            self.channels[message.channel].messages[message.ts] = message
        else:
            kept = [m for m in self.ephemerals if m.ts != message.ts]
            self.ephemerals = [*kept, message]
        self.changed()
        return message

    def remove(self, message: Message) -> None:
        """Take a message away."""
        self.channels[message.channel].messages.pop(message.ts, None)
        self.ephemerals = [m for m in self.ephemerals if m.ts != message.ts]
        self.changed()

    def entered(self, user: str, where: Message | View) -> state.Entered:
        """What *user* has typed and chosen in a message or view so far (a live dictionary)."""
        key = where.id if isinstance(where, View) else f"{user}/{where.channel}/{where.ts}"
        return self._entered.setdefault(key, {})

    def with_ids(self, blocks: list[Json]) -> list[Json]:
        """A copy of *blocks* with the block and action ids that Slack makes up for those left out."""
        mine = copy.deepcopy(blocks)
        for block in mine:
            block["block_id"] = block.get("block_id") or f"b{self.number()}"
            for child in controls.children(block):
                child["block_id"] = child.get("block_id") or f"b{self.number()}"
        for control in controls.controls(mine):
            control.element["action_id"] = control.element.get("action_id") or f"a{self.number()}"
        return mine


def echoed(node: Any) -> Any:
    """A copy as Slack hands it back: the text of plain_text objects comes HTML-escaped (bolt-python#513)."""
    if isinstance(node, list | tuple):
        items: list[Any] = list(node)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return [echoed(item) for item in items]
    if not isinstance(node, dict):
        return node
    part: Json = {key: echoed(value) for key, value in node.items()}  # pyright: ignore[reportUnknownVariableType]
    if part.get("type") == "plain_text":
        return {"emoji": True, **part, "text": html.escape(part["text"], quote=False)}
    return {"verbatim": False, **part} if part.get("type") == "mrkdwn" else part
