"""`sayso.open()`: the embedded desk over a database file, or the service behind `SAYSO_URL`; one interface for both."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal, Protocol, cast, overload

from typing_extensions import TypeVar

from sayso import asking, desk, errors, handles, model, people, store, stores, tokens

DEFAULT_DATABASE = "sqlite:///sayso.db"

V = TypeVar("V", default=Any)


class Asker(Protocol):
    """What an agent sees, embedded or behind a service."""

    @overload
    async def ask(self, request: asking.Form[V], *, wait: Literal[True] = True) -> model.Decision[V]: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[True] = True) -> model.Decision: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[False]) -> handles.Handle: ...
    async def ask(self, request: model.Request, *, wait: bool = True) -> model.Decision | handles.Handle:
        """Ask, and wait for the decision; with `wait=False` go on with a handle to it."""
        ...

    async def open(self, request: model.Request) -> model.Ticket:
        """Ask without waiting."""
        ...

    async def wait(self, id: str) -> model.Decision:
        """Wait for the decision on a request that was asked before."""
        ...

    async def get(self, id: str) -> model.Ticket:
        """A request with its present state."""
        ...

    async def cancel(self, id: str, *, reason: str | None = None) -> model.Ticket:
        """Withdraw a request."""
        ...

    async def use(self, id: str, *, attempt: str | None = None) -> model.Ticket:
        """Use an allow, immediately before what was allowed runs. One allow is good once: a second use is refused.

        A call with the same *attempt* again is the same use.
        """
        ...

    async def note(self, session: str, said: str) -> Sequence[str]:
        """Tell people what the agent of a session is doing; where it was told. Needs a service with a chat."""
        ...


class _Connector(Protocol):
    def __call__(self, url: str, key: str | None) -> contextlib.AbstractAsyncContextManager[Asker]: ...


@contextlib.asynccontextmanager
async def open(url: str | None = None, *, key: str | None = None, database: str | None = None) -> AsyncGenerator[Asker]:
    """A desk to ask at.

    With *url* or `SAYSO_URL` it is the service there, signed in with *key* or `SAYSO_KEY`; otherwise a database of its
    own: *database*, `SAYSO_DATABASE_URL`, or `sqlite:///sayso.db`.

    Raises:
        InvalidSettings: an address is none, or its scheme is unknown.
    """
    address = url or os.environ.get("SAYSO_URL")
    if address:
        async with _connector(address)(address, key or os.environ.get("SAYSO_KEY")) as remote:
            yield remote
        return
    kept = await stores.connect(database or os.environ.get("SAYSO_DATABASE_URL") or DEFAULT_DATABASE)
    try:
        yield desk.Desk(kept, await mint(kept))
    finally:
        await kept.close()


async def mint(kept: store.Store) -> tokens.Mint:
    """The token mint of this store: `SAYSO_SECRET`, or a secret made once and kept beside the requests.

    Raises:
        InvalidSettings: `SAYSO_SECRET` is too short to be one.
    """
    given = given_secret()
    if given is not None:
        return tokens.Mint(given)
    with contextlib.suppress(errors.Conflict):
        await kept.put(store.Record("secret", "tokens", {"hex": secrets.token_hex(32)}))
    record = await kept.get("secret", "tokens")
    assert record is not None  # it was put above, here or by another process
    return tokens.Mint(bytes.fromhex(record.value["hex"]))


def given_secret() -> bytes | None:
    """The secret that `SAYSO_SECRET` names, if it does. Raises `InvalidSettings` if that is too short to be one."""
    given = os.environ.get("SAYSO_SECRET")
    if given is None:
        return None
    if len(given) < 32:
        hint = "use at least 32 random characters"
        raise errors.InvalidSettings("SAYSO_SECRET is too short", field="SAYSO_SECRET", hint=hint)
    return given.encode()


def _connector(address: str) -> _Connector:
    scheme = address.partition("://")[0]
    for entry in importlib.metadata.entry_points(group="sayso.desks", name=scheme):
        return cast(_Connector, entry.load())
    hint = "an address such as http://127.0.0.1:8700"
    raise errors.InvalidSettings(f"SAYSO_URL: nothing here can talk to {scheme!r}", field="SAYSO_URL", hint=hint)


def local(name: str = "local") -> people.Actor:
    """Whoever sits at this machine's terminal; a full member of their own house."""
    return people.Actor(account=f"terminal:{name}", name=name, member=True)
