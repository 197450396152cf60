"""LangGraph and LangChain agents pause with interrupts; people answer."""

import importlib.util

if importlib.util.find_spec("langgraph") is None:
    raise ImportError("sayso_langgraph needs LangGraph: in a clone of sayso, pip install '.[langgraph]'")

from sayso_langgraph.driver import answers, run
from sayso_langgraph.pauses import ask

__all__ = ["answers", "ask", "run"]
