"""One-time addresses that answer a request, on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import pydantic

from sayso import model

# Seconds that an address lives if its maker does not say otherwise; never longer than its request.
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
