"""OpenTelemetry: the trace of whoever asks, and short spans and figures of what the service does. Only its API is used.

No span stays open while people think, and nothing that anybody wrote stands in one, but for the name of a tool.
"""

import importlib.util

if importlib.util.find_spec("opentelemetry") is None:
    raise ImportError("sayso_otel needs opentelemetry-api: in a clone of sayso, pip install '.[otel]'")

from sayso_otel.context import current
from sayso_otel.watcher import Watcher, watcher

__all__ = ["Watcher", "current", "watcher"]
