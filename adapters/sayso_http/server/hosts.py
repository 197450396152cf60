"""Which host names the service answers to."""

from __future__ import annotations

import re
from collections.abc import Collection

from aiohttp import typedefs, web

from sayso_http.server import responses


def known_hosts(hosts: Collection[str]) -> typedefs.Middleware:
    """Answer only to these host names (`name` for any port, or `name:port`): 421 to all others.

    A page that makes its own name point to this machine (DNS rebinding) thereby reaches nothing.
    """
    known = {host.lower() for host in hosts}

    @web.middleware
    async def check(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
        named = [host.lower() for host in request.headers.getall("Host", [])]
        if len(named) != 1 or not {named[0], _without_port(named[0])} & known:
            return responses.fail_with(421, "this host name is not ours")
        return await handler(request)

    return check


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]+\Z", "", host)
