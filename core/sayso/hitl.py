"""The old address of `sayso_hitl.client`. It is removed in 0.2."""

from __future__ import annotations

import importlib
import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    # an adapter: imported when somebody asks for it, so that the core never does
    found = getattr(importlib.import_module("sayso_hitl.client"), name)
    warnings.warn("sayso.hitl is now sayso_hitl.client", DeprecationWarning, stacklevel=2)
    return found
