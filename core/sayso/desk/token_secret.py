"""The secret that signs tokens: `SAYSO_SECRET`, or one made once and kept in the store; and the one of before."""

from __future__ import annotations

import contextlib
import os
import secrets
from datetime import datetime, timedelta

from sayso import clock, errors
from sayso.cards import tokens
from sayso.stores import Record, Store

_KIND, _NAME = "secret", "tokens"


async def mint(store: Store, time: clock.Clock | None = None) -> tokens.TokenMaker:
    """The token mint of this store: `SAYSO_SECRET`, or a secret made once and kept beside the requests.

    What the secret of before signed counts as long as `SAYSO_SECRET_OLD` names it, or until its time is over.

    Raises:
        InvalidSettings: a secret is too short to be one.
    """
    given, old = given_secret(), old_secret()
    kept = await (store.get(_KIND, _NAME) if given else _made(store))
    older = [] if old is None else [old]
    if kept and datetime.fromisoformat(kept.value.get("until", _OVER)) > (time or clock.SystemClock()).now():
        older.append(bytes.fromhex(kept.value["old"]))
    if given is None:
        assert kept is not None
        given = bytes.fromhex(kept.value["hex"])
    return tokens.TokenMaker(given, tuple(older))


_OVER = "1970-01-01T00:00:00+00:00"


async def rotate(store: Store, overlap: timedelta, now: datetime) -> None:
    """Make another secret in the store; what the one of before signed counts for *overlap* longer.

    With `SAYSO_SECRET` the one in the store is on its way out: nothing new is made, and it counts for *overlap* longer.
    """
    record = await _made(store)
    fresh = record.value["hex"] if given_secret() else secrets.token_hex(32)
    value = {"hex": fresh, "old": record.value["hex"], "until": (now + overlap).isoformat()}
    await store.put(Record(_KIND, _NAME, value, version=record.version))


def given_secret() -> bytes | None:
    """The secret that `SAYSO_SECRET` names, if it does. Raises `InvalidSettings` if that is too short to be one."""
    return _variable("SAYSO_SECRET")


def old_secret() -> bytes | None:
    """The secret of before, which `SAYSO_SECRET_OLD` names beside `SAYSO_SECRET`. Raises as `given_secret`."""
    old = _variable("SAYSO_SECRET_OLD")
    if old is not None and given_secret() is None:
        hint = "set SAYSO_SECRET as well; a secret in the database is changed by: sayso keys secret"
        raise errors.InvalidSettings("SAYSO_SECRET_OLD stands alone", field="SAYSO_SECRET_OLD", hint=hint)
    return old


def _variable(name: str) -> bytes | None:
    given = os.environ.get(name)
    if not given:
        return None
    if len(given) < 32:
        raise errors.InvalidSettings(f"{name} is too short", field=name, hint="use at least 32 random characters")
    return given.encode()


async def _made(store: Store) -> Record:
    with contextlib.suppress(errors.Conflict):
        await store.put(Record(_KIND, _NAME, {"hex": secrets.token_hex(32)}))
    record = await store.get(_KIND, _NAME)
    assert record is not None  # it was put above, here or by another process
    return record
