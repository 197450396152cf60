"""The open Agent Approval Protocol (AAP), version 1: agents of any make ask here, and people answer."""

from sayso_aap.server import PATH, Doors, add_routes

__all__ = ["PATH", "Doors", "add_routes"]
