"""Pydantic AI agents defer tool calls; people answer."""

import importlib.util

if importlib.util.find_spec("pydantic_ai") is None:
    raise ImportError("sayso_pydantic_ai needs Pydantic AI: in a clone of sayso, pip install '.[pydantic-ai]'")

from sayso_pydantic_ai.deferred import answers, people
from sayso_pydantic_ai.driver import run

__all__ = ["answers", "people", "run"]
