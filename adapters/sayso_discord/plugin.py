"""Discord as `sayso` plugs it in: its settings and what they do. Loading it imports no library of Discord."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import pydantic

from sayso import errors
from sayso.chat import plugin
from sayso.chat.settings import Key, Table, Variable, address_variable
from sayso_discord.settings import API_URL, Settings

if TYPE_CHECKING:
    from aiohttp import web

    from sayso.chat.finding import Finding
    from sayso.desk import Desk
    from sayso.machine.people import Directory
    from sayso.parts import Place
    from sayso.stores import Store
    from sayso_discord.connection import Discord

_ABOUT = "Print the link that lets the bot into a server; APPLICATION is its Application ID in the Developer Portal."

_STEPS = """
Three steps:
  1. Create the application: https://discord.com/developers/applications > New Application. Under Bot, Reset Token:
     export DISCORD_BOT_TOKEN=… and, if any message in a thread shall be an answer, turn on Message Content Intent.
  2. Open the link above and choose your server; it asks for these permissions:
{permissions}
  3. Put [discord] channel = "…" into sayso.toml (user settings > Advanced > Developer Mode, then Copy Channel ID), and
     run: sayso doctor && sayso serve
     Clicks come over the gateway, without a public address. For HTTP in its place set DISCORD_PUBLIC_KEY, and
     https://YOUR-SERVICE/discord/interactions as Interactions Endpoint URL; messages are then
     read every 15 seconds.
"""


class DiscordTable(Table):
    """`[discord]`"""

    channel: Annotated[
        str,
        pydantic.StringConstraints(pattern=r"^[0-9]{1,20}$"),
        pydantic.Field(
            description='channel = "910", the id of a channel; Discord shows ids in its developer mode',
        ),
    ]
    """Where a request without a route goes: the channel's id."""
    threads: Literal["session", "off"] = pydantic.Field(default="off", description='threads = "session", or "off"')
    """Whether what is asked in a session, permissions aside, goes to a thread of that session."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Discord with its settings."""

    settings: Settings

    @property
    def described(self) -> str:
        """How it is connected, in a line."""
        way = "by HTTP, at /discord/interactions" if self.settings.public_key else "over the gateway"
        channel = self.settings.channel
        goes = f"requests go {f'to {channel}' if channel else 'where their route says'}"
        threads = ", questions of a session to its thread" if self.settings.threads == "session" else ""
        return f"Discord {way}; {goes}{threads}"

    @contextlib.asynccontextmanager
    async def connect(self, desk: Desk, routes: web.Application) -> AsyncGenerator[Discord]:
        """Connect until the block ends; with a public key Discord's address is added to *routes*."""
        from sayso_discord import connection

        async with connection.connect(desk, self.settings) as discord:
            if self.settings.public_key:
                discord.add_routes(routes)
            yield discord

    async def check(self, directory: Directory, store: Store | None, rooms: Mapping[Place, str]) -> Sequence[Finding]:
        """Look at all that Discord must be set up for."""
        from sayso_discord import doctor

        return await doctor.check(self.settings, directory, store, rooms=rooms)


def configure(table: DiscordTable | None, given: Mapping[str, str]) -> Configured:
    """Discord with its table and its variables. Raises `InvalidSettings` if the token is missing."""
    if "DISCORD_BOT_TOKEN" not in given:
        hint = "export DISCORD_BOT_TOKEN=…; see: sayso init discord"
        raise errors.InvalidSettings("[discord] needs DISCORD_BOT_TOKEN", field="DISCORD_BOT_TOKEN", hint=hint)
    return Configured(
        Settings(
            bot_token=given["DISCORD_BOT_TOKEN"],
            public_key=given.get("DISCORD_PUBLIC_KEY"),
            channel=table.channel if table else None,
            threads=table.threads if table else "off",
            api_url=given.get("DISCORD_API_URL", API_URL),
            gateway_url=given.get("DISCORD_GATEWAY_URL"),
        )
    )


def write(application: str) -> tuple[str, str]:
    """The link that lets the bot in, and what to do with it."""
    from sayso_discord import manifest

    needed = "\n".join(f"     - {name}: {what}" for name, (_, what) in manifest.PERMISSIONS.items())
    return manifest.invite(application), _STEPS.replace("{permissions}", needed)


chat = plugin.Chat(
    name="discord",
    rank=2,
    table=DiscordTable,
    account=Key(
        name="discord",
        pattern=r"^[0-9]{1,20}$",
        expected='the user\'s id, as "940"; Discord shows ids in its developer mode',
        example='discord = "940"                     # the user\'s id',
    ),
    group=Key(
        name="discord_role",
        pattern=r"^[0-9]{1,20}$",
        expected='the role\'s id, as "77"',
        example='discord_role = "77"                 # and whoever has this role',
    ),
    variables=(
        Variable("DISCORD_BOT_TOKEN", True, r"\S+", "holds a blank", "give the token alone, without the word Bot"),
        Variable(
            "DISCORD_PUBLIC_KEY",
            pattern="[0-9a-fA-F]{64}",
            complaint="is no key",
            hint="64 hexadecimal digits, from General Information in the Developer Portal",
        ),
        address_variable("DISCORD_API_URL"),
        address_variable("DISCORD_GATEWAY_URL", "ws"),
    ),
    token="DISCORD_BOT_TOKEN",
    configure=configure,
    setup=plugin.Setup(
        about=_ABOUT,
        example="sayso init discord 123456789012345678",
        write=write,
        words=(plugin.Word("application", required=True),),
    ),
    example="""\
# [discord]
# channel = "910"                     # the id of a channel; Discord shows ids in its developer mode
# threads = "session"                 # one thread per agent session; questions are answered there
""",
    needs="sayso_discord.connection",
    packages=frozenset({"discord", "cryptography"}),
    install="in a clone of sayso: pip install '.[discord]'",
)
