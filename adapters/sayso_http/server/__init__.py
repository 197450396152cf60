"""The service's side of the API: the routes, what answers them, and the connections it listens on.

Only what runs a service imports it: the client and the models of the wire need no web server.
"""

from sayso_http.server.handlers import add_routes

__all__ = ["add_routes"]
