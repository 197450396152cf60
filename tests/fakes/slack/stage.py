"""A workspace, one person and a real Bolt app on a stage: what the tests of the fake itself play on.

Rule: only for `test_slack_*.py`; tests of the product bring their own app.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack, Person, Seen
from tests.fakes.slack.controls import Json


class Clock:
    """Time that passes only when told."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Stage:
    """Channel C1 with Ann (U1) in it, and an app that is not connected yet."""

    slack: FakeSlack
    clock: Clock
    client: Any  # AsyncWebClient and AsyncApp: their bare dict annotations make every call unknown to strict checkers
    app: Any
    ann: Person

    def clicks(self, action_id: str) -> list[Json]:
        """Let the app ack this action; the bodies that arrive."""
        bodies: list[Json] = []

        async def listen(ack: Any, body: Json) -> None:
            bodies.append(body)
            await ack()

        self.app.action(action_id)(listen)
        return bodies

    def events(self, kind: str) -> list[Json]:
        """Let the app take these events; headers and event of those that arrive."""
        found: list[Json] = []

        async def listen(event: Json, request: Any) -> None:
            found.append({"headers": request.headers, **event})
            self.slack.world.changed()

        self.app.event(kind)(listen)
        return found

    async def post(self, *labels: str) -> None:
        """The app posts a card with these buttons."""
        await self.client.chat_postMessage(channel="C1", text="Deploy?", blocks=card(*labels))

    async def press(self, label: str, *, times: int = 1) -> Seen:
        """Ann presses a button of the first message."""
        return await self.ann.press(self.slack.messages("C1")[0], label, times=times)

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        """One Socket Mode connection of the app."""
        before = len(self.slack.sockets.open)
        handler: Any = AsyncSocketModeHandler(self.app, self.slack.app_token, ping_interval=0.2)
        await handler.connect_async()
        await self.slack.until(lambda: len(self.slack.sockets.open) > before)
        try:
            yield
        finally:
            await handler.close_async()

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[str]:
        """The app behind request URLs; its address."""

        async def handle(request: web.Request) -> web.Response:
            return await to_aiohttp_response(await self.app.async_dispatch(await to_bolt_request(request)))

        server = web.Application()
        server.router.add_post("/slack/{kind}", handle)
        runner = web.AppRunner(server, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.slack.use_http(base)
        yield base
        await runner.cleanup()


@asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """Everything up; acks are due within half a second so that a late one does not take three."""
    clock = Clock()
    async with FakeSlack(clock=clock, ack_within=0.5) as slack, aiohttp.ClientSession() as session:
        slack.channel("C1", name="ops", members=["U1", "U2"])
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])

        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token=slack.bot_token, bot_user_id="UBOT")

        # a name: without one, Bolt looks through the source of whoever calls
        app = AsyncApp(name="stage", client=client, authorize=authorize, signing_secret=slack.signing_secret)
        yield Stage(slack, clock, client, app, slack.person("U1", name="ann", email="ann@example.com"))


async def refused(call: Any) -> Json:
    """The answer of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return dict(caught.value.response.data)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def text(words: str, kind: str = "plain_text") -> Json:
    """A text object."""
    return {"type": kind, "text": words}


def button(label: str, **more: Any) -> Json:
    """A button with the label, in lower case, as its action id."""
    return {"type": "button", "text": text(label), "action_id": label.lower(), "value": "req_1", **more}


def card(*labels: str) -> list[Json]:
    """A section and its buttons."""
    section = {"type": "section", "text": text("*Deploy* <@U1> &lt;now&gt;?", "mrkdwn")}
    return [section, {"type": "actions", "block_id": "buttons", "elements": [button(label) for label in labels]}]


def field(label: str, **element: Any) -> Json:
    """A text input with the label, in lower case, as its block id."""
    typed = {"type": "plain_text_input", "action_id": "typed", **element}
    return {"type": "input", "block_id": label.lower(), "label": text(label), "element": typed}


def modal(*blocks: Json, **more: Any) -> Json:
    """A modal with a submit button."""
    words: Json = {"title": text("Deny"), "submit": text("Send")}
    return {"type": "modal", "callback_id": "deny", **words, "blocks": [*blocks], **more}
