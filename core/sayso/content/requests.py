"""A request: checked, written as JSON, and copied so that it belongs to nobody else. Pure.

The JSON form is what is stored, sent and hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, get_args

import pydantic
import pydantic_core

from sayso import aside, errors, model
from sayso.content import complaints, digest, fields, images, shapes

_LISTS = (list, tuple)
# What holds no other value.
_PLAIN = frozenset((str, int, float, bool, type(None), datetime))
_PERMISSION = {"tool", "input", "input_schema", "grants", "offers", "editable", "confirm", "batch"}
OF_KIND: Mapping[model.Kind, set[str]] = {
    "permission": _PERMISSION,
    "question": set[str](),
    "choice": {"options", "multiple", "other"},
    "form": {"json_schema", "fields"},
}
"""The keys that only this kind may have."""
KIND_KEYS = {*_PERMISSION, "options", "multiple", "other", "json_schema", "fields"}

_OF_OTHERS = {kind: sorted(KIND_KEYS - own) for kind, own in OF_KIND.items()}

DEFAULTS: Mapping[str, Any] = {name: model.Request.model_fields[name].default for name in KIND_KEYS}
"""What such a key holds if it is not given."""


def parse(document: str | bytes) -> model.Request:
    """A request from the JSON that a wire brought.

    Raises:
        InvalidRequest: `field` names the key that is wrong.
    """
    try:
        return checked(model.Request.model_validate_json(document))
    except pydantic.ValidationError as error:
        raise invalid(error, model.Request) from error


def refuse_others(given: object) -> None:
    """Refuse what is no request, of a program that no type checker has seen. Raises `InvalidRequest`."""
    if not isinstance(given, model.Request):
        what = f"the class {given.__name__}" if isinstance(given, type) else f"a value of type {type(given).__name__}"
        hint = "ask a sayso.Permission, a sayso.Question, a sayso.Choice or a sayso.Form"
        raise errors.InvalidRequest(f"{what} cannot be asked", hint=hint)


def refuse_no_id(given: object) -> None:
    """Refuse what is no id of a request, such as its decision. Raises `InvalidRequest`."""
    if not isinstance(given, str):
        hint = "give it as text: decision.id, ticket.id or handle.id"
        raise errors.InvalidRequest(f"a value of type {type(given).__name__} is no id", field="id", hint=hint)


def refuse_no_answer(given: object) -> None:
    """Refuse what is no answer, such as its verdict alone. Raises `InvalidAnswer`."""
    if not isinstance(given, model.Answer):
        hint = 'answer with sayso.Answer, such as Answer(verdict="allow")'
        raise errors.InvalidAnswer(f"a value of type {type(given).__name__} is no answer", field="answer", hint=hint)


def checked(request: model.Request) -> model.Request:
    """*request*, once all that depends on its kind is right.

    Raises:
        InvalidRequest: `field` names the key that is wrong.
    """
    _checked_document(request)
    return request


def ready(request: model.Request) -> tuple[model.Request, Mapping[str, str]]:
    """`plain` of what is `checked`, and its large images by their hashes: what a desk stores. Raises as they do."""
    text, kept = _checked_document(request)
    return read(text), kept


def _checked_document(request: model.Request) -> tuple[str, Mapping[str, str]]:
    _only_what_its_kind_needs(request)
    if request.supersedes is not None and request.supersedes == request.id:
        hint = "the id of an earlier request, whose place this one takes"
        raise errors.InvalidRequest("a request cannot take its own place", field="supersedes", hint=hint)
    if request.kind == "permission":
        _permission(request)
    elif not request.title:
        raise errors.InvalidRequest(f"a {request.kind} needs a title", field="title", hint="the question itself")
    else:
        fields.check_fields(fields.of_request(request))
    images.check(request.attachments)
    for name, value in (("input", request.input), ("metadata", request.metadata), ("schema", request.json_schema)):
        if value:
            digest.check(value, name)
    lean, kept = images.apart(request.attachments)
    text = text_of(request.model_copy(update={"attachments": lean}) if kept else request)
    if len(text.encode()) > model.MAX_REQUEST_BYTES:
        raise errors.InvalidRequest("the request is larger than 1 MiB", field="request", hint="attach a link instead")
    return text, kept


def shape_of(request: model.Request) -> type[pydantic.BaseModel] | None:
    """The model that a form was asked with, if this process asked it with one."""
    return request.shape if isinstance(request, model.FormRequest) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def with_value(request: model.Request, decision: model.Decision) -> model.Decision:
    """*decision*, holding an instance of the model that the form was asked with. Raises as `shaped`."""
    return shaped(shape_of(request), decision)


def shaped(shape: type[pydantic.BaseModel] | None, decision: model.Decision) -> model.Decision:
    """*decision*, holding an instance of *shape*.

    Raises:
        InvalidAnswer: the values fit the fields, yet the model's own validators refuse them.
    """
    if shape is None or decision.values is None:
        return decision
    try:
        return decision.holding(shapes.build(pydantic.TypeAdapter(shape), decision.values))
    except pydantic.ValidationError as error:
        wrong = invalid(error)
        raise errors.InvalidAnswer(
            f"the answer does not fit {shape.__name__}: {wrong.message}", field="values"
        ) from error


def document(request: model.Request) -> model.JsonObject:
    """The JSON form of a request, without the keys that say nothing."""
    found = request.model_dump(mode="json", exclude_defaults=True)
    # a source that was read and says nothing is not the default one to every version of Pydantic
    if not found.get("source", True):
        del found["source"]  # pragma: no cover - only with some versions of Pydantic
    return found


def alike(one: model.Request, other: model.Request) -> bool:
    """Whether two requests ask the same, to the byte; what they share a card with may be another thing by then."""
    first, second = (
        {name: value for name, value in document(it).items() if name != "batch" or value.get("whole")}
        for it in (one, other)
    )
    return digest.canonical(first) == digest.canonical(second)


def plain(request: model.Request) -> model.Request:
    """The request itself, as it is stored: no part of it belongs to the caller, who may change theirs afterwards.

    Raises:
        InvalidRequest: it cannot be written as JSON and read again.
    """
    return read(text_of(request))


def read(text: str) -> model.Request:
    """A request from its JSON. Raises `InvalidRequest`."""
    try:
        return model.Request.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise invalid(error) from error


def is_large(held: pydantic.BaseModel | Mapping[str, Any], most: int = aside.LARGE) -> bool:
    """Whether a request, or what holds one or comes with it, is so large that work on it takes its time."""
    # no JSON is made: most are small, and this is asked for each of them
    every: list[Any] = [held]
    weight = 0
    # it grows while it is gone through
    for value in every:
        weight += len(value) if isinstance(value, str) else 4
        if weight > most:
            return True
        # what is asked of a model's class takes longest, and most values are none
        if type(value) in _PLAIN:
            continue
        if isinstance(value, dict):
            every += [*value, *value.values()]  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, _LISTS):
            every += value
        elif (given := getattr(value, "model_fields_set", None)) is not None:
            # what it holds by default is small
            own = vars(value)
            every += [own.get(name) for name in given]
    return False


_ID = "a letter or digit, then letters, digits or . _ : -, 128 signs at most"
_FORMS: Mapping[str, str] = {
    "id": _ID,
    "supersedes": _ID,
    "route": '"web", "approvers", or a chat and a place on it, as "CHAT:#ROOM"',
    "expires_in": "a number of seconds, such as 900",
}


# Of a name that is not known.
_SHOWN = 100
# What is asked, by the name of its class.
_ASKED = ("request", *get_args(model.Kind))


def invalid(error: pydantic.ValidationError, shape: type[pydantic.BaseModel] | None = None) -> errors.InvalidRequest:
    """The first of Pydantic's complaints, as ours: the field named, the value not repeated.

    *shape* is what was read: it tells which keys are known where one is not.
    """
    found = complaints.told(error)
    field, said = complaints.place(found["loc"]) or "body", complaints.said(found)
    # other bodies have names like these for other things
    hint = _FORMS.get(field.partition(".")[0]) if error.title.lower() in _ASKED else None
    known = complaints.keys_at(shape, found["loc"][:-1]) if shape and found["type"] == "extra_forbidden" else None
    hint = meant(str(found["loc"][-1])[:_SHOWN], known) if known else hint
    form = found.get("ctx", {}).get("pattern")
    return errors.InvalidRequest(
        f"{field}: {said}", field=field, hint=hint or (f"it must match {form}" if form else None)
    )


class Misbuilt(errors.InvalidRequest, ValueError):
    """A program built a noun with a wrong value; a validator of a model of its own tells that as a fault of its own."""


def misbuilt(error: pydantic.ValidationError, shape: type[pydantic.BaseModel]) -> Misbuilt:
    """As `invalid`, of what a program built."""
    told = invalid(error, shape)
    return Misbuilt(told.message, field=told.field, hint=told.hint)


def meant(name: str, known: Iterable[str]) -> str:
    """Which name somebody meant who wrote one that is not known, or all that are."""
    # hardly ever needed
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"


def text_of(request: model.Request) -> str:
    """A request as JSON, which is what is stored and sent."""
    try:
        return request.model_dump_json(exclude_defaults=True)
    except ValueError as error:
        named = next((name for name, value in request if not _is_json(value)), "request")
        field = "schema" if named == "json_schema" else named
        message = f"{field} is not plain JSON: it holds half a character, or something else that has no JSON form"
        raise errors.InvalidRequest(message, field=field, hint="send whole Unicode text") from error


def _is_json(value: Any) -> bool:
    try:
        pydantic_core.to_json(value)
    except ValueError:
        return False
    return True


def _permission(request: model.Request) -> None:
    if not request.tool:
        raise errors.InvalidRequest("a permission names its tool", field="tool", hint="the name of what is to run")
    if request.input_schema is not None:
        # its library takes a while to load, and few requests need it
        from sayso.content import edits

        edits.check_schema(request.input_schema)
    names = [offer.name for offer in request.offers]
    if len({*names, "session", "always"}) != len(names) + 2:
        hint = "session and always are names already"
        raise errors.InvalidRequest("each offer needs a name of its own", field="offers", hint=hint)
    if request.confirm and request.grants:
        said, hint = "a grant is given with one press, which confirm rules out", "leave out one of the two"
        raise errors.InvalidRequest(said, field="grants", hint=hint)


def _only_what_its_kind_needs(request: model.Request) -> None:
    if "respond" in request.verdicts and request.kind != "permission":
        hint = "leave respond out; only a permission has it"
        raise errors.InvalidRequest(f"a {request.kind} is answered anyway", field="verdicts", hint=hint)
    for name in _OF_OTHERS[request.kind]:
        if getattr(request, name) != DEFAULTS[name]:
            shown = "schema" if name == "json_schema" else name
            hint = f"only a {next(kind for kind, own in OF_KIND.items() if name in own)} has it"
            raise errors.InvalidRequest(f"a {request.kind} has no {shown}", field=shown, hint=hint)
    if request.json_schema is not None and request.fields:
        raise errors.InvalidRequest("give a schema or fields, not both", field="fields")
