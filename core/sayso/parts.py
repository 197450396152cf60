"""The small parts that the nouns of `model` are made of, and the form of each name. Frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import pydantic

from sayso import built

# One limit, one number: what stands here is imported wherever something is cut, asked or measured.
MAX_NAME = 200
MAX_TITLE = 500
MAX_NOTE = 2_000
"""Of a fact, a description, an effect: what stands beside something else."""
MAX_URL = 2_000
MAX_BODY = 200_000
MAX_REASON = 4_000
MAX_TEXT = 40_000
"""Of an answer in free text, so that every surface can show it again."""
MAX_FACTS = 10
MAX_FIELDS = 10
MAX_OPTIONS = 100
MAX_PEOPLE = 100
"""Who must agree, or deny."""
MAX_SECONDS = 30 * 86_400

Grant = Literal["session", "always"]
Standing = Literal["call", "tool", "pattern"]
"""What an allow covers beside its request, for a while: the same call, this tool in this session, what is like it."""
Risk = Literal["low", "medium", "high"]
Priority = Literal["low", "normal", "urgent"]
OfferKind = Literal["rule", "folder", "mode"]
FieldKind = Literal["text", "choice", "boolean", "number", "integer", "date"]
Scalar = pydantic.StrictStr | pydantic.StrictBool | pydantic.StrictInt | pydantic.StrictFloat
# To the last digit: a double would round a bound such as 9007199254740993.
Number = pydantic.StrictInt | pydantic.StrictFloat
JsonObject = dict[str, Any]
REQUEST_ID = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
RequestId = Annotated[str, pydantic.StringConstraints(pattern=rf"^{REQUEST_ID}$")]
Title = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=MAX_TITLE)]
Name = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=MAX_NAME)]
Note = Annotated[str, pydantic.StringConstraints(max_length=MAX_NOTE)]
Url = Annotated[str, pydantic.StringConstraints(max_length=MAX_URL)]
Reason = Annotated[str, pydantic.StringConstraints(max_length=MAX_REASON)]
# What may be how long is said beside a pattern: `\S{1,200}` takes ten milliseconds to compile, of every start.
Place = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z]+(:\S+)?$", max_length=240)]
# More keys than any object of ours has: for each one that is wrong Pydantic would make a complaint of its own.
_MOST_KEYS = 100


APPROVERS: Final = "approvers"
"""Whoever a policy names under `approvers`."""


def several(given: object) -> object:
    """One text as a list of one; anything else as it is."""
    return (given,) if isinstance(given, str) else given


def channel_of(place: str) -> str:
    """The name of the channel that a place is on: `slack` of `slack:#ops`."""
    return place.partition(":")[0]


def few(value: Any) -> Any:
    """Refuse an object with many keys. Raises ValueError."""
    if isinstance(value, dict) and len(value) > _MOST_KEYS:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError("this object has too many keys")
    return value  # pyright: ignore[reportUnknownVariableType]


Context = Annotated[
    dict[Name, Note],
    pydantic.Field(max_length=MAX_FACTS),
    pydantic.BeforeValidator(few),
]
Seconds = Annotated[float, pydantic.Field(strict=True, gt=0, le=MAX_SECONDS, allow_inf_nan=False)]


def name_of(text: str) -> str:
    """The beginning of *text*, as long as a name may be."""
    return text[:MAX_NAME]


def title_of(text: str) -> str:
    """*text* as a title; one that is too long ends in an ellipsis."""
    return cut(text, MAX_TITLE)


def fact_of(text: str) -> str:
    """The beginning of *text*, as long as a fact may be."""
    return text[:MAX_NOTE]


def cut(text: str, longest: int) -> str:
    """*text*; one that is longer than *longest* ends in an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


class Frozen(built.Built):
    """What every noun is: immutable, and strict about keys it does not know."""

    model_config = pydantic.ConfigDict(
        defer_build=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )


class Source(Frozen):
    """Who asks: shown on the card as the agent gave it, never trusted."""

    agent: Name | None = None
    session: Name | None = None
    url: Url | None = None
    project: Name | None = None
    """What the session is about, such as the name of the folder it works in; people read it beside the session."""


