"""Webhooks on the wire: what an agent wants, what it gets, and what a call is answered with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import pydantic

from sayso import errors, model, parts

PREFIX = "webhook_"
"""Their ids begin so, and no others."""

WebhookName = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
AnyJson = pydantic.RootModel[Any]


class Wanted(model.Frozen):
    """A webhook, as an agent wants it. The same `name` and content again is the same address."""

    name: WebhookName
    title: parts.Title
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


def refuse_reserved(id: str | None) -> None:
    """Refuse an id that belongs to webhooks. Raises `InvalidRequest`."""
    if id is not None and id.startswith(PREFIX):
        hint = "make it at POST /v1/webhooks, or choose another id"
        raise errors.InvalidRequest(f"ids that begin with {PREFIX} belong to webhooks", field="id", hint=hint)
