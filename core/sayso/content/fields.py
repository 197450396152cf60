"""Questions, choices and forms are fields; this is the one place that makes fields and checks values for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pydantic_core

from sayso import errors, model
from sayso.content import entries, lookalikes, patterns, schema

# One field carries the whole answer of a question or a choice; nobody types this name.
ANSWER = "answer"
_LONGEST_HINT = 200


def of_request(request: model.Request) -> tuple[model.Field, ...]:
    """The fields that a person fills in for this request; a permission has none."""
    label = request.title or "Answer"
    if request.kind == "question":
        return (model.Field(name=ANSWER, label=label),)
    if request.kind == "choice":
        # what a choice answers is the label that people saw; values are for forms
        options = tuple(option.model_copy(update={"value": None}) for option in request.options)
        multiple, other = request.multiple, request.other
        return (model.Field(name=ANSWER, label=label, kind="choice", options=options, multiple=multiple, other=other),)
    if request.kind == "form":
        return request.fields or schema.from_schema(request.json_schema or {})
    return ()


def check(fields: Sequence[model.Field], values: Mapping[str, Any]) -> model.JsonObject:
    """The values as the agent gets them: JSON, by field name.

    Raises:
        InvalidAnswer: values are missing, unknown, or break their field's rules. `complaints` has all of them by name,
            `field` is the first.
    """
    by_name = {field.name: field for field in fields}
    complaints = {name: f"there is no field {name!r}" for name in values if name not in by_name}
    checked: model.JsonObject = {}
    for field in fields:
        try:
            checked |= _check_value(field, values.get(field.name))
        except entries.Unfit as unfit:
            complaints[field.name] = f"{field.label}: {unfit}"
        except _Missing:
            complaints[field.name] = _required(field)
    if complaints:
        first = next(iter(complaints))
        hint = _known(by_name, first) if set(complaints) <= set(by_name) else f"fields: {', '.join(by_name)}"
        raise errors.InvalidAnswer("; ".join(complaints.values()), field=first, hint=hint, complaints=complaints)
    return checked


def _known(by_name: Mapping[str, model.Field], name: str) -> str | None:
    """What may be chosen in this field, as far as it can be said in a line."""
    labels = ", ".join(option.label for option in by_name[name].options)
    return f"options: {model.cut(labels, _LONGEST_HINT)}" if labels else None


def without_label(field: model.Field, complaint: str) -> str:
    """What `check` says of a field, for a surface on which its label stands beside it."""
    return "This is required" if complaint == _required(field) else complaint.removeprefix(f"{field.label}: ")


def _required(field: model.Field) -> str:
    return f"{field.label} is required"


class _Missing(Exception):
    """Nothing was given for a field that needs something."""


def _check_value(field: model.Field, given: Any) -> model.JsonObject:
    if given is None or given == "" or given == []:
        if field.required:
            raise _Missing
        # a type that needs the key, and takes null for it, gets both
        return {field.name: None} if field.nullable else {}
    return {field.name: entries.read(field, given)}


def check_fields(fields: Sequence[model.Field]) -> None:
    """Refuse fields that nobody could fill.

    Raises:
        InvalidRequest: two fields share a name, a choice has no options or two that look alike, a pattern is not valid.
    """
    names = [field.name for field in fields]
    if not 1 <= len(fields) <= model.MAX_FIELDS:
        said = f"a form has 1 to {model.MAX_FIELDS} fields, not {len(fields)}"
        raise errors.InvalidRequest(said, field="fields", hint="ask the rest by a form of its own" if fields else None)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise errors.InvalidRequest(f"two fields have the name {twice!r}", field="fields", hint="each its own")
    if not patterns.are_light(field.pattern for field in fields if field.pattern):
        hint = "a number of times that is smaller, or [a-z0-9] in place of \\w"
        raise errors.InvalidRequest("the patterns of these fields repeat too much", field="fields", hint=hint)
    for field in fields:
        labels = [option.label for option in field.options]
        if field.kind == "choice" and (not labels or len(set(labels)) != len(labels)):
            message = f"{field.label} needs 1 to {model.MAX_OPTIONS} options with different labels"
            raise errors.InvalidRequest(message, field=_path_of(field))
        if len({lookalikes.likeness(label) for label in labels}) < len(labels):
            message = f"{field.label} has options that look alike"
            hint = "blanks, width, dashes, quotes and look-alike letters do not tell them apart"
            raise errors.InvalidRequest(message, field=_path_of(field), hint=hint)
        if _is_ambiguous(field):
            message = f"{field.label} has an option whose value is another one's label or value"
            raise errors.InvalidRequest(message, field=field.name)
        if field.kind != "choice" and (labels or field.other):
            message = f"{field.label} is not a choice and has options"
            raise errors.InvalidRequest(message, field=field.name, hint='kind "choice", or no options and no other')
        _check_rules(field)


def _path_of(field: model.Field) -> str:
    return "options" if field.name == ANSWER else field.name


def _check_rules(field: model.Field) -> None:
    """Refuse a pattern that is not one, and limits that leave nothing between them."""
    try:
        patterns.matcher(field.pattern or "")
    except pydantic_core.SchemaError as error:
        hint = "look-around and back references are not supported"
        message = f"{field.label}: this is not a valid pattern"
        raise errors.InvalidRequest(message, field=field.name, hint=hint) from error
    if field.format is not None and (field.format == "decimal") != (field.kind == "number"):
        message, hint = f"{field.label}: a {field.kind} has no format {field.format}", "decimal is for numbers alone"
        raise errors.InvalidRequest(message, field=field.name, hint=hint)
    limits = (field.minimum, field.maximum), (field.min_length, field.max_length), (field.min_items, field.max_items)
    if any(least is not None and most is not None and least > most for least, most in limits):
        hint = "the least must not be more than the most"
        raise errors.InvalidRequest(f"{field.label}: nothing is between its limits", field=field.name, hint=hint)


def _is_ambiguous(field: model.Field) -> bool:
    """Whether a choice could be taken for another one: what a person chose by its label must come as its own value."""
    own = [(option.label, option.meaning) for option in field.options]
    values = [(type(value), value) for _, value in own]
    return len(set(values)) < len(values) or any(
        value == label for here, (_, value) in enumerate(own) for there, (label, _) in enumerate(own) if here != there
    )
