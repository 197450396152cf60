"""Patterns of others over texts of others, in linear time: neither can stop the service. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pydantic_core


@functools.lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches *pattern* anywhere. Raises `pydantic_core.SchemaError` if it is not a valid one."""
    # an engine without look-around and back references, which therefore reads each text once
    validator = pydantic_core.SchemaValidator({"type": "str", "pattern": pattern, "regex_engine": "rust-regex"})
    return validator.isinstance_python
