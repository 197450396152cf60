"""Stops on the wire: what is wanted, and what stands."""

from __future__ import annotations

from sayso import model


class Wanted(model.Frozen):
    """The body of a stop; it may be left out, and then stops everything."""

    agent: model.Name | None = None
    """The name of the key to stop; null stops everything."""
    reason: model.Reason | None = None


class Lifted(model.Frozen):
    """The body of a resume; it may be left out, and then lifts the stop of everything."""

    agent: model.Name | None = None


class Standing(model.Frozen):
    """All stops that stand."""

    stops: tuple[model.Stop, ...]
