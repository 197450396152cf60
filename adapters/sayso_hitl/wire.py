"""What the dashboard's server and its agents say to each other, and what it means here. Pure.

The rule: an answer has exactly the kind that was asked for, and a frame without an answer has nothing in it at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import pydantic

from sayso import errors, model
from sayso.desk import Caller
from sayso.machine import events
from sayso.stores import Row
from sayso_hitl import client

# A colon is in no key's name, so no key owns what was asked without one.
CALLER = Caller(owner="hitl:local")

Status = Literal["pending", "responded", "timeout", "error"]

_REQUIRED = ("source_app", "session_id", "hook_event_type", "payload")
# The rest, such as a whole transcript, is nothing that people are asked about.
_STORED = (*_REQUIRED, "timestamp", "summary", "model_name", "humanInTheLoop")
_ADDRESS = re.compile(r"ws://(?:localhost|127\.0\.0\.1|\[::1\]):(?P<port>[1-9][0-9]{3,4})(?:/[A-Za-z0-9._~/-]{0,200})?")
_ID = "hitl-{}"
_KEYS: Mapping[str, str] = {"permission": "permission", "choice": "choice", "question": "response"}


class Said(pydantic.BaseModel):
    """The body of an answer. Who answers is in the key, so its `respondedBy` is not read."""

    model_config = pydantic.ConfigDict(strict=True, extra="ignore")

    response: str | None = None
    permission: bool | None = None
    choice: str | None = None


def event_of(document: bytes) -> model.JsonObject:
    """What a hook posted.

    Raises:
        InvalidRequest: it is not a valid event.
    """
    try:
        event = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise errors.InvalidRequest("the event is not JSON", field="body") from error
    if not isinstance(event, dict):
        raise errors.InvalidRequest("the event is no JSON object", field="body")
    found = cast(model.JsonObject, event)
    for name in _REQUIRED:
        # an empty payload is one: the helper sends it
        if found.get(name) in (None, "", False, 0):
            raise errors.InvalidRequest(f"the event has no {name}", field=name)
    return found


def request_of(event: Mapping[str, Any], number: int, **common: Any) -> model.Request:
    """The request that an event with a question makes.

    Raises:
        InvalidRequest: it asks nothing that can be asked, or names no address of this machine.
    """
    stored = {name: event[name] for name in _STORED if name in event}
    asked = event["humanInTheLoop"]
    url = check_address(cast(model.JsonObject, asked).get("responseWebSocketUrl") if isinstance(asked, dict) else None)
    read = client.request_of(stored, id=ticket_id(number), callback_url=url, metadata={"event": stored}, **common)
    limit = read.expires_in or 0.0
    # the last answer must still find the agent waiting
    return read.model_copy(update={"expires_in": limit - min(1.0, limit / 10)})


def check_address(url: object) -> str:
    """*url*, once it is surely a WebSocket on this machine, on a port that needs no privilege.

    Raises:
        InvalidRequest: it is malformed; an agent names it, so nothing else may be dialled.
    """
    found = _ADDRESS.fullmatch(url) if isinstance(url, str) else None
    if found is None or not 1024 <= int(found["port"]) <= 65535:
        message = "responseWebSocketUrl is not ws://localhost:PORT"
        raise errors.InvalidRequest(message, field="humanInTheLoop.responseWebSocketUrl")
    return found[0]


def ticket_id(number: int) -> str:
    """The id of the request that an event made."""
    return _ID.format(number)


def saved_event(ticket: model.Ticket, log: Sequence[Row] = ()) -> model.JsonObject:
    """The event with its present state; *log* is that of the ticket, and says whether the agent got the answer."""
    event: model.JsonObject = ticket.request.metadata["event"]
    status: model.JsonObject = {"status": _status(ticket, log)}
    answer = _answer(ticket)
    if answer is not None:
        answer.pop("hookEvent")
        status |= {"respondedAt": answer["respondedAt"], "response": answer}
    return {**event, "id": _number(ticket), "humanInTheLoopStatus": status}


def frame(ticket: model.Ticket) -> str:
    """What the agent is told: a person's answer, or `{}`, which the helper takes for none."""
    return json.dumps(_answer(ticket) or {}, ensure_ascii=False)


def answer_of(request: model.Request, said: Said) -> model.Answer:
    """The answer that a body holds.

    Raises:
        InvalidAnswer: it is malformed, of another kind, or more than one.
    """
    wanted = _KEYS[request.kind]
    if set(said.model_dump(exclude_none=True)) != {wanted}:
        raise errors.InvalidAnswer(f"a {request.kind} is answered with {wanted}", field=wanted, hint="and nothing else")
    if said.permission is not None:
        return model.Answer(verdict="allow" if said.permission else "deny")
    try:
        return model.Answer(text=said.response, choice=said.choice)
    except errors.InvalidRequest as error:
        raise errors.InvalidAnswer(error.message, field=wanted) from error


def _answer(ticket: model.Ticket) -> model.JsonObject | None:
    if ticket.decision is None:
        return None
    event = {**ticket.request.metadata["event"], "id": _number(ticket)}
    return client.answer_of(event, ticket.request, ticket.decision)


def _status(ticket: model.Ticket, log: Sequence[Row]) -> Status:
    if ticket.decision is None:
        return "pending"
    if ticket.decision.outcome == "expired":
        return "timeout"
    lost = any(isinstance(row.entry, events.Undelivered) and row.entry.place == events.CALLBACK for row in log)
    return "error" if lost or _answer(ticket) is None else "responded"


def _number(ticket: model.Ticket) -> int:
    return int(ticket.id.removeprefix(_ID.format("")))
