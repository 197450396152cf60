"""The open Agent Approval Protocol (AAP), version 1: agents of any make ask here, and people answer."""

from sayso_aap.receivers import PATIENCE, SCHEME, Notifier
from sayso_aap.server import PATH, Service, add_routes

__all__ = ["PATH", "PATIENCE", "SCHEME", "Notifier", "Service", "add_routes"]
