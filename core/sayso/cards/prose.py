"""Turns an agent's Markdown into plain parts that can be shown but cannot do anything.

The rule: nothing that the agent wrote vanishes. Links lose their power and keep their address; what a Markdown parser
would swallow (definitions, link titles, HTML, surplus cells, too deep nesting) stays visible, if need be as source.
"""

from __future__ import annotations

import itertools
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import regex

from sayso.content import text

if TYPE_CHECKING:
    from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style; a line break is a line feed in it."""

    text: text.Safe
    bold: bool = False
    italic: bool = False
    code: bool = False
    strike: bool = False
    """Never set by `parse`: text that looks struck out reads as if it did not count."""


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Heading:
    """An agent's heading, of whatever level: to be drawn as a bold line, never like the service's own headings."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Listing:
    """A list; an ordered one counts from *start*."""

    ordered: bool
    start: int
    items: tuple[tuple[Block, ...], ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """A block quote."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Fence:
    """Code or other text to be shown as it is, without a line feed at its end."""

    text: text.Safe


@dataclass(frozen=True, slots=True)
class Rule:
    """A line between two parts."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells of spans; the first row is the head."""

    rows: tuple[tuple[Spans, ...], ...]


Block = Paragraph | Heading | Listing | Quote | Fence | Rule | Table


@dataclass(frozen=True, slots=True)
class Prose:
    """Parsed Markdown and what the reader should know about it."""

    blocks: tuple[Block, ...]
    warnings: tuple[text.Odd, ...] = ()


# Nobody reads more than this as prose, and the parser is quadratic for some hostile input.
_LONGEST = 30_000
_MOST_TOKENS = 6_000
_DEEPEST = 16
_ENTITY = regex.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_MARKERS = regex.compile(r"(?m)^(?:[ \t]*(?:>|[-+*]|\d{1,9}[.)])(?=[ \t>]|$))++")
# ASCII signs that are markup may vanish; all others are looked for, or a command without letters could.
_VISIBLE = regex.compile(r"(?V1)[\p{L}\p{N}\p{P}\p{S}--[!\"#&'*+:<=>\[\\\]_`|~-]]")

_Style = tuple[bool, bool, bool]
_Run = tuple[str, _Style]
_UPRIGHT: _Style = (False, False, False)


def parse(markdown: str) -> Prose:
    """Parse *markdown*; if it is too long, or the parser would drop a letter of it, the result is one fence."""
    source = markdown.replace("\r\n", "\n")
    reader = _Reader()
    tokens = _tokens_of(source) if len(source) <= _LONGEST else []
    sound = _is_sound(tokens) or not source.strip()
    blocks = tuple(reader.blocks(iter(tokens))) if sound else ()
    if not sound or _loses_signs(source, blocks):
        return _as_source(source)
    decoded = [] if reader.texts == [source] else reader.texts
    seen = text.literal("\n".join([source, *decoded])).warnings
    seen += text.literal("\n".join(reader.codes), code=True).warnings
    return Prose(blocks, tuple(dict.fromkeys(seen)))


def plain(prose: Prose) -> str:
    """The same as readable text for terminals, logs and length counts."""
    return _plain(prose.blocks)


def _tokens_of(source: str) -> list[Token]:
    # it takes a while to load, and for a list nobody needs it
    from sayso.cards import markdown

    return markdown.tokens_of(source)


def _is_sound(tokens: list[Token]) -> bool:
    """Neither empty, nor very many parts, nor so deep that the parser began to skip."""
    return 0 < len(tokens) <= _MOST_TOKENS and max(token.level for token in tokens) < _DEEPEST


def _as_source(source: str) -> Prose:
    whole = text.literal(source, code=True)
    return Prose((Fence(whole.text),), whole.warnings)


def _loses_signs(source: str, blocks: tuple[Block, ...]) -> bool:
    expected, shown = text.escaped(_ENTITY.sub("", _MARKERS.sub("", source))), _plain(blocks)
    return expected.strip() != shown and any(map(_VISIBLE.match, Counter(expected) - Counter(shown)))


@dataclass(slots=True)
class _Reader:
    """Walks the parser's flat tokens and remembers every decoded text, so that warnings see through the markup."""

    texts: list[str] = field(default_factory=list[str])
    codes: list[str] = field(default_factory=list[str])

    def blocks(self, tokens: Iterator[Token], until: str = "") -> Iterator[Block]:
        for token in tokens:
            if token.type == until:
                return
            yield from self._block(token, tokens)

    def _block(self, token: Token, tokens: Iterator[Token]) -> Iterator[Block]:
        match token.type:
            case "paragraph_open":
                yield Paragraph(self._inline(tokens))
            case "heading_open":
                yield Heading(self._inline(tokens))
            case "blockquote_open":
                yield Quote(tuple(self.blocks(tokens, "blockquote_close")))
            case "bullet_list_open":
                yield Listing(False, 1, tuple(self._items(tokens, "bullet_list_close")))
            case "ordered_list_open":
                yield Listing(True, int(token.attrs.get("start", 1)), tuple(self._items(tokens, "ordered_list_close")))
            case "table_open":
                yield Table(tuple(self._rows(tokens)))
            case "hr":
                yield Rule()
            case _:  # fence, code_block
                yield from self._fence(token)

    def _inline(self, tokens: Iterator[Token]) -> Spans:
        spans = self._spans(next(tokens).children or [])
        next(tokens)  # the closing token
        return spans

    def _items(self, tokens: Iterator[Token], until: str) -> Iterator[tuple[Block, ...]]:
        while next(tokens).type != until:
            yield tuple(self.blocks(tokens, "list_item_close"))

    def _rows(self, tokens: Iterator[Token]) -> Iterator[tuple[Spans, ...]]:
        row: list[Spans] = []
        while (token := next(tokens)).type != "table_close":
            if token.type == "inline":
                row.append(self._spans(token.children or []))
            elif token.type == "tr_close":
                yield tuple(row)
                row = []

    def _fence(self, token: Token) -> Iterator[Block]:
        if info := token.info.strip():
            yield Paragraph(self._show([(info, (False, False, True))]))
        content = token.content.removesuffix("\n")
        self.codes.append(content)
        yield Fence(text.escaped(content, code=True))

    def _spans(self, children: list[Token]) -> Spans:
        runs = list(_runs(children))
        self.texts.append("".join(written for written, _ in runs))
        return self._show(runs)

    def _show(self, runs: list[_Run]) -> Spans:
        spans: list[Span] = []
        for style, group in itertools.groupby(runs, key=lambda run: run[1]):
            written = "".join(run[0] for run in group)
            bold, italic, code = style
            if code:
                self.codes.append(written)
            if written:
                spans.append(Span(text.escaped(written, code=code), bold, italic, code))
        return tuple(spans)


def _runs(children: list[Token]) -> Iterator[_Run]:
    depth: Counter[str] = Counter()
    address = ""
    for token in children:
        kind, _, edge = token.type.rpartition("_")
        if edge == "open":
            depth[kind] += 1
            address = _address(token, "href") if kind == "link" else address
        elif edge == "close":
            depth[kind] -= 1
            if kind == "link" and token.markup != "autolink":
                yield f" ({address})", _UPRIGHT
        else:
            yield _text_of(token), (depth["strong"] > 0, depth["em"] > 0, kind == "code")


def _text_of(token: Token) -> str:
    match token.type:
        case "image":
            return f"[image: {token.content}] ({_address(token, 'src')})"
        case "softbreak" | "hardbreak":
            return "\n"
        case _:  # text, code_inline
            return token.content


def _address(token: Token, name: str) -> str:
    title = f' "{token.attrs["title"]}"' if "title" in token.attrs else ""
    return f"{token.attrs.get(name, '')}{title}"


def _plain(blocks: Iterable[Block]) -> str:
    return "\n\n".join(map(_plain_block, blocks))


def _plain_block(block: Block) -> str:
    match block:
        case Paragraph(spans) | Heading(spans):
            return _join(spans)
        case Listing(ordered, start, items):
            marks = [f"{start + at}. " if ordered else "- " for at in range(len(items))]
            return "\n".join(_indent(mark, _plain(item)) for mark, item in zip(marks, items, strict=True))
        case Quote(inner):
            return textwrap.indent(_plain(inner), "> ", lambda line: True)
        case Fence(content):
            return content
        case Rule():
            return "---"
        case _:  # Table
            return "\n".join(" | ".join(map(_join, row)) for row in block.rows)


def _join(spans: Spans) -> str:
    return "".join(span.text for span in spans)


def _indent(mark: str, content: str) -> str:
    return mark + content.replace("\n", "\n" + " " * len(mark))
