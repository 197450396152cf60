"""What people see, in neutral parts. Renderers read nothing else and can emit nothing that a part does not allow.

Agent text stands only in `Foreign` and `Prose`; what the service says is `Trusted`. The types keep them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sayso.cards import buttons, prose
from sayso.content import text


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time; each surface shows it in the reader's own time zone."""

    at: datetime


Inline = text.Trusted | text.Foreign | Moment

_NOTHING = text.Foreign(text.Safe(""))


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the service; agent text inside it is set apart as literal."""

    text: tuple[Inline, ...]
    strong: bool = False

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return self.text


@dataclass(frozen=True, slots=True)
class Ask:
    """The agent's own short question or title."""

    text: text.Foreign

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return (self.text,)


Role = Literal["input", "edited", "answer", "reason", "diff", "text", "offer", "other"]
"""`input`, `edited`: what was to run, and what runs instead. `diff`, `text`: an attachment."""


@dataclass(frozen=True, slots=True)
class Code:
    """Agent text in a box that shows it to the letter."""

    label: tuple[Inline, ...]
    text: text.Foreign
    cut: int = 0
    """How many characters are not shown here."""
    role: Role = "other"
    """What it is, for whoever shows some of them in another way; the label is for people to read."""

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return (*self.label, self.text)


@dataclass(frozen=True, slots=True)
class Says:
    """The agent's own explanation, labelled as such."""

    text: prose.Prose

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return (text.Foreign(text.Safe(prose.plain(self.text)), self.text.warnings),)


@dataclass(frozen=True, slots=True)
class Facts:
    """Short facts: what they are, and their value."""

    rows: tuple[tuple[Inline, Inline], ...]
    risk: Literal["low", "medium", "high"] | None = None
    """How high the agent says that the risk is; if it says so, the first row is about that."""

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return (inline for row in self.rows for inline in row)


@dataclass(frozen=True, slots=True)
class Choices:
    """The options in full, numbered from 1 by the service."""

    options: tuple[tuple[text.Foreign, text.Foreign | None], ...]

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return (one or _NOTHING for option in self.options for one in option)


@dataclass(frozen=True, slots=True)
class Warn:
    """A warning of the service about the content."""

    text: text.Trusted

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return (self.text,)


@dataclass(frozen=True, slots=True)
class Note:
    """Small print of the service."""

    text: tuple[Inline, ...]

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return self.text


Part = Line | Ask | Code | Says | Facts | Choices | Warn | Note


@dataclass(frozen=True, slots=True)
class Button:
    """One press."""

    label: text.Trusted
    token: str
    action: buttons.Action
    """What a press does; the label is for people to read."""
    style: buttons.Style = "plain"
    deciding: bool = False
    """Whether it decides in favour: dropped when the card does not show the whole content."""
    flag: str = ""
    """The same as options of `sayso answer`; empty if there are none."""
    apart: bool = False
    """Whether it stands in a row of its own, above the others."""


def field_name(index: int) -> str:
    """The name of the input for a field of a request, by its number: the same on a card and in a window."""
    return f"f{index}"


PICKED = field_name(0)
"""The name under which a surface submits what was chosen on the card itself: a choice has this one field."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Options to choose from on the card itself: `tokens` one per option, `submit` for a selection of several."""

    labels: tuple[text.Foreign, ...]
    tokens: tuple[str, ...]
    submit: str
    multiple: bool = False
    flag: str = ""
    """The choice of one option as an option of `sayso answer`."""
    name: str = PICKED


Control = Button | Pick


@dataclass(frozen=True, slots=True)
class Session:
    """The agent session that a ticket belongs to; where a platform has threads, each session has one."""

    owner: str
    """Who asks. Ids are chosen by agents, so two of them may use the same one."""
    id: str
    """For finding it again, never for showing."""
    name: text.Foreign


Tone = Literal["pending", "good", "bad", "gone"]
"""`gone`: closed without a decision by a person."""


@dataclass(frozen=True, slots=True)
class Card:
    """A ticket as people see it."""

    ticket_id: str
    tone: Tone
    summary: text.Trusted
    """For notifications and lists: no agent text, since lock screens show it out of its container."""
    parts: tuple[Part, ...]
    controls: tuple[Control, ...] = ()
    review: Button | None = None
    """Offered in place of the deciding controls where the parts do not fit."""
    session: Session | None = None
    talk: bool = False
    """Whether it may be answered by talking; a permission never is."""
    approvers: tuple[str, ...] = ()
    """Whom it is for, by the names of the policy, while it is open: a platform notifies them, and nobody else."""


