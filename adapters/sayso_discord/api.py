"""Calls to Discord. What goes wrong becomes a `ChannelError` that says whether to try again and, if not, what to click.

The rule: a refusal that is not known to pass is final, so that the agent is told at once instead of waiting in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any, cast

import aiohttp
import discord
import yarl
from discord import gateway, http
from discord.webhook import async_

from sayso import errors
from sayso.chat.received import Json
from sayso.desk.posting import leases
from sayso_discord import components, pace, parse, refusals
from sayso_discord.settings import Settings

MESSAGE_CONTENT = 1 << 18 | 1 << 19
"""The flags of an application whose bot is shown what people write."""
# Seconds between beats of the gateway, and a little less.
_BEATS = 40.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Api:
    """The HTTP API with one bot token. Nothing of the gateway is needed for it."""

    def __init__(self, client: discord.Client, session: aiohttp.ClientSession | None = None) -> None:
        self.client = client
        # not through the bot's own client, since its limits do not apply to what answers an interaction
        self._session: aiohttp.ClientSession = session or getattr(client.http, "_HTTPClient__session")  # noqa: B009
        self.is_refused = False
        """Whether Discord did not take the bot token the last time: it may have been reset since the start."""

    @property
    def bot_user(self) -> str:
        """The id of the bot itself."""
        return str(self.client.user.id) if self.client.user else ""

    async def get(self, path: str, query: Mapping[str, Any] | None = None, **ids: str) -> Any:
        """Read. Raises `ChannelError`."""
        return await self._call("GET", path, ids, params=dict(query or {}))

    async def check_token(self) -> None:
        """Raise `ChannelError` if Discord does not take the bot token."""
        await self.get("/users/@me")
        self.is_refused = False

    async def time(self) -> str | None:
        """The time, as Discord says itself; None if it does not."""
        try:
            # the library keeps the headers of an answer to itself
            async with asyncio.timeout(pace.CALL_WITHIN), self._session.get(f"{http.Route.BASE}/gateway") as answer:
                return answer.headers.get("Date")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None

    async def send(self, method: str, path: str, body: Any = None, **ids: str) -> Json:
        """Write. Raises `ChannelError`."""
        leases.check()
        return cast(Json, await self._call(method, path, ids, **({} if body is None else {"json": body})) or {})

    async def send_files(self, path: str, body: Json, files: Mapping[str, tuple[str, bytes]], **ids: str) -> Json:
        """Post a message with *files*: by name, the type and the bytes of each. Raises `ChannelError`."""
        named = [{"id": index, "filename": name} for index, name in enumerate(files)]
        form: list[Json] = [{"name": "payload_json", "value": json.dumps({**body, "attachments": named})}]
        # the library begins each of these anew if it tries again
        held = [discord.File(io.BytesIO(raw), filename=name) for name, (_, raw) in files.items()]
        for index, (file, (kind, _)) in enumerate(zip(held, files.values(), strict=True)):
            part = {"value": file.fp, "filename": file.filename, "content_type": kind}
            form.append({"name": f"files[{index}]", **part})
        leases.check()
        return cast(Json, await self._call("POST", path, ids, form=form, files=held))

    async def answer(self, interaction: parse.Interaction, response: Json) -> None:
        """Answer an interaction, once. Raises `ChannelError`."""
        params = http.MultipartParameters(response, None, None)
        await _result_of(
            _hooks().create_interaction_response(
                int(interaction.id), interaction.token, session=self._session, params=params
            )
        )

    async def follow_up(self, interaction: parse.Interaction, body: Json) -> None:
        """One more message for the person who made an interaction. Raises `ChannelError`."""
        await _result_of(
            _hooks().execute_webhook(int(interaction.app), interaction.token, session=self._session, payload=body)
        )

    async def change(self, interaction: parse.Interaction, body: Json) -> None:
        """Change the message that an interaction was made on. Raises `ChannelError`."""
        await _result_of(
            _hooks().edit_original_interaction_response(
                int(interaction.app), interaction.token, session=self._session, payload=body
            )
        )

    async def hand_file(self, interaction: parse.Interaction, name: str, content: str) -> None:
        """A file for the person who made an interaction, and nobody else. Raises `ChannelError`."""
        body: Json = {
            "content": "The whole content:",
            "flags": components.EPHEMERAL,
            "allowed_mentions": {"parse": []},
            "attachments": [{"id": "0", "filename": name}],
        }
        raw = content.encode("utf-8", "replace")
        form: list[Json] = [
            {"name": "payload_json", "value": json.dumps(body)},
            {"name": "files[0]", "value": raw, "filename": name, "content_type": "text/plain; charset=utf-8"},
        ]
        await _result_of(
            _hooks().execute_webhook(int(interaction.app), interaction.token, session=self._session, multipart=form)
        )

    async def _call(self, method: str, path: str, ids: Mapping[str, str], **how: Any) -> Any:
        try:
            return await _result_of(self.client.http.request(http.Route(method, path, **ids), **how))
        except errors.ChannelError as error:
            self.is_refused = self.is_refused or refusals.is_of_token(error)
            if error.unsure:
                pace.let_go(self.client)
            raise


async def _result_of(call: Awaitable[Any]) -> Any:
    """The result of a call. Raises `ChannelError`."""
    try:
        async with asyncio.timeout(pace.CALL_WITHIN):
            return await call
    except discord.RateLimited as error:
        # refused by our own count, before anything was sent
        raise errors.NotYet("Discord asks to wait", error.retry_after) from None
    except discord.HTTPException as error:
        raise refusals.of_error(error) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise errors.ChannelError(f"Discord did not answer: {type(error).__name__}", unsure=True) from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        hint = "something on the way may have answered: look at the proxy, and at DISCORD_API_URL"
        said = "Discord answered with something that makes no sense"
        raise errors.ChannelError(said, unsure=True, hint=hint) from error


def _hooks() -> async_.AsyncWebhookAdapter:
    return async_.async_context.get()


@contextlib.asynccontextmanager
async def api_of(settings: Settings) -> AsyncGenerator[Api, None]:
    """The HTTP API with the bot token, until the block ends.

    Raises:
        InvalidSettings: Discord does not take the token, or an address is malformed.
        ChannelError: Discord cannot be reached.
    """
    _aim(settings)
    # at its lowest level the library prints tokens of interactions, and at the next one nothing of use
    logging.getLogger("discord").setLevel(logging.WARNING)
    logging.getLogger("discord.client").setLevel(logging.ERROR)  # it would warn that voice is missing
    logging.getLogger("discord.gateway").addFilter(_is_behind)
    client = discord.Client(intents=discord.Intents(guilds=True), max_messages=None, proxy=proxy())
    pace.keep(client)
    async with client, aiohttp.ClientSession(trust_env=True) as session:
        try:
            async with asyncio.timeout(pace.CALL_WITHIN):
                await client.login(settings.bot_token)
        except discord.LoginFailure as error:
            hint = "Developer Portal > your application > Bot > Reset Token"
            said = "Discord does not take DISCORD_BOT_TOKEN"
            raise errors.InvalidSettings(said, field="DISCORD_BOT_TOKEN", hint=hint) from error
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            hint = "look at the network of this machine, and at HTTPS_PROXY"
            raise errors.ChannelError(f"Discord cannot be reached: {type(error).__name__}", hint=hint) from error
        yield Api(client, session)


def _is_behind(record: logging.LogRecord) -> bool:
    """Keep out "Can't keep up" where it cannot be true.

    The library measures from the last beat that it sent. An answer that comes before its own thread goes on is measured
    from the one before, as 41 seconds; a true one is never that far, since a beat is sent every 41.
    """
    *_, behind = record.args if isinstance(record.args, tuple) and record.args else (None,)
    said = str(record.msg).startswith("Can't keep up")
    return not (said and isinstance(behind, float) and behind > _BEATS)


def proxy() -> str | None:
    """The proxy that the environment names for Discord; the library would not look."""
    url = yarl.URL(http.Route.BASE)
    if url.host in _LOOPBACK or urllib.request.proxy_bypass(url.host or ""):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _aim(settings: Settings) -> None:
    """Set the addresses of the library, which are global to the process, to those of the settings."""
    for name, address in (("DISCORD_API_URL", settings.api_url), ("DISCORD_GATEWAY_URL", settings.gateway_url)):
        url = yarl.URL(address or "")
        if url.scheme in ("http", "ws") and url.host not in _LOOPBACK:
            hint = "https and wss, or an address of this machine"
            raise errors.InvalidSettings(f"{name} would show the token to the network", field=name, hint=hint)
    http.Route.BASE = settings.api_url.rstrip("/")
    if settings.gateway_url:
        gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)
