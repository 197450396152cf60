"""A fake Slack workspace on loopback that the real slack-bolt and slack_sdk talk to, with scripted people in it.

Rule: this is the only module that tests import; it puts the parts together and adds nothing of its own.

    async with FakeSlack() as slack:
        slack.channel("C1", name="ops", members=["U1"])
        ann = slack.person("U1", name="ann")
        ...                                     # the app under test connects to slack.api_url and posts
        seen = await ann.press(slack.messages("C1")[0], "Allow")
        assert seen.acked
"""

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.fakes.slack import api, payloads, text
from tests.fakes.slack import controls as slack_controls
from tests.fakes.slack.chat import Chat
from tests.fakes.slack.controls import Json
from tests.fakes.slack.delivery import Delivery, Http, Post, Sockets
from tests.fakes.slack.passes import Passes
from tests.fakes.slack.people import Office, Person, Seen
from tests.fakes.slack.server import Call, Server, Tokens
from tests.fakes.slack.views import Views
from tests.fakes.slack.world import BOT_USER, Channel, Message, User, View, World

__all__ = ["FakeSlack", "Message", "Person", "Seen", "View"]


class FakeSlack:
    """One workspace with one installed app; state lives here, so the app may die and come back.

    `clock` gives seconds since 1970 (triggers, response_urls, rates, timestamps); `ack_within` is the deadline
    of clicks and events in real seconds (Slack: 3); `seed` decides which connection gets a payload.
    """

    bot_token = "xoxb-fake"
    app_token = "xapp-fake"
    signing_secret = "fake-signing-secret"

    def __init__(self, *, clock: Callable[[], float] = time.time, ack_within: float = 3.0, seed: int = 0) -> None:
        self.world = World(clock, seed)
        self.scopes: set[str] = {*api.SCOPES}
        self.sockets = Sockets(self.world, ack_within)
        self._ack_within = ack_within
        self._passes = Passes(clock)
        self._views = Views(self.world, self._passes)
        chat = self._chat = Chat(self.world, self.scopes)
        self._server = Server(self.world, self._passes, chat, self.sockets, Tokens(self.bot_token, self.app_token))
        self._server.methods = api.methods(self.world, self._views, chat, self.scopes)
        # One set for all: a test that takes a scope away takes it away everywhere.
        self._server.scopes = self.scopes
        self._post = Post(self.world, self.sockets)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop()
        if self._session:
            await self._session.close()

    @property
    def api_url(self) -> str:
        """The `base_url` for slack_sdk clients."""
        return f"{self.world.base_url}/api/"

    # -- who and what is there -------------------------------------------------------------------------------------

    def person(self, some_id: str, *, name: str, **facts: Any) -> Person:
        """Add somebody, or change what is known of them; *facts* are fields of `User`."""
        user = self.world.users[some_id] = User(some_id, name, **facts)
        return Person(user, Office(self.world, self._passes, self._views, self._post, self._chat))

    def channel(
        self, some_id: str, *, name: str, members: Iterable[str] = (), with_app: bool = True, **facts: Any
    ) -> Channel:
        """Add a channel, by default with the app in it; *facts* are fields of `Channel`."""
        inside = {*members, BOT_USER} if with_app else set(members)
        self.world.channels[some_id] = Channel(some_id, name, inside, **facts)
        return self.world.channels[some_id]

    def usergroup(self, some_id: str, members: Iterable[str]) -> None:
        """Add or change a user group."""
        self.world.groups[some_id] = list(members)

    # -- what can be seen ------------------------------------------------------------------------------------------

    def messages(self, channel: str) -> list[Message]:
        """The messages of a channel as they are now, oldest first, thread replies included."""
        return list(self.world.channels[channel].messages.values())

    def dms(self, user: str) -> list[Message]:
        """The direct messages with a person."""
        return self.messages(self.world.dm(user).id)

    def ephemerals(self, user: str) -> list[Message]:
        """The messages only this person can see."""
        return [message for message in self.world.ephemerals if message.only_for == user]

    def views(self, user: str) -> list[View]:
        """The modals a person has open, the top one last."""
        return list(self.world.stacks.get(user, []))

    def visible_text(self, where: Message | View) -> str:
        """Everything a person reads there, a line for each piece, in order."""
        if isinstance(where, View):
            texts = [where.content.get(part, {}).get("text", "") for part in ("title", "submit", "close")]
            return "\n".join(filter(None, [texts[0], *self._lines(where.blocks), *texts[1:]]))
        own = self._lines(where.blocks) if where.blocks else [text.mrkdwn(where.text, self.world.name)]
        attached = [line for a in where.attachments for line in self._lines(a.get("blocks", []))]
        return "\n".join([*own, *attached])

    def controls(self, where: Message | View) -> list[str]:
        """What can be used there, by its words: buttons, selects, inputs, then submit and close."""
        attached = [b for a in where.attachments for b in a.get("blocks", [])] if isinstance(where, Message) else []
        found = slack_controls.controls([*where.blocks, *attached])
        labels = [word for control in found for word in ([control.label] if control.label else control.options)]
        ends = [where.content.get(part) for part in ("submit", "close")] if isinstance(where, View) else []
        return [*labels, *(end["text"] for end in ends if end)]

    def pings(self, where: Message | View) -> list[str]:
        """Everybody who would be notified by live mentions in there."""
        return list(text.pings(_sent(where)))

    def links(self, where: Message | View) -> list[str]:
        """Every live link target in there."""
        return list(text.links(_sent(where)))

    async def until(self, true: Callable[[], object], *, within: float = 30.0) -> None:
        """Wait until `true()` holds; it is looked at after every change in the workspace."""
        await self.world.until(true, within=within)

    # -- what happened, and what goes wrong ------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """Every call that arrived, also refused ones; posts to a response_url have the method `response_url`."""
        return self._server.calls

    @property
    def refusals(self) -> list[tuple[str, Json]]:
        """Every `ok: false` given, with its method: empty in a good test."""
        return self._server.refusals

    @property
    def deliveries(self) -> list[Delivery]:
        """Every payload sent to the app and what became of it."""
        return self._post.sent

    @property
    def per_minute(self) -> dict[str, int]:
        """Calls allowed in a minute, by method; more are answered 429."""
        return self._server.per_minute

    def fail_next(self, method: str, how: str, *, times: int = 1, retry_after: int = 1) -> None:
        """Let calls fail: 429, 500, reset, hang, an error code, or lost and mute: done, and then a reset or a hang."""
        self._server.faults.retry_after = retry_after
        self._server.faults.plan(method, how, times)

    # -- the way to the app ----------------------------------------------------------------------------------------

    def use_http(
        self,
        base: str,
        *,
        interactions: str = "/slack/interactions",
        events: str = "/slack/events",
        commands: str = "/slack/commands",
    ) -> Http:
        """From now on post to request URLs below *base*, signed; the answer can make signatures for forgeries."""
        if self._session is None:
            raise RuntimeError("use_http needs the running fake: call it inside `async with`")
        http = Http(base, self.signing_secret, self._ack_within, self._session)
        http.paths = {"interactive": interactions, "events_api": events, "slash_commands": commands}
        self._post.route = http
        return http

    def use_sockets(self) -> None:
        """From now on deliver over Socket Mode (the default)."""
        self._post.route = self.sockets

    async def send_event(self, event: Json, *, event_id: str | None = None) -> Delivery:
        """Deliver any event; the same `event_id` again is what a repeated delivery looks like."""
        some_id = event_id or f"Ev{self.world.number()}"
        return await self._post.event(payloads.event(event, some_id, self.world.clock()))

    async def verify_url(self) -> Delivery:
        """The handshake with which Slack checks a request URL: the app must answer with the challenge."""
        payload: Json = {"type": "url_verification", "challenge": "knock-knock", "token": "never-trust-me"}
        return await self._post.route.send("events_api", payload, 0, "")

    def _lines(self, blocks: Iterable[Json]) -> Iterator[str]:
        return text.visible(list(blocks), self.world.name)


def _sent(where: Message | View) -> list[Any]:
    if isinstance(where, View):
        return [where.content]
    return [{"type": "mrkdwn", "text": where.text}, *where.blocks, *where.attachments]
