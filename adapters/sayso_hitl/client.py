"""The dashboard helper's way to ask, over sayso: the same names, parameters and results, for hooks that use them.

The rule: only a person's answer is one. Whatever goes wrong gives `None` or `False`, is logged, and is never printed,
since what a hook prints is read as its decision.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Unpack

import pydantic

from sayso import asking, clock, errors, model
from sayso.asking import blocking, opening
from sayso.content import requests
from sayso.desk import asker

log = logging.getLogger(__name__)

Type = Literal["question", "permission", "choice"]

# Seconds beyond the limit that a decision made at the last moment may take to get here.
_GRACE = 5.0

_Text = Annotated[str, pydantic.StringConstraints(min_length=1)]


class _Read(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class _Asked(_Read):
    question: _Text
    type: Type = "question"
    choices: list[str] | None = None
    timeout: float = 300.0


class _Event(_Read):
    source_app: _Text
    session_id: _Text
    hook_event_type: _Text
    payload: dict[str, Any]
    humanInTheLoop: _Asked  # noqa: N815 (the name on the wire)


class HITLRequest:
    """One question, permission or choice, asked by a hook that waits for it.

    *timeout* is in seconds. *observability_url* is taken for the sake of old callers, and not used: the desk is the one
    that `SAYSO_URL` and `SAYSO_KEY` name, or the database here.
    """

    def __init__(
        self,
        question: str,
        hitl_type: Type = "question",
        choices: Sequence[str] | None = None,
        timeout: float = 300,
        observability_url: str = "http://localhost:4000",
    ) -> None:
        self.question = question
        self.hitl_type = hitl_type
        self.choices = choices
        self.timeout = timeout
        self.observability_url = observability_url
        self.response_data: model.JsonObject | None = None

    def get_hitl_data(self) -> model.JsonObject:
        """What an event says about the question. There is no address in it: the answer comes back by itself."""
        return {
            "question": self.question,
            "type": self.hitl_type,
            "choices": None if self.choices is None else list(self.choices),
            "timeout": self.timeout,
            "requiresResponse": True,
        }

    def send_and_wait(
        self, hook_event_data: Mapping[str, Any], session_data: Mapping[str, Any]
    ) -> model.JsonObject | None:
        """Ask, and wait for the answer: `response`, `permission` or `choice`, and who gave it.

        *hook_event_data* may have `hook_event_type` and `payload`, *session_data* names `source_app` and `session_id`.
        None if nobody answered in time, or nobody could be asked. It raises nothing, because to a hook's caller an
        error is not a denial.
        """
        self.response_data = None
        try:
            event = {
                **session_data,
                "hook_event_type": hook_event_data.get("hook_event_type", "HumanInTheLoop"),
                "payload": hook_event_data.get("payload", {}),
                "humanInTheLoop": self.get_hitl_data(),
                "timestamp": int(clock.SystemClock().now().timestamp() * 1000),
            }
            request = request_of(event)
            self.response_data = answer_of(event, request, _decide(request, self.timeout))
        except Exception as error:
            known = isinstance(error, errors.SaysoError)
            log.error("nobody answered, which is no consent: %s", error, exc_info=None if known else error)
        return self.response_data


def ask_question(question: str, session_data: Mapping[str, Any], timeout: float = 300) -> str | None:
    """The answer in free text; None if nobody answered in *timeout* seconds."""
    return _answer(HITLRequest(question, "question", timeout=timeout), session_data).get("response")


def ask_permission(question: str, session_data: Mapping[str, Any], timeout: float = 300) -> bool:
    """Whether a person said yes, within *timeout* seconds. Nothing else is True."""
    return _answer(HITLRequest(question, "permission", timeout=timeout), session_data).get("permission") is True


def ask_choice(
    question: str, choices: Sequence[str], session_data: Mapping[str, Any], timeout: float = 300
) -> str | None:
    """One of *choices*; None if nobody chose in *timeout* seconds."""
    return _answer(HITLRequest(question, "choice", choices, timeout), session_data).get("choice")


def request_of(event: Mapping[str, Any], **common: Unpack[asking.Common]) -> model.Request:
    """The request that an event makes. Its payload is shown, whole.

    Raises:
        InvalidRequest: `field` names the part of the event that is wrong.
    """
    try:
        return _request(_Event.model_validate(dict(event)), common)
    except pydantic.ValidationError as error:
        raise requests.invalid(error) from error


def answer_of(event: Mapping[str, Any], request: model.Request, decision: model.Decision) -> model.JsonObject | None:
    """A person's answer as an agent gets it, with its *event*; None if nobody answered."""
    if decision.outcome not in ("allowed", "denied", "answered"):
        return None
    said: Mapping[model.Kind, model.JsonObject] = {
        "permission": {"permission": decision.outcome == "allowed"},
        "choice": {"choice": decision.choice},
        "question": {"response": decision.text},
    }
    return {
        **said[request.kind],
        "respondedAt": int(decision.decided_at.timestamp() * 1000),
        "respondedBy": ", ".join(one.name for one in decision.by),
        "hookEvent": dict(event),
    }


def _answer(asked: HITLRequest, session_data: Mapping[str, Any]) -> model.JsonObject:
    return asked.send_and_wait({}, session_data) or {}


def _request(read: _Event, common: asking.Common) -> model.Request:
    asked = read.humanInTheLoop
    told: asking.Common = {
        "source": _source(read),
        "context": _context(read),
        "expires_in": asked.timeout,
        **common,
    }
    if asked.type == "permission":
        shown = {"question": asked.question, **({"payload": read.payload} if read.payload else {})}
        # the agent learns yes or no, so an edited input could not reach it
        return asking.Permission(tool=model.name_of(read.hook_event_type), input=shown, editable=False, **told)
    if read.payload:
        text = json.dumps(read.payload, ensure_ascii=False, indent=2)
        told["attachments"] = [model.Attachment(name="payload", text=text)]
    title = asked.question
    if len(title) > model.MAX_TITLE:
        title, told["body"] = model.title_of(title), title
    if asked.type == "choice":
        return asking.Choice(title, asked.choices or [], **told)
    return asking.Question(title, **told)


def _decide(request: model.Request, limit: float) -> model.Decision:
    async def asked() -> model.Decision:
        async with opening.open() as desk, asyncio.timeout(limit + _GRACE):
            decision = await asker.held(desk, request, reason="the hook stopped waiting")
            if decision.outcome == "allowed":
                # the hook lets its tool run on this
                await desk.use(decision.id)
            return decision

    return blocking.run(asked)


def _source(event: _Event) -> model.Source:
    return model.Source(agent=model.name_of(event.source_app), session=model.name_of(event.session_id))


def _context(event: _Event) -> Mapping[str, str]:
    named = event.payload.get("permission_type")
    return {"Permission type": model.name_of(named)} if isinstance(named, str) and named else {}
