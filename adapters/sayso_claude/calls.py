"""One card for one call, though Claude Code asks about it twice: by its permission hook and by the SDK's callback.

The two come at the same time, perhaps from two processes, and the hook does not say which call it is about. So the id
of the request follows from the call itself, and a number tells the same call made again from the call asked about
twice: each source uses a number once. A decision is never used for a second call of its source.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sayso import errors, model
from sayso.cards import tokens
from sayso.content import digest
from sayso.desk import asker
from sayso.stores import Record, Store

RECORD = "claude-call"
# Seconds. Both sources of one call come within one; a decided request that was opened earlier is another call's.
WINDOW = 15.0
# The same call in one session, to the byte, more often than any agent makes it.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class SharedCall:
    """What both sources know of a call."""

    session: str
    tool: str
    input: model.JsonObject
    agent: str | None = None
    """The subagent's id."""

    def id(self, number: int) -> str:
        """The request's id for the *number*th time this call is made. Raises `InvalidRequest`."""
        same = tokens.id_from("claude", self.session, self.agent or "", digest.of_call(self.tool, self.input))
        return f"{same}-{number}"

    def same(self, request: model.Request) -> bool:
        """Whether a request that was found by its id is about this call."""
        asked = request.metadata.get("claude", {}).get("call")
        return asked == digest.of_call(self.tool, self.input) and request.source.session == model.name_of(self.session)


class Used(Protocol):
    """The requests that one source has used, and for which attempt of a caller."""

    @property
    def source(self) -> str:
        """What the source's requests have as `event` in their metadata."""
        ...

    async def by(self, id: str) -> str | None:
        """The attempt that uses this request."""
        ...

    async def take(self, id: str, attempt: str, until: datetime) -> bool:
        """Use it for this attempt; False if it is used for another one. Forgotten after *until*."""
        ...


async def open_shared(
    desk: asker.Asker,
    used: Used,
    call: SharedCall,
    request: Callable[[str], model.Request],
    attempt: str,
    at: datetime,
) -> model.Ticket:
    """The ticket of this very call: one that the other source opened for it, or a new one, asked with the id given.

    *attempt* is the same whenever a caller who was cut off comes back: the tool use's id, or a key of its own.

    Raises:
        InvalidRequest: the request cannot be asked.
    """
    for number in range(_MOST):
        id = call.id(number)
        ticket = await _find(desk, id)
        if ticket is None:
            if await used.take(id, attempt, at + timedelta(days=1)):
                with contextlib.suppress(errors.AlreadyExists):
                    ticket = await desk.open(request(id))
                # the other source was faster by a moment, with the same call in other words
                ticket = ticket or await _find(desk, id)
        elif not call.same(ticket.request) or not await _is_mine(used, ticket, attempt, at):
            continue
        if ticket is not None and call.same(ticket.request):
            return ticket
    hint = "change the call, or go on in a new session"
    raise errors.InvalidRequest("this call was made too often in this session", field="tool_input", hint=hint)


async def _find(desk: asker.Asker, id: str) -> model.Ticket | None:
    try:
        return await desk.get(id)
    except errors.NotFound:
        return None


async def _is_mine(used: Used, ticket: model.Ticket, attempt: str, at: datetime) -> bool:
    decided = ticket.decision is not None
    late = at - ticket.created_at > timedelta(seconds=WINDOW)
    if decided and (late or ticket.request.metadata["claude"].get("event") == used.source):
        return await used.by(ticket.id) == attempt
    return await used.take(ticket.id, attempt, ticket.expires_at + timedelta(seconds=WINDOW))


class Remembered:
    """Used by the one process that asks, as long as it lives."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._attempts: dict[str, str] = {}

    async def by(self, id: str) -> str | None:
        """As `Used.by`."""
        return self._attempts.get(id)

    async def take(self, id: str, attempt: str, until: datetime) -> bool:
        """As `Used.take`; kept beyond *until*."""
        return self._attempts.setdefault(id, attempt) == attempt


class Stored:
    """Used by a service, whichever of its processes is asked, also after a restart."""

    def __init__(self, source: str, store: Store) -> None:
        self.source = source
        self._store = store

    async def by(self, id: str) -> str | None:
        """As `Used.by`."""
        found = await self._store.get(RECORD, id)
        return found.value["attempt"] if found else None

    async def take(self, id: str, attempt: str, until: datetime) -> bool:
        """As `Used.take`."""
        try:
            await self._store.put(Record(RECORD, id, {"attempt": attempt}, until))
        except errors.Conflict:
            return await self.by(id) == attempt
        return True
