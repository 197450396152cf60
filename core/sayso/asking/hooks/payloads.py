"""Payloads of hooks: from a Pydantic model or dataclass to what people see, and back to an instance. Pure; no waiting.

A payload that is nothing but yes or no, and perhaps why, is a permission; any other is a form.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import pydantic
import pydantic_core

from sayso import errors, model
from sayso.asking import constructors as asking
from sayso.content import complaints, shapes

P = TypeVar("P")

# Complaints that a type's own validators make.
_OWN = ("value_error", "assertion_error")
_FLAGS = ("granted", "approved")
_WHY = ("reason", "comment")
# Where an agent framework puts the arguments of the call that waits.
_INPUTS = ("input", "kwargs", "args")


@dataclasses.dataclass(frozen=True)
class Payload(Generic[P]):
    """The type that a hook waits for."""

    shape: type[P]
    adapter: pydantic.TypeAdapter[P]
    schema: model.JsonObject
    flag: str | None
    """The field that says yes or no, where the payload is a verdict."""
    why: str | None

    def request(
        self,
        id: str,
        label: str,
        metadata: Mapping[str, Any],
        marks: Mapping[str, Any],
        title: str | None = None,
        **common: Any,
    ) -> model.Request:
        """The request for one answer of this type; *marks* go into its metadata. Raises `InvalidRequest`."""
        kept = {**marks, "metadata": dict(metadata)}
        common = {**common, "id": id, "metadata": {"hook": kept}}
        if self.flag is not None:
            tool, arguments = _call(label, metadata)
            return asking.Permission(tool=tool, input=arguments, title=title, editable=False, **common)
        return asking.Form(title or label, self.schema, **_facts(metadata, common))

    def value(self, decision: model.Decision) -> P:
        """The instance that *decision* means. Raises `InvalidAnswer` where the type's own validators refuse it."""
        if self.flag is None:
            return self._filled(decision.values or {})
        given: model.JsonObject = {self.flag: decision.allowed}
        return self._checked(given | ({self.why: decision.reason} if self.why and decision.reason else {}))

    def answer(self, data: Any) -> model.Answer:
        """What a program says, an instance or a mapping, as an answer. Raises `InvalidAnswer`; `field` names it."""
        value = data if isinstance(data, self.shape) else self._checked(_mapping(data, self.schema))
        said: model.JsonObject = self.adapter.dump_python(value, mode="json", exclude_none=True)
        if self.flag is None:
            return model.Answer(values=said)
        return _verdict(said[self.flag], said.get(self.why or ""))

    def _filled(self, values: Mapping[str, Any]) -> P:
        """As `_checked`, for what a person typed: a complaint of the type's own author, or one in our words."""
        try:
            return self._checked(values)
        except errors.InvalidAnswer as unfit:
            found = unfit.__cause__
            own = isinstance(found, pydantic.ValidationError) and found.errors()[0]["type"] in _OWN
            if own:
                raise
            message = f"{unfit.field}: this does not fit what the agent needs"
            raise errors.InvalidAnswer(message, field=unfit.field) from unfit

    def _checked(self, data: Mapping[str, Any]) -> P:
        try:
            return shapes.build(self.adapter, dict(data))
        except pydantic.ValidationError as error:
            raise _invalid(error) from error
        except pydantic_core.PydanticSerializationError as error:
            hint = "send text, numbers, yes/no, dates and lists"
            raise errors.InvalidAnswer("this payload has no JSON form", field="payload", hint=hint) from error


def of(shape: type[P]) -> Payload[P]:
    """The payload of a Pydantic model or a dataclass. Raises `InvalidRequest` where *shape* is neither."""
    if not (isinstance(shape, type) and (dataclasses.is_dataclass(shape) or issubclass(shape, pydantic.BaseModel))):  # pyright: ignore[reportUnnecessaryIsInstance]
        hint = "such as class Refund(pydantic.BaseModel): amount: float"
        raise errors.InvalidRequest("a payload is a Pydantic model or a dataclass", field="payload", hint=hint)
    known: type[P] = shape
    adapter, schema = shapes.read_type(known, "payload")
    flag, why = _verdict_fields(schema)
    return Payload(shape, adapter, schema, flag, why)


