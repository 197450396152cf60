"""The Bolt app: everything that Slack sends goes to one router, and Bolt answers what the router answers."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from sayso_slack.api import quiet

Handle = Callable[[Any], Awaitable[BoltResponse]]

_BOLT = "sayso_slack.bolt"
log = logging.getLogger(__name__)

# What Bolt and the socket client raise where a payload has another shape than theirs.
UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_EVERYTHING = re.compile("", re.DOTALL)


def build_app(handle: Handle, client: AsyncWebClient, identity: AuthorizeResult) -> AsyncApp:
    """An app that hands every interaction and event to *handle*.

    It answers when the router has answered, since the router ends with a stored decision. Bolt's own way of waiting
    costs ten milliseconds. It verifies no signatures: Bolt logs the bodies that it refuses, so `server` does it.
    """

    async def authorize() -> AuthorizeResult:
        return identity  # identified once at the start, or every click would begin with a call to Slack

    async def answer(body: dict[str, Any]) -> BoltResponse:
        try:
            return await handle(body)
        except Exception:
            # here, since Bolt gives its own failures and ours to the same handler
            log.exception("payload not handled")
            return BoltResponse(status=503)

    async def refuse(error: Exception) -> BoltResponse:
        note_unreadable(error)
        return BoltResponse(status=400, body="not a payload")

    app = AsyncApp(
        name=_BOLT,  # Bolt takes the logger of this name for its own, level and all
        logger=quiet(_BOLT),
        client=client,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
    )
    all_kinds: Any = (app.action, app.view, app.event, app.shortcut, app.command)  # pyright: ignore[reportUnknownMemberType]
    for listen in all_kinds:
        listen(_EVERYTHING)(answer)
    app.error(refuse)
    return app


def note_unreadable(error: Exception) -> None:
    """Put on the log that something came which is no payload of Slack's; what stood in it stays out."""
    log.warning("payload of another shape than Slack's refused", extra={"error": type(error).__name__})
