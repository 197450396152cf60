"""Calls to Slack. What goes wrong becomes a `ChannelError` that says whether to try again and, if not, what to click.

The rule: a refusal that is not known to pass is final, so that the agent is told at once instead of waiting in silence.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sayso import errors
from sayso.chat import received, sent
from sayso.chat.received import Json
from sayso.desk.posting import leases
from sayso_slack import refusals
from sayso_slack.settings import Settings

# Seconds for one call.
_CALL_WITHIN = 10.0


class _Response(Protocol):
    """What the client returns, as far as it is used; its own annotations leave the contents open."""

    data: Json
    headers: Mapping[str, str]


class _Answer(aiohttp.ClientResponse):
    """Slack sends every card back as it was posted."""

    async def json(self, **how: Any) -> Any:
        return await super().json(loads=received.load, **how)


class Api:
    """The Web API with one token. It repeats nothing by itself: a repeated post would be a second card."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self.said_at: str | None = None
        """When Slack answered last, as it said itself."""
        self.bot_user = ""
        """The user that the app is, once it was identified."""
        self.is_refused = False
        """Whether Slack did not take the bot token the last time: it may have been revoked since the start."""

    async def post(self, method: str, **body: Any) -> Json:
        """Call a method that takes JSON. Raises `ChannelError`."""
        leases.check()
        return (await self._call(method, json=body))[0]

    async def get(self, method: str, **query: Any) -> Json:
        """Call a method that reads. Raises `ChannelError`."""
        asked = {key: value for key, value in query.items() if value != ""}
        return (await self._call(method, http_verb="GET", params=asked))[0]

    async def identify(self) -> tuple[Json, frozenset[str]]:
        """Who the token belongs to, and its scopes. Raises `ChannelError`."""
        answer, headers = await self._call("auth.test")
        self.is_refused, self.bot_user = False, str(answer.get("user_id") or "")
        listed = headers.get("x-oauth-scopes", "")
        return answer, frozenset(scope.strip() for scope in listed.split(",") if scope.strip())

    async def open_link(self, app_token: str) -> str:
        """The address for one socket connection. Raises `ChannelError`."""
        return str((await self._call("apps.connections.open", params={"token": app_token}))[0]["url"])

    async def upload(self, url: str, content: bytes) -> None:
        """Send the bytes of a file to the address that Slack gave for it. Raises `ChannelError`."""
        assert self.client.session is not None
        leases.check()
        try:
            async with self.client.session.post(url, data=content, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.ChannelError(f"Slack did not take a file: {type(error).__name__}", unsure=True) from error
        if status != 200:
            raise errors.ChannelError(f"Slack did not take a file: status {status}")

    async def respond(self, url: str, body: Json) -> None:
        """Post to a click's response_url. Raises `ChannelError`."""
        assert self.client.session is not None
        leases.check()
        try:
            async with self.client.session.post(url, json=body, proxy=self.client.proxy) as answer:
                # to its end, so that the connection is used again
                said = received.document(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.ChannelError(f"Slack did not answer: {type(error).__name__}", unsure=True) from error
        if answer.status != 200:
            raise refusals.of_response(answer.status, answer.headers, received.text(said, "error"))

    async def _call(self, method: str, **how: Any) -> tuple[Json, Mapping[str, str]]:
        """The answer to a call, and its headers in lower case.

        Raises:
            ChannelError: `final` if it would be refused again, `unsure` if the call may have been carried out,
                `retry_after` in seconds if Slack says when. It holds Slack's error code, and no content.
        """
        call = cast("Callable[..., Awaitable[_Response]]", self.client.api_call)  # pyright: ignore[reportUnknownMemberType]
        try:
            response = await call(method, **how)
        except SlackApiError as error:
            refused = refusals.of_error(error)
            self.is_refused = self.is_refused or refusals.is_of_token(refused)
            raise refused from None  # its text repeats the whole answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.ChannelError(f"Slack did not answer: {type(error).__name__}", unsure=True) from error
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            hint = "something on the way may have answered: look at the proxy, and at SLACK_API_URL"
            raise errors.ChannelError("Slack answered with something else than JSON", unsure=True, hint=hint) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.said_at = headers.get("date")
        return response.data, headers


@contextlib.asynccontextmanager
async def api_of(settings: Settings) -> AsyncGenerator[Api, None]:
    """The Web API with the bot token, until the block ends."""
    patience = aiohttp.ClientTimeout(total=_CALL_WITHIN)
    async with aiohttp.ClientSession(
        timeout=patience, json_serialize=lambda body: sent.to_json(body).decode(), response_class=_Answer
    ) as session:
        url = settings.api_url.rstrip("/") + "/"
        client = AsyncWebClient(
            settings.bot_token, base_url=url, session=session, retry_handlers=[], logger=quiet("sayso_slack.sdk")
        )
        yield Api(client)


def quiet(name: str) -> logging.Logger:
    """A logger for Slack's own libraries."""
    # below this level they write out every body, and in it what agents asked, whether anybody reads it or not
    logger = logging.getLogger(name)
    logger.setLevel(logging.ERROR)
    return logger


def next_page(answer: Json) -> str:
    """The cursor of the next page of a list; empty after the last one."""
    metadata: Json = answer.get("response_metadata") or {}
    return str(metadata.get("next_cursor") or "")
