"""Discord, where it is configured: what its adapter must be told, and how it is connected."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from aiohttp import web

import sayso_discord
from sayso import errors
from sayso.desk import Desk
from sayso_bots.settings import environment, schema
from sayso_discord import settings as discord_settings


def told(given: environment.Environment, chosen: schema.Settings) -> sayso_discord.Settings:
    """The adapter's settings. Raises `InvalidSettings` where the token is missing."""
    if given.discord_bot_token is None:
        hint = "export DISCORD_BOT_TOKEN=…; see: sayso init discord"
        raise errors.InvalidSettings("[discord] needs DISCORD_BOT_TOKEN", field="DISCORD_BOT_TOKEN", hint=hint)
    return sayso_discord.Settings(
        bot_token=given.discord_bot_token,
        public_key=given.discord_public_key,
        channel=chosen.discord.channel if chosen.discord else None,
        threads=chosen.discord.threads if chosen.discord else "off",
        api_url=given.discord_api_url or discord_settings.API_URL,
        gateway_url=given.discord_gateway_url,
    )


@contextlib.asynccontextmanager
async def connected(
    given: environment.Environment, chosen: schema.Settings, desk: Desk, app: web.Application
) -> AsyncGenerator[sayso_discord.Discord]:
    """Discord, until the block ends; its HTTP address is added to *app* where there is a public key.

    Raises:
        InvalidSettings: the token is missing or refused, or the channel is closed to the bot.
        ChannelError: Discord cannot be reached.
    """
    async with sayso_discord.connect(desk, told(given, chosen)) as discord:
        if given.discord_public_key:
            discord.add_routes(app)
        yield discord


def described(discord: sayso_discord.Settings) -> str:
    """How it is connected, in a line."""
    way = "by HTTP, at /discord/interactions" if discord.public_key else "over the gateway"
    where = f"requests go to {discord.channel}" if discord.channel else "requests go where their route says"
    threads = ", questions of a session to its thread" if discord.threads == "session" else ""
    return f"Discord {way}; {where}{threads}"


async def ready(discord: sayso_discord.Discord) -> None:
    """Raise where clicks cannot arrive; for `/readyz`."""
    if not await discord.healthy():
        raise errors.ChannelError("the connection to Discord is not open")
