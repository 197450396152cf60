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
from datetime import datetime, timedelta
from typing import Annotated, Any

import pydantic
from aiohttp import web

from sayso import errors, model
from sayso.desk import Desk, authority, house, keys
from sayso.machine import people
from sayso.stores import Record
from sayso_http import access, auth, reading, replies, waits

PREFIX = "webhook_"
_REPLY = "webhook_reply"
# How often a held call looks for the agent's reply, and for how long one is kept, in seconds.
_LOOK, _KEPT = 0.1, 3600.0

WebhookName = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Json = pydantic.RootModel[Any]


class Wanted(model.Frozen):
    """A webhook, as an agent wants it. The same `name` and content again is the same address."""

    name: WebhookName
    title: model.Title
    json_schema: model.JsonObject | None = pydantic.Field(default=None, alias="schema")
    """What the body must fit; without one, any JSON will do."""
    source: model.Source = model.Source()
    policy: model.Name | None = None
    expires_in: model.Seconds | None = None
    metadata: model.JsonObject = pydantic.Field(default_factory=dict)
    reply: Any = None
    """The body of the answer to the call; without one it is 202 and empty."""
    hold: Annotated[float, pydantic.Field(strict=True, ge=0, le=30)] = 0.0
    """Seconds for which a call is held until the agent replies itself."""


class Made(model.Frozen):
    """A webhook. `path` belongs to the service that made it."""

    id: model.RequestId
    path: str
    expires_at: datetime


class Accepted(model.Frozen):
    """The call counted."""

    accepted: bool = True


