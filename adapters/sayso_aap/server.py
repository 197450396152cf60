"""The routes of the protocol, below one address of the service."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso_aap import instances, receivers, requests, responses
from sayso_aap.reading import Service

__all__ = ["PATH", "Service", "add_routes"]

PATH = "/aap"
"""The base URL that an adapter is given ends with this."""


def add_routes(app: web.Application, desk: Desk, service: Service, notifier: receivers.Notifier) -> None:
    """Serve the protocol: agents' keys ask, operators' keys provision instances.

    *notifier* must be the courier's resumer for addresses of `SCHEME`, too.
    """
    served = web.Application(middlewares=[responses.as_the_protocol_says])
    asked, made = requests.Requests(desk, service), instances.Instances(desk, service, notifier)
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
