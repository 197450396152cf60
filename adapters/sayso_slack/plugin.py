"""Slack as `sayso` plugs it in: its settings and what they do. Loading it imports no library of Slack."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pydantic

from sayso import errors
from sayso.chat import plugin
from sayso.chat.settings import Key, Table, Variable, address_variable
from sayso_slack.settings import API_URL, Settings

if TYPE_CHECKING:
    from aiohttp import web

    from sayso.chat.finding import Finding
    from sayso.desk import Desk
    from sayso.machine.people import Directory
    from sayso.parts import Place
    from sayso.stores import Store
    from sayso_slack.connection import Slack

_SEE = "see: sayso init slack"

_STEPS = """
Three steps:
  1. Create the app: https://api.slack.com/apps > Create New App > From a manifest, and paste the manifest.
  2. Install it to the workspace: export SLACK_BOT_TOKEN=xoxb-…. Under Basic Information make an app-level token
     with the scope connections:write: export SLACK_APP_TOKEN=xapp-… (over HTTP: SLACK_SIGNING_SECRET instead).
  3. Put [slack] channel = "C…" into sayso.toml (the id below About in the channel's details), invite the app there
     (/invite @sayso), and run:
     sayso doctor && sayso serve
"""


class SlackTable(Table):
    """`[slack]`"""

    channel: Annotated[
        str,
        pydantic.StringConstraints(pattern=r"^(#|@)?[^\s#@/]{1,80}$"),
        pydantic.Field(description='channel = "#approvals", or the id that a link to the channel ends with'),
    ]
    """Where a request without a route goes: `#approvals`, or the channel's id."""
    images: bool = pydantic.Field(default=False, description="true or false")
    """Whether attached images are uploaded to Slack, so that cards show them."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Slack with its settings."""

    settings: Settings

    @property
    def described(self) -> str:
        """How it is connected, in a line."""
        way = "by Socket Mode" if self.settings.app_token else "by HTTP, at /slack/interactions and /slack/events"
        channel = self.settings.channel
        return f"Slack {way}; requests go {f'to {channel}' if channel else 'where their route says'}"

    @contextlib.asynccontextmanager
    async def connect(self, desk: Desk, routes: web.Application) -> AsyncGenerator[Slack]:
        """Connect until the block ends; without Socket Mode Slack's addresses are added to *routes*."""
        from sayso_slack import connection

        async with connection.connect(desk, self.settings) as slack:
            if not self.settings.app_token:
                slack.add_routes(routes)
            yield slack

    async def check(self, directory: Directory, store: Store | None, rooms: Mapping[Place, str]) -> Sequence[Finding]:
        """Look at all that Slack must be set up for."""
        from sayso_slack import doctor

        return await doctor.check(self.settings, directory, store, rooms=rooms)


def configure(table: SlackTable | None, given: Mapping[str, str]) -> Configured:
    """Slack with its table and its variables. Raises `InvalidSettings` if a secret is missing."""
    if "SLACK_BOT_TOKEN" not in given:
        hint = "export SLACK_BOT_TOKEN=xoxb-…; see: sayso init slack"
        raise errors.InvalidSettings("[slack] needs SLACK_BOT_TOKEN", field="SLACK_BOT_TOKEN", hint=hint)
    settings = Settings(
        bot_token=given["SLACK_BOT_TOKEN"],
        app_token=given.get("SLACK_APP_TOKEN"),
        signing_secret=given.get("SLACK_SIGNING_SECRET"),
        channel=table.channel if table else None,
        api_url=given.get("SLACK_API_URL", API_URL),
        images=bool(table and table.images),
    )
    if not settings.app_token and not settings.signing_secret:
        hint = "SLACK_APP_TOKEN for Socket Mode (no public address needed), or SLACK_SIGNING_SECRET for HTTP"
        raise errors.InvalidSettings("Slack's clicks have no way in", field="SLACK_APP_TOKEN", hint=hint)
    return Configured(settings)


def write(url: str | None) -> tuple[str, str]:
    """The manifest of the app, and how to install it."""
    from sayso_slack import manifest

    return json.dumps(manifest.manifest(socket_mode=url is None, url=url), indent=2), _STEPS


chat = plugin.Chat(
    name="slack",
    rank=1,
    table=SlackTable,
    account=Key(
        name="slack",
        pattern=r"^[TE][A-Z0-9]*/[UW][A-Z0-9]*$",
        expected='workspace and user, as "T0123/U0456"; sayso doctor shows the workspace',
        example='slack = "T0123/U0456"               # workspace and user',
    ),
    group=Key(
        name="slack_group",
        pattern=r"^\S+$",
        expected='slack_group = "S0123", the id of a user group',
        example='slack_group = "S0123"               # members of this user group count as well',
    ),
    variables=(
        # the two tokens are easily swapped
        Variable("SLACK_BOT_TOKEN", True, "xoxb-.*", "does not begin with xoxb-", _SEE),
        Variable("SLACK_APP_TOKEN", True, "xapp-.*", "does not begin with xapp-", _SEE),
        Variable("SLACK_SIGNING_SECRET", True),
        address_variable("SLACK_API_URL"),
    ),
    token="SLACK_BOT_TOKEN",
    secret_values="xox[a-z]-|xapp-",
    configure=configure,
    setup=plugin.Setup(
        about="Print the manifest of the Slack app, and how to install it.",
        example="sayso init slack > manifest.json",
        write=write,
        words=(plugin.Word("url", "The service's public https address: HTTP in place of Socket Mode."),),
    ),
    example="""\
# [slack]
# channel = "#approvals"              # where a request without a route goes; its id, as "C0123", never moves
# images = true                       # attached images are uploaded to Slack, so that cards show them
""",
    needs="sayso_slack.connection",
    packages=frozenset({"slack_bolt", "slack_sdk"}),
    install="in a clone of sayso: pip install '.[slack]'",
)
