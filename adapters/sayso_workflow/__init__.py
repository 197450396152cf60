"""Durable workflows wait in typed hooks; people resume them."""

import importlib.util

if importlib.util.find_spec("vercel") is None or importlib.util.find_spec("vercel.workflow") is None:
    raise ImportError("sayso_workflow needs the Workflow SDK: in a clone of sayso, pip install '.[workflow]'")

from sayso_workflow.asking import ask
from sayso_workflow.records import SANDBOX
from sayso_workflow.resuming import resume_when_decided

__all__ = ["SANDBOX", "ask", "resume_when_decided"]
