"""Serves the description of the API."""

from __future__ import annotations

import functools
import json

from aiohttp import web

from sayso_http import openapi


class Description:
    """The handler for `/v1/openapi.json`."""

    async def serve(self, _: web.Request) -> web.Response:
        """Answer with the document."""
        return web.Response(body=_encode(), content_type="application/json")


@functools.cache
def _encode() -> bytes:
    return json.dumps(openapi.describe(), ensure_ascii=False).encode()
