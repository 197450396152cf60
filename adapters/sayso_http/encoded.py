"""Bodies are taken as they are: a small compressed one can hold a very large one."""

from __future__ import annotations

from aiohttp import web

from sayso import errors


class Encoded(errors.SaysoError):
    """A body is compressed, or otherwise not as it is."""

    code = "unsupported_media_type"
    status = 415


def refuse(request: web.Request) -> None:
    """Refuse a compressed body: a small one can hold a very large one. Raises `Encoded`."""
    given = request.headers.getall("Content-Encoding", [])
    if any(one.strip().lower() not in ("", "identity") for one in given):
        raise Encoded("a compressed body is not taken", field="Content-Encoding", hint="send it as it is")
