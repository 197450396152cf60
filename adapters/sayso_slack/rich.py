"""Parts become Slack rich text, whose leaves are literal: nothing in them pings, links or styles. Pure.

The rule: foreign text stands only in code-styled leaves, quotes and boxes; bold outside of them is the service's alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from sayso import model
from sayso.cards import card, prose, sections
from sayso.chat import bounds
from sayso.chat.received import Json
from sayso.content import text
from sayso.machine import people

# Slack draws lists this deep; deeper ones are shown at this depth.
_DEEPEST = 6
RISKS: Mapping[model.Risk, str] = {"low": "warning", "medium": "warning", "high": "rotating_light"}
"""The sign of a risk; Slack has no colour for a block."""


def part(shown: card.Part) -> list[Json]:
    """The elements of one rich text block for one part."""
    match shown:
        case card.Line(text=spans, strong=strong):
            return [section(inline(span, strong=strong) for span in spans)]
        case card.Ask(text=asked):
            return [_quote([leaf(asked.text)])]
        case card.Code():
            return _code(shown)
        case card.Image(text=spans):
            return [section(map(inline, spans))]
        case card.Says(text=told):
            return [section([leaf("The agent says", bold=True)]), *_prose(told.blocks)]
        case card.Facts(rows=rows):
            return [section(_facts(rows, " · " if sections.on_one_line(shown) else "\n"))]
        case card.Choices(options=options):
            return [element for number, option in enumerate(options, 1) for element in _option(number, *option)]
        case card.Warn(text=said):
            return [section([emoji("warning"), leaf(f" {said}", bold=True)])]
        case card.Risk(text=spans, level=level):
            return [section([emoji(RISKS[level]), leaf(" "), *map(inline, spans)])]
        case card.Note(text=spans):
            return [section(inline(span) for span in spans)]
        case _:
            assert_never(shown)


def block(elements: list[Json]) -> Json:
    """A rich text block."""
    return {"type": "rich_text", "elements": elements}


def section(leaves: Iterable[Json]) -> Json:
    """A line of text."""
    return {"type": "rich_text_section", "elements": list(leaves)}


def leaf(content: str, **style: bool) -> Json:
    """A run of text in one style; Slack takes no empty ones, so that is said instead."""
    if not content:
        return {"type": "text", "text": "empty", "style": {"italic": True}}
    styles = {name: True for name, on in style.items() if on}
    return {"type": "text", "text": content, **({"style": styles} if styles else {})}


def emoji(name: str) -> Json:
    """An emoji by its name in Slack."""
    return {"type": "emoji", "name": name}


def mentions(called: people.Called) -> Iterator[Json]:
    """The people and groups that a card notifies, by their ids."""
    users = [{"type": "user", "user_id": account.rpartition("/")[2]} for account in called.accounts]
    groups = [{"type": "usergroup", "usergroup_id": group.partition(":")[2]} for group in called.groups]
    for index, one in enumerate([*users, *groups][: bounds.MOST_CALLED]):
        if index:
            yield leaf(", ")
        yield one


def inline(span: card.Inline, *, strong: bool = False) -> Json:
    """A piece of a line: the service's words, foreign text in code style, or a moment in the reader's time zone."""
    if isinstance(span, card.Moment):
        fallback = span.at.strftime("%Y-%m-%d %H:%M UTC")
        form = "{ago}" if span.relative else "{date_short_pretty} at {time}"
        return {"type": "date", "timestamp": int(span.at.timestamp()), "format": form, "fallback": fallback}
    if isinstance(span, text.Foreign):
        return leaf(span.text, code=bool(span.text))
    return leaf(span or " ", bold=strong)


def _code(shown: card.Code) -> list[Json]:
    label = [section(inline(span, strong=True) for span in shown.label)] if shown.label else []
    box = _box(shown.text.text) if shown.text.text else section([leaf("")])
    cut = [section([leaf(f"… {shown.left_out}", italic=True)])] if shown.left_out else []
    return [*label, box, *cut]


def _box(content: str) -> Json:
    return {"type": "rich_text_preformatted", "elements": [leaf(content)]}


def _quote(leaves: list[Json]) -> Json:
    return {"type": "rich_text_quote", "elements": leaves}


def _facts(rows: Iterable[tuple[card.Inline, card.Inline]], between: str) -> Iterator[Json]:
    for index, (label, value) in enumerate(rows):
        if index:
            yield leaf(between)
        yield inline(label, strong=True)
        yield leaf(": ")
        yield inline(value)


def _option(number: int, label: text.Foreign, description: text.Foreign | None) -> Iterator[Json]:
    yield section([leaf(f"{number}. ", bold=True), inline(label)])
    if description is not None:
        yield _quote([leaf(description.text)])


def _prose(blocks: Iterable[prose.Block]) -> Iterator[Json]:
    """Paragraphs in a row share one quote, so that the bar at their side is not broken."""
    run: list[Json] = []
    for one in blocks:
        if isinstance(one, prose.Paragraph | prose.Heading):
            run += [leaf("\n\n")] if run and one.spans else []
            run += _spans(one.spans, bold=isinstance(one, prose.Heading))
            continue
        if run:
            yield _quote(run)
            run = []
        yield from _other_block(one)
    if run:
        yield _quote(run)


def _other_block(one: prose.Listing | prose.Quote | prose.Fence | prose.Rule | prose.Table) -> Iterator[Json]:
    plain = prose.plain(prose.Prose((one,)))
    match one:
        case prose.Listing():
            yield from _listing(one, 0)
        case prose.Fence() | prose.Table():
            yield from [_box(plain)] if plain else []
        case prose.Quote() | prose.Rule():
            yield from [_quote([leaf(plain)])] if plain else []
        case _:
            assert_never(one)


def _listing(one: prose.Listing, depth: int) -> Iterator[Json]:
    for number, item in enumerate(one.items):
        first = item[0] if item and isinstance(item[0], prose.Paragraph | prose.Heading) else None
        rest = item[1:] if first else item
        nested = [inner for inner in rest if isinstance(inner, prose.Listing)]
        below = prose.plain(prose.Prose(tuple(inner for inner in rest if not isinstance(inner, prose.Listing))))
        leaves = _spans(first.spans) if first else []
        leaves += [leaf(("\n" if leaves else "") + below)] if below else []
        yield {
            "type": "rich_text_list",
            "style": "ordered" if one.ordered else "bullet",
            "indent": min(depth, _DEEPEST),
            "border": 1,
            **({"offset": one.start - 1 + number} if one.ordered else {}),
            "elements": [section(leaves or [leaf(" ")])],
        }
        for inner in nested:
            yield from _listing(inner, depth + 1)


def _spans(spans: Iterable[prose.Span], *, bold: bool = False) -> list[Json]:
    return [
        leaf(span.text, bold=span.bold or bold, italic=span.italic, code=span.code, strike=span.strike)
        for span in spans
        if span.text
    ]
