"""A desk behind a service: what `sayso.open()` gives if `SAYSO_URL` is set. Any call may be cut, and repeated.

A request has its id before it is first sent, so a repeated one finds the same ticket; nothing is taken for a decision
that does not belong to what was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, overload

from typing_extensions import TypeVar

from sayso import errors, model
from sayso.cards import tokens
from sayso.content import digest, images, requests
from sayso.desk import asker
from sayso_http import (
    agent_calls,
    calls,
    following,
    log_rows,
    operator_calls,
    routes,
    tickets,
    wire_errors,
)

V = TypeVar("V", default=Any)

# Seconds of one long poll; a wait of days is many of these, so that proxies do not close an idle connection.
_POLL = 50.0
# Seconds in which it must be said that a request is not held any more.
_FAREWELL = 2.0
# Seconds between polls that came back at once: the service is stopping, or something on the way cuts long polls.
_PAUSE = 0.25


class RemoteDesk(agent_calls.AgentCalls, operator_calls.OperatorCalls):
    """An `Asker` over HTTP, and what the command line needs beside it: `list`, `answer`, `log`.

    Use it as a context manager: `async with RemoteDesk(url, key) as desk`. Plain `http` is only spoken to this very
    machine, unless *plain_http* or the environment (`SAYSO_PLAIN_HTTP=1`) says that the network in between is trusted.
    *patience* is for how many seconds without any contact a call goes on trying, once the service was there.

    Raises:
        InvalidSettings: the address or the key cannot be used; the message never repeats the key.
    """

    def __init__(
        self, url: str, key: str | None = None, *, plain_http: bool | None = None, patience: float = 300.0
    ) -> None:
        self._calls = calls.Calls(url, key, plain_http=plain_http, patience=patience)
        self._asked: dict[str, model.Ticket] = {}
        self._held: set[str] = set()
        self._attending = Counter[str]()

    async def __aenter__(self) -> Self:
        self._calls.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._calls.close()

    @overload
    async def ask(self, request: model.FormRequest[V], *, wait: Literal[True] = True) -> model.Decision[V]: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[True] = True) -> model.Decision: ...
    @overload
    async def ask(self, request: model.Request, *, wait: Literal[False]) -> asker.Handle: ...
    async def ask(self, request: model.Request, *, wait: bool = True) -> model.Decision | asker.Handle:
        """Ask, and wait for the decision; with `wait=False` go on with a handle. Raises as `open` and `wait`."""
        handle = asker.Handle(self, request, await self.open(request))
        if not wait:
            return handle
        try:
            return await handle
        finally:
            self._asked.pop(handle.id, None)

    async def open(self, request: model.Request) -> model.Ticket:
        """Ask without waiting.

        Raises:
            InvalidRequest: the request cannot be asked.
            AlreadyExists: its id belongs to a request with other content.
            Unauthorized: the service does not know the key.
            StoreUnavailable: the service cannot be reached, or cannot store.
            DigestMismatch: the service holds something else under this id.
        """
        requests.refuse_others(request)
        wanted, kept = requests.ready(request)
        if wanted.id is None:
            wanted = wanted.model_copy(update={"id": tokens.new_id()})
        # the service keeps large images by their hashes, and is sent their bytes
        sent = wanted.model_copy(update={"attachments": images.whole(wanted.attachments, kept)}) if kept else wanted
        body = sent.model_dump_json(exclude_defaults=True).encode()
        held = {"held": "true"} if wanted.id in self._held else None
        ticket = _ticket(await self._calls.send(routes.ASK, body=body, query=held))
        if ticket.id != wanted.id or not requests.alike(ticket.request, wanted):
            raise _mismatch(f"the service holds another request as {wanted.id}")
        self._asked[ticket.id] = ticket
        return ticket

    async def wait(self, id: str) -> model.Decision:
        """Wait for the decision on a request, however long it takes, over restarts of the service.

        Raises:
            NotFound: there is no such request, for this key.
            StoreUnavailable: the service cannot be reached any more.
            DigestMismatch: the decision is not one on what was asked.
        """
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            ticket = _ticket(await self._poll(id))
            if ticket.decision is not None:
                self._held.discard(id)
                return _check_belongs(ticket, ticket.decision, self._asked.pop(id, ticket))
            if loop.time() - began < _PAUSE:
                await asyncio.sleep(_PAUSE)

    @contextlib.asynccontextmanager
    async def attending(self, id: str) -> AsyncGenerator[None]:
        """Wait inside for a request that ends with this program: gone for six seconds, it has withdrawn the request."""
        self._held.add(id)
        self._attending[id] += 1
        try:
            yield
        finally:
            self._attending[id] -= 1
            # of several here who wait for one request, the last one says that it is not held any more
            last = not self._attending[id]
            if last:
                del self._attending[id]
            if last and id in self._held:
                self._held.discard(id)
                await self._release(id)

    async def _release(self, id: str) -> None:
        # without a word it would be taken for gone; a service that is away hears nothing either way
        with contextlib.suppress(errors.SaysoError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._calls.send(routes.READ, id, query={"held": "false"})

    async def _poll(self, id: str) -> bytes:
        requests.refuse_no_id(id)
        wait = {"wait": f"{_POLL:g}"}
        if id in self._held:
            try:
                return await self._calls.send(routes.READ, id, query={**wait, "held": "true"}, held=_POLL)
            except errors.InvalidRequest as error:
                if error.field != "held":
                    raise
                self._held.discard(id)  # a service of an earlier version
        return await self._calls.send(routes.READ, id, query=wait, held=_POLL)

    async def get(self, id: str) -> model.Ticket:
        """Load a request with its present state. Raises `NotFound`."""
        return _ticket(await self._calls.send(routes.READ, id))

    async def cancel(self, id: str, *, reason: str | None = None) -> model.Ticket:
        """Withdraw a request; a closed one stays as it is. Raises `NotFound`."""
        body = tickets.Cancel(reason=reason).model_dump_json().encode()
        return _ticket(await self._calls.send(routes.CANCEL, id, body=body))

    async def use(self, id: str, *, attempt: str | None = None) -> model.Ticket:
        """Use an allow, immediately before what was allowed runs; a call that is cut and repeated is one use.

        Raises:
            NotFound, AlreadyUsed, NotUsable: as `sayso.Desk.use`; nothing may run.
            StoreUnavailable: whether it was used is not known; nothing may run.
        """
        body = tickets.Use(attempt=attempt or tokens.new_id()).model_dump_json().encode()
        return await self._act(routes.USE, id, body)

    async def list(
        self,
        state: str | None = None,
        *,
        limit: int = 50,
        before: str | None = None,
        session: str | None = None,
        prefix: str | None = None,
    ) -> Sequence[model.Ticket]:
        """List requests that this key may see, newest first.

        *before* is the id of the last one already seen, *prefix* is how the id begins.
        """
        asked = {"state": state, "before": before, "session": session, "prefix": prefix}
        found: list[model.Ticket] = []
        while len(found) < limit:
            # a page of large requests ends before the limit
            given = {name: value for name, value in asked.items() if value is not None}
            most = min(routes.LARGEST_PAGE, limit - len(found))
            body = await self._calls.send(routes.LIST, query={**given, "limit": str(most)})
            page = calls.read(body, tickets.Page)
            found += [tickets.to_ticket(one) for one in page.requests]
            if page.next is None:
                break
            asked["before"] = page.next
        return found

    async def search(
        self, wanted: Mapping[str, str], limit: int = 50, before: str | None = None
    ) -> tuple[Sequence[model.Ticket], str | None]:
        """A page of what fits, newest first, and the *before* of the next one; *wanted* as the query of `GET`."""
        query = {**wanted, "limit": str(min(limit, routes.LARGEST_PAGE)), **({"before": before} if before else {})}
        page = calls.read(await self._calls.send(routes.LIST, query=query), tickets.Page)
        return [tickets.to_ticket(one) for one in page.requests], page.next

    def changes(self) -> AsyncIterator[None]:
        """Yield at once, and then when something happened that this key may see."""
        return following.changes(self._calls)

    async def answer(self, id: str, answer: model.Answer, *, shown: Collection[str] = ()) -> model.Ticket:
        """Answer as the person behind an approver's key. It is not sent twice: a cut connection is an error.

        *shown* are the ids of those that this person was shown together, where all of them are allowed or none.

        Raises:
            NotFound, AlreadyDecided, NotAllowed, InvalidAnswer: as `sayso.Desk.answer`.
            StoreUnavailable: whether it counted is not known; look with `get`.
        """
        requests.refuse_no_answer(answer)
        body = answer.model_dump_json(exclude_none=True).encode()
        query = {"shown": ",".join(shown)} if shown else None
        return await self._act(routes.ANSWER, id, body, once=True, query=query)

    async def pass_on(self, id: str, to: str) -> model.Ticket:
        """Ask another person of the settings to answer. Raises as `sayso.desk.answering.passing_on.pass_on`."""
        return await self._act(routes.PASS_ON, id, tickets.PassOn(to=to).model_dump_json().encode(), once=True)

    async def claim(self, id: str) -> model.Ticket:
        """Take a request on. Raises as `sayso.desk.answering.attending.claim`."""
        return await self._act(routes.CLAIM, id, None, once=True)

    async def reveal(self, id: str) -> model.Ticket:
        """Read a request with its secrets, which is put on record. Raises `NotFound`, `NotAllowed`."""
        return await self._act(routes.REVEAL, id, None, once=True)

    async def snooze(self, id: str, seconds: float) -> model.Ticket:
        """Put a request off for oneself. Raises as `sayso.desk.answering.attending.snooze`."""
        body = tickets.Snooze(seconds=seconds).model_dump_json().encode()
        return await self._act(routes.SNOOZE, id, body, once=True)

    async def log(self, id: str) -> Sequence[log_rows.LogRow]:
        """Read what happened to a request, oldest row first. Raises `NotFound`."""
        rows: list[log_rows.LogRow] = []
        number: int | None = 0
        while number is not None:
            page = calls.read(await self._calls.send(routes.LOG, id, query={"after": str(number)}), log_rows.Log)
            rows += page.rows
            number = page.next
        return rows

    async def _act(
        self,
        operation: routes.Operation,
        id: str,
        body: bytes | None,
        *,
        once: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> model.Ticket:
        try:
            return _ticket(await self._calls.send(operation, id, body=body, once=once, query=query))
        except wire_errors.OfTicket as error:
            raise wire_errors.MADE_OF_TICKET[error.code](await self.get(id)) from error


def _ticket(body: bytes) -> model.Ticket:
    return tickets.to_ticket(calls.read(body, tickets.Document))


def _check_belongs(ticket: model.Ticket, decision: model.Decision, asked: model.Ticket) -> model.Decision:
    """Give the decision, once it is certain that it is one on exactly what was asked."""
    if not ticket.digest == decision.digest == asked.digest or not requests.alike(ticket.request, asked.request):
        raise _mismatch(f"the decision on {ticket.id} belongs to other content")
    if decision.outcome == "allowed":
        allowed = digest.of_call(asked.request.tool or "", decision.input or {})
        if asked.request.kind != "permission" or allowed != decision.input_digest:
            raise _mismatch(f"the input of {ticket.id} is not the one that was allowed")
    if decision.grant is not None and decision.grant not in asked.request.grant_names:
        raise _mismatch(f"the grant of {ticket.id} was never offered")
    return decision


def _mismatch(message: str) -> errors.DigestMismatch:
    return errors.DigestMismatch(message, hint="nothing may run; ask again under a new id")
