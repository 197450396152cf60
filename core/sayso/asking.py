"""What a program types to ask: four constructors, and the check every request passes before it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Unpack, overload

import pydantic
from typing_extensions import TypedDict, TypeVar

from sayso import digest, errors, fields, model, shapes, written

V = TypeVar("V", default=Any)
M = TypeVar("M", bound=pydantic.BaseModel)


document = written.document
alike = written.alike
plain = written.plain
is_large = written.is_large
invalid = written.invalid


class Common(TypedDict, total=False):
    """The keys that every kind of request takes."""

    id: str
    body: str
    source: model.Source
    context: Mapping[str, str]
    attachments: Sequence[model.Attachment]
    risk: str
    policy: str
    route: Sequence[str]
    expires_in: float
    supersedes: str
    callback_url: str
    verdicts: Sequence[model.FurtherVerdict]
    metadata: Mapping[str, Any]


class Permission(model.Request):
    """May this tool run with this input? The decision has `allowed` and the input to use."""

    def __init__(
        self,
        *,
        tool: str,
        input: Mapping[str, Any] | None = None,
        input_schema: Mapping[str, Any] | None = None,
        title: str | None = None,
        grants: Sequence[model.Grant] = (),
        offers: Sequence[model.Offer] = (),
        editable: bool = True,
        confirm: bool = False,
        **common: Unpack[Common],
    ) -> None:
        own: dict[str, Any] = {"grants": grants, "offers": offers, "editable": editable, "confirm": confirm}
        own["input_schema"] = None if input_schema is None else dict(input_schema)
        _build(self, "permission", common, tool=tool, input=dict(input or {}), title=title, **own)


class Question(model.Request):
    """A question that is answered in free text. The decision has `text`."""

    def __init__(self, title: str, **common: Unpack[Common]) -> None:
        _build(self, "question", common, title=title)


class Choice(model.Request):
    """A question with options. The decision has `choice`, or `choices` where several may be chosen."""

    def __init__(
        self,
        title: str,
        options: Sequence[str | model.Option],
        *,
        multiple: bool = False,
        other: bool = False,
        **common: Unpack[Common],
    ) -> None:
        listed = [{"label": option} if isinstance(option, str) else option for option in options]
        _build(self, "choice", common, title=title, options=listed, multiple=multiple, other=other)


class Form(model.Request, Generic[V]):
    """Several fields at once. The decision has `value`: an instance of *shape* where that is a Pydantic model."""

    _shape: type[pydantic.BaseModel] | None = pydantic.PrivateAttr(default=None)

    @overload
    def __init__(self: Form[M], title: str, shape: type[M], **common: Unpack[Common]) -> None: ...
    @overload
    def __init__(
        self: Form[model.JsonObject],
        title: str,
        shape: Mapping[str, Any] | Sequence[model.Field],
        **common: Unpack[Common],
    ) -> None: ...
    def __init__(
        self,
        title: str,
        shape: type[pydantic.BaseModel] | Mapping[str, Any] | Sequence[model.Field],
        **common: Unpack[Common],
    ) -> None:
        """*shape* is a Pydantic model, a JSON schema, or a list of fields."""
        if isinstance(shape, type):
            _, schema = shapes.of(shape)
            _build(self, "form", common, title=title, schema=schema)
            self._shape = shape
        elif isinstance(shape, Mapping):
            _build(self, "form", common, title=title, schema=dict(shape))
        else:
            _build(self, "form", common, title=title, fields=tuple(shape))


def parse(document: str | bytes) -> model.Request:
    """A request from the JSON that a wire brought.

    Raises:
        InvalidRequest: `field` names the key that is wrong.
    """
    try:
        return checked(model.Request.model_validate_json(document))
    except pydantic.ValidationError as error:
        raise invalid(error) from error


def checked(request: model.Request) -> model.Request:
    """*request*, once all that depends on its kind is right.

    Raises:
        InvalidRequest: `field` names the key that is wrong.
    """
    _checked_document(request)
    return request


def ready(request: model.Request) -> model.Request:
    """`plain` of what is `checked`: what a desk stores. Raises as they do."""
    return written.read(_checked_document(request))


def _checked_document(request: model.Request) -> str:
    _only_what_its_kind_needs(request)
    if request.supersedes is not None and request.supersedes == request.id:
        raise errors.InvalidRequest("a request cannot take its own place", field="supersedes")
    if request.kind == "permission":
        _permission(request)
    elif not request.title:
        raise errors.InvalidRequest(f"a {request.kind} needs a title", field="title", hint="the question itself")
    else:
        fields.check_fields(fields.of_request(request))
    for name, value in (("input", request.input), ("metadata", request.metadata), ("schema", request.json_schema)):
        if value:
            digest.canonical(value, name, deepest=digest.MAX_DEPTH)
    text = written.text_of(request)
    if len(text.encode()) > model.MAX_REQUEST_BYTES:
        raise errors.InvalidRequest("the request is larger than 1 MiB", field="request", hint="attach a link instead")
    return text


def shape_of(request: model.Request) -> type[pydantic.BaseModel] | None:
    """The model that a form was asked with."""
    return request._shape if isinstance(request, Form) else None  # pyright: ignore[reportPrivateUsage]


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
        return decision.holding(shapes.instance(pydantic.TypeAdapter(shape), decision.values))
    except pydantic.ValidationError as error:
        wrong = invalid(error)
        raise errors.InvalidAnswer(
            f"the answer does not fit {shape.__name__}: {wrong.message}", field="values"
        ) from error


_PERMISSION = {"tool", "input", "input_schema", "grants", "offers", "editable", "confirm"}
OF_KIND: Mapping[model.Kind, set[str]] = {
    "permission": _PERMISSION,
    "question": set[str](),
    "choice": {"options", "multiple", "other"},
    "form": {"json_schema", "fields"},
}
"""The keys that only this kind may have."""
KIND_KEYS = {*_PERMISSION, "options", "multiple", "other", "json_schema", "fields"}

UNSAID: Mapping[str, Any] = {name: model.Request.model_fields[name].default for name in KIND_KEYS}
"""What such a key holds where it says nothing."""


def _permission(request: model.Request) -> None:
    if not request.tool:
        raise errors.InvalidRequest("a permission names its tool", field="tool")
    if request.input_schema is not None:
        # its library takes a while to load, and few requests need it
        from sayso import edits

        edits.check_schema(request.input_schema)
    names = [offer.name for offer in request.offers]
    if len({*names, "session", "always"}) != len(names) + 2:
        raise errors.InvalidRequest("each offer needs a name of its own", field="offers")
    if request.confirm and request.grants:
        raise errors.InvalidRequest("a grant is given with one press, which confirm rules out", field="grants")


def _only_what_its_kind_needs(request: model.Request) -> None:
    if "respond" in request.verdicts and request.kind != "permission":
        raise errors.InvalidRequest(f"a {request.kind} is answered anyway", field="verdicts")
    for name in sorted(KIND_KEYS - OF_KIND[request.kind]):
        if getattr(request, name) != UNSAID[name]:
            shown = "schema" if name == "json_schema" else name
            raise errors.InvalidRequest(f"a {request.kind} has no {shown}", field=shown)
    if request.json_schema is not None and request.fields:
        raise errors.InvalidRequest("give a schema or fields, not both", field="fields")


def _build(request: model.Request, kind: model.Kind, common: Mapping[str, Any], **own: Any) -> None:
    try:
        model.Request.__init__(request, kind=kind, **common, **own)
    except pydantic.ValidationError as error:
        raise invalid(error) from error
