"""`/v1/requests`: submit a call, wait for its decision, withdraw it; use the approval once, and say how it went."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sayso import errors, model
from sayso.content import digest
from sayso.desk import Desk, keys
from sayso.stores import Record
from sayso_aap import reading, receivers, responses, wire

# Seconds; larger waits are cut to this, as the protocol says.
LONGEST_WAIT = 30
_OUTCOME = "aap-outcome"


class Requests:
    """The operations of an instance on its own requests."""

    def __init__(self, desk: Desk, service: reading.Service) -> None:
        self._desk = desk
        self._service = service

    async def create(self, request: web.Request) -> web.Response:
        """Answer `POST /v1/requests`: 201 for a new one, 200 for a retry of the same."""
        key = await self._instance(request)
        id = wire.request_id(key.name, reading.idempotency_key(request))
        submission = await self._service.read(request, wire.Submission)
        submitted = digest.digest(submission.model_dump(mode="json", exclude_none=True), "body")
        found = await self._find(id, submitted)
        if found is not None:
            return await self._reply(found)
        instance = await self._desk.store.get(receivers.INSTANCE, key.name)
        agent = str(instance.value["name"]) if instance else key.name
        callback_url = receivers.callback_url(key.name) if instance else None
        asked = wire.request(submission, id=id, agent=agent, submitted=submitted, callback_url=callback_url)
        try:
            ticket, new = await self._desk.admit(asked, key.caller)
        except errors.AlreadyExists as error:
            raise responses.Conflict("idempotency_conflict", "the key was used for a different request") from error
        await self._check_instance(request, ticket)
        return await self._reply(ticket, 201 if new else 200)

    async def get(self, request: web.Request) -> web.Response:
        """Answer `GET /v1/requests/{id}`, with `?wait=30s` a long poll."""
        ticket = await self._load_own(request)
        for name in request.query:
            if name != "wait":
                raise errors.InvalidRequest("a query parameter is unknown", field=name[:100], hint="known here: wait")
        if "wait" in request.query:
            wait = reading.check(wire.Duration, request.query["wait"], "wait")
            ticket = await self._service.wait_for_decision(self._desk, ticket, min(wire.seconds(wait), LONGEST_WAIT))
            # the instance may have been deleted meanwhile
            await self._instance(request)
        return await self._reply(ticket)

    async def cancel(self, request: web.Request) -> web.Response:
        """Answer `DELETE /v1/requests/{id}`: withdraws a pending one, and says so again when asked again."""
        key = await self._instance(request)
        ticket = await self._desk.cancel((await self._load_own(request)).id, key.caller)
        if wire.status(ticket) != "cancelled":
            raise responses.Conflict("already_terminal", f"the request is {wire.status(ticket)}")
        return await self._reply(ticket)

    async def consume(self, request: web.Request) -> web.Response:
        """Answer `POST /v1/requests/{id}/consume`: use the approval for one execution; a retry finds it used."""
        key, name = await self._instance(request), reading.idempotency_key(request)
        ticket = await self._load_own(request)
        try:
            used = await self._desk.use(ticket.id, key.caller, attempt=name)
        except errors.AlreadyUsed as error:
            raise responses.Conflict("already_consumed", "this approval was used before") from error
        except errors.NotUsable as error:
            over = ticket.decision is not None and ticket.decision.outcome == "allowed"
            raise responses.Conflict("approval_expired" if over else "not_approved", error.message) from error
        return await self._reply(used)

    async def outcome(self, request: web.Request) -> web.Response:
        """Answer `POST /v1/requests/{id}/outcome`: how the execution went, once."""
        ticket = await self._load_own(request)
        report = (await self._service.read(request, wire.Report)).model_dump(exclude_none=True)
        if ticket.used_at is None:
            raise responses.Conflict("not_consumed", "this approval was not used")
        recorded = await self._record(ticket.id, report)
        if {name: value for name, value in recorded.items() if name != "reported_at"} != report:
            raise responses.Conflict("outcome_conflict", "another outcome was reported before")
        return await self._reply(ticket)

    async def _record(self, id: str, report: Mapping[str, Any]) -> Mapping[str, Any]:
        """Record the outcome, if there is none yet; the one on record."""
        while True:
            record = await self._desk.store.get(_OUTCOME, id)
            if record is not None:
                return record.value
            outcome = {**report, "reported_at": wire.stamp(self._desk.clock.now())}
            # of two at once, one is on record
            with contextlib.suppress(errors.Conflict):
                await self._desk.store.put(Record(_OUTCOME, id, outcome))

    async def _instance(self, request: web.Request) -> keys.Key:
        key = await self._service.authenticate(request)
        if key.role != "agent":
            raise errors.NotAllowed("only an instance's credential makes and reads requests")
        return key

    async def _check_instance(self, request: web.Request, ticket: model.Ticket) -> None:
        """Leave nothing open of an instance that was deleted meanwhile. Raises `Unauthorized`."""
        try:
            await self._service.authenticate(request)
        except errors.Unauthorized:
            await self._desk.cancel(ticket.id, reason="the instance was deleted")
            raise

    async def _find(self, id: str, submitted: str) -> model.Ticket | None:
        """Find the request of an earlier try; by the submission itself, since a renamed instance asks the same."""
        try:
            ticket = await self._desk.store.load(id)
        except errors.NotFound:
            return None
        if wire.submission_digest(ticket) != submitted:
            raise responses.Conflict("idempotency_conflict", "the key was used for a different request")
        return await self._desk.let_time_act(id)

    async def _load_own(self, request: web.Request) -> model.Ticket:
        key = await self._instance(request)
        ticket = await self._desk.get(request.match_info["id"], key.caller)
        if wire.submission_digest(ticket) is None:
            raise errors.NotFound("there is no such request", field="id")
        return await self._desk.let_time_act(ticket.id)

    async def _reply(self, ticket: model.Ticket, status: int = 200) -> web.Response:
        record = await self._desk.store.get(_OUTCOME, ticket.id) if ticket.used_at else None
        return responses.write(wire.resource(ticket, record.value if record else None), status)
