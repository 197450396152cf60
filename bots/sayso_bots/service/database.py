"""The database here: opened for a command or for the service, and what to say if it is not there."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from urllib.parse import unquote

from sayso import errors, stores
from sayso.stores import Store
from sayso_bots.settings import environment

log = logging.getLogger(__name__)

# Seconds to look for a service on this machine.
_PATIENCE = 0.3


@contextlib.asynccontextmanager
async def connect(
    given: environment.Environment, *, create: bool = False, by_url: bool = False
) -> AsyncGenerator[Store]:
    """The database that the environment names, closed afterwards; a missing file is made if *create* says so.

    *by_url* is for what a service does as well, for whoever sets SAYSO_URL; anything else needs the database itself.

    Raises:
        InvalidSettings: the file is not there, or is not a database of ours.
        StoreUnavailable: it cannot be reached now.
    """
    path = None if create else file_of(given.database)
    if path is not None and not path.exists():
        hint = "run this in the folder of the service or program; sayso serve makes one here"
        if by_url:
            hint = await hint_at_service(given) or hint
        elif given.url:
            hint = f"this is done beside the service at {given.url}, not through it: run it in the folder of that one"
        elif url := await asyncio.to_thread(find_service, given.host, given.port):
            hint = f"a service answers at {url}: run this in the folder where that was started"
        raise errors.InvalidSettings(f"there is no database at {path}", field="SAYSO_DATABASE_URL", hint=hint)
    store = await stores.connect(given.database)
    try:
        yield store
    finally:
        await store.close()


@contextlib.contextmanager
def sole_service(given: environment.Environment) -> Generator[None]:
    """Be the only service on a database in a file, for as long as the block; commands and programs may open it, too.

    The system ends the lock with the process, however that ends. Another file is locked, because to close a database's
    own would end SQLite's locks on it.

    Raises:
        InvalidSettings: another service has it.
    """
    path = file_of(given.database)
    if path is None:
        yield
        return
    # by whatever name it is called: SQLite follows a link, too
    lock = os.open(f"{path.resolve()}-service", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(lock, path)
        yield
    finally:
        os.close(lock)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "stop that one, or let several copies share PostgreSQL (docs/postgres.md)"
        message = f"another sayso serve has the database {path}"
        raise errors.InvalidSettings(message, field="SAYSO_DATABASE_URL", hint=hint) from error
    except OSError as error:
        # some network folders have no locks
        log.warning("a second service here would not be noticed", extra={"path": str(path), "error": str(error)})


def file_of(database: str) -> Path | None:
    """The file of a SQLite address, absolute; None for other databases."""
    scheme, _, rest = database.partition(":///")
    return Path(unquote(rest)).absolute() if scheme == "sqlite" and rest else None


def required_file(given: environment.Environment, otherwise: str) -> Path:
    """The file that holds the database here; for another kind of database the error names *otherwise*.

    Raises:
        InvalidSettings: it is not in a file.
    """
    path = file_of(given.database)
    if path is None:
        message = "only a database in a file is copied by sayso"
        raise errors.InvalidSettings(message, field="SAYSO_DATABASE_URL", hint=f"use {otherwise}")
    return path


def missing_file(given: environment.Environment) -> Path | None:
    """The file that is not there yet, if the environment names one."""
    path = None if given.url else file_of(given.database)
    return path if path and not path.exists() else None


async def hint_at_service(given: environment.Environment) -> str | None:
    """What to do if a service of ours answers at the usual address: it keeps its requests elsewhere."""
    url = await asyncio.to_thread(find_service, given.host, given.port)
    return f"a service answers at {url}: to use it set SAYSO_URL, and SAYSO_KEY" if url else None


def find_service(host: str, port: int) -> str | None:
    """The address of a service of ours, if one answers there."""
    # slow to import, and looked for only where there is no database
    import http.client

    # one that listens everywhere answers to the names of this machine, and not to that
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/healthz")
        found = json.loads(connection.getresponse().read(1_000))
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return f"http://{host}:{port}" if isinstance(found, dict) and "checks" in found else None
