"""Bodies are taken only as they are: a small compressed one can hold a very large one."""

from __future__ import annotations

from aiohttp import web

from sayso_http.wire_errors import Encoded


def refuse(request: web.Request) -> None:
    """Refuse a body that is compressed, or encoded in some other way. Raises `Encoded`."""
    encodings = request.headers.getall("Content-Encoding", [])
    if any(one.strip().lower() not in ("", "identity") for one in encodings):
        raise Encoded("a compressed body is not taken", field="Content-Encoding", hint="send it as it is")
