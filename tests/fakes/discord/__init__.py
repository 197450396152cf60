"""A fake Discord on loopback that the real discord.py talks to: one guild, one app, and scripted people in it.

Rule: this is the only module that tests import; it puts the parts together and adds nothing of its own.

    async with FakeDiscord() as discord:
        ops = discord.channel("200000000000000001", name="ops")
        ann = discord.person("300000000000000001", name="ann")
        ...                                     # the app under test connects to discord.api_url and posts
        seen = await ann.press(discord.messages(ops.id)[0], "Allow")
        assert seen.acked
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.fakes.discord import controls as discord_controls
from tests.fakes.discord import delivery, payloads, text, world
from tests.fakes.discord.calls import Answer, Call, Handler
from tests.fakes.discord.chat import Chat
from tests.fakes.discord.commands import Commands
from tests.fakes.discord.delivery import ByGateway, Delivery, Http
from tests.fakes.discord.errors import Json
from tests.fakes.discord.gateway import CONNECT, Gateway
from tests.fakes.discord.interactions import Interaction, Interactions
from tests.fakes.discord.people import Person, Seen
from tests.fakes.discord.post import Office
from tests.fakes.discord.posting import Posting
from tests.fakes.discord.server import Server
from tests.fakes.discord.threads import Threads
from tests.fakes.discord.world import Channel, Message, Modal, Role, User, World

__all__ = ["FakeDiscord", "Message", "Modal", "Person", "Seen"]


class FakeDiscord:
    """One guild with one installed app; state lives here, so the app may die and come back.

    `clock` gives seconds since 1970 (deadlines, tokens, rates, ids); `ack_within` is a person's patience in real
    seconds (Discord: 3); `privileged` has the intents switched on in the developer portal.
    """

    bot_token = "fake.bot.token"
    guild_id, application_id, bot_id = world.GUILD, world.APP, world.BOT
    bot_role_id = world.BOT_ROLE
    public_key = delivery.PUBLIC_KEY

    def __init__(self, *, clock: Callable[[], float] = time.time, ack_within: float = 3.0, privileged: int = 0) -> None:
        self.world = World(clock)
        self.world.privileged = privileged
        self._ack_within = ack_within
        posting = Posting(self.world)
        chat, threads = Chat(self.world, posting), Threads(self.world, posting)
        interactions = Interactions(self.world, posting, chat)
        self.gateway = Gateway(self.world, self.bot_token)
        self.world.emit = self.gateway.emit
        self.commands = Commands(self.world)
        handlers = {**chat.handlers(), **threads.handlers(), **interactions.handlers(), **self._own_routes()}
        handlers |= self.commands.handlers()
        self._server = Server(self.world, self.bot_token, handlers)
        self._server.gateway = self.gateway.serve
        refusals = self._server.refusals
        route = ByGateway(self.world)
        self._office = Office(
            self.world, posting, chat, threads, interactions, self.commands, route, ack_within, refusals
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gateway.drop()
        await self._server.stop()
        if self._session:
            await self._session.close()

    @property
    def api_url(self) -> str:
        """The address of the REST API, version included: `discord.http.Route.BASE`."""
        return f"{self.world.base_url}/api/v10"

    @property
    def gateway_url(self) -> str:
        """The address of the gateway: `discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY`."""
        return f"{self.world.base_url.replace('http', 'ws', 1)}{CONNECT}"

    # -- who and what is there -------------------------------------------------------------------------------------

    def person(self, some_id: str, *, name: str, **facts: Any) -> Person:
        """Add somebody, or change what is known of them; *facts* are fields of `User`."""
        user = self.world.users[some_id] = User(some_id, name, **facts)
        return Person(user, self._office)

    def role(self, some_id: str, *, name: str, **facts: Any) -> Role:
        """Add or change a role; *facts* are fields of `Role`."""
        made = self.world.roles[some_id] = Role(some_id, name, **facts)
        event: Json = {"guild_id": self.guild_id, "role": payloads.role(made)}
        self.gateway.emit("GUILD_ROLE_CREATE", event, None)
        return made

    def channel(self, some_id: str, *, name: str, **facts: Any) -> Channel:
        """Add a channel; *facts* are fields of `Channel`."""
        made = self.world.channels[some_id] = Channel(some_id, name, **facts)
        self.gateway.emit("CHANNEL_CREATE", payloads.channel(self.world, made), made)
        return made

    def remove(self, channel: str) -> None:
        """A moderator deletes a channel or thread."""
        self._office.threads.remove(channel)

    def purge(self, *messages: Message) -> None:
        """A moderator deletes several messages of a channel at once."""
        self._office.posting.purge(messages)

    def overwrite(self, channel: str, target: str, *, allow: int = 0, deny: int = 0) -> None:
        """Set what a role or member may or may not do in a channel; bits are in `permissions`."""
        self.world.channels[channel].overwrites[target] = (allow, deny)

    # -- what can be seen ------------------------------------------------------------------------------------------

    def messages(self, channel: str) -> list[Message]:
        """The messages of a channel, thread or direct message as they are now, oldest first."""
        return list(self.world.channels[channel].messages.values())

    def dms(self, user: str) -> list[Message]:
        """The direct messages with a person."""
        return self.messages(self.world.dm(user).id)

    def ephemerals(self, user: str) -> list[Message]:
        """The messages only this person can see."""
        return [message for message in self.world.ephemerals if message.only_for == user]

    def threads(self, channel: str) -> list[Channel]:
        """The threads of a channel, archived ones too."""
        return [c for c in self.world.channels.values() if c.is_thread and c.parent == channel]

    def modal(self, user: str) -> Modal | None:
        """The modal a person has open."""
        return self.world.modals.get(user)

    def visible_text(self, where: Message | Modal) -> str:
        """Everything a person reads there, a line for each piece, in order; markdown is drawn."""
        return "\n".join(line for line in text.lines(self.world, where) if line)

    def controls(self, where: Message | Modal) -> list[str]:
        """What there is to use, by its words, greyed out or not."""
        return discord_controls.words([*where.components])

    def pings(self, message: Message) -> list[str]:
        """Everybody who is notified: `<@id>`, `<@&id>`, `@everyone`, `@here`."""
        return text.pings(self.world, message)

    def mentions(self, where: Message | Modal) -> list[str]:
        """Everything drawn as a mention, whether it notifies anybody or not."""
        return list(text.mentions(where))

    def links(self, where: Message | Modal) -> list[str]:
        """Every live link target in there."""
        return list(text.links(where))

    def previews(self, message: Message) -> list[str]:
        """Every link that Discord would fetch and unfurl."""
        return text.previews(message)

    def attached(self, message: Message) -> dict[str, bytes]:
        """The files of a message by name."""
        start = len(self.world.base_url)
        return {file["filename"]: self.world.files[file["url"][start:]] for file in message.attachments}

    async def until(self, true: Callable[[], object], *, within: float = 30.0) -> None:
        """Wait until `true()` holds; it is looked at after every change in the guild."""
        await self.world.until(true, within=within)

    # -- what happened, and what goes wrong ------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """Every REST call that arrived, also refused ones."""
        return self._server.calls

    @property
    def refusals(self) -> list[tuple[str, Json]]:
        """Every error answer given, with its operation: empty in a good test."""
        return self._server.refusals

    @property
    def deliveries(self) -> list[Delivery]:
        """Every interaction sent to the app."""
        return self._office.sent

    @property
    def interactions(self) -> list[Interaction]:
        """Every interaction ever made, oldest first."""
        return list(self._office.interactions.made.values())

    @property
    def rates(self) -> dict[str, tuple[int, float]]:
        """Calls and seconds by operation, and by `global` for all together; more are answered 429."""
        return self._server.rates.limits

    def fail_next(self, operation: str, how: str, *, times: int = 1, retry_after: float = 0.05) -> None:
        """Let calls fail.

        *how* is `429` (`429 shared`, `429 global`, and `429 cloudflare` without the Via header), `500`, `502`, `503`,
        `reset`, `hang`, an error code such as `50013`, or `lost` and `mute`: done, and then a reset or a hang.
        """
        self._server.faults.retry_after = retry_after
        self._server.faults.plan(operation, how, times)

    # -- the way to the app ----------------------------------------------------------------------------------------

    def use_http(self, url: str) -> Http:
        """From now on post interactions to this endpoint, signed; the answer can ping it and probe it."""
        if self._session is None:
            raise RuntimeError("use_http needs the running fake: call it inside `async with`")
        self._office.route = http = Http(url, self._ack_within, self._session)
        return http

    def use_gateway(self) -> None:
        """From now on deliver interactions over the gateway (the default)."""
        self._office.route = ByGateway(self.world)

    async def redeliver(self, interaction: Interaction) -> None:
        """Send an interaction once more: events may come several times."""
        await self._office.deliver(interaction)

    def send_event(self, name: str, data: Json, *, channel: str | None = None) -> None:
        """Send any event to the sessions that want it."""
        self.gateway.emit(name, data, self.world.channels[channel] if channel else None)

    def _own_routes(self) -> dict[str, Handler]:
        own = {"get_my_user": self._me, "get_my_oauth2_application": self._app, "get_bot_gateway": self._bot_gateway}
        own["get_gateway"] = lambda _call: (200, {"url": self.gateway_url})
        own["guild_role_member_counts"] = lambda _call: (200, payloads.counts(self.world))
        return {**own, "get_guild": lambda _call: (200, payloads.guild(self.world))}

    def _me(self, _call: Call) -> Answer:
        return 200, payloads.user(self.world.users[self.bot_id])

    def _app(self, _call: Call) -> Answer:
        return 200, payloads.application(self.world, self.public_key)

    def _bot_gateway(self, _call: Call) -> Answer:
        starts = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return 200, {"url": self.gateway_url, "shards": 1, "session_start_limit": starts}