class Attachment(Frozen):
    """A text, a diff or an image that belongs to the request. Texts are shown in full or by review."""

    name: Name
    kind: Literal["text", "diff", "image"] = "text"
    text: str | None = None
    """Of a text or a diff."""
    data: str | None = None
    """Of an image: its bytes in base64, PNG, JPEG, GIF or WebP. None is ever fetched from an address."""
    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"] | None = None
    """What the asking side says that the image is; refused if its bytes are something else."""
    sha256: Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Of a large image: the service keeps its bytes beside the request, and this in place of `data`."""
    size: Annotated[int, pydantic.Field(ge=0)] | None = None
    """Of such an image: how many bytes it has."""

    @pydantic.model_validator(mode="after")
    def _has_its_content(self) -> Attachment:
        image = self.kind == "image"
        kept = self.sha256 or self.size
        wanted, other = ("data", self.text) if image else ("text", self.data or self.media_type or kept)
        if (getattr(self, wanted) is None and not (image and kept)) or other is not None:
            raise ValueError(f"an attachment of kind {self.kind} has {wanted}, and not what another kind has")
        return self


class Offer(Frozen):
    """A wider grant in the asking side's own terms; each has a button of its own, and no other button grants it."""

    name: Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    """What the decision's `grant` says when a person chose it."""
    kind: OfferKind
    """A mode changes what is asked from now on, and says so in a warning."""
    effect: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=MAX_NOTE)]
    """What exactly it adds or changes, and for how long; shown in full."""


class Option(Frozen):
    """One thing to choose."""

    label: Title
    description: Note | None = None
    value: Scalar | None = None
    """What the agent gets in a form; the label if it has no value."""

    @property
    def meaning(self) -> Scalar:
        """What the agent gets if it is chosen in a form."""
        return self.label if self.value is None else self.value

    def means(self, given: object) -> bool:
        """Whether *given* is what the agent would get. 1 and True are equal, and not the same answer."""
        return given == self.meaning and isinstance(given, bool) == isinstance(self.meaning, bool)


class Field(Frozen):
    """One field of a form, as people see it; the rules for its value come along."""

    name: Name
    label: Title
    kind: FieldKind = "text"
    description: Note | None = None
    required: pydantic.StrictBool = True
    options: Annotated[tuple[Option, ...], pydantic.FailFast(), pydantic.Field(max_length=MAX_OPTIONS)] = ()
    multiple: pydantic.StrictBool = False
    other: pydantic.StrictBool = False
    """A choice that takes free text, too."""
    nullable: pydantic.StrictBool = False
    """Whether the agent gets null if it is left out, instead of no key."""
    default: Any = None
    minimum: Number | None = None
    maximum: Number | None = None
    above: Number | None = None
    """Greater than this."""
    below: Number | None = None
    """Less than this."""
    multiple_of: Annotated[Number, pydantic.Field(gt=0)] | None = None
    min_length: Annotated[int, pydantic.Field(ge=0)] | None = None
    """Characters of a text; how many to choose if several may be chosen."""
    max_length: Annotated[int, pydantic.Field(ge=0)] | None = None
    min_items: Annotated[int, pydantic.Field(ge=0)] | None = None
    """How many values, if *multiple* is true and it is not a choice: one value a line."""
    max_items: Annotated[int, pydantic.Field(ge=0)] | None = None
    unique: pydantic.StrictBool = False
    """Whether every line must be different."""
    pattern: str | None = None
    format: Literal["email", "uri", "date-time", "local-date-time", "time", "uuid", "duration", "decimal"] | None = None
    """Of a text; `decimal` is said of a number whose every digit counts, and comes as text if JSON would round it."""
    example: Annotated[str, pydantic.StringConstraints(max_length=MAX_NAME)] | None = None
    """What a right text looks like; told to people whose text does not fit the pattern."""


class AskedBack(Frozen):
    """What somebody asked the agent instead of allowing; the agent's next request of that session answers it."""

    id: RequestId
    """Of the request that was denied with it."""
    name: str
    """Of the person, as people know them."""
    question: str
    at: datetime


class Stop(Frozen):
    """Somebody stopped everything, or one agent: nothing is allowed until it is lifted."""

    by: str
    """The person, or the operator's key."""
    name: str
    """The same, as people know them."""
    via: str
    """The account or the key from which it came."""
    at: datetime
    agent: Name | None = None
    """The key that is stopped; None stops all."""
    reason: Reason | None = None


class Standstill(Frozen):
    """A request under a stop; its time stands still."""

    stop: Stop
    since: datetime


class Ruled(Frozen):
    """What the operator's rules came to when it was asked."""

    rule: Name | None = None
    """The rule that decided or asked; None where none did, so that people are asked anyway."""
    effect: Literal["allow", "deny", "ask"] = "ask"
    reason: Reason | None = None
    """What the rule says of a decision of its own."""
    priority: Priority | None = None
    """How urgent the rule says it is."""
    watched: tuple[Name, ...] = ()
    """Rules that matched and decide nothing yet."""


@dataclass(frozen=True, slots=True)
class PostedCard:
    """Where a card was posted: enough to edit it and to know it again when somebody presses on it."""

    ticket_id: str
    place: str
    """The place of the route it was posted for: `slack:#ops`."""
    channel: str
    """The channel's name: the part of `place` before the colon."""
    conversation: str
    """The platform's own id of the room it stands in."""
    message: str
    """The platform's own id of the message."""
    shown: str = field(default="", compare=False)
    """The digest of what was posted, right after posting; nobody keeps it but the log."""
