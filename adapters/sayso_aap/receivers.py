"""Asynchronous mode: a verified receiver hears that a request is decided, signed, for up to seven days.

A notification says no more than that: the adapter reads the decision with its own credential.
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, Protocol

import pydantic
import standardwebhooks

from sayso import errors, model
from sayso.clock import Clock
from sayso.stores import Store
from sayso_aap import responses, wire

SCHEME = "aap"
"""Of the callback address that stands for an instance: `aap:KEY`."""
INSTANCE = "aap-instance"
"""The kind of the records of instances, by the name of their key."""
# Seconds for one attempt, and for a receiver to prove that it expects us: both are the protocol's.
PATIENCE = 10.0
# How long a notification is tried after the decision: the protocol's seven days.
_WINDOW = timedelta(days=7)
# Seconds between tries: twice as long each time, and a tenth at random.
_FIRST, _LONGEST, _JITTER = 5.0, 3600.0, 0.1
_MOST_ANSWER = 4096

Secret = Annotated[str, pydantic.StringConstraints(pattern=r"^whsec_[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$")]
Identifier = Annotated[str, pydantic.StringConstraints(pattern=r"(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Delivery(wire.Strict):
    """`WebhookDeliveryInput`: where an instance's notifications go."""

    type: Literal["webhook"]
    url: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=model.MAX_URL)]
    registration_id: Identifier
    signing_secret: Secret


class Reply(Protocol):
    """What a receiver said."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        ...

    @property
    def body(self) -> bytes:
        """The beginning of it."""
        ...


class Poster(Protocol):
    """Posts to an address of the public internet, or of a host that the operator allowed."""

    def allowed(self, url: str) -> bool:
        """Tell whether the operator named its host. Raises `InvalidRequest` if it must not be called at all."""
        ...

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, read: int = 0) -> Reply:
        """Post once. Raises `ChannelError`."""
        ...


class Notifier:
    """Proves receivers, and tells them; the courier's `Resumer` for requests of instances."""

    def __init__(self, store: Store, clock: Clock, poster: Poster) -> None:
        self._store = store
        self._clock = clock
        self._poster = poster

    async def verify(self, wanted: Delivery, instance_id: str) -> None:
        """Ask a proposed receiver whether it expects this registration.

        Raises:
            Unsafe: the address must not be called.
            Unverified: it did not answer with the challenge.
        """
        try:
            if not (wanted.url.startswith("https://") or self._poster.allowed(wanted.url)):
                raise Unsafe("a receiver is called over https")
            self._poster.allowed(wanted.url)
        except errors.InvalidRequest as error:
            raise Unsafe(error.message) from error
        challenge = str(uuid.uuid4())
        message = {
            "id": str(uuid.uuid4()),
            "type": "webhook.verification",
            "registration_id": wanted.registration_id,
            "instance_id": instance_id,
            "created_at": wire.stamp(self._clock.now()),
            "challenge": challenge,
        }
        try:
            reply = await self._send(wanted.url, wanted.signing_secret, message)
            proof = json.loads(reply.body)
        except (errors.ChannelError, ValueError, RecursionError) as error:
            raise Unverified from error
        if reply.status != 200 or proof != {"challenge": challenge}:
            raise Unverified

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        """Give the seconds until the next try; None once the window is over."""
        wait = min(_LONGEST, _FIRST * 2 ** min(attempts - 1, 20)) * (1 + _JITTER * random.random())
        ends = ticket.decision.decided_at + _WINDOW if ticket.decision else self._clock.now()
        return wait if self._clock.now() + timedelta(seconds=wait) < ends else None

    async def resume(self, ticket: model.Ticket) -> bool:
        """Tell the instance's present receiver once; returns False if it has none, or was deleted.

        Raises:
            ChannelError: the receiver did not take it.
        """
        record = await self._store.get(INSTANCE, (ticket.request.callback_url or "").partition(":")[2])
        if record is None or ticket.decision is None or ticket.owner != record.name or record.value.get("ended"):
            return False
        if (receiver := record.value.get("delivery")) is None:
            return False
        at = ticket.decision.decided_at
        # the same at every try
        event = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"sayso:aap:{ticket.id}:{at.isoformat()}")),
            "type": "request.resolved",
            "instance_id": record.value["id"],
            "request_id": ticket.id,
            "created_at": wire.stamp(at),
        }
        reply = await self._send(receiver["url"], receiver["signing_secret"], event)
        if not 200 <= reply.status < 300:
            after = reply.headers.get("retry-after", "") if reply.status in (429, 503) else ""
            seconds = float(after) if after.isascii() and after.isdigit() and len(after) < 7 else None
            raise errors.ChannelError(f"the receiver answers with {reply.status}", retry_after=seconds)
        return True

    async def _send(self, url: str, secret: str, message: Mapping[str, str]) -> Reply:
        text, at = json.dumps(message), self._clock.now()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "sayso",
            "webhook-id": message["id"],
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": _signature(secret, message["id"], at, text),
        }
        return await self._poster.post(url, text.encode(), headers, read=_MOST_ANSWER)


class Unsafe(errors.InvalidRequest):
    """A receiver's address that must not be called."""

    code = "invalid_webhook_url"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="delivery")


class Unverified(responses.Failed):
    """The receiver did not prove that it expects this registration."""

    status = 422

    def __init__(self) -> None:
        super().__init__("webhook_verification_failed", "the webhook receiver could not be verified")


def callback_url(key_name: str) -> str:
    """Give the callback address that stands for an instance."""
    return f"{SCHEME}:{key_name}"


def configuration(delivery: Mapping[str, str]) -> model.JsonObject:
    """Give the `WebhookDelivery`: the active configuration, without its secret."""
    return {name: delivery[name] for name in ("type", "url", "registration_id")}


def _signature(secret: str, id: str, at: datetime, text: str) -> str:
    return standardwebhooks.Webhook(base64.b64decode(secret.removeprefix("whsec_"))).sign(id, at, text)
