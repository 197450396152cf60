"""API keys: made once, kept as hashes, looked up at every use, so that a revoked one is dead at once."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from sayso import desk, errors, people, store

Role = Literal["agent", "approver", "operator"]

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


@dataclass(frozen=True, slots=True)
class Key:
    """What a key may do, and for whom. The secret itself is nowhere."""

    name: str
    role: Role
    person: str | None
    """An approver key answers as this person; an agent key asks on their behalf."""
    created_at: datetime

    @property
    def caller(self) -> desk.Caller:
        """Who asks with this key."""
        return desk.Caller(owner=self.name, requester=self.person, operator=self.role == "operator")

    @property
    def actor(self) -> people.Actor:
        """Who answers with this key. Raises `NotAllowed` for any but an approver's: agents never answer."""
        if self.role != "approver":
            raise errors.NotAllowed(f"a key of role {self.role} cannot answer", hint="use an approver's key")
        return people.Actor(account=f"key:{self.name}", name=self.name, member=True, person=self.person or self.name)


class Keys:
    """The keys in a store."""

    def __init__(self, kept: store.Store) -> None:
        self._store = kept

    async def add(
        self, name: str, role: str, at: datetime, person: str | None = None, *, secret: str | None = None
    ) -> str:
        """Make a key and return its secret, which is shown once; *secret* is one that its maker can make again.

        Raises:
            InvalidRequest: the name or role is none, or the name is taken.
        """
        if not _NAME.match(name):
            raise errors.InvalidRequest(f"{name!r} is no name for a key", field="name", hint="letters, digits, . _ -")
        if role not in get_args(Role):
            raise errors.InvalidRequest(f"{role!r} is no role", field="role", hint="agent, approver or operator")
        if any(key.name == name for key in await self.list()):
            raise errors.InvalidRequest(f"there is a key {name!r} already", field="name", hint="revoke it first")
        secret = secret or f"sayso_{role}_{secrets.token_urlsafe(32)}"
        value = {"name": name, "role": role, "person": person, "created_at": at.isoformat()}
        await self._store.put(store.Record("key", _hash(secret), value))
        return secret

    async def find(self, secret: str) -> Key:
        """The key with this secret. Raises `Unauthorized`."""
        record = await self._store.get("key", _hash(secret))
        if record is None:
            raise errors.Unauthorized("this key is unknown or revoked", hint="make one with: sayso keys add NAME")
        return _key(record)

    async def list(self) -> list[Key]:
        """All keys, by name."""
        return sorted((_key(record) for record in await self._store.scan("key")), key=lambda key: key.name)

    async def revoke(self, name: str) -> None:
        """Make a key useless at once. Raises `NotFound`."""
        for record in await self._store.scan("key"):
            if record.value["name"] == name:
                await self._store.remove("key", record.name)
                return
        raise errors.NotFound(f"there is no key {name!r}", field="name", hint="see: sayso keys list")


def _hash(secret: str) -> str:
    # The secret has 256 random bits, so a plain hash cannot be turned round; a slow one would only slow each call.
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(record: store.Record) -> Key:
    value = record.value
    created = datetime.fromisoformat(value["created_at"])
    return Key(name=value["name"], role=cast(Role, value["role"]), person=value["person"], created_at=created)
