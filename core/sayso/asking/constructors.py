"""What a program types to ask: four constructors.

The rule: what has another type than it says goes on as it is, since `_build` refuses it in our words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, overload

import pydantic
from typing_extensions import TypedDict, TypeVar

from sayso import model
from sayso.content import shapes

V = TypeVar("V", default=Any)
M = TypeVar("M", bound=pydantic.BaseModel)


class Common(TypedDict, total=False):
    """The keys that every kind of request takes."""

    id: str
    body: str
    source: model.Source
    context: Mapping[str, str]
    attachments: Sequence[model.Attachment]
    risk: str
    priority: model.Priority
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
        batch: model.Batch | None = None,
        **common: Unpack[Common],
    ) -> None:
        own: dict[str, Any] = {"grants": grants, "offers": offers, "editable": editable, "confirm": confirm}
        own["batch"] = batch
        own["input_schema"] = input_schema
        _build(self, "permission", common, tool=tool, input={} if input is None else input, title=title, **own)


class Question(model.Request):
    """A question that is answered in free text. The decision has `text`."""

    def __init__(self, title: str, **common: Unpack[Common]) -> None:
        _build(self, "question", common, title=title)


class Choice(model.Request):
    """A question with options. The decision has `choice`, or `choices` if several may be chosen."""

    def __init__(
        self,
        title: str,
        options: Sequence[str | model.Option],
        *,
        multiple: bool = False,
        other: bool = False,
        **common: Unpack[Common],
    ) -> None:
        listed: Any = options
        if _is_list(options):
            listed = [{"label": option} if isinstance(option, str) else option for option in options]
        _build(self, "choice", common, title=title, options=listed, multiple=multiple, other=other)


class Form(model.FormRequest[V]):
    """Several fields at once. The decision has `value`: an instance of *shape* if that is a Pydantic model."""

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
            _, schema = shapes.read_type(shape)
            _build(self, "form", common, title=title, schema=schema)
            self._shape = shape
        elif isinstance(shape, Mapping):
            _build(self, "form", common, title=title, schema=shape)
        else:
            _build(self, "form", common, title=title, fields=tuple(shape) if _is_list(shape) else shape)


def _is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)


def _build(request: model.Request, kind: model.Kind, common: Mapping[str, Any], **own: Any) -> None:
    model.Request.__init__(request, kind=kind, **common, **own)