# A line break takes the room of this many characters, so that a long listing is not a tall card.
LINE_COST = 40
_SHORTEST = 160


def fit(card: Card, room: int) -> Card:
    """*card* in at most *room* characters of content.

    If it does not fit, long parts are cut and the cut is said, and what decides in favour goes. Renderers add `review`.
    """
    if sum(map(size, card.parts)) <= room:
        return card
    kept = card.parts[: _most_parts(room)]
    small = sum(size(part) for part in kept if size(part) <= _SHORTEST)
    large = sum(size(part) > _SHORTEST for part in kept)
    share = max(_SHORTEST, (room - small - 2 * _SHORTEST) // max(1, large))
    parts = [_cut(part, share) for part in kept]
    if len(kept) < len(card.parts):
        parts.append(Note((text.Trusted(f"{len(card.parts) - len(kept)} more parts are not shown here."),)))
    press = " Press Review to read the whole content." if card.review else ""
    parts.append(Warn(text.Trusted(f"Not all of it is shown here.{press}")))
    left = tuple(c for c in card.controls if isinstance(c, Button) and not c.deciding)
    return replace(card, parts=tuple(parts), controls=left)


def whole(card: Card, room: int) -> bool:
    """Whether all the content fits, so that it may be decided from the card."""
    return sum(map(size, card.parts)) <= room


def size(part: Part) -> int:
    """The room a part takes, in characters."""
    return sum(len(piece) + LINE_COST * piece.count("\n") for piece in pieces(part))


def pieces(part: Part) -> Iterable[str]:
    """All the text of a part, in order."""
    return map(_inline, part.inlines())


def pages(parts: Iterable[Part], room: int) -> tuple[tuple[Part, ...], ...]:
    """All parts, in pages of at most *room* characters; nothing is left out. Long boxes go on over several pages."""
    pages: list[list[Part]] = [[]]
    left = room
    for part in parts:
        for piece in _split(part, room):
            if size(piece) > left and pages[-1]:
                pages.append([])
                left = room
            pages[-1].append(piece)
            left -= size(piece)
    return tuple(map(tuple, pages))


def _most_parts(room: int) -> int:
    return max(4, min(16, room // (2 * _SHORTEST)))


def _cut(part: Part, share: int) -> Part:
    if size(part) <= share:
        return part
    label: tuple[Inline, ...] = (text.Trusted("Content"),)
    if isinstance(part, Code):
        label = part.label
    elif isinstance(part, Says):
        label = (text.Trusted("The agent says"),)
    full = "\n".join(pieces(part)) if not isinstance(part, Code) else part.text.text
    head = full[: _taken(full, 0, share)]
    role = part.role if isinstance(part, Code) else "other"
    return Code(label, text.Foreign(text.Safe(head)), cut=len(full) - len(head), role=role)


def _taken(full: str, start: int, share: int) -> int:
    """How many characters from *start* on take no more room than *share*."""
    taken = cost = 0
    for character in full[start : start + share]:
        cost += 1 + (LINE_COST if character == "\n" else 0)
        if cost > share:
            break
        taken += 1
    return taken


def _split(part: Part, room: int) -> Iterable[Part]:
    if size(part) <= room:
        yield part
        return
    label = part.label if isinstance(part, Code) else (text.Trusted("The agent says"),)
    role = part.role if isinstance(part, Code) else "other"
    full = part.text.text if isinstance(part, Code) else "\n".join(pieces(part))
    share = max(1, room - sum(len(_inline(span)) for span in label) - LINE_COST)
    start = 0
    while start < len(full):
        # where a page begins is remembered: cutting it off would copy all the rest each time
        page = full[start : start + max(1, _taken(full, start, share))]
        line = page.rfind("\n", len(page) // 2)
        if start + len(page) < len(full) and line >= 0:
            page = page[: line + 1]  # a page ends with a line where it can
        yield Code(label, text.Foreign(text.Safe(page)), role=role)
        start += len(page)


def _inline(span: Inline) -> str:
    if isinstance(span, Moment):
        return span.at.strftime("%Y-%m-%d %H:%M UTC")
    return span.text if isinstance(span, text.Foreign) else span
