"""Parts become Discord Markdown in which nothing foreign is live. Pure.

The rule: foreign text stands only in code spans, in fences, or with a backslash before every ASCII sign that could be
markup; whatever could end such a place is broken up by U+200B, which foreign text never holds unescaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from sayso import model
from sayso.cards import card, prose, sections
from sayso.content import text

RISKS: Mapping[model.Risk, str] = {"low": "⚠️", "medium": "⚠️", "high": "🚨"}
"""The sign of a risk."""
_BREAK = "\u200b"
_SIGNS = re.compile(r"([!-/:-@\[-`{-~])")
_MANY_TICKS = re.compile(r"`(?=`)")


def part(shown: card.Part) -> str:
    """One part as Markdown."""
    match shown:
        case card.Line(text=spans, strong=strong):
            return "".join(inline(span, strong=strong) for span in spans)
        case card.Ask(text=asked):
            return _quote(escape(asked.text) or "*empty*")
        case card.Code():
            return _code(shown)
        case card.Image(text=spans):
            return "".join(inline(span) for span in spans)
        case card.Says(text=told):
            return "\n".join(["**The agent says**", *_prose(told.blocks)])
        case card.Facts(rows=rows):
            facts = [f"{inline(label, strong=True)}: {inline(value)}" for label, value in rows]
            return "-# " + (" · " if sections.on_one_line(shown) else "\n-# ").join(facts)
        case card.Choices(options=options):
            return "\n".join(_option(number, *option) for number, option in enumerate(options, 1))
        case card.Warn(text=said):
            return f"⚠️ **{escape(said)}**"
        case card.Risk(text=spans, level=level):
            return f"{RISKS[level]} " + "".join(inline(span) for span in spans)
        case card.Note(text=spans):
            return "-# " + "".join(inline(span) for span in spans)
        case _:
            assert_never(shown)


def separate_quotes(content: str) -> str:
    """Markdown with an empty line after each quote: some renderers take the next line into the quote."""
    made: list[str] = []
    fenced = False
    for line in content.split("\n"):
        if made and made[-1].startswith(">") and line and not line.startswith(">") and not fenced:
            made.append("")
        fenced ^= line.startswith("```")
        made.append(line)
    return "\n".join(made)


def inline(span: card.Inline, *, strong: bool = False) -> str:
    """A piece of a line: the service's words, foreign text as code, or a moment in the reader's own time."""
    if isinstance(span, card.Moment):
        return f"<t:{int(span.at.timestamp())}:{'R' if span.relative else 'f'}>"
    if isinstance(span, text.Foreign):
        return code(span.text)
    said = escape(span)
    if not strong or not said.strip():
        return said
    # blanks inside the asterisks would keep them from being read as markup
    head, tail = len(said) - len(said.lstrip()), len(said.rstrip())
    return f"{said[:head]}**{said[head:tail]}**{said[tail:]}"


def code(content: str) -> str:
    """Foreign text on one line, to the letter."""
    if not content:
        return "*empty*"
    held = content.replace("`", f"`{_BREAK}").replace("\n", "⏎")
    return f"``{_BREAK if held[0] == '`' else ''}{held}``"


def fence(content: str, language: str = "") -> str:
    """Foreign text in a box, to the letter, its empty lines at both ends included; *language* is a word of ours."""
    held = _MANY_TICKS.sub(f"`{_BREAK}", content)
    head = _BREAK if held[:1] in ("\n", "") else ""
    # a fence shows no last line break, and a last tick would count among its own
    tail = _BREAK if held[-1:] in ("\n", "`") else ""
    return f"```{language}\n{head}{held}{tail}\n```"


def escape(content: str) -> str:
    """Text in which no sign is markup."""
    return _SIGNS.sub(r"\\\1", content)


def _code(shown: card.Code) -> str:
    label = ["".join(inline(span, strong=True) for span in shown.label)] if shown.label else []
    box = fence(shown.text.text, "diff" if shown.diff else "") if shown.text.text else "*empty*"
    cut = [f"*… {escape(shown.left_out)}*"] if shown.left_out else []
    return "\n".join([*label, box, *cut])


def _option(number: int, label: text.Foreign, description: text.Foreign | None) -> str:
    first = f"**{number}\\.** {code(label.text)}"
    return first if description is None else f"{first}\n{_quote(escape(description.text) or '*empty*')}"


def _quote(content: str) -> str:
    # a line of blanks alone would end the quote
    return "\n".join(f"> {line if line.strip() else _BREAK}" for line in content.split("\n"))


def _prose(blocks: Iterable[prose.Block]) -> Iterator[str]:
    for one in blocks:
        match one:
            case prose.Paragraph(spans=spans) | prose.Heading(spans=spans):
                bold = isinstance(one, prose.Heading)
                yield from [_quote(_spans(spans, bold=bold))] if spans else _plain_quote(one)
            case prose.Fence(text=content):
                yield fence(content) if content else "*empty*"
            case prose.Listing():
                yield _quote(_listing(one, 0))
            case prose.Table():
                plain = prose.plain(prose.Prose((one,)))
                yield from [fence(plain)] if plain else []
            case prose.Quote() | prose.Rule():
                yield from _plain_quote(one)
            case _:
                assert_never(one)


def _plain_quote(one: prose.Block) -> list[str]:
    plain = prose.plain(prose.Prose((one,)))
    return [_quote(escape(plain))] if plain else []


def _listing(one: prose.Listing, depth: int) -> str:
    lines: list[str] = []
    for number, item in enumerate(one.items, one.start):
        mark = f"{number}\\." if one.ordered else "•"
        lines.append(f"{'  ' * depth}{mark} {_item(item, depth)}")
    return "\n".join(lines)


def _item(item: tuple[prose.Block, ...], depth: int) -> str:
    shown: list[str] = []
    for inner in item:
        if isinstance(inner, prose.Paragraph | prose.Heading):
            shown.append(_spans(inner.spans))
        elif isinstance(inner, prose.Listing):
            shown.append(_listing(inner, depth + 1))
        else:
            shown.append(escape(prose.plain(prose.Prose((inner,)))))
    return "\n".join(shown)


def _spans(spans: Iterable[prose.Span], *, bold: bool = False) -> str:
    return "".join(_span(span, bold or span.bold) for span in spans if span.text)


def _span(span: prose.Span, bold: bool) -> str:
    if span.code:
        return "\n".join(code(line) if line else "" for line in span.text.split("\n"))
    said = escape(span.text)
    marks = "*" * ((2 if bold else 0) + (1 if span.italic else 0))
    # only around words: marks beside a blank are not read as marks, and would be shown
    if not marks or said != said.strip() or "\n" in said:
        return said
    return f"{marks}{said}{marks}"
