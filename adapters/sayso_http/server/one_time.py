"""One-time addresses: another system answers one request, in the name of the approver who made the address.

Whoever holds the address may answer, so it is shown once, kept as a hash, dies at its time or with its maker's key,
and works once. It adds a way in, not a person: a quorum counts its answer as its maker's.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from datetime import timedelta

from aiohttp import web

from sayso import errors, machine, model
from sayso.desk import Desk
from sayso.desk.answering import identity
from sayso.desk.keys import Authenticate, Keys
from sayso.machine.people import Actor
from sayso.stores import Record, record_kinds
from sayso_http import resume, routes
from sayso_http.server import access, reading, responses

"""The kind of the records of addresses."""


class OneTimeAddresses:
    """Makes and takes one-time addresses."""

    def __init__(self, desk: Desk, authenticate: Authenticate[web.Request]) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._keys = Keys(desk.store)

    async def make(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Make an address, with the key of somebody who may answer that request."""
        key, actor = caller.key, caller.key.actor
        wanted = await reading.body(request, resume.Wanted)
        # a body may take its time
        await self._authenticate(request)
        await caller.may_know(request.match_info["id"])
        ticket = await self._desk.store.load(request.match_info["id"])
        await self._check(ticket, actor)
        token = secrets.token_urlsafe(32)
        ends = min(ticket.expires_at, self._desk.clock.now() + timedelta(seconds=wanted.expires_in))
        maker = {"key": key.name, "made_at": key.created_at.isoformat(), "person": actor.person}
        value = {"ticket": ticket.id, "name": wanted.name, **maker}
        await self._desk.store.put(Record(record_kinds.RESUME, _hash(token), value, ends))
        return responses.write(resume.Address(path=routes.RESUME.at(token), expires_at=ends), 201)

    async def use(self, request: web.Request) -> web.Response:
        """Take an answer by such an address."""
        name = _hash(request.match_info["token"])
        # nothing is read for somebody who has no address
        known = await self._desk.store.get(record_kinds.RESUME, name)
        if known is None or not await self._lives(known):
            raise _unknown_address()
        answer = await reading.body(request, model.Answer)
        # of two at once, one gets it
        taken = await self._desk.store.remove(record_kinds.RESUME, name)
        if taken is None or not await self._lives(taken):
            raise _unknown_address()
        try:
            ticket = await self._desk.answer(taken.value["ticket"], answer, _actor(taken))
        except (errors.InvalidAnswer, errors.StoreUnavailable):
            await self._give_back(taken)
            raise
        outcome = ticket.decision.outcome if ticket.decision else None
        return responses.write(resume.Resumed(id=ticket.id, state=ticket.state, outcome=outcome))

    async def _check(self, ticket: model.Ticket, actor: Actor) -> None:
        person = await identity.find(self._desk, ticket, actor)
        if ticket.decision is not None:
            raise errors.AlreadyDecided(ticket)
        if not machine.may_answer(ticket, person):
            refused = machine.refusal(ticket, person)
            await self._desk.record_refusal(ticket.id, person, refused)
            raise refused

    async def _lives(self, record: Record) -> bool:
        if record.expires_at is None or self._desk.clock.now() >= record.expires_at:
            return False
        maker = (record.value["key"], record.value["made_at"])
        return any((key.name, key.created_at.isoformat()) == maker for key in await self._keys.list())

    async def _give_back(self, record: Record) -> None:
        # an answer that did not fit used nothing up; if this fails, the address stays used
        with contextlib.suppress(errors.SaysoError):
            await self._desk.store.put(Record(record_kinds.RESUME, record.name, record.value, record.expires_at))


def _actor(record: Record) -> Actor:
    name = f"resume:{record.value['name']}"
    return Actor(account=name, name=name, member=True, person=record.value["person"])


def _unknown_address() -> errors.InvalidToken:
    return errors.InvalidToken("this address is unknown, used or over", hint="ask for a new one")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
