"""One-time addresses: another system answers one request, in the name of the approver who made the address.

Whoever holds the address may answer, so it is shown once, kept as a hash, dies at its time or with its maker's key,
and works once. It adds a door, not a person: a quorum counts its answer as its maker's.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated

import pydantic
from aiohttp import web

from sayso import errors, machine, model
from sayso.desk import Desk, keys
from sayso.machine import people
from sayso.stores import Record
from sayso_http import access, auth, reading, replies

_KIND = "resume"
# Seconds that an address lives where its maker does not say otherwise; never longer than its request.
_DEFAULT = 3600.0

AddressName = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Wanted(model.Frozen):
    """What an approver says of a new address; the name is for the record."""

    name: AddressName
    expires_in: model.Seconds = _DEFAULT


class Address(model.Frozen):
    """A new address, shown once. `path` belongs to the service that made it."""

    path: str
    expires_at: datetime


class Resumed(model.Frozen):
    """What the holder of an address learns: that the answer counted, and what it led to so far."""

    id: str
    state: str
    outcome: model.Outcome | None


class Addresses:
    """Makes and takes one-time addresses."""

    def __init__(self, front: Desk, authenticate: auth.Authenticate) -> None:
        self._desk = front
        self._authenticate = authenticate
        self._keys = keys.Keys(front.store)

    async def make(self, request: web.Request) -> web.Response:
        """`POST /v1/requests/{id}/resume`, with the key of somebody who may answer that request."""
        key = await self._authenticate(request)
        actor = key.actor
        wanted = await reading.body(request, Wanted)
        # a body may take its time
        await self._authenticate(request)
        await access.Caller(self._desk, key).may_know(request.match_info["id"])
        ticket = await self._desk.store.load(request.match_info["id"])
        await self._may(ticket, actor)
        token = secrets.token_urlsafe(32)
        ends = min(ticket.expires_at, self._desk.clock.now() + timedelta(seconds=wanted.expires_in))
        maker = {"key": key.name, "made_at": key.created_at.isoformat(), "person": actor.person}
        value = {"ticket": ticket.id, "name": wanted.name, **maker}
        await self._desk.store.put(Record(_KIND, _hash(token), value, ends))
        return replies.reply(Address(path=f"/resume/{token}", expires_at=ends), 201)

    async def use(self, request: web.Request) -> web.Response:
        """`POST /resume/{token}`, with an answer as the body."""
        name = _hash(request.match_info["token"])
        # nothing is read for somebody who has no address
        known = await self._desk.store.get(_KIND, name)
        if known is None or not await self._lives(known):
            raise _unknown()
        given = await reading.body(request, model.Answer)
        # of two at once, one gets it
        taken = await self._desk.store.remove(_KIND, name)
        if taken is None or not await self._lives(taken):
            raise _unknown()
        try:
            ticket = await self._desk.answer(taken.value["ticket"], given, _actor(taken))
        except (errors.InvalidAnswer, errors.StoreUnavailable):
            await self._give_back(taken)
            raise
        outcome = ticket.decision.outcome if ticket.decision else None
        return replies.reply(Resumed(id=ticket.id, state=ticket.state, outcome=outcome))

    async def _may(self, ticket: model.Ticket, actor: people.Actor) -> None:
        person = self._desk.house.directory.identify(actor)
        if ticket.decision is not None:
            raise errors.AlreadyDecided(ticket)
        if not machine.may_answer(ticket, person):
            refused = machine.refusal(ticket, person)
            await self._desk.refused(ticket.id, person, refused)
            raise refused

    async def _lives(self, record: Record) -> bool:
        if record.expires_at is None or self._desk.clock.now() >= record.expires_at:
            return False
        maker = (record.value["key"], record.value["made_at"])
        return any((key.name, key.created_at.isoformat()) == maker for key in await self._keys.list())

    async def _give_back(self, record: Record) -> None:
        # an answer that did not fit used nothing up; where this fails, the address stays used
        with contextlib.suppress(errors.SaysoError):
            await self._desk.store.put(Record(_KIND, record.name, record.value, record.expires_at))


def _actor(record: Record) -> people.Actor:
    name = f"resume:{record.value['name']}"
    return people.Actor(account=name, name=name, member=True, person=record.value["person"])


def _unknown() -> errors.InvalidToken:
    return errors.InvalidToken("this address is unknown, used or over", hint="ask for a new one")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
