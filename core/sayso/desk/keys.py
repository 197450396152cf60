"""API keys: made once, kept as hashes, looked up at every use and after every wait: a revoked one is dead at once."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar, cast, get_args

import pydantic

from sayso import clock, errors, model
from sayso.desk import authority
from sayso.desk.desk import Caller
from sayso.machine import people
from sayso.stores import Record, Store, record_kinds

Role = Literal["agent", "approver", "operator"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ROUTE: pydantic.TypeAdapter[tuple[model.Place, ...]] = pydantic.TypeAdapter(tuple[model.Place, ...])


@dataclass(frozen=True, slots=True)
class Key:
    """What a key may do, and for whom. The secret itself is nowhere."""

    name: str
    role: Role
    person: str | None
    """An approver key answers as this person; an agent key asks on their behalf."""
    created_at: datetime
    record: str | None = None
    """What the store knows it by."""
    policy: str | None = None
    """All that it asks is asked under this policy."""
    route: tuple[str, ...] = ()
    """All that it asks goes to these places."""
    until: datetime | None = None
    """When it ends, because another one has taken its place."""

    @property
    def caller(self) -> Caller:
        """Who asks with this key."""
        return Caller(
            owner=self.name,
            requester=self.person,
            operator=self.role == "operator",
            key=self.record,
            policy=self.policy,
            route=self.route,
        )

    @property
    def actor(self) -> people.Actor:
        """Who answers with this key. Raises `NotAllowed` for any but an approver's: agents never answer."""
        if self.role != "approver":
            raise errors.NotAllowed(f"a key of role {self.role} cannot answer", hint="use an approver's key")
        person = self.person or self.name
        return people.Actor(f"key:{self.name}", self.name, member=True, person=person, key=self.record)


Call = TypeVar("Call")
Authenticate = Callable[[Call], Awaitable[Key]]
"""Finds the key of a call, in the form in which a web server hands it over. Raises `Unauthorized`."""


class Keys:
    """The keys in a store."""

    def __init__(self, store: Store, time: clock.Clock | None = None) -> None:
        self._store = store
        self._clock = time or clock.SystemClock()

    async def add(
        self,
        name: str,
        role: str,
        at: datetime,
        person: str | None = None,
        *,
        secret: str | None = None,
        policy: str | None = None,
        route: Sequence[str] = (),
    ) -> str:
        """Make a key and return its secret, which is shown once; *secret* is one that its maker can make again.

        With *policy* and *route* the key asks under that policy and at those places only.

        Raises:
            InvalidRequest: a part is not valid, or the name is taken.
        """
        if not _NAME.fullmatch(name):
            message = f"{name!r} is not a valid name for a key"
            raise errors.InvalidRequest(message, field="name", hint="letters, digits, . _ -")
        if role not in get_args(Role):
            message = f"{role!r} is not a valid role"
            raise errors.InvalidRequest(message, field="role", hint="agent, approver or operator")
        bound = _bound(role, policy, route)
        if any(key.name == name for key in await self.list()):
            hint = f"revoke it first; if its secret was lost, print another: sayso keys rotate {name} --overlap 0"
            raise errors.InvalidRequest(f"there is a key {name!r} already", field="name", hint=hint)
        secret = secret or _new_secret(role)
        value = {"name": name, "role": role, "person": person, "created_at": at.isoformat(), **bound}
        await self._store.put(Record(record_kinds.KEY, _hash(secret), value))
        return secret

    async def find(self, secret: str) -> Key:
        """The key with this secret. Raises `Unauthorized`."""
        record = await self._store.get("key", _hash(secret))
        if record is None:
            raise errors.Unauthorized(
                "this key is unknown or revoked", hint="make one with: sayso keys add NAME --role ROLE"
            )
        found = _key(record)
        if found.until is not None and found.until <= self._clock.now():
            raise errors.Unauthorized("another key has taken the place of this one", hint="use the newer one")
        return found

    async def rotate(self, name: str, overlap: timedelta) -> str:
        """Make another secret for a key and return it; the ones of before are good for *overlap* longer.

        What was asked with them stays. If this is cut short, both are good until it is done again.

        Raises:
            NotFound: there is no such key.
        """
        found = await self._named(name)
        secret = _new_secret(found[0].value["role"])
        value = {key: kept for key, kept in found[0].value.items() if key != "until"}
        await self._store.put(Record(record_kinds.KEY, _hash(secret), value))
        until = (self._clock.now() + overlap).isoformat()
        for record in found:
            # its record stays: by it the service knows that what it asked still counts
            ends = min(record.value.get("until") or until, until)
            await self._store.put(dataclasses.replace(record, value={**record.value, "until": ends}))
        return secret

    async def list(self) -> list[Key]:
        """All keys, by name."""
        return sorted((_key(record) for record in await self._store.scan("key")), key=lambda key: key.name)

    async def revoke(self, name: str, at: datetime | None = None, *, reason: str | None = None) -> int:
        """Make a key useless at once, and withdraw what it asked; how many requests that were. Raises `NotFound`.

        It happens *at* this moment, by default now; people and the agent read the *reason*.
        """
        when = at or self._clock.now()
        # one after the other: each is finished by whichever process comes next, should this one die
        found = await self._named(name)
        return sum([await authority.revoke(self._store, name, record.name, when, reason) for record in found])

    async def _named(self, name: str) -> Sequence[Record]:
        """The records of a key: more than one while an older secret is good as well."""
        if found := [record for record in await self._store.scan("key") if record.value["name"] == name]:
            return found
        raise errors.NotFound(f"there is no key {name!r}", field="name", hint="see: sayso keys list")


def _new_secret(role: str) -> str:
    return f"sayso_{role}_{secrets.token_urlsafe(32)}"


def _bound(role: str, policy: str | None, route: Sequence[str]) -> model.JsonObject:
    """What a key is bound to, as it is stored."""
    if not policy and not route:
        return {}
    if role == "approver":
        hint = "bind an agent's key"
        raise errors.InvalidRequest("a key of role approver asks nothing", field="policy", hint=hint)
    try:
        _ROUTE.validate_python(tuple(route))
    except pydantic.ValidationError as error:
        hint = "a channel's name, a colon, an address on it; or web"
        raise errors.InvalidRequest("the route has a place that is not valid", field="route", hint=hint) from error
    return {"policy": policy, "route": list(dict.fromkeys(route))}


def _hash(secret: str) -> str:
    # The secret has 256 random bits, so a plain hash cannot be turned round; a slow one would only slow each call.
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(record: Record) -> Key:
    value = record.value
    return Key(
        name=value["name"],
        role=cast(Role, value["role"]),
        person=value["person"],
        created_at=datetime.fromisoformat(value["created_at"]),
        record=record.name,
        policy=value.get("policy"),
        route=tuple(value.get("route") or ()),
        until=datetime.fromisoformat(value["until"]) if value.get("until") else None,
    )
