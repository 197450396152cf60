"""Slack, where it is configured: what its adapter must be told, and how it is connected."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from aiohttp import web

import sayso_slack
from sayso import errors
from sayso.desk import Desk
from sayso_bots.settings import environment, schema
from sayso_slack import settings as slack_settings


def told(given: environment.Environment, chosen: schema.Settings) -> sayso_slack.Settings:
    """The adapter's settings. Raises `InvalidSettings` where a secret is missing."""
    if given.slack_bot_token is None:
        hint = "export SLACK_BOT_TOKEN=xoxb-…; see: sayso init slack"
        raise errors.InvalidSettings("[slack] needs SLACK_BOT_TOKEN", field="SLACK_BOT_TOKEN", hint=hint)
    if not given.slack_app_token and not given.slack_signing_secret:
        hint = "SLACK_APP_TOKEN for Socket Mode (no public address needed), or SLACK_SIGNING_SECRET for HTTP"
        raise errors.InvalidSettings("Slack's clicks have no way in", field="SLACK_APP_TOKEN", hint=hint)
    return sayso_slack.Settings(
        bot_token=given.slack_bot_token,
        app_token=given.slack_app_token,
        signing_secret=given.slack_signing_secret,
        channel=chosen.slack.channel if chosen.slack else None,
        api_url=given.slack_api_url or slack_settings.API_URL,
    )


@contextlib.asynccontextmanager
async def connected(
    given: environment.Environment, chosen: schema.Settings, desk: Desk, app: web.Application
) -> AsyncGenerator[sayso_slack.Slack]:
    """Slack, until the block ends; its HTTP addresses are added to *app* where there is no Socket Mode.

    Raises:
        InvalidSettings: a secret is missing, or Slack does not take it.
        ChannelError: Slack cannot be reached.
    """
    async with sayso_slack.connect(desk, told(given, chosen)) as slack:
        if not given.slack_app_token:
            slack.add_routes(app)
        yield slack


def described(slack: sayso_slack.Settings) -> str:
    """How it is connected, in a line."""
    way = "by Socket Mode" if slack.app_token else "by HTTP, at /slack/interactions and /slack/events"
    where = f"requests go to {slack.channel}" if slack.channel else "requests go where their route says"
    return f"Slack {way}; {where}"


async def ready(slack: sayso_slack.Slack) -> None:
    """Raise where clicks cannot arrive; for `/readyz`."""
    if not await slack.healthy():
        raise errors.ChannelError("no connection to Slack is open")
