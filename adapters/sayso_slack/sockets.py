"""Socket Mode: two connections, so that clicks arrive while one of them is being replaced."""

from __future__ import annotations

import asyncio
import logging

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from sayso import errors
from sayso_slack import web

log = logging.getLogger(__name__)

CONNECTIONS = 2
# Seconds. The client itself would try for ever.
_CONNECT_WITHIN = 15.0
_PING_EVERY = 10.0


class Sockets:
    """The open connections of one app."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._app = app
        self._token = app_token
        self._handlers: list[AsyncSocketModeHandler] = []

    async def open(self, api: web.Web) -> None:
        """Connect.

        Raises:
            InvalidSettings: Slack does not take the app token.
            ChannelError: Slack cannot be reached.
        """
        try:
            # asked for by ourselves first, because with a bad token the client's own attempts never end
            await api.open_link(self._token)
            for _ in range(CONNECTIONS):
                await self._connect()
        except errors.ChannelError as error:
            await self.close()
            if not error.final:
                raise
            hint = "make an app-level token with connections:write under Basic Information, and turn Socket Mode on"
            raise errors.InvalidSettings(error.message, field="SLACK_APP_TOKEN", hint=hint) from error
        except BaseException:
            await self.close()
            raise

    async def healthy(self) -> bool:
        """Whether clicks can arrive."""
        return any([await handler.client.is_connected() for handler in self._handlers])

    async def close(self) -> None:
        """Take nothing more in."""
        for handler in self._handlers:
            await handler.client.close()  # type: ignore[no-untyped-call]
        self._handlers.clear()

    async def _connect(self) -> None:
        handler = AsyncSocketModeHandler(self._app, self._token, ping_interval=_PING_EVERY)
        self._handlers.append(handler)
        try:
            async with asyncio.timeout(_CONNECT_WITHIN):
                await handler.client.connect()  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise errors.ChannelError("Slack does not take the socket connection", unsure=True) from error
        log.info("socket connected", extra={"connections": len(self._handlers)})
