"""Contracts for those who write a store or a channel, a clock and a board for tests, and a door to every renderer."""

from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sayso import asking, draw, events, machine, model, tokens

RequestField = Literal[
    "title", "body", "tool", "key", "value", "agent", "session", "url", "context", "option", "description",
    "attachment", "label", "reason", "answer", "name",
]  # fmt: skip
"""Where foreign text can stand: in what an agent asks, and in what a person answers."""

_AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
_MINT = tokens.Mint(b"for tests only, never for people")


def render(platform: str, field: RequestField, text: str) -> Any:
    """What *platform* shows for a request whose *field* holds *text*: the payload of its renderer.

    Platforms are those whose renderers are installed (entry points `sayso.renderers`).

    Raises:
        ValueError: there is no such platform or field.
        InvalidRequest: no agent can ask that.
    """
    found = importlib.metadata.entry_points(group="sayso.renderers", name=platform)
    if not found:
        raise ValueError(f"no renderer is installed for {platform!r}")
    return next(iter(found)).load()(draw.card_of(ticket(field, text), _MINT))


def ticket(field: RequestField, text: str) -> model.Ticket:
    """A ticket with *text* in one field. Raises as `render`."""
    if field not in get_args(RequestField):
        raise ValueError(f"there is no field {field!r}")
    request = asking.checked(_request(field, text))
    terms = machine.Terms(owner="agent", policy=model.Policy(), route=("web",))
    opened = machine.open_ticket(request, terms, id="r1", ref="A" * 22, at=_AT).ticket
    return _answered(opened, field, text)


def _request(field: RequestField, text: str) -> model.Request:
    def given(name: RequestField, otherwise: str) -> str:
        return text if field == name else otherwise

    source = model.Source(agent=given("agent", "bot"), session=given("session", "s-1"), url=given("url", "x"))
    if field in ("option", "description"):
        option = model.Option(label=given("option", "A"), description=given("description", "about"))
        return asking.Choice("Which?", [option, "another"], source=source)
    if field in ("label", "answer"):
        return asking.Form("Fill in", [model.Field(name="f", label=given("label", "Label"))], source=source)
    if field == "title":
        return asking.Question(text, source=source)
    return asking.Permission(
        tool=given("tool", "Bash"),
        input={given("key", "command"): given("value", "make deploy")},
        body=given("body", "because"),
        context={"folder": given("context", "here")},
        attachments=(model.Attachment(name="log", text=given("attachment", "line")),),
        source=source,
    )


def _answered(opened: model.Ticket, field: RequestField, text: str) -> model.Ticket:
    if field not in ("reason", "answer", "name"):
        return opened
    by = model.Person(id="ann", name=text if field == "name" else "Ann", account="chat:T/ann", member=True)
    answer = model.Answer(values={"f": text}) if field == "answer" else model.Answer(verdict="deny", reason="no")
    if field == "reason":
        answer = answer.model_copy(update={"reason": text})
    return machine.step(opened, events.Answered(at=_AT, by=by, answer=answer)).ticket
