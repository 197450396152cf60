"""The small parts that the nouns of `model` are made of, and the form of each name. Frozen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

Grant = Literal["session", "always"]
Scalar = pydantic.StrictStr | pydantic.StrictBool | pydantic.StrictInt | pydantic.StrictFloat
# To the last digit: a double would round a bound such as 9007199254740993.
Number = pydantic.StrictInt | pydantic.StrictFloat
JsonObject = dict[str, Any]
RequestId = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
Title = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]
Name = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=200)]
Place = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z]+(:[^\s]{1,200})?$")]
# More keys than any object of ours has: for each one that is wrong Pydantic would make a complaint of its own.
_MOST_KEYS = 100


def few(value: Any) -> Any:
    """Refuse an object with many keys. Raises ValueError."""
    if isinstance(value, dict) and len(value) > _MOST_KEYS:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError("this object has too many keys")
    return value  # pyright: ignore[reportUnknownVariableType]


Context = Annotated[
    dict[Name, Annotated[str, pydantic.StringConstraints(max_length=2000)]],
    pydantic.Field(max_length=10),
    pydantic.BeforeValidator(few),
]
Seconds = Annotated[float, pydantic.Field(strict=True, gt=0, le=30 * 86_400, allow_inf_nan=False)]


class Frozen(pydantic.BaseModel):
    """What every noun is: immutable, and strict about keys it does not know."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True, allow_inf_nan=False
    )


class Source(Frozen):
    """Who asks: shown on the card as the agent gave it, never trusted."""

    agent: Name | None = None
    session: Name | None = None
    url: Annotated[str, pydantic.StringConstraints(max_length=2000)] | None = None


class Attachment(Frozen):
    """A text or a diff that belongs to the request; shown in full or by review."""

    name: Name
    kind: Literal["text", "diff"] = "text"
    text: str


class Offer(Frozen):
    """A wider grant in the asking side's own terms; each gets a button of its own, none is ever taken along."""

    name: Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    """What the decision's `grant` says when a person chose it."""
    kind: Literal["rule", "folder", "mode"]
    """A mode changes what is asked from now on, and says so in a warning."""
    effect: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=2000)]
    """What exactly it adds or changes, and for how long; shown in full."""
