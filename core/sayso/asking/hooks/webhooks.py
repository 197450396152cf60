"""Webhooks: an address of the service that takes one POST, and an agent that waits for what is in it.

The rule: the address decides nothing that people were asked; the service makes it for questions and forms of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Generator, Mapping
from typing import Any, Generic

from sayso import errors, model
from sayso.asking.hooks import hook_errors, payloads, turns
from sayso.asking.hooks.payloads import P
from sayso.desk import asker


class Webhook(Generic[P]):
    """One call that will come. `await` it for the payload: an instance of its type, or any JSON."""

    def __init__(
        self,
        address: asker.WebhookAddress,
        payload: payloads.Payload[P] | None,
        desk: asker.Asker | None,
        *,
        durable: bool,
    ) -> None:
        self.id = address.id
        self.url = address.url
        self.expires_at = address.expires_at
        self._payload = payload
        self._desk = desk
        self._durable = durable

    def __await__(self) -> Generator[Any, Any, P]:
        """What was posted.

        Raises:
            HookExpired, HookCancelled: nobody called in time, or it was disposed of.
            InvalidAnswer: the fields fit, and the type's own validators refuse them.
        """
        return self._called().__await__()

    async def respond(self, body: Any) -> None:
        """Answer the call that waits, where the webhook was made with `respond_with="manual"`: any JSON, once.

        Raises:
            InvalidRequest: nobody called yet.
            AlreadyExists: it was answered before.
        """
        async with turns.at(self._desk) as desk:
            await _maker(desk).respond_webhook(self.id, body)

    async def dispose(self) -> None:
        """Take the address back. After a call it is nothing."""
        async with turns.at(self._desk) as desk:
            await desk.cancel(self.id, reason="the agent no longer waits for this call")

    async def _called(self) -> P:
        async with turns.at(self._desk) as desk:
            try:
                decision = await desk.wait(self.id)
            except asyncio.CancelledError:
                if not self._durable:
                    with contextlib.suppress(errors.SaysoError):
                        await asyncio.shield(desk.cancel(self.id, reason="the agent stopped waiting"))
                raise
        if decision.outcome != "answered":
            kind = hook_errors.HookExpired if decision.outcome == "expired" else hook_errors.HookCancelled
            raise kind(self.id, decision)
        return _json(decision.text) if self._payload is None else self._payload.value(decision)


async def create_webhook(
    payload: type[P] | type[Any] = object,
    *,
    name: str | None = None,
    title: str = "A call to a webhook",
    metadata: Mapping[str, Any] | None = None,
    source: model.Source | None = None,
    policy: str | None = None,
    expires_in: float | None = None,
    respond_with: Any = None,
    hold: float = 10.0,
    desk: asker.Asker | None = None,
) -> Webhook[Any]:
    """An address that takes one POST of JSON, of at most 40,000 characters; a GET never decides.

    With *payload*, a Pydantic model or dataclass, a body that does not fit is refused and the address stays. With
    *name*, an agent that is started again gets the same address and what was posted meanwhile; without, the webhook
    ends with the task that waits. The caller gets 202, or *respond_with* as JSON; with `"manual"` the call is held for
    *hold* seconds (up to 30) until `respond` says what it gets. *expires_in* is in seconds, an hour unless given.

    Raises:
        InvalidSettings: this desk is no service, so it has no address.
        InvalidRequest: the policy says who may answer, or the payload cannot be a form.
    """
    shaped = None if payload is object else payloads.of(payload)
    manual = respond_with == "manual"
    wanted: model.JsonObject = {
        "name": name or secrets.token_hex(16),
        "title": title,
        "schema": shaped.schema if shaped else None,
        "source": (source or model.Source()).model_dump(),
        "policy": policy,
        "expires_in": expires_in,
        "metadata": dict(metadata or {}),
        "reply": None if manual else respond_with,
        "hold": float(hold) if manual else 0.0,
    }
    async with turns.at(desk) as found:
        address = await _maker(found).make_webhook(wanted)
    return Webhook(address, shaped, desk, durable=name is not None)


def _maker(desk: asker.Asker) -> asker.WebhookMaker:
    if isinstance(desk, asker.WebhookMaker):
        return desk
    hint = "run `sayso serve`, and set SAYSO_URL and SAYSO_KEY"
    raise errors.InvalidSettings("a webhook needs a running service", field="SAYSO_URL", hint=hint)


def _json(text: str | None) -> Any:
    # a person in the inbox may have answered in the caller's place, in plain words
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return text
