"""Calls to Slack. What goes wrong becomes a `ChannelError` that says whether to try again and, if not, what to click.

The rule: a refusal that is not known to pass is final, so that the agent is told at once instead of waiting in silence.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sayso import errors
from sayso_slack.settings import Settings

# Seconds for one call.
_CALL_WITHIN = 10.0

Json = dict[str, Any]

_PASSING = {
    "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable",
    "request_timeout", "team_added_to_org", "accesslimited",
}  # fmt: skip
# "partly done" is among what these may mean, so the message may be there
_UNSURE = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}

# a message that can be edited no more, or the room that it stood in
_GONE = {
    "message_not_found", "thread_not_found", "channel_not_found", "is_archived", "is_inactive", "not_in_channel",
    "cant_update_message", "edit_window_closed",
}  # fmt: skip

_INVITE = "invite the app in that channel: /invite @sayso"
_INSTALL = "install the app to the workspace again, and set SLACK_BOT_TOKEN to its Bot User OAuth Token"
_HINTS: Mapping[str, str] = {
    "channel_not_found": _INVITE,
    "not_in_channel": _INVITE,
    "is_inactive": "unarchive the channel, or route to another one",
    "is_archived": "unarchive the channel, or route to another one",
    "restricted_action": "an admin must let apps post in this channel",
    "restricted_action_read_only_channel": "an admin must let apps post in this channel",
    "restricted_action_thread_only_channel": "an admin must let apps post in this channel",
    "messages_tab_disabled": "turn on App Home > Messages Tab in the app's settings",
    "user_not_found": "use the member id from that person's profile: slack:@U…",
    "cannot_dm_bot": "route to a person or a channel",
    "user_disabled": "route to somebody who is still here",
    "invalid_auth": _INSTALL,
    "not_authed": _INSTALL,
    "account_inactive": _INSTALL,
    "token_revoked": _INSTALL,
    "token_expired": _INSTALL,
    "not_allowed_token_type": "a bot token begins with xoxb-, an app token with xapp-",
}


class _Response(Protocol):
    """What the client returns, as far as it is used; its own annotations leave the contents open."""

    data: Json
    headers: Mapping[str, str]


class Web:
    """The Web API with one token. It repeats nothing by itself: a repeated post would be a second card."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self.said_at: str | None = None
        """When Slack answered last, as it said itself."""

    async def post(self, method: str, **body: Any) -> Json:
        """Call a method that takes JSON. Raises `ChannelError`."""
        return (await self._call(method, json=body))[0]

    async def get(self, method: str, **query: Any) -> Json:
        """Call a method that reads. Raises `ChannelError`."""
        asked = {key: value for key, value in query.items() if value != ""}
        return (await self._call(method, http_verb="GET", params=asked))[0]

    async def identify(self) -> tuple[Json, frozenset[str]]:
        """Who the token belongs to, and its scopes. Raises `ChannelError`."""
        answer, headers = await self._call("auth.test")
        listed = headers.get("x-oauth-scopes", "")
        return answer, frozenset(scope.strip() for scope in listed.split(",") if scope.strip())

    async def open_link(self, app_token: str) -> str:
        """The address for one socket connection. Raises `ChannelError`."""
        return str((await self._call("apps.connections.open", params={"token": app_token}))[0]["url"])

    async def respond(self, url: str, body: Json) -> None:
        """Post to a click's response_url. Raises `ChannelError`."""
        hook = AsyncWebhookClient(url, session=self.client.session, retry_handlers=[])
        try:
            answer = await hook.send_dict(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.ChannelError(f"Slack did not answer: {type(error).__name__}", unsure=True) from error
        if answer.status_code != 200:
            raise errors.ChannelError(f"Slack refused a response: status {answer.status_code}", final=True)

    async def _call(self, method: str, **how: Any) -> tuple[Json, Mapping[str, str]]:
        """The answer to a call, and its headers in lower case.

        Raises:
            ChannelError: `final` where it would be refused again, `unsure` where the call may have been carried out,
                `retry_after` in seconds where Slack says when. It holds Slack's error code, and no content.
        """
        call = cast("Callable[..., Awaitable[_Response]]", self.client.api_call)  # pyright: ignore[reportUnknownMemberType]
        try:
            response = await call(method, **how)
        except SlackApiError as error:
            raise _refused(error) from None  # its text repeats the whole answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.ChannelError(f"Slack did not answer: {type(error).__name__}", unsure=True) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise errors.ChannelError("Slack answered with something else than JSON", unsure=True) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.said_at = headers.get("date")
        return response.data, headers


@contextlib.asynccontextmanager
async def api_of(settings: Settings) -> AsyncGenerator[Web, None]:
    """The Web API with the bot token, until the block ends."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_WITHIN)) as session:
        url = settings.api_url.rstrip("/") + "/"
        yield Web(AsyncWebClient(settings.bot_token, base_url=url, session=session, retry_handlers=[]))


def next_page(answer: Json) -> str:
    """The cursor of the next page of a list; empty after the last one."""
    metadata: Json = answer.get("response_metadata") or {}
    return str(metadata.get("next_cursor") or "")


def _refused(error: SlackApiError) -> errors.ChannelError:
    response: Any = error.response
    data: Any = getattr(response, "data", None)
    said = cast(Json, data) if isinstance(data, Mapping) else {}
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    code = str(said.get("error") or "")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return errors.NotYet("Slack asks to wait", _seconds(getattr(response, "headers", {})))
    if not code or code in _PASSING:
        unsure = not code or code in _UNSURE
        return errors.ChannelError(f"Slack failed: {code or f'status {status}'}", unsure=unsure)
    hint = _HINTS.get(code)
    if code == "missing_scope":
        needed = said.get("needed") or "?"
        hint = f"add the bot scope {needed} under OAuth & Permissions, then reinstall the app"
        return errors.ChannelError(f"Slack refused: missing_scope {needed}", final=True, hint=hint)
    return errors.ChannelError(f"Slack refused: {code}", final=True, gone=code in _GONE, hint=hint)


def _seconds(headers: Mapping[str, str]) -> float:
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() else 1.0
