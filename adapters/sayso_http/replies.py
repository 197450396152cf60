"""Writes a model as the body of a response: encoded once, never cached, never taken for anything but JSON."""

from __future__ import annotations

from collections.abc import Mapping

import pydantic
from aiohttp import web

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def reply(shape: pydantic.BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """The response with *shape* as its JSON body."""
    body = shape.model_dump_json().encode()
    return web.Response(
        status=status, body=body, content_type="application/json", headers={**_HEADERS, **(headers or {})}
    )
