"""What an answer must be to fit its request: the rules of `machine` about content. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sayso import errors, model
from sayso.content import digest, fields
from sayso.machine import scopes

PARTS: Mapping[model.Verdict, set[str]] = {
    "allow": {"reason", "input", "grant", "standing", "free", "confirm", "break_glass"},
    "deny": {"reason", "question"},
    "stop": {"reason"},
    "respond": {"text"},
}
"""What may come along with a verdict."""


def fit(ticket: model.Ticket, answer: model.Answer) -> model.Answer:
    """The answer in its one stored form, or a refusal that names the part that does not fit."""
    request = ticket.request
    given = {name for name in answer.model_fields_set if getattr(answer, name) is not None}
    if request.kind == "permission" or answer.verdict in request.verdicts:
        return _fit_verdict(ticket, answer, given)
    wanted = {"question": {"text"}, "choice": {"choice", "choices"}, "form": {"values"}}[request.kind]
    if len(given) != 1 or not given <= wanted:
        names = " or ".join(sorted(wanted))
        raise errors.InvalidAnswer(f"a {request.kind} is answered with {names}", field=names, hint="and nothing else")
    values = answer.values if request.kind == "form" else {fields.ANSWER: _answer_value(request, answer)}
    checked = fields.check(fields.of_request(request), values or {})
    return model.Answer(values=checked)


def alike(one: model.Answer, other: model.Answer) -> bool:
    """Whether two answers say the same. Python's own equality would take true for 1."""
    return digest.same(one.model_dump(mode="json"), other.model_dump(mode="json"))


def _answer_value(request: model.Request, answer: model.Answer) -> str | list[str] | None:
    chosen = [answer.choice] if answer.choice is not None else list(answer.choices or ())
    if request.kind == "question":
        return answer.text
    if not request.multiple and len(chosen) > 1:
        raise errors.InvalidAnswer("only one option may be chosen", field="choices")
    return chosen if request.multiple else next(iter(chosen), None)


def _fit_verdict(ticket: model.Ticket, answer: model.Answer, given: set[str]) -> model.Answer:
    known = ("allow", "deny", *ticket.request.verdicts)
    if answer.verdict is None or answer.verdict not in known:
        hint = " or ".join(dict.fromkeys(known))
        raise errors.InvalidAnswer("a permission is answered with a verdict", field="verdict", hint=hint)
    for name in sorted(given - {"verdict"} - PARTS[answer.verdict]):
        hint = f"it takes {' or '.join(sorted(PARTS[answer.verdict]))}"
        raise errors.InvalidAnswer(f"the verdict {answer.verdict} takes no {name}", field=name, hint=hint)
    if answer.verdict == "respond" and not answer.text:
        raise errors.InvalidAnswer("an answer in place of the tool needs a text", field="text")
    if answer.grant and answer.grant not in ticket.request.grant_names:
        hint = f"it offers: {', '.join(ticket.request.grant_names) or 'none'}"
        raise errors.InvalidAnswer(f"the agent did not offer the grant {answer.grant!r}", field="grant", hint=hint)
    scopes.check(ticket, answer)
    edited = answer.input is not None and _is_edited(ticket.request, answer.input)
    if edited and not ticket.request.editable:
        hint = "deny with a reason instead"
        raise errors.InvalidAnswer("the agent cannot run another input", field="input", hint=hint)
    if edited and ticket.policy.most_needed > 1:
        # people who allowed before would have allowed something else
        hint = "deny with a reason instead"
        raise errors.InvalidAnswer("an input that several must allow cannot be edited", field="input", hint=hint)
    if edited and ticket.request.input_schema is not None:
        # its library takes a while to load, and few requests need it
        from sayso.content import edits

        edits.check(ticket.request.input_schema, answer.input or {})
    return answer if edited or answer.input is None else answer.model_copy(update={"input": None})


def _is_edited(request: model.Request, given: model.JsonObject) -> bool:
    try:
        return not digest.same(given, request.input or {})
    except errors.InvalidRequest as error:
        raise errors.InvalidAnswer(error.message, field="input", hint=error.hint) from error


def is_made_up(request: model.Request, name: str) -> bool:
    """Whether the tool has no such argument, and lets it pass: what a model made up can be taken away by an edit."""
    schema: model.JsonObject = request.input_schema or {}
    properties: object = schema.get("properties")
    known = cast(model.JsonObject, properties) if isinstance(properties, dict) else {}
    return name in known and known[name] == {} and name not in schema.get("required", ())