class Webhooks:
    """Makes and takes the calls of webhooks."""

    def __init__(self, front: Desk, authenticate: auth.Authenticate, held: waits.Waits) -> None:
        self._desk = front
        self._authenticate = authenticate
        self._waits = held
        self._keys = keys.Keys(front.store)

    async def make(self, request: web.Request) -> web.Response:
        """`POST /v1/webhooks`, with the key of the agent that waits."""
        caller = access.Caller(self._desk, await self._authenticate(request))
        owner = caller.may_ask()
        wanted = await reading.body(request, Wanted)
        self._open_to_all(house.policy_of(self._desk.house, wanted.policy, owner))
        # it goes to no chat, wherever this key's requests go
        here = dataclasses.replace(owner, route=())
        ticket, new = await self._desk.admit(_request(wanted, owner.owner), here)
        made = Made(id=ticket.id, path=f"/webhook/{self._token(ticket)}", expires_at=ticket.expires_at)
        return replies.reply(made, 201 if new else 200)

    async def take(self, request: web.Request) -> web.Response:
        """`POST /webhook/{token}`, by anybody, once."""
        ticket = await self._found(request.match_info["token"])
        said = (await reading.body(request, Json)).root
        account = f"webhook:{ticket.owner}"
        somebody = people.Actor(account=account, name=account, member=True)
        try:
            await self._desk.answer(ticket.id, _answer(ticket, said), somebody)
        except errors.AlreadyDecided as used:
            raise _unknown() from used
        marks = ticket.request.metadata["webhook"]
        body = await self._reply(ticket.id, marks["hold"]) if marks["hold"] else marks["reply"]
        return replies.reply(Accepted(), 202) if body is None else replies.reply(Json(body))

    async def reply(self, request: web.Request) -> web.Response:
        """`POST /v1/webhooks/{id}/reply`: what the held call is answered with."""
        caller = access.Caller(self._desk, await self._authenticate(request))
        caller.may_ask()
        ticket = await caller.ticket(request.match_info["id"])
        if not ticket.id.startswith(PREFIX) or ticket.decision is None:
            hint = "reply once the webhook was called"
            raise errors.InvalidRequest("there is no call to reply to", field="id", hint=hint)
        value = {"body": (await reading.body(request, Json)).root}
        await self._authenticate(request)
        ends = self._desk.clock.now() + timedelta(seconds=_KEPT)
        try:
            await self._desk.store.put(Record(_REPLY, ticket.id, value, ends))
        except errors.Conflict as twice:
            raise errors.AlreadyExists("this call was replied to", field="id", hint="a call has one reply") from twice
        return replies.reply(Accepted(), 202)

    def _open_to_all(self, name: str) -> None:
        policy = self._desk.house.policies.get(name)
        if policy is not None and "anyone" not in policy.approvers:
            hint = 'use a policy with approvers = ["anyone"]; whoever has the address is somebody'
            raise errors.InvalidRequest(f"the policy {name!r} says who may answer", field="policy", hint=hint)

    async def _found(self, token: str) -> model.Ticket:
        try:
            ticket = await self._desk.store.load_ref(token.partition(".")[0])
        except errors.NotFound as unknown:
            raise _unknown() from unknown
        known = hmac.compare_digest(self._token(ticket).encode(), token.encode("utf-8", "surrogateescape"))
        # checked again, whatever the token says: permissions have no address
        asked = ticket.request.kind in ("question", "form") and ticket.id.startswith(PREFIX)
        lives = await self._lives(ticket)
        if not (known and asked and lives and ticket.decision is None):
            raise _unknown()
        return ticket

    async def _lives(self, ticket: model.Ticket) -> bool:
        if ticket.key is not None:
            return await authority.holds(self._desk.store, ticket.key)
        return any(key.name == ticket.owner for key in await self._keys.list())

    def _token(self, ticket: model.Ticket) -> str:
        # an address of before an older copy was put back may have been used since
        again = f"\n{ticket.minted}" if ticket.minted else ""
        bound = f"webhook\n{ticket.ref}\n{ticket.digest}{again}".encode()
        return f"{ticket.ref}.{hmac.digest(self._desk.mint.secret, bound, hashlib.sha256).hex()}"

    async def _reply(self, id: str, seconds: float) -> Any:
        """What the agent replies in time, or nothing."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not self._waits.stopping:
            # the agent may reply to another process of the service
            if (found := await self._desk.store.remove(_REPLY, id)) is not None:
                return found.value["body"]
            await asyncio.sleep(_LOOK)
        return None


def reserved(id: str | None) -> None:
    """Refuse an id that belongs to webhooks. Raises `InvalidRequest`."""
    if id is not None and id.startswith(PREFIX):
        hint = "make it at POST /v1/webhooks, or choose another id"
        raise errors.InvalidRequest(f"ids that begin with {PREFIX} belong to webhooks", field="id", hint=hint)


def _request(wanted: Wanted, owner: str) -> model.Request:
    # two agents that use the same name make two webhooks
    name = hashlib.sha256(f"{owner}\n{wanted.name}".encode()).hexdigest()[:32]
    return model.Request(
        id=PREFIX + name,
        kind="form" if wanted.json_schema is not None else "question",
        title=wanted.title,
        schema=wanted.json_schema,
        source=wanted.source,
        policy=wanted.policy,
        route=("web",),
        expires_in=wanted.expires_in,
        metadata={**wanted.metadata, "webhook": {"reply": wanted.reply, "hold": wanted.hold}},
    )


def _answer(ticket: model.Ticket, said: Any) -> model.Answer:
    if ticket.request.kind == "form":
        if not isinstance(said, dict):
            raise errors.InvalidAnswer("the body is no JSON object", field="body", hint="send the form's fields")
        return model.Answer(values=said)  # pyright: ignore[reportUnknownArgumentType]
    text = json.dumps(said, ensure_ascii=False)
    if len(text) > model.MAX_TEXT:
        raise web.HTTPRequestEntityTooLarge(model.MAX_TEXT, len(text))
    return model.Answer(text=text)


def _unknown() -> errors.NotFound:
    return errors.NotFound("this address is unknown, used or over", hint="ask for a new one")
