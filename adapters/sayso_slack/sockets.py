"""Socket Mode: two connections, so that clicks arrive while one of them is being replaced."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from sayso import errors
from sayso_slack.api import Api
from sayso_slack.app import UNREADABLE, note_unreadable

log = logging.getLogger(__name__)

CONNECTIONS = 2
MAKE_ONE = "Basic Information > App-Level Tokens: one with connections:write; and turn Socket Mode on"
# Seconds. The client itself would try forever.
_CONNECT_WITHIN = 15.0
_HELLO_WITHIN = 5.0
_PING_EVERY = 10.0
# Every click is answered sooner than this.
_FINISH_WITHIN = 5.0


class Sockets:
    """The open connections of one app."""

    def __init__(self, app: AsyncApp, app_token: str, copies: Callable[[], int] = lambda: 1) -> None:
        self._app = app
        self._token = app_token
        self._copies = copies
        self._handlers: list[_Handler] = []
        self.counted = 0
        """How many connections to this app there are, as Slack said last."""

    @property
    def is_shared(self) -> bool:
        """Whether more connections take what Slack sends to this app than this service and its copies have."""
        return self.counted > self._ours

    @property
    def _ours(self) -> int:
        return CONNECTIONS * self._copies()

    async def open(self, api: Api) -> None:
        """Connect.

        Raises:
            InvalidSettings: Slack does not take the app token.
            ChannelError: Slack cannot be reached.
        """
        try:
            # we ask first, because with a bad token the client's own attempts never end
            await api.open_link(self._token)
            for _ in range(CONNECTIONS):
                await self._connect()
        except errors.ChannelError as error:
            await self.close()
            if not error.final:
                raise
            raise errors.InvalidSettings(error.message, field="SLACK_APP_TOKEN", hint=MAKE_ONE) from error
        except BaseException:
            await self.close()
            raise

    async def healthy(self) -> bool:
        """Whether clicks can arrive."""
        return any([await handler.client.is_connected() for handler in self._handlers])

    async def close(self) -> None:
        """Receive nothing more, and answer what came in before."""
        await asyncio.gather(*(handler.finish() for handler in self._handlers))
        for handler in self._handlers:
            await handler.client.close()  # type: ignore[no-untyped-call]
        self._handlers.clear()

    async def _connect(self) -> None:
        handler = _Handler(self._app, self._token, ping_interval=_PING_EVERY)
        client: Any = handler.client
        client.message_listeners.append(self._count_connections)
        self._handlers.append(handler)
        try:
            async with asyncio.timeout(_CONNECT_WITHIN):
                await handler.client.connect()  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise errors.ChannelError("Slack does not take the socket connection", unsure=True) from error
        log.info("socket connected", extra={"connections": len(self._handlers)})

    async def _count_connections(self, client: Any, message: dict[str, Any], raw: str | None) -> None:
        """Count the connections: Slack says with every new one how many there are."""
        count = message.get("num_connections")
        if message.get("type") != "hello" or not isinstance(count, int):
            return
        was, self.counted = self.is_shared, count
        if self.is_shared and not was:
            hint = "each program needs a Slack app of its own; copies of one service share their database"
            log.warning(
                "another program uses the same Slack app, and gets some of the clicks",
                extra={"connections": count, "ours": self._ours, "hint": hint},
            )


class _Handler(AsyncSocketModeHandler):
    """Knows which tasks are running: the client closes its connection without waiting for them."""

    _busy: set[asyncio.Task[Any]]
    _finishing = False

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._busy = set()

    async def handle(self, client: Any, req: Any) -> None:
        if self._finishing:
            return  # unanswered: Slack tells the clicker that it failed, and delivers an event again
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            await super().handle(client, req)
        except UNREADABLE as error:
            note_unreadable(error)
        finally:
            self._busy.discard(task)

    async def finish(self) -> None:
        """Return once everything that came in is answered."""
        self._finishing = True
        if self._busy:
            await asyncio.wait(self._busy, timeout=_FINISH_WITHIN)


async def count(url: str, proxy: str | None = None) -> int | None:
    """How many connections an app has beside this one, which is closed at once; None if Slack does not say.

    Raises `ChannelError` if no connection can be opened.
    """
    try:
        async with (
            asyncio.timeout(_HELLO_WITHIN),
            aiohttp.ClientSession() as session,
            session.ws_connect(url, proxy=proxy) as socket,
        ):
            hello: Any = await socket.receive_json()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise errors.ChannelError(f"the socket to Slack cannot be opened: {type(error).__name__}") from error
    except (TypeError, ValueError):
        return None
    counted = hello.get("num_connections") if isinstance(hello, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return counted - 1 if isinstance(counted, int) else None
