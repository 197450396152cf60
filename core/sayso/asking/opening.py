"""`sayso.open()`: the embedded desk over a database file, or the service behind `SAYSO_URL`; one interface for both."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.metadata
import os
from collections.abc import AsyncGenerator
from typing import Protocol, cast

from sayso import desk as desks
from sayso import errors, stores
from sayso.desk import asker, token_secret
from sayso.desk.upkeep import expiring, tracing

mint = token_secret.mint
"""Its old address; it goes in 0.2."""


class _Connector(Protocol):
    def __call__(self, url: str, key: str | None) -> contextlib.AbstractAsyncContextManager[asker.Asker]: ...


@contextlib.asynccontextmanager
async def open(
    url: str | None = None, *, key: str | None = None, database: str | None = None
) -> AsyncGenerator[asker.Asker]:
    """A desk to ask at.

    With *url* or `SAYSO_URL` it is the service there, signed in with *key* or `SAYSO_KEY`; otherwise a database of its
    own: *database*, `SAYSO_DATABASE_URL`, or `sqlite:///sayso.db`.

    Raises:
        InvalidSettings: an address is malformed, or its scheme is unknown.
    """
    address = url or os.environ.get("SAYSO_URL")
    if address:
        async with _connector(address.partition("://")[0])(address, key or os.environ.get("SAYSO_KEY")) as remote:
            yield remote
        return
    store = await stores.connect(database or os.environ.get("SAYSO_DATABASE_URL") or stores.DEFAULT_DATABASE)
    try:
        # the desk with its rules is imported here: a program that asks a service needs none
        desk = desks.Desk(store, await token_secret.mint(store))
        tracing.attach(desk)
        async with _expiring(desk):
            yield desk
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def _expiring(desk: desks.Desk) -> AsyncGenerator[None]:
    """No service may be running over the database that lets go of what is over."""
    going_on = asyncio.create_task(expiring.expire_on(desk.store, desk.clock))
    try:
        yield
    finally:
        going_on.cancel()
        await asyncio.wait({going_on})


@functools.cache  # every package that is installed is read to find it
def _connector(scheme: str) -> _Connector:
    for entry in importlib.metadata.entry_points(group="sayso.desks", name=scheme):
        return cast(_Connector, entry.load())
    hint = "an address such as http://127.0.0.1:8700"
    raise errors.InvalidSettings(f"SAYSO_URL: nothing here can talk to {scheme!r}", field="SAYSO_URL", hint=hint)
