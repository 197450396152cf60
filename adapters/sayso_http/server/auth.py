"""Who calls: the key in `Authorization`, looked up at every call."""

from __future__ import annotations

import re

from aiohttp import web

from sayso import errors
from sayso.desk.keys import Authenticate, Key, Keys
from sayso_http import routes

_BEARER = re.compile(rf"bearer +({routes.CALLER_KEY})", re.IGNORECASE | re.ASCII)


def authenticate(keys: Keys) -> Authenticate[web.Request]:
    """The check of `Authorization: Bearer`, against the store at every call, so that a revoked key is dead at once."""

    async def check(request: web.Request) -> Key:
        headers = request.headers.getall("Authorization", [])
        found = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
        if found is None:
            raise errors.Unauthorized("a key is needed", hint="send Authorization: Bearer and a key of this service")
        return await keys.find(found[1])

    return check
