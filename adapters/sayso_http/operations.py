"""What a row of the table of routes is: who may call, what it takes and gives, and what answers it.

It imports no web server: what answers is named by a function of the handlers, which only the server has.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pydantic

if TYPE_CHECKING:
    from aiohttp import web

    from sayso_http.server import access, handlers

Shape = type[pydantic.BaseModel]
Schema = Mapping[str, Any]
READ_FAILS = (400, 413, 415, 422)
"""How a body that is read can fail."""
Who = Literal["anybody with a key", "who asks", "who cancels", "who answers", "who looks", "who stops", "who operates"]
"""Who may call: agents and operators ask and cancel, approvers answer; operators stop, and whom the settings name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route: what it reads, what it writes, and the ways it fails beside those that every route has."""

    method: Literal["get", "post"]
    path: str
    summary: str
    writes: Mapping[int, Shape | str]
    """By status: a model, or the media type of a response that is not one."""
    reads: Shape | None = None
    body_required: bool = True
    fails: Sequence[int] = ()
    query: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    head: bool = True
    """Whether a HEAD is answered like its GET."""

    def at(self, *names: str) -> str:
        """The path with *names* in place of its braces."""
        parts = iter(names)
        return re.sub(r"\{[a-z]+\}", lambda _: quote(next(parts), safe=""), self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Operation):
    """A route that needs no key."""

    handler: Callable[[handlers.Handlers], Callable[[web.Request], Awaitable[web.StreamResponse]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed(Operation):
    """A route that needs a key. The handler gets who called; a caller that may not has been refused before."""

    who: Who = "anybody with a key"
    handler: Callable[[handlers.Handlers], Callable[[web.Request, access.HttpCaller], Awaitable[web.StreamResponse]]]
