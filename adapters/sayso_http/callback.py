"""Hands decisions to the addresses that requests named: signed as Standard Webhooks say, on their schedule, repeatable.

A receiver checks each call with `verify`, answers 2xx, and takes the same `webhook-id` only once; polling the request
works just as well and is never behind.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Collection, Mapping, MutableSet, Sequence
from datetime import datetime
from typing import Literal

import standardwebhooks
from aiohttp import abc

from sayso import errors, model
from sayso.clock import Clock, SystemClock
from sayso_http import outbound

# Seconds between tries, 75 hours in all: the schedule that Standard Webhooks recommends.
SCHEDULE = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
# Up to this part of each wait is added at random, so that receivers are not met by all callbacks at once.
_JITTER = 0.1
# Bytes that a signing secret has, by Standard Webhooks.
_SECRET = range(24, 65)
_GONE = 410


class Decided(model.Frozen):
    """What a callback says; the same bytes at every try."""

    id: str
    kind: model.Kind
    digest: str
    decision: model.Decision
    metadata: model.JsonObject


class Callback(model.Frozen):
    """The body of a callback."""

    type: Literal["request.decided"] = "request.decided"
    timestamp: datetime
    """When it was decided."""
    data: Decided


class CallbackResumer:
    """The courier's `Resumer`: delivers one decision to the `callback_url` of its request.

    *secret* signs (24 to 64 bytes), *older* ones sign as well while receivers change over. *allow* names hosts, `name`
    or `name:port`, that may be called although they are private. One call takes *patience* seconds at most.

    Raises:
        InvalidSettings: a secret has another length.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        older: Sequence[bytes] = (),
        allow: Collection[str] = (),
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
        resolver: abc.AbstractResolver | None = None,
        patience: float = outbound.PATIENCE,
    ) -> None:
        if any(len(one) not in _SECRET for one in (secret, *older)):
            hint = "use 32 to 64 random characters"
            raise errors.InvalidSettings("a signing secret has 24 to 64 bytes", field="SAYSO_SECRET", hint=hint)
        self._hooks = [standardwebhooks.Webhook(one) for one in (secret, *older)]
        self._poster = outbound.Poster(allow, resolver=resolver, patience=patience)
        self._clock: Clock = clock or SystemClock()
        self._chance = chance

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        """Give the seconds until the next try, after *attempts* failed tries; None after the tenth."""
        if attempts > len(SCHEDULE):
            return None
        return SCHEDULE[attempts - 1] * (1 + _JITTER * self._chance())

    async def resume(self, ticket: model.Ticket) -> bool:
        """Deliver once; returns False if the request named no address.

        Raises:
            ChannelError: it was not taken; `final` if the address must not be called, or the receiver is gone.
        """
        url, decision = ticket.request.callback_url, ticket.decision
        if url is None or decision is None:
            return False
        status = (await self._poster.post(url, *self._sign(ticket, decision))).status
        if not 200 <= status < 300:
            # a redirect is a failure, too: its target was never checked
            raise errors.ChannelError(f"the receiver answers with {status}", final=status == _GONE)
        return True

    def _sign(self, ticket: model.Ticket, decision: model.Decision) -> tuple[bytes, Mapping[str, str]]:
        decided = Decided(
            id=ticket.id,
            kind=ticket.request.kind,
            digest=ticket.digest,
            decision=decision,
            metadata=ticket.request.metadata,
        )
        text = Callback(timestamp=decision.decided_at, data=decided).model_dump_json()
        name, at = _webhook_id(ticket, decision), self._clock.now()
        return text.encode(), headers_of(self._hooks, name, at, text)


def headers_of(hooks: Sequence[standardwebhooks.Webhook], name: str, at: datetime, text: str) -> Mapping[str, str]:
    """The headers of a signed call, by Standard Webhooks."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "sayso",
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(hook.sign(name, at, text) for hook in hooks),
    }


def verify(
    body: bytes, headers: Mapping[str, str], secret: bytes | str, *, seen: MutableSet[str] | None = None
) -> Callback:
    """Read what a callback says, once its signature and its age (five minutes at most) are right.

    For receivers: *secret* is the operator's, as bytes or as the text that starts with `whsec_`. With *seen* the same
    `webhook-id` is taken once; answer a repeated one with 200, or it comes again.

    Raises:
        InvalidToken: it is not from the service, too old, changed, or was taken before.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        standardwebhooks.Webhook(secret).verify(body, lowered, json_parse=False)
        # a newer service may say more, in any part of it
        found = Callback.model_validate_json(body, extra="ignore")
    except (standardwebhooks.WebhookVerificationError, ValueError) as error:
        raise errors.InvalidToken(
            "this callback is not from the service, or too old", hint="do not act on it"
        ) from error
    name = lowered["webhook-id"]
    if seen is not None:
        if name in seen:
            raise errors.InvalidToken("this callback was taken before", hint="answer 200")
        seen.add(name)
    return found


def secret_text(secret: bytes) -> str:
    """Write a signing secret as Standard Webhooks libraries take it: this is what the operator gives to receivers."""
    return "whsec_" + base64.b64encode(secret).decode()


def _webhook_id(ticket: model.Ticket, decision: model.Decision) -> str:
    # it holds no dots: they part the signed text
    bound = f"{ticket.id}\n{ticket.digest}\n{decision.decided_at.isoformat()}"
    return "dec_" + hashlib.sha256(bound.encode()).hexdigest()[:32]
