"""A connection to PostgreSQL before anything is kept there: its settings, its schema, and what its errors mean."""

from __future__ import annotations

from typing import Any

import asyncpg  # type: ignore[import-untyped]

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
from sayso import errors
from sayso.content import wording
from sayso.stores import sql
from sayso.stores.occupied import Occupied
from sayso.stores.protocol import Durability

# Held while the schema is brought up to date.
# "sayso" in ASCII, so that no other program takes the same by chance.
LOCK = f"select pg_advisory_xact_lock({int.from_bytes(b'sayso')})"

TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# The connection has ended, and another one may be well.
DEAD = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# Parts of the time for one answer. A copy that stops in the middle of a transaction, frozen or cut off, loses it after
# this long: a copy that waits for its lock still gets it in time, or hears from the server that nothing was stored.
_IDLE, _LOCKED = 0.6, 0.8
# All queries are short: to compile one takes longer than to run it. And a server whose client is gone without a word
# finds out in half a minute, in place of two hours.
_SESSION = {"jit": "off", "tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 4}
_DAMAGED = (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError)


async def prepare(db: Any, timeout: float, own: set[int]) -> None:
    """Set up a new connection, whose answers may take *timeout* seconds. While it lives, its process is in *own*."""
    await db.set_type_codec("text", schema="pg_catalog", encoder=escape, decoder=unescape, format="text")
    parts = {"idle_in_transaction_session_timeout": _IDLE, "lock_timeout": _LOCKED}
    limits = {name: max(1, round(timeout * part * 1000)) for name, part in parts.items()}
    await db.execute("".join(f"set {name} = {value};" for name, value in (limits | _SESSION).items()))
    await db.execute(sql.session())
    process = db.get_server_pid()
    own.add(process)
    db.add_termination_listener(lambda _db: own.discard(process))


def escape(text: str) -> str:
    """PostgreSQL has no NUL in text: it becomes SUB 0, and SUB itself SUB 1. JSON has neither, so it stays as it is."""
    return text.replace("\x1a", "\x1a1").replace("\0", "\x1a0")


def unescape(text: str) -> str:
    """The opposite of `escape`."""
    return text.replace("\x1a0", "\0").replace("\x1a1", "\x1a")


async def durability(db: Any) -> Durability:
    """What a commit there survives. Raises `InvalidSettings` if that is too little."""
    synchronous, flushed = await db.fetchval("show synchronous_commit"), await db.fetchval("show fsync")
    if synchronous == "off":
        raise wrong(
            "the database acknowledges commits that a crash can undo (synchronous_commit is off)",
            "alter role … set synchronous_commit = on",
        )
    version = await db.fetchval("show server_version")
    level = f"synchronous_commit={synchronous}, fsync={flushed}"
    return Durability("PostgreSQL", version, level, safe=flushed == "on")


async def migrate(db: Any) -> None:
    """Bring the schema up to date. Raises `InvalidSettings` if it is newer, or another program's."""
    steps = sql.migrations("postgres")
    try:
        async with db.transaction(isolation="read_committed"):
            await db.execute(LOCK)
            known = await db.fetchval("select to_regclass('sayso_schema') is not null")
            version = await db.fetchval("select version from sayso_schema") if known else 0
            if version > len(steps):
                raise wrong(f"the database was written by a newer sayso (schema {version})", "upgrade sayso")
            for step in steps[version:]:
                await db.execute(step)
            if version < len(steps):
                await db.execute(f"update sayso_schema set version = {len(steps)}")
    except asyncpg.DuplicateTableError as error:
        hint = "name an empty database, or another schema of it"
        raise wrong(f"the database holds tables of another program ({error})", hint) from error


def unavailable(error: BaseException, *, sent: bool = False) -> errors.StoreUnavailable:
    """The error of a caller; *sent* if the server may have taken what was to be stored."""
    # what the server itself refuses is rolled back; a connection that ends says nothing
    refused = isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.PostgresConnectionError)
    if sent and not refused:
        return unknown(error)
    if isinstance(error, _DAMAGED):
        hint = "see the log of the database; restore a backup"
        return errors.StoreUnavailable(_said(error), hint=hint, why="the database is damaged")
    if isinstance(error, asyncpg.LockNotAvailableError):
        return Occupied(_said(error), hint="see who holds a lock in the database; try again")
    return errors.StoreUnavailable(_said(error), hint="see the log of the database; try again")


def unknown(error: BaseException) -> errors.StoreUnavailable:
    """As `unavailable`, if it cannot be known what became of a commit."""
    return errors.StoreUnavailable(_said(error), hint="it is not known whether this was stored", unsure=True)


def wrong(message: str, hint: str) -> errors.InvalidSettings:
    """The error of a database that cannot be used at all."""
    return errors.InvalidSettings(message, field="SAYSO_DATABASE_URL", hint=hint)


def _said(error: BaseException) -> str:
    return f"the database cannot be used now: {wording.of_error(error)}"
