"""What both probes answer with, and what they ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from sayso import model

Check = Callable[[], Awaitable[object]]
"""Raises if something is not ready."""


class Health(model.Frozen):
    """The body of both probes."""

    ok: bool
    checks: dict[str, Literal["ok", "failed"]]
