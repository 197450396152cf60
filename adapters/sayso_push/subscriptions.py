"""The devices that people subscribed: a few for each person, forgotten once their push service does not know them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pydantic
from cryptography.hazmat.primitives.asymmetric import ec

from sayso import errors, model
from sayso.cards import tokens
from sayso.machine import people
from sayso.stores import Record, Store

KIND = "push-device"
MOST = 10
"""Devices of one person; a further one takes the place of the oldest."""
_MOST_PEOPLE = 1_000
_TRIES = 20
_POINT, _AUTH = 65, 16


class Device(model.Frozen):
    """One browser, as its push service knows it."""

    endpoint: str
    p256dh: str
    auth: str
    at: datetime

    @property
    def id(self) -> str:
        """A short name for it, that gives nothing away."""
        return hashlib.sha256(self.endpoint.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One person with their devices."""

    account: str
    name: str
    person: str | None = None
    devices: tuple[Device, ...] = ()
    record: Record | None = field(default=None, repr=False)

    @property
    def actor(self) -> people.Actor:
        """Who would answer; they are signed in to the inbox, so a full member."""
        return people.Actor(account=self.account, name=self.name, member=True, person=self.person)


class Subscriptions:
    """The devices in a store. *check* refuses addresses that must not be called."""

    def __init__(self, store: Store, check: Callable[[str], object]) -> None:
        self._store = store
        self._check = check

    async def add(self, actor: people.Actor, endpoint: str, p256dh: str, auth: str, at: datetime) -> None:
        """Subscribe a device of this person; whoever had it before is told nothing there any more.

        Raises:
            InvalidRequest: its address must not be called, or its keys are none.
        """
        device = self._device(endpoint, p256dh, auth, at)
        known = await self.all()
        for other in known:
            if other.account != actor.account:
                await self._change(other.actor, device.endpoint, None)
        if len(known) >= _MOST_PEOPLE and all(one.account != actor.account for one in known):
            raise errors.TooMany("too many people have subscribed devices here", hint="the chats are told as well")
        await self._change(actor, device.endpoint, device)

    async def remove(self, actor: people.Actor, endpoint: str) -> None:
        """Forget a device of this person."""
        await self._change(actor, endpoint, None)

    async def all(self) -> Sequence[Subscriber]:
        """Everybody with devices."""
        return [_read(record) for record in await self._store.scan(KIND)]

    def _device(self, endpoint: str, p256dh: str, auth: str, at: datetime) -> Device:
        try:
            self._check(endpoint)
        except errors.InvalidRequest as error:
            hint = "a push service has an https address of a public host"
            raise errors.InvalidRequest("this push address cannot be used", field="endpoint", hint=hint) from error
        try:
            point, secret = _decode(p256dh), _decode(auth)
            if len(point) != _POINT or len(secret) != _AUTH:
                raise ValueError("of another length")
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except (ValueError, binascii.Error) as error:
            raise errors.InvalidRequest(
                "these are no keys of a browser", field="keys", hint="subscribe again"
            ) from error
        return Device(endpoint=endpoint, p256dh=p256dh, auth=auth, at=at)

    async def _change(self, actor: people.Actor, endpoint: str, device: Device | None) -> None:
        name = tokens.id_from("push-device", actor.account)
        for _ in range(_TRIES):
            record = await self._store.get(KIND, name)
            before = _read(record).devices if record else ()
            others = tuple(one for one in before if one.endpoint != endpoint)
            after = (*others, device)[-MOST:] if device else others
            if after == before:
                return
            if not after:
                await self._store.remove(KIND, name)
                return
            value = {
                "account": actor.account,
                "name": actor.name,
                "person": actor.person,
                "devices": [one.model_dump(mode="json") for one in after],
            }
            try:
                await self._store.put(Record(KIND, name, value, version=record.version if record else 0))
            except errors.Conflict:
                continue
            return
        raise errors.StoreUnavailable("these devices change too fast", hint="try again")


def _read(record: Record) -> Subscriber:
    value = record.value
    try:
        devices = tuple(Device.model_validate(one) for one in value["devices"])
        return Subscriber(value["account"], value["name"], value["person"], devices, record)
    except (KeyError, TypeError, pydantic.ValidationError):
        # of another version: nobody is told there, until the browser subscribes again
        return replace(Subscriber("", "", None), record=record)


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
