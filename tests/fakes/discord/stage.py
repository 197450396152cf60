"""A guild, one person and a real discord.py client on a stage: what the tests of the fake itself play on.

Rule: only for `test_discord_*.py`; tests of the product bring their own app.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord import gateway as discord_gateway
from discord import http as discord_http

from tests.fakes.discord import FakeDiscord, Message, Person, Seen
from tests.fakes.discord.errors import Json
from tests.fakes.discord.world import BOT

OPS, ANN, BOB = "200000000000000001", "300000000000000001", "300000000000000002"
INTENTS = 1 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13
TEXT, ROW, BUTTON, CONTAINER, V2 = 10, 1, 2, 17, 1 << 15


class Clock:
    """Time that passes only when told."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class App(discord.Client):
    """A client that keeps what it hears and answers interactions as the test says."""

    def __init__(self, changed: Callable[[], None], intents: int) -> None:
        lean = discord.MemberCacheFlags.none()
        super().__init__(
            intents=discord.Intents._from_value(intents),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=lean,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,
        )
        self.said: list[discord.Message] = []
        self.reactions: list[Any] = []
        self.clicks: list[Any] = []
        self.answer: Callable[[Any], Awaitable[object]] | None = None
        self._changed = changed

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """No five seconds between two starts."""

    async def on_interaction(self, interaction: Any) -> None:
        self.clicks.append(interaction)
        self._changed()
        if self.answer:
            await self.answer(interaction)

    async def on_message(self, message: discord.Message) -> None:
        if message.author.id != int(BOT):
            self.said.append(message)
            self._changed()

    async def on_raw_reaction_add(self, payload: Any) -> None:
        self.reactions.append(payload)
        self._changed()


@dataclass
class Stage:
    """Channel OPS with Ann in the guild; an app only inside `connected`, raw calls at any time."""

    discord: FakeDiscord
    clock: Clock
    ann: Person
    http: aiohttp.ClientSession

    @asynccontextmanager
    async def connected(self, intents: int = INTENTS) -> AsyncGenerator[App]:
        """A client that has seen the guild."""
        app = App(self.discord.world.changed, intents)
        async with app:
            running = asyncio.create_task(app.start(self.discord.bot_token))
            await asyncio.wait_for(app.wait_until_ready(), 5)
            try:
                yield app
            finally:
                await app.close()
                with suppress(asyncio.CancelledError):
                    await running

    async def call(self, method: str, path: str, body: Any = None, *, token: bool = True) -> tuple[int, Any]:
        """One raw REST call: status and JSON."""
        headers = {"Authorization": f"Bot {self.discord.bot_token}"} if token else {}
        async with self.http.request(method, self.discord.api_url + path, json=body, headers=headers) as response:
            assert response.status == 204 or response.headers["Content-Type"] == "application/json"
            return response.status, None if response.status == 204 else await response.json()

    async def post(self, channel: str = OPS, **body: Any) -> Message:
        """The app posts; the message as it then is."""
        status, answer = await self.call("POST", f"/channels/{channel}/messages", body)
        assert status == 200, answer
        return self.seen(answer["id"])

    async def card(self, *labels: str) -> Message:
        """The app posts a V2 card with these buttons."""
        return await self.post(flags=V2, components=[text("**Deploy** it?"), row(*map(button, labels))])

    async def refused(self, **body: Any) -> Json:
        """The answer to a message that must not be taken."""
        status, answer = await self.call("POST", f"/channels/{OPS}/messages", body)
        assert status >= 400, answer
        return {"status": status, **answer}

    async def pressed(self, *labels: str, press: str) -> Seen:
        """A card is posted and Ann presses one of its buttons."""
        return await self.ann.press(await self.card(*labels), press)

    def seen(self, some_id: str) -> Message:
        """A message as it is now."""
        found = self.discord.world.find(str(some_id))
        assert found is not None
        return found


@asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """Everything up; people lose patience after half a second so that a late answer does not take three."""
    clock = Clock()
    async with FakeDiscord(clock=clock, ack_within=0.5) as fake, aiohttp.ClientSession() as session:
        with aimed(fake):
            fake.channel(OPS, name="ops")
            ann = fake.person(ANN, name="ann", display_name="Ann")
            yield Stage(fake, clock, ann, session)


@contextmanager
def aimed(fake: FakeDiscord) -> Generator[None]:
    """Let discord.py talk to the fake; both addresses are global to the process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord_http.Route, "BASE", fake.api_url)
        patch.setattr(discord_gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(fake.gateway_url))
        yield


def text(words: str) -> Json:
    """A text display."""
    return {"type": TEXT, "content": words}


def button(label: str, **more: Any) -> Json:
    """A button with the label, in lower case, as its custom id."""
    return {"type": BUTTON, "style": 2, "label": label, "custom_id": label.lower(), **more}


def row(*children: Json) -> Json:
    """An action row."""
    return {"type": ROW, "components": [*children]}


def label(words: str, **component: Any) -> Json:
    """A labelled input of a modal with the label, in lower case, as its custom id."""
    return {"type": 18, "label": words, "component": {"custom_id": words.lower(), **component}}


def problems(answer: Json) -> dict[str, str]:
    """The first code at each place of a form refusal."""
    found: dict[str, str] = {}

    def look(node: Json, at: tuple[str, ...]) -> None:
        if "_errors" in node:
            found[".".join(at)] = node["_errors"][0]["code"]
        for name, child in node.items():
            if name != "_errors":
                look(child, (*at, name))

    look(answer.get("errors") or {}, ())
    return found
