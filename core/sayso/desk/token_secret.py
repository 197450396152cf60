"""The secret that signs tokens: `SAYSO_SECRET`, or one made once and kept in the store."""

from __future__ import annotations

import contextlib
import os
import secrets

from sayso import errors
from sayso.cards import tokens
from sayso.stores import Record, Store


async def mint(store: Store) -> tokens.TokenMaker:
    """The token mint of this store: `SAYSO_SECRET`, or a secret made once and kept beside the requests.

    Raises:
        InvalidSettings: `SAYSO_SECRET` is too short to be one.
    """
    given = given_secret()
    if given is not None:
        return tokens.TokenMaker(given)
    with contextlib.suppress(errors.Conflict):
        await store.put(Record("secret", "tokens", {"hex": secrets.token_hex(32)}))
    record = await store.get("secret", "tokens")
    assert record is not None  # it was put above, here or by another process
    return tokens.TokenMaker(bytes.fromhex(record.value["hex"]))


def given_secret() -> bytes | None:
    """The secret that `SAYSO_SECRET` names, if it does. Raises `InvalidSettings` if that is too short to be one."""
    given = os.environ.get("SAYSO_SECRET")
    if given is None:
        return None
    if len(given) < 32:
        hint = "use at least 32 random characters"
        raise errors.InvalidSettings("SAYSO_SECRET is too short", field="SAYSO_SECRET", hint=hint)
    return given.encode()
