"""What people see, in neutral parts. Renderers read nothing else and can emit nothing that a part does not allow.

Agent text stands only in `Foreign` and `Prose`; what the service says is `Trusted`. The types keep them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sayso import model
from sayso.cards import buttons, prose
from sayso.content import images, risk, text, wording

Trusted = text.Trusted


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time; each surface shows it in the reader's own time zone."""

    at: datetime
    relative: bool = False
    """Whether it is said how long it is until then, if the surface counts down by itself."""


Inline = text.Trusted | text.Foreign | Moment

_UNSAID = text.Trusted("")
_NOTHING = text.Foreign(text.Safe(""))

Role = Literal["input", "edited", "words", "fields", "answer", "reason", "question", "diff", "text", "offer", "other"]
"""`edited`: what runs instead of the `input`. `words`: the agent's. `fields`: to be filled in. `diff`, `text`: files.
A line that is `other` is about the whole request, see `sections`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the service; agent text inside it is set apart as literal."""

    text: tuple[Inline, ...]
    strong: bool = False
    role: Role = "other"

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


@dataclass(frozen=True, slots=True)
class Code:
    """Agent text in a box that shows it to the letter."""

    label: tuple[Inline, ...]
    """What stands above the box; nothing if the headline says what it is."""
    text: text.Foreign
    cut: int = 0
    """How many characters are not shown here."""
    role: Role = "other"
    """What it is. A surface may show some of them in another way; the label is for people to read."""
    diff: bool = False
    """Whether its rows begin with `+` for what comes, `-` for what goes, or a blank."""
    cut_lines: int = 0
    """How many lines these characters are."""

    @property
    def left_out(self) -> Trusted:
        """How much is not shown here, in words; empty if all is."""
        lines = f"{wording.counted(self.cut_lines, 'more line')}, " if self.cut_lines > 1 else ""
        signs = wording.counted(self.cut, "character" if lines else "more character")
        return Trusted(f"{lines}{signs} not shown here" if self.cut else "")

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return (*self.label, self.text)


@dataclass(frozen=True, slots=True)
class Image:
    """An attached image, told in words. A surface that can show it shows it as well."""

    text: tuple[Inline, ...]
    ticket_id: str
    index: int
    """Which attachment of the ticket's request it is."""
    media_type: str
    data: str = field(repr=False)
    """In base64; empty if it is kept beside. Renderers leave it alone; whoever sends a payload adds the bytes."""
    sha256: str = ""
    """Of one that is kept beside the request, with how many bytes it has."""
    size: int = 0

    @property
    def file_name(self) -> str:
        """What the service calls the file; the agent's name for it is only shown."""
        return f"image-{self.index + 1}.{images.ENDINGS[self.media_type]}"

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return self.text


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
class Risk:
    """What is risky, and who says so; it stands above all content."""

    text: tuple[Inline, ...]
    level: model.Risk

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return self.text


@dataclass(frozen=True, slots=True)
class Note:
    """Small print of the service."""

    text: tuple[Inline, ...]

    def inlines(self) -> Iterable[Inline]:
        """All its text, in order."""
        return self.text


Part = Line | Ask | Code | Image | Says | Facts | Choices | Warn | Risk | Note

RISK_WORDS = risk.WORDS


@dataclass(frozen=True, slots=True)
class Confirm:
    """What a person is asked before a press counts."""

    title: text.Trusted
    question: text.Trusted
    submit: text.Trusted


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
    confirm: Confirm | None = None
    """What a surface asks before the press counts: by itself, or by the window that the press opens."""
    first: bool = False
    """Whether it is always in sight, see `rows`."""
    needs: int = 0
    """How many characters its window must take at least, to be of use."""


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
    described: tuple[text.Foreign | None, ...] = ()
    """What is said about each option; a surface with room for it beside the label shows no list of its own."""


Control = Button | Pick


@dataclass(frozen=True, slots=True)
class Session:
    """The agent session that a ticket belongs to. If a platform has threads, each session has one."""

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
    """Stands in for what decides in favour, if the parts do not fit; `cutting.fit` puts it among the controls."""
    brief: tuple[Part, ...] = ()
    """Stands in for the parts on a surface that keeps closed cards among others; empty while it is open."""
    details: Button | None = None
    """Opens all of a closed request, if the brief parts leave something out; `cutting.fit` puts it there."""
    session: Session | None = None
    talk: bool = False
    """Whether it may be answered by talking; a permission never is."""
    hint: text.Trusted = _UNSAID
    """How to answer in words, for a surface where a reply counts; `asked.with_hint` puts it last."""
    form: tuple[tuple[int, ...], ...] = ()
    """Of a form how many options each input has, by groups that stand on one screen: `inputs.count_steps`."""
    subject: text.Trusted = _UNSAID
    """Who asks for what, without agent text: for screen readers, beside the label of a button."""
    risk: model.Risk | None = None
    """The highest that the service finds or the agent says, while it is open."""
    notify: tuple[str, ...] = ()
    """Whom it mentions, by their names in the settings, while it is open: a platform notifies them, and nobody else."""


def pieces(part: Part) -> Iterable[str]:
    """All the text of a part, in order."""
    return map(words_of, part.inlines())


def words_of(span: Inline) -> str:
    """A piece of a text as plain words."""
    if isinstance(span, str):
        return span
    return span.text if isinstance(span, text.Foreign) else span.at.strftime("%Y-%m-%d %H:%M UTC")
