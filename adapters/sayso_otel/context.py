"""The trace of this process and of others, as text and as OpenTelemetry has it."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation import tracecontext

_HEADER = "traceparent"
_propagator = tracecontext.TraceContextTextMapPropagator()


def current() -> str | None:
    """The `traceparent` of what this process is doing now; None if that is in no trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(_HEADER)


def of(kept: str | None) -> Context:
    """The context that a `traceparent` names: that of the caller, in another process."""
    return _propagator.extract({_HEADER: kept} if kept else {}, context=Context())


def links_to(kept: str | None) -> list[trace.Link]:
    """A link to what a `traceparent` names."""
    found = trace.get_current_span(of(kept)).get_span_context()
    return [trace.Link(found)] if found.is_valid else []
