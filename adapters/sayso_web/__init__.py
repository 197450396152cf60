"""The web inbox: what waits for an answer, live, in any browser; no build step and no third-party page parts."""

from sayso_web.numbers import Plots
from sayso_web.server import add_routes
from sayso_web.sessions import Sessions

__all__ = ["Plots", "Sessions", "add_routes"]
