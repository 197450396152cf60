"""One-time addresses that an agent makes for itself: what somebody posts there is what it waits for.

An agent must never approve itself, so such a request is born here and nowhere else, as a question or a form, never as a
permission, and goes to no chat: an address cannot be had for anything that people were asked. The address follows from
the request's unguessable reference and the service's secret; nothing of it is stored, and the one decision uses it up.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

from aiohttp import web

from sayso import errors, machine, model
from sayso.desk import Desk, authority, setup
from sayso.desk.keys import Authenticate, Keys
from sayso.machine import approvers
from sayso.machine.people import Actor
from sayso.stores import Record
from sayso_http import routes, webhooks
from sayso_http.server import access, reading, responses, waits

RECORD = "webhook_reply"
"""The kind of the records of replies."""
# How often a held call looks for the agent's reply, and for how long one is kept, in seconds.
_LOOK, _KEPT = 0.1, 3600.0


class Webhooks:
    """Makes and takes the calls of webhooks."""

    def __init__(self, desk: Desk, authenticate: Authenticate[web.Request], held: waits.Waits) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._waits = held
        self._keys = Keys(desk.store)

    async def make(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Make an address, with the key of the agent that waits."""
        owner = caller.key.caller
        wanted = await reading.body(request, webhooks.Wanted)
        self._check_policy(setup.policy_of(self._desk.setup, wanted.policy, owner))
        # it goes to no chat, whatever the route of this key is
        here = dataclasses.replace(owner, route=())
        ticket, new = await self._desk.admit(_request(wanted, owner.owner), here)
        path = routes.CALL_WEBHOOK.at(_token(ticket, self._desk.mint.secret))
        made = webhooks.Made(id=ticket.id, path=path, expires_at=ticket.expires_at)
        return responses.write(made, 201 if new else 200)

    async def take(self, request: web.Request) -> web.Response:
        """Take the one call, from anybody."""
        ticket = await self._find(request.match_info["token"])
        posted = (await reading.body(request, webhooks.AnyJson)).root
        account = f"webhook:{ticket.owner}"
        somebody = Actor(account=account, name=account, member=True)
        try:
            await self._desk.answer(ticket.id, _answer(ticket, posted), somebody)
        except errors.AlreadyDecided as used:
            raise _unknown_address() from used
        marks = ticket.request.metadata["webhook"]
        body = await self._wait_for_reply(ticket.id, marks["hold"]) if marks["hold"] else marks["reply"]
        if body is None:
            return responses.write(webhooks.Accepted(), 202)
        return responses.write(webhooks.AnyJson(body))

    async def reply(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Keep what the held call is answered with."""
        ticket = await caller.ticket(request.match_info["id"])
        if not ticket.id.startswith(webhooks.PREFIX) or ticket.decision is None:
            hint = "reply once the webhook was called"
            raise errors.InvalidRequest("there is no call to reply to", field="id", hint=hint)
        value = {"body": (await reading.body(request, webhooks.AnyJson)).root}
        await self._authenticate(request)
        ends = self._desk.clock.now() + timedelta(seconds=_KEPT)
        try:
            await self._desk.store.put(Record(RECORD, ticket.id, value, ends))
        except errors.Conflict as twice:
            raise errors.AlreadyExists("this call was replied to", field="id", hint="a call has one reply") from twice
        return responses.write(webhooks.Accepted(), 202)

    def _check_policy(self, name: str) -> None:
        policy = self._desk.setup.policies.get(name)
        if policy is not None and "anyone" not in approvers.names_of(policy.needs_by_stage[0]):
            hint = 'use a policy with approvers = ["anyone"]; whoever has the address is somebody'
            raise errors.InvalidRequest(f"the policy {name!r} says who may answer", field="policy", hint=hint)

    async def _find(self, token: str) -> model.Ticket:
        try:
            ticket = await self._desk.store.load_by_ref(token.partition(".")[0])
        except errors.NotFound as unknown:
            raise _unknown_address() from unknown
        given = token.encode("utf-8", "surrogateescape")
        mint = self._desk.mint
        known = any(hmac.compare_digest(_token(ticket, secret).encode(), given) for secret in mint.all)
        # checked again, whatever the token says: a permission never has an address
        asked = ticket.request.kind in ("question", "form") and ticket.id.startswith(webhooks.PREFIX)
        lives = await self._lives(ticket)
        if not (known and asked and lives and ticket.decision is None):
            raise _unknown_address()
        return ticket

    async def _lives(self, ticket: model.Ticket) -> bool:
        if ticket.key is not None:
            return await authority.holds(self._desk.store, ticket.key)
        return any(key.name == ticket.owner for key in await self._keys.list())

    async def _wait_for_reply(self, id: str, seconds: float) -> Any:
        """Wait for what the agent replies in time; None if it does not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not self._waits.stopping:
            # the agent may reply to another process of the service
            if (found := await self._desk.store.remove(RECORD, id)) is not None:
                return found.value["body"]
            await asyncio.sleep(_LOOK)
        return None


def _token(ticket: model.Ticket, secret: bytes) -> str:
    # an address of before an older copy was put back may have been used since
    again = f"\n{ticket.minted}" if ticket.minted else ""
    bound = f"webhook\n{ticket.ref}\n{ticket.digest}{again}".encode()
    return f"{ticket.ref}.{hmac.digest(secret, bound, hashlib.sha256).hex()}"


def _request(wanted: webhooks.Wanted, owner: str) -> model.Request:
    # two agents that use the same name make two webhooks
    name = hashlib.sha256(f"{owner}\n{wanted.name}".encode()).hexdigest()[:32]
    return model.Request(
        id=webhooks.PREFIX + name,
        kind="form" if wanted.json_schema is not None else "question",
        title=wanted.title,
        schema=wanted.json_schema,
        source=wanted.source,
        policy=wanted.policy,
        route=(machine.INBOX,),
        expires_in=wanted.expires_in,
        metadata={**wanted.metadata, "webhook": {"reply": wanted.reply, "hold": wanted.hold}},
    )


def _answer(ticket: model.Ticket, posted: Any) -> model.Answer:
    if ticket.request.kind == "form":
        if not isinstance(posted, dict):
            raise errors.InvalidAnswer("the body is not a JSON object", field="body", hint="send the form's fields")
        return model.Answer(values=posted)  # pyright: ignore[reportUnknownArgumentType]
    text = json.dumps(posted, ensure_ascii=False)
    if len(text) > model.MAX_TEXT:
        raise web.HTTPRequestEntityTooLarge(model.MAX_TEXT, len(text))
    return model.Answer(text=text)


def _unknown_address() -> errors.NotFound:
    return errors.NotFound("this address is unknown, used or over", hint="ask for a new one")
