"""`sayso.verify_receipt`: what the back end of a tool calls before it acts. It asks nobody."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sayso import clock, errors, model
from sayso.content import digest

_Decode = Callable[[str, Mapping[str, Any], str | None, datetime], dict[str, Any]]


class Receipt(model.Frozen):
    """What a receipt says, once it was checked."""

    id: str
    """Single-use: take each one once, or let the service do so by `POST /v1/receipts/use`."""
    request: str
    """The id of the request."""
    tool: str
    input_digest: str
    people: tuple[model.By, ...]
    """Who allowed it; nobody if a rule did."""
    policy: str | None = None
    rule: str | None = None
    """The operator's rule that it was asked or allowed under."""
    agent: str
    """The key that asked."""
    issuer: str
    allowed_at: datetime
    expires_at: datetime


def verify_receipt(
    receipt: str,
    keys: Mapping[str, Any],
    *,
    tool: str,
    input: Mapping[str, Any],
    audience: str = "sayso",
    at: datetime | None = None,
) -> Receipt:
    """What a receipt says, if it allows exactly this call of a tool.

    *keys* is what the service shows at `/.well-known/jwks.json`, and *audience* whom its receipts are for
    (in its settings, under `[receipts]`). A receipt is good once: whoever acts on it takes its `id` once.

    Raises:
        InvalidToken: it is not from the service, altered, over, or for somebody else. Do not act.
        DigestMismatch: it allows another call. Do not act.
    """
    said = _decoder()(receipt, keys, audience, at or clock.SystemClock().now())
    if (said.get("tool"), said.get("digest")) != (tool, digest.of_call(tool, input)):
        raise errors.DigestMismatch("this receipt allows another call", field="receipt", hint="do not act on it")
    try:
        return _read(said)
    except (KeyError, TypeError, ValueError) as error:
        raise errors.InvalidToken("this receipt says too little", field="receipt", hint="do not act on it") from error


def _read(said: Mapping[str, Any]) -> Receipt:
    return Receipt.model_validate(
        {
            "id": said["jti"],
            "request": said["sub"],
            "tool": said["tool"],
            "input_digest": said["digest"],
            "people": said["people"],
            "policy": said["policy"]["name"],
            "rule": said["rule"],
            "agent": said["agent"],
            "issuer": said["iss"],
            "allowed_at": datetime.fromtimestamp(said["iat"], UTC),
            "expires_at": datetime.fromtimestamp(said["exp"], UTC),
        }
    )


@functools.cache  # every package that is installed is read to find it
def _decoder() -> _Decode:
    for entry in importlib.metadata.entry_points(group="sayso.receipts", name="jws"):
        try:
            return cast(_Decode, entry.load())
        except ImportError as error:
            hint = "in a clone of sayso: pip install '.[receipts]'"
            raise errors.InvalidSettings("receipts cannot be checked here", field="receipts", hint=hint) from error
    raise errors.InvalidSettings("nothing here can check a receipt", field="receipts", hint="install sayso anew")
