"""A card becomes an HTML fragment. Pure; the templates escape every text, and no attribute that acts holds one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, cast

import jinja2

from sayso import stats
from sayso.cards import card, dialog, rows
from sayso.content import text, wording
from sayso.rules import written
from sayso_web import inputs

# From this many lines or characters on, a box says how long it is; it is shown whole all the same.
LONG_BOX, _LONG_TEXT = 30, 4_000
_SAID: Mapping[card.Role, str] = {"answer": "Answer", "reason": "Reason", "question": "Question"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a card on one person's page."""

    csrf: str = ""
    expires_at: datetime | None = None
    opened: dialog.Dialog | None = None
    """The dialog that is open in the card."""
    always_open: bool = False
    """It is the card's own way to answer, not one that was opened over others."""
    typed: dialog.Draft = field(default_factory=dict[str, dialog.Submitted])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is wrong, by input; the name "" is the whole form."""
    notice: str | card.Line = ""
    """What became of the last press."""
    barred: str = ""
    """Why this person may not answer; the controls are left out."""
    elsewhere: bool = False
    """It is read and answered on its own page."""
    waits: bool = False
    """Whether it waits for this person: they may answer, and have not yet."""


def render(drawn: card.Card, frame: Frame | None = None) -> str:
    """Draw a card as HTML, with a form for each way to answer."""
    return fill("card.html", drawn=drawn, frame=frame or Frame())


def render_dialog(opened: dialog.Dialog) -> str:
    """Draw a window alone, as it stands in its card."""
    bare = card.Card("alone", "pending", opened.title, (card.Line((opened.title,)),))
    return render(bare, Frame(opened=opened))


def render_row(drawn: card.Card) -> str:
    """Draw a decided card as a line of the history."""
    return fill("row.html", drawn=drawn)


def fill(name: str, **values: Any) -> str:
    """Fill a template of this package."""
    return _TEMPLATES.get_template(name).render(values)


def _kind(part: object) -> str:
    return "Trusted" if isinstance(part, str) else type(part).__name__


def _unknown(kind: str) -> NoReturn:
    raise TypeError(f"no template shows a {kind}")


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


def _length(shown: text.Foreign) -> str:
    lines = shown.text.count("\n") + 1
    if lines < LONG_BOX and len(shown.text) <= _LONG_TEXT:
        return ""
    return f"{wording.counted(lines, 'line')}, {wording.counted(len(shown.text), 'character')}"


def _options(drawn: card.Card, pick: card.Pick) -> tuple[tuple[text.Foreign, text.Foreign | None], ...]:
    """The options of a pick with their descriptions, which stand in another part of the card."""
    listed = next((part.options for part in drawn.parts if isinstance(part, card.Choices)), ())
    return listed if len(listed) == len(pick.labels) else tuple((label, None) for label in pick.labels)


def _title(drawn: card.Card) -> text.Foreign | None:
    return next((part.text for part in drawn.parts if isinstance(part, card.Ask)), None)


def _glimpses(drawn: card.Card) -> list[tuple[str, text.Foreign]]:
    """What a line of the history shows of the content: what was asked, and what was said to it."""
    boxes = [part for part in drawn.parts if isinstance(part, card.Code)]
    title = _title(drawn)
    asked = [title] if title else [_text_of(part) for part in drawn.parts if _is_input(part)][:1]
    said = [(_SAID[box.role], box.text) for box in boxes if box.role in _SAID][:1]
    return [*(("", shown) for shown in asked), *said]


def _is_input(part: card.Part) -> bool:
    return isinstance(part, card.Code | card.Line) and part.role in ("input", "edited")


def _text_of(part: card.Part) -> text.Foreign:
    """What a part holds, without what stands above it, of a change only what changes; it is escaped already."""
    if not isinstance(part, card.Code):
        return text.Foreign(text.Safe("".join(card.pieces(part))))
    if not part.diff:
        return part.text
    rows = part.text.text.split("\n")[2 if part.role == "edited" else 0 :]
    return text.Foreign(text.Safe(" ".join(row for row in rows if row[:1] in ("+", "-"))))


def _is_option_list(part: card.Part) -> bool:
    return isinstance(part, card.Choices)


def _is_field_list(part: card.Part) -> bool:
    return isinstance(part, card.Line) and part.role == "fields"


def _is_note(part: card.Part) -> bool:
    return isinstance(part, card.Note)


def _outcome(drawn: card.Card) -> card.Line | None:
    lines = [part for part in drawn.parts[1:] if isinstance(part, card.Line) and part.strong]
    return lines[0] if lines and drawn.tone != "pending" else None


def _risk_word(drawn: card.Card) -> str:
    return card.RISK_WORDS.get(drawn.risk, "")


def _foreign(name: str) -> str:
    return text.line(name).text


_FILTERS: Mapping[str, object] = {
    "kind": _kind,
    "widget": inputs.widget_of,
    "utc": _utc,
    "length_note": _length,
    "foreign": _foreign,
    "duration": stats.told,
    "toml": written.toml,
    "counted": wording.counted,
}


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("sayso_web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # jinja declares these tables as holding only what it puts into them itself
    for table, more in (
        (made.tests, {"option_list": _is_option_list, "field_list": _is_field_list, "note": _is_note}),
        (made.filters, _FILTERS),
        (
            made.globals,
            {
                "options_of": _options,
                "title_of": _title,
                "glimpses_of": _glimpses,
                "outcome_of": _outcome,
                "risk_word": _risk_word,
                "split": rows.split,
                "unknown": _unknown,
            },
        ),
    ):
        cast(dict[str, Any], table).update(more)
    return made


_TEMPLATES = _environment()
