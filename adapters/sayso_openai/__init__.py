"""Agents of the OpenAI Agents SDK wait for tool approvals; people answer."""

import importlib.util

if importlib.util.find_spec("agents") is None:
    raise ImportError("sayso_openai needs the OpenAI Agents SDK: in a clone of sayso, pip install '.[openai]'")

from sayso_openai.approvals import answers
from sayso_openai.driver import run

__all__ = ["answers", "run"]
