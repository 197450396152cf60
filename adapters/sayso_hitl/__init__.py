"""Hooks of the observability dashboard ask here, as at its own server; people answer."""

from sayso_hitl.dial import Dialer
from sayso_hitl.server import add_routes

__all__ = ["Dialer", "add_routes"]
