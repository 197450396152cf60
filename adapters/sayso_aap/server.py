"""The routes of the protocol, below one address of the service."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso_aap import instances, receivers, replies, requests
from sayso_aap.replies import Doors

__all__ = ["PATH", "Doors", "add_routes"]

PATH = "/aap"
"""The base URL that an adapter is given ends with this."""


def add_routes(app: web.Application, desk: Desk, doors: Doors, notifier: receivers.Notifier) -> None:
    """Serve the protocol: agents' keys ask, operators' keys provision instances.

    *notifier* must be the courier's resumer for addresses of `SCHEME`, too.
    """
    served = web.Application(middlewares=[replies.in_its_form])
    asked, made = requests.Requests(desk, doors), instances.Instances(desk, doors, notifier)
    served.add_routes(
        [
            web.post("/v1/requests", asked.create),
            web.get("/v1/requests/{id}", asked.get),
            web.delete("/v1/requests/{id}", asked.cancel),
            web.post("/v1/requests/{id}/consume", asked.consume),
            web.post("/v1/requests/{id}/outcome", asked.outcome),
            web.post("/v1/instances", made.provision),
            web.get("/v1/instances/{id}", made.get),
            web.patch("/v1/instances/{id}", made.update),
            web.delete("/v1/instances/{id}", made.delete),
        ]
    )
    app.add_subapp(PATH, served)
