"""A tool server asks the user: a form of its own schema, or a link to open. Pure.

What a person typed is checked against that schema here, because Claude Code does not; and no link is ever opened here.
"""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from sayso import asking, model
from sayso.content import requests
from sayso_claude import forms, hooks


class Elicitation(pydantic.BaseModel):
    """What Claude Code sends when a tool server asks; keys of newer versions are passed over."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore", strict=True)

    session_id: str
    mcp_server_name: str
    message: str
    mode: Literal["form", "url"] = "form"
    url: str | None = None
    requested_schema: dict[str, Any] | None = None
    prompt_id: str | None = None
    cwd: str | None = None

    @property
    def is_form(self) -> bool:
        """Whether there is anything to fill in; a form without fields asks for consent only, as a link does."""
        return self.mode == "form" and bool((self.requested_schema or {}).get("properties"))


def parse(raw: bytes) -> Elicitation:
    """The question of a tool server. Raises `InvalidRequest`."""
    try:
        return Elicitation.model_validate_json(raw)
    except pydantic.ValidationError as error:
        raise requests.invalid(error) from error


def request(asked: Elicitation, **common: Any) -> model.Request:
    """The question that people see.

    Raises:
        InvalidRequest: the schema has a part that nobody could fill; `field` names it.
    """
    context = {"Tool server": asked.mcp_server_name, "Folder": asked.cwd}
    traced = {"event": forms.ELICITATION, "prompt_id": asked.prompt_id}
    common |= {
        "source": hooks.source("Claude Code", asked.session_id, asked.cwd),
        "context": {name: model.fact_of(value) for name, value in context.items() if value},
        "metadata": {"claude": {name: value for name, value in traced.items() if value}},
    }
    message = asked.message.strip() or "The tool server asks for something"
    if not asked.is_form:
        given = {"url": asked.url} if asked.mode == "url" else {}
        tool = "a link that a tool server gave" if asked.mode == "url" else "what a tool server asks"
        return asking.Permission(tool=tool, input=given, body=message, editable=False, **common)
    if len(message) > model.MAX_TITLE:
        common["body"] = message
    return asking.Form(model.title_of(message), asked.requested_schema or {}, verdicts=("deny",), **common)


def answer(asked: Elicitation, decision: model.Decision) -> model.JsonObject:
    """The JSON for this decision: accept with the content, decline, or cancel if nobody decided."""
    if decision.outcome == "answered":
        return forms.elicitation("accept", decision.values or {})
    if decision.allowed:
        return forms.elicitation("accept", None if asked.mode == "url" else {})
    if decision.outcome == "denied":
        return forms.elicitation("decline", reason=decision.model_text)
    return forms.no_decision(forms.ELICITATION, decision.model_text)
