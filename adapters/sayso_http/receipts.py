"""Receipts on the wire: what is shown, and what the service says to it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import pydantic

from sayso import model

Receipt = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=16_384)]


class Use(model.Frozen):
    """The body of a use."""

    receipt: Receipt


class Used(model.Frozen):
    """The receipt counts: what it was given for may run now, once."""

    id: model.RequestId
    """Of the request."""
    tool: str | None
    input_digest: str | None
    """Of `{"input", "tool"}` as it may run."""
    used_at: datetime
    by: tuple[model.By, ...]


class KeySet(model.Frozen):
    """A JSON Web Key Set (RFC 7517): the public keys by which receipts and seals are checked."""

    keys: tuple[dict[str, Any], ...]
