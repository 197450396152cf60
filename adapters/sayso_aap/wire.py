"""AAP's objects, and what they are at our desk. Pure, both ways.

Source of names, forms and states: the protocol's OpenAPI contract, version 1, and its Python client 0.3.3, which adds
`server`, `consume` and `outcome`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pydantic

from sayso import asking, machine, model

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_STATUS: Mapping[model.Outcome, str] = {
    "allowed": "approved",
    "denied": "denied",
    "answered": "denied",
    "expired": "expired",
    # nobody decided, and nobody withdrew it
    "undeliverable": "expired",
    "cancelled": "cancelled",
    "superseded": "cancelled",
}

Text = model.Name
Duration = Annotated[str, pydantic.StringConstraints(pattern=r"^[1-9][0-9]{0,8}[smh]$")]
Outcome = Literal["succeeded", "failed"]


class Nullable(pydantic.BaseModel):
    """A protocol object: no unknown keys."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Strict(Nullable):
    """And no nulls."""

    @pydantic.model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and None in value.values():
            raise ValueError("a field is null")
        return value  # pyright: ignore[reportUnknownVariableType]


class Submission(Strict):
    """`CreateApprovalRequest`: one proposed tool call."""

    tool: Text
    server: Text | None = None
    arguments: dict[str, Any]
    timeout: Duration
    agent_reasoning: Annotated[str, pydantic.StringConstraints(max_length=100_000)] | None = None
    context: dict[str, Any] | None = None


class Report(Strict):
    """How an approved call went."""

    status: Outcome
    note: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=model.MAX_REASON)] | None = None


def seconds(duration: str) -> int:
    """A protocol duration, such as `30m`, in seconds."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def stamp(at: datetime) -> str:
    """A timestamp as the protocol writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def request_id(owner: str, key: str) -> str:
    """The same for each retry of one submission; ids are UUIDs."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sayso:aap:{owner}\n{key}"))


def request(
    submission: Submission, *, id: str, agent: str, submitted: str, callback_url: str | None = None
) -> model.Request:
    """The question that people see; *submitted* is the digest of the submission. Raises `InvalidRequest`."""
    session = (submission.context or {}).get("session_id")
    more: dict[str, Any] = {"body": submission.agent_reasoning, "callback_url": callback_url}
    return asking.Permission(
        id=id,
        tool=submission.tool,
        input=submission.arguments,
        editable=False,
        source=model.Source(agent=model.name_of(agent), session=model.name_of(str(session)) if session else None),
        context=dict(_facts(submission)),
        expires_in=min(seconds(submission.timeout), model.MAX_SECONDS),
        metadata={"aap": {"submitted": submitted, **_repeated(submission)}},
        **{name: value for name, value in more.items() if value},
    )


def resource(ticket: model.Ticket, outcome: Mapping[str, Any] | None) -> model.JsonObject:
    """`ApprovalRequest`: the request as it stands; *outcome* is how its one execution went."""
    repeated = dict(ticket.request.metadata["aap"])
    del repeated["submitted"]
    found: model.JsonObject = {
        "id": ticket.id,
        "tool": ticket.request.tool,
        "arguments": ticket.request.input or {},
        **repeated,
        "status": status(ticket),
        "created_at": stamp(ticket.created_at),
        "deadline_at": stamp(ticket.expires_at),
    }
    if ticket.decision is not None:
        found["decision"] = _decision(ticket, ticket.decision)
    if ticket.used_at is not None:
        found["consumption"] = {"consumed_at": stamp(ticket.used_at)} | ({"outcome": outcome} if outcome else {})
    return found


def submission_digest(ticket: model.Ticket) -> str | None:
    """The digest of the submission; None if the request did not come by this protocol."""
    notes: Any = ticket.request.metadata.get("aap")
    found = notes.get("submitted") if isinstance(notes, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return found if isinstance(found, str) else None


def status(ticket: model.Ticket) -> str:
    """The state, in the protocol's words."""
    return "pending" if ticket.decision is None else _STATUS[ticket.decision.outcome]


def _decision(ticket: model.Ticket, decision: model.Decision) -> model.JsonObject:
    resource: model.JsonObject = {"status": _STATUS[decision.outcome], "decided_at": stamp(decision.decided_at)}
    if decision.reason or decision.text:
        resource["note"] = decision.reason or decision.text
    if decision.outcome == "allowed":
        # fixed: reading it again does not extend it
        resource["expires_at"] = stamp(machine.valid_until(ticket, decision))
    return resource


def _repeated(submission: Submission) -> model.JsonObject:
    """What the resource repeats and the request has no place for."""
    return submission.model_dump(mode="json", exclude={"tool", "arguments"}, exclude_none=True)


def _facts(submission: Submission) -> Iterable[tuple[str, str]]:
    """What the adapter observed, as far as it is short; the card has room for ten."""
    if submission.server:
        yield "Server", submission.server
    plain = (
        (name, value) for name, value in (submission.context or {}).items() if isinstance(value, str | int | float)
    )
    for name, value in list(plain)[:8]:
        if 0 < len(name) <= 60 and name not in ("Server", "session_id") and str(value):
            yield name, model.fact_of(str(value))
