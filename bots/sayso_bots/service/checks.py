"""What must be right before the service starts: `sayso serve` stops at the first fault, `sayso doctor` shows all."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sayso import errors
from sayso.cards import tokens
from sayso.chat import plugin
from sayso.content import wording
from sayso.desk import token_secret
from sayso.stores import sqlite_file
from sayso_bots.service import database, listening, signing
from sayso_bots.settings import environment, on_call, schema


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that works and should not be left so."""

    said: str
    hint: str


Check = Callable[[environment.Environment, schema.Settings], Awaitable[str | Fault]]
"""Says what was found. Raises `SaysoError` if the service could not start so."""


async def check_secret(given: environment.Environment, chosen: schema.Settings) -> str | Fault:
    """What tokens are signed with."""
    # a secret of before that cannot be one is refused here, too
    where = "SAYSO_SECRET" if token_secret.given_secret() else "made by the service, and kept in its database"
    return f"{where}; what SAYSO_SECRET_OLD signed counts as well" if token_secret.old_secret() else where


async def check_address(given: environment.Environment, chosen: schema.Settings) -> str | Fault:
    """Where it listens."""
    listening.require_name(given, chosen.service)
    if service := await asyncio.to_thread(database.find_service, given.host, given.port):
        return f"{service} answers there now"
    with contextlib.closing(listening.bind(given.host, given.port)) as bound:
        port = bound.getsockname()[1]
    return f"{listening.names_of(given.host, port, chosen.service).url} is free"


async def check_database(given: environment.Environment, chosen: schema.Settings) -> str | Fault:
    """Where requests are kept."""
    path = database.file_of(given.database)
    if path and not path.exists():
        if not path.parent.is_dir():
            hint = f"make the folder {path.parent}"
            raise errors.InvalidSettings(f"{path} cannot be made", field="SAYSO_DATABASE_URL", hint=hint)
        return f"not there yet: sayso serve makes {path}"
    async with database.connect(given) as store:
        found = store.durability
    if open_file := path and find_open_file(path):
        return Fault(f"other users of this machine can reach {open_file}", f"chmod 600 {open_file}")
    words = f"{found.engine} {found.version}, {found.level}" + (f"; {path}" if path else "")
    return words if found.safe else Fault(f"{words}: NOT durable", "use a database that survives a power cut")


async def check_file(given: environment.Environment, chosen: schema.Settings) -> str | Fault:
    """Whether all of the database can be read. It takes long if the database is large."""
    path = database.file_of(given.database)
    if path is None or not path.exists():
        return "none here"
    await asyncio.to_thread(sqlite_file.quick_check, str(path))
    return "all of it can be read"


async def check_chats(given: environment.Environment, chosen: schema.Settings) -> str | Fault:
    """Whether the packages of the configured chats are there."""
    wanted = configured_chats(given, chosen)
    for chat in wanted:
        try:
            importlib.import_module(chat.needs)
        except ImportError as error:
            message = f"a package is missing: {error}"
            raise errors.InvalidSettings(message, field=chat.name, hint=chat.install) from error
    return wording.in_a_row([chat.name for chat in wanted]) or "none: people answer in the inbox and at the terminal"


async def check_on_call(given: environment.Environment, chosen: schema.Settings) -> str | Fault:
    """Whether what the rotas need is here; who is on call is for `sayso doctor` to ask."""
    on_call.require(given, chosen)
    named = [name for name, group in chosen.groups.items() if group.on_call]
    return f"for {', '.join(named)}" if named else "no group has anybody on call"


async def check_signing(given: environment.Environment, chosen: schema.Settings) -> str | Fault:
    """What seals of the log and receipts are signed with."""
    kept = (chosen.audit.file, chosen.audit.webhook, *chosen.audit.tell)
    if not signing.is_installed():
        if any(kept) or given.signing_key is not None:
            signing.keyring(given, tokens.TokenMaker(b""))
        return f"nothing is signed: the log is not sealed, allows carry no receipt ({signing.INSTALL})"
    signing.keyring(given, tokens.TokenMaker(b""))
    words = signing.describe(given)
    if any(kept) and given.signing_key is None and token_secret.given_secret() is None:
        hint = "set SAYSO_SIGNING_KEY to what this prints: sayso keys signing --new"
        return Fault(f"{words}: whoever can write that can sign", hint)
    return words


_FIRST: Mapping[str, Check] = {"secret": check_secret, "address": check_address, "database": check_database}

_LAST: Mapping[str, Check] = {"signing": check_signing, "chats": check_chats, "on call": check_on_call}

ALL: Mapping[str, Check] = {**_FIRST, **_LAST}

LOOKED_AT: Mapping[str, Check] = {**_FIRST, "file": check_file, **_LAST}
"""With what only `sayso doctor` looks at, because it may take long."""


async def check_hitl(port: int) -> str | Fault:
    """Where hooks of the dashboard would be taken."""
    # slow to import, and not for everybody
    from sayso_bots.service import dashboard

    with contextlib.closing(dashboard.bind(port)) as bound:
        return f"port {bound.getsockname()[1]} is free"


def configured_chats(given: environment.Environment, chosen: schema.Settings) -> list[plugin.Chat[Any]]:
    """The chats that have a table or a token."""
    return [chat for chat in plugin.installed() if chosen.chat(chat.name) or chat.token in given.chats]


def find_open_file(path: Path) -> Path | None:
    """The file, if more than its owner may read or write it: whoever writes it, decides."""
    return path if sqlite_file.is_open_to_others(path) else None
