"""The chat as the command plugs it in. Loading it imports nothing that is slow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pydantic

from sayso import errors
from sayso.chat import plugin
from sayso.chat.settings import Key, Table, Variable, address_variable

if TYPE_CHECKING:
    from aiohttp import web

    from sayso.chat.finding import Finding
    from sayso.desk import Desk
    from sayso.machine.people import Directory
    from sayso.stores import Store


class TeamsTable(Table):
    """`[teams]`"""

    channel: Annotated[
        str, pydantic.StringConstraints(pattern=r"^[a-z-]+$"), pydantic.Field(description='channel = "approvals"')
    ]


@dataclass(frozen=True)
class Configured:
    """The chat with its settings."""

    channel: str
    api_url: str
    token: str
    secret: str

    @property
    def described(self) -> str:
        return f"Teams by HTTP, at /teams/presses; requests go to {self.channel}"

    def connect(self, desk: Desk, routes: web.Application) -> AbstractAsyncContextManager[plugin.Connection]:
        from . import connection

        return connection.connect(desk, self, routes)

    async def check(self, directory: Directory, store: Store | None, rooms: Mapping[str, str]) -> Sequence[Finding]:
        from . import connection

        return await connection.check(self)


def configure(table: TeamsTable | None, given: Mapping[str, str]) -> Configured:
    for name in ("TEAMS_TOKEN", "TEAMS_SECRET"):
        if name not in given:
            raise errors.InvalidSettings(f"[teams] needs {name}", field=name, hint=f"export {name}=…")
    channel = table.channel if table else "approvals"
    return Configured(channel, given["TEAMS_API_URL"], given["TEAMS_TOKEN"], given["TEAMS_SECRET"])


def write(tenant: str) -> tuple[str, str]:
    return f'{{"tenant": "{tenant}"}}', "Upload it, and put its token into TEAMS_TOKEN."


chat = plugin.Chat(
    name="teams",
    table=TeamsTable,
    account=Key("teams", r"^\S+@\S+$", 'the address, as "ann@example.com"', 'teams = "ann@example.com"'),
    group=Key("teams_group", r"^[0-9]+$", 'the number of a group, as "7"', 'teams_group = "7"'),
    variables=(
        Variable("TEAMS_TOKEN", True, "tms-.*", "does not begin with tms-", "see: sayso init teams"),
        Variable("TEAMS_SECRET", True),
        address_variable("TEAMS_API_URL"),
    ),
    token="TEAMS_TOKEN",
    secret_values="tms-",
    configure=configure,
    setup=plugin.Setup(
        about="Print the manifest of the app.",
        example="sayso init teams TENANT > manifest.json",
        write=write,
        words=(plugin.Word("tenant", required=True),),
    ),
    example='# [teams]\n# channel = "approvals"\n',
    needs="sayso_teams.connection",
    packages=frozenset({"teams_sdk"}),
    install="pip install sayso-teams[sdk]",
)
