"""Claude Code's `--permission-prompt-tool`: what it may run. Pure; every answer is an allow or a deny, in its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Unpack

import pydantic

from sayso import asking, errors, model
from sayso.asking import gate
from sayso.content import requests, wording
from sayso.desk import asker
from sayso_mcp import settings

# Seconds between our last word and the client's limit; of short limits a quarter.
_MARGIN = 10.0


class ToolUse(pydantic.BaseModel):
    """What Claude Code wants to do; keys of newer versions are passed over."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore", strict=True)

    tool_name: str
    input: dict[str, Any]
    tool_use_id: str | None = None


class Question(Protocol):
    """A tool that is itself a question: how it is asked, and the input that the answers make."""

    def request(self, input: Mapping[str, Any], **common: Unpack[asking.Common]) -> model.Request:
        """What people are asked. Raises `InvalidRequest`."""
        ...

    def updated_input(self, input: Mapping[str, Any], decision: model.Decision) -> model.JsonObject:
        """The input with the answers. Raises `InvalidAnswer`."""
        ...


def read(tool_name: Any, input: Any, tool_use_id: Any) -> ToolUse:
    """The call. Raises `InvalidRequest` if it is malformed."""
    try:
        return ToolUse(tool_name=tool_name, input=input, tool_use_id=tool_use_id)
    except pydantic.ValidationError as error:
        raise requests.invalid(error) from error


def patience(limit: float) -> tuple[float, float]:
    """For how many seconds the request stays open, and after how many the answer must be out, given the limit."""
    margin = min(_MARGIN, limit / 4)
    return limit - margin, limit - margin / 2


class Beside(Protocol):
    """Asks about the same calls at the same time as somebody else in the client, so that both share one card."""

    def attempt(self, id: str) -> str | None:
        """As which attempt to use the allow of a request."""
        ...

    async def open(
        self,
        desk: asker.Asker,
        tool: str,
        input: model.JsonObject,
        tool_use_id: str | None,
        request: Callable[[str], model.Request],
    ) -> model.Ticket:
        """The ticket of this call, opened by the other or by *request* with the id given. Raises `InvalidRequest`."""
        ...


def request(
    call: ToolUse, how: settings.Settings, question: Question | None, *, expires_in: float, id: str | None = None
) -> model.Request:
    """What people are asked. Raises `InvalidRequest`.

    It has no id of its own: nothing in the call tells two runs apart, and an old *allow* must not answer a new run.
    """
    common = asking.Common(
        source=model.Source(agent="Claude Code", session=how.session),
        context={name: model.fact_of(value) for name, value in how.context.items()},
        metadata={"claude": {"tool_use_id": call.tool_use_id}} if call.tool_use_id else {},
        route=how.route,
        expires_in=expires_in,
    )
    if how.policy:
        common["policy"] = how.policy
    if id:
        common["id"] = id
    if question is not None:
        return question.request(call.input, **common)
    return asking.Permission(tool=call.tool_name, input=call.input, **common)


def answer(call: ToolUse, question: Question | None, decision: model.Decision) -> model.JsonObject:
    """The JSON for exactly this decision on exactly this call. Raises `DigestMismatch`, `InvalidAnswer`."""
    if question is not None and decision.outcome == "answered":
        return {"behavior": "allow", "updatedInput": question.updated_input(call.input, decision)}
    if not decision.allowed:
        return deny(decision.model_text)
    return {"behavior": "allow", "updatedInput": gate.approved_input(call.tool_name, decision)}


def deny(message: str) -> model.JsonObject:
    """Do not run it; the model reads why."""
    return {"behavior": "deny", "message": message}


def deny_failure(error: Exception) -> model.JsonObject:
    """Nobody could be asked. Of an error that is not ours nothing from the inside."""
    known = error if isinstance(error, errors.SaysoError) else errors.SaysoError("the MCP server failed")
    return deny(wording.could_not_ask(known))
