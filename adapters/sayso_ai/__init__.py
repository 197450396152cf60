"""Vercel's AI SDK for Python asks through its hooks; people answer."""

try:
    import ai as _ai
except ImportError as error:
    raise ImportError(
        "sayso_ai needs Python 3.12 or newer and Vercel's AI SDK for Python: in a clone of sayso, pip install '.[ai]'"
    ) from error

from sayso_ai.gate import Agent
from sayso_ai.running import Stream, people

__all__ = ["Agent", "Stream", "people"]

del _ai