def untyped(request: model.Request, data: Any) -> model.Answer:
    """*data* as an answer to *request*, where the type is not at hand. Raises `InvalidAnswer`."""
    if dataclasses.is_dataclass(data) or isinstance(data, pydantic.BaseModel):
        return of(type(data)).answer(data)
    if request.kind != "permission":
        return model.Answer(values=dict(_mapping(data, None)))
    known = {"properties": dict.fromkeys((*_FLAGS, *_WHY))}
    said = {name: value for name, value in _mapping(data, known).items() if value is not None}
    flags = [said[name] for name in _FLAGS if name in said]
    reasons = [said[name] for name in _WHY if name in said]
    if len(flags) != 1 or not isinstance(flags[0], bool) or not all(isinstance(one, str) for one in reasons):
        raise errors.InvalidAnswer("this hook waits for a yes or no", field="granted", hint='{"granted": false}')
    return _verdict(flags[0], "; ".join(reasons) or None)


def _verdict_fields(schema: Mapping[str, Any]) -> tuple[str | None, str | None]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    flags = [name for name in _FLAGS if properties.get(name, {}).get("type") == "boolean"]
    reasons = [name for name in _WHY if name in properties]
    nothing_else = len(properties) == len(flags) + len(reasons)
    if len(flags) != 1 or len(reasons) > 1 or not nothing_else or set(reasons) & set(schema.get("required", [])):
        return None, None
    return flags[0], reasons[0] if reasons else None


def _verdict(granted: bool, reason: str | None) -> model.Answer:
    return model.Answer(verdict="allow" if granted else "deny", reason=reason)


def _call(label: str, metadata: Mapping[str, Any]) -> tuple[str, model.JsonObject]:
    """The tool and the input on a permission's card: all of *metadata* is shown."""
    rest = {name: value for name, value in metadata.items() if name != "tool"}
    tool = str(metadata.get("tool") or label)
    if len(rest) == 1 and (only := next(iter(rest))) in _INPUTS and isinstance(rest[only], Mapping):
        return tool, dict(rest[only])
    return tool, rest


def _facts(metadata: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: one if isinstance(one, str) else json.dumps(one, default=str) for name, one in metadata.items()}
    given: Mapping[str, str] = common.get("context", {})
    fits = all(0 < len(name) <= model.MAX_NAME and len(text) <= model.MAX_NOTE for name, text in shown.items())
    if fits and len({**shown, **given}) <= model.MAX_FACTS:
        return {**common, "context": {**shown, **given}}
    text = json.dumps(dict(metadata), indent=2, ensure_ascii=False, default=str)
    attached = [*common.get("attachments", ()), model.Attachment(name="metadata", text=text)]
    return {**common, "attachments": attached}


def _mapping(data: Any, schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        hint = "an instance of the payload's type, or a mapping"
        raise errors.InvalidAnswer(f"a {type(data).__name__} is no payload", field="payload", hint=hint)
    known: Mapping[str, Any] = {} if schema is None else schema.get("properties", {})
    for name in data:  # pyright: ignore[reportUnknownVariableType]
        if schema is not None and name not in known:
            hint = f"fields: {', '.join(known)}"
            raise errors.InvalidAnswer(f"there is no field {name!r}", field=str(name), hint=hint)  # pyright: ignore[reportUnknownArgumentType]
    return data  # pyright: ignore[reportUnknownVariableType]


def _invalid(error: pydantic.ValidationError) -> errors.InvalidAnswer:
    field, said = complaints.first(error, "payload")
    return errors.InvalidAnswer(f"{field}: {said}", field=field)
