"""Agents' Markdown: formatted where that is harmless, powerless everywhere, and never hidden."""

from collections import Counter

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from sayso.cards import prose
from sayso.content import text
from tests.tables import each


def span(shown: str, **style: bool) -> prose.Span:
    return prose.Span(text.Safe(shown), **style)


def paragraph(shown: str) -> prose.Paragraph:
    return prose.Paragraph((span(shown),))


def fence(shown: str) -> prose.Fence:
    return prose.Fence(text.Safe(shown))


def test_the_usual_markdown_becomes_neutral_parts() -> None:
    source = (
        "# Why *now*\n\nThe **cache** is `full`:\nsee below.\n\n3. one\n   - inner\n4. two\n\n> quoted\n\n---\n\n"
        "    indented\n\n| a | b |\n|---|---|\n| 1 | **2** |\n"
    )
    assert prose.parse(source) == prose.Prose(
        (
            prose.Heading((span("Why "), span("now", italic=True))),
            prose.Paragraph(
                (span("The "), span("cache", bold=True), span(" is "), span("full", code=True), span(":\nsee below."))
            ),
            prose.Listing(
                True,
                3,
                ((paragraph("one"), prose.Listing(False, 1, ((paragraph("inner"),),))), (paragraph("two"),)),
            ),
            prose.Quote((paragraph("quoted"),)),
            prose.Rule(),
            fence("indented"),
            prose.Table(
                (((span("a"),), (span("b"),)), ((span("1"),), (span("2", bold=True),))),
            ),
        )
    )


def test_plain_text_keeps_the_shape_of_every_part() -> None:
    source = "# Head\n\ntext **bold**\n\n2. one\n\n   more\n3. two\n\n- x\n\n> q\n> > r\n\n***\n\n"
    source += "```\ncode\n```\n\n|a|b|\n|-|-|\n|1|2|"
    assert prose.plain(prose.parse(source)) == (
        "Head\n\ntext bold\n\n2. one\n   \n   more\n3. two\n\n- x\n\n> q\n> \n> > r\n\n---\n\ncode\n\na | b\n1 | 2"
    )


PLAIN: list[tuple[str, str]] = [
    ("[label](https://evil.example/a?b=c&d)", "label (https://evil.example/a?b=c&d)"),
    ('[label](https://evil.example "a title")', 'label (https://evil.example "a title")'),
    ("[**bold** label](x)", "bold label (x)"),
    ("[https://good.example](https://evil.example)", "https://good.example (https://evil.example)"),
    ("[https://good.example](https://good.example)", "https://good.example (https://good.example)"),
    ("[](https://evil.example)", " (https://evil.example)"),
    ("[ü](https://münchen.example/ü)", "ü (https://münchen.example/ü)"),
    ("<https://evil.example>", "https://evil.example"),
    ("<ann@example.com>", "ann@example.com"),
    ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
    ('![a *b* c](https://pixel.example/p.png "t")', '[image: a *b* c] (https://pixel.example/p.png "t")'),
    ("[label][ref]\n\n[ref]: https://evil.example 'title'", "[label][ref]\n\n[ref]: https://evil.example 'title'"),
    ("<!-- ignore the rest --> <b>x</b>", "<!-- ignore the rest --> <b>x</b>"),
    ("<details>\n<summary>s</summary>\nhidden\n</details>", "<details>\n<summary>s</summary>\nhidden\n</details>"),
    ("~~struck~~ ||spoiler||", "~~struck~~ ||spoiler||"),
    ("```sh rm -rf /\nls\n```", "sh rm -rf /\n\nls"),
    ("```\nls", "ls"),
    ("&lt;b&gt; &amp; \\*not bold\\*", "<b> & *not bold*"),
    ("<!here> <@U1> @everyone", "<!here> <@U1> @everyone"),
    ("a  \nb\\\nc", "a\nb\nc"),
    ("a\r\nb", "a\nb"),
    ("#", ""),
    ("", ""),
    (" \n\n", ""),
]


def test_what_markdown_would_hide_or_bring_to_life_is_plain_to_see() -> None:
    for row in each(PLAIN):
        with row as (source, shown):
            parsed = prose.parse(source)
            assert prose.plain(parsed) == shown
            assert parsed.warnings == ()


TRICKS: list[tuple[str, str, str]] = [
    ("a &#8238; b", "a ⟦U+202E⟧ b", "invisible"),
    ("a &#x200b; b", "a ⟦U+200B⟧ b", "invisible"),
    ("a&ZeroWidthSpace;b", "a⟦U+200B⟧b", "invisible"),
    ("`a\u202eb`", "a⟦U+202E⟧b", "invisible"),
    ("```\na\u202eb\n```", "a⟦U+202E⟧b", "invisible"),
    ("```\u202epy\nx\n```", "⟦U+202E⟧py\n\nx", "invisible"),
    ("[x](https://a.example/\u200b)", "x (https://a.example/⟦U+200B⟧)", "invisible"),
    ("![a\u200b](x)", "[image: a⟦U+200B⟧] (x)", "invisible"),
    ("nul\x00 and \x1b[2K", "nul⟦U+0000⟧ and ⟦U+001B⟧[2K", "invisible"),
    ("safe\rEVIL", "safe⟦U+000D⟧EVIL", "invisible"),
    ("edge\u2028", "edge⟦U+2028⟧", "blanks"),
    ("p**а**ypal", "pаypal", "letters"),
    ("p&#1072;ypal", "pаypal", "letters"),
    ("| a |\n|---|\n| \u202e |", "a\n⟦U+202E⟧", "invisible"),
    ("e*" + "\u0301" * 3 + "*", "e⟦U+0301⟧⟦U+0301⟧⟦U+0301⟧", ""),
    ("run `a ∕ b`", "run a ∕ b", "symbols"),
    ("a" + "\n" * 40 + "b", "a\n\nb", "line breaks"),
]


def test_tricks_are_seen_through_the_markup() -> None:
    for row in each(TRICKS):
        with row as (source, shown, warning):
            parsed = prose.parse(source)
            assert prose.plain(parsed) == shown
            assert (not warning and not parsed.warnings) or any(
                warning in str(sentence) for sentence in parsed.warnings
            )


@pytest.mark.parametrize(
    "source",
    [
        "| a |\n|---|\n| 1 | rm -rf / |",
        ">" * 50 + " deep",
        "- " * 60 + "deep",
        "> " * 30 + ":(){ :|:& };:",
        "| a |\n|---|\n| 1 | $(;) |",
        "&" * 40_000,
        "word " * 20_000,
        "- item\n" * 3_000,
    ],
)
def test_what_the_parser_would_drop_comes_back_as_source(source: str) -> None:
    assert prose.parse(source).blocks == (fence(source),)


def test_a_source_shown_whole_is_warned_about_as_well() -> None:
    assert any("invisible" in str(warning) for warning in prose.parse("> " * 50 + "deep\u202e").warnings)


# fmt: off
MARKUP = [
    *"*_`~#>-+|[]()<>!&;:\\\"' \n\t\r1234.)ab", "](", "```", "\n\n", "    ", "|-|", "&#8238;",
    "\u202e", "а", "é", "\u0301", "漢", "<!--", "-->", "http://x.y",
]
# fmt: on
MARKED = st.one_of(st.text(), st.lists(st.sampled_from(MARKUP), max_size=60).map("".join))
WRITTEN = regex.compile(r"[\p{L}]")
ENTITY = regex.compile(r"&(?:#[xX]?[0-9a-fA-F]+|\w+);")


def texts(blocks: tuple[prose.Block, ...]) -> list[tuple[str, bool]]:
    """Every text that is shown, and whether it is code."""
    found: list[tuple[str, bool]] = []
    for block in blocks:
        match block:
            case prose.Paragraph(spans) | prose.Heading(spans):
                found += [(one.text, one.code) for one in spans]
            case prose.Listing(_, _, items):
                found += [one for item in items for one in texts(item)]
            case prose.Quote(inner):
                found += texts(inner)
            case prose.Fence(content):
                found.append((content, True))
            case prose.Table(rows):
                found += [(one.text, one.code) for row in rows for cell in row for one in cell]
            case prose.Rule():
                pass
    return found


@given(MARKED)
def test_no_letter_that_the_agent_wrote_is_hidden(source: str) -> None:
    shown = Counter(prose.plain(prose.parse(source)))
    written = Counter(
        letter for letter in WRITTEN.findall(ENTITY.sub("", source)) if text.literal(letter).text == letter
    )
    assert not written - shown


@example("0\xa00")
@given(MARKED)
def test_every_part_is_already_safe(source: str) -> None:
    parsed = prose.parse(source)
    for one, code in texts(parsed.blocks):
        # prose may hold a no-break space between letters, and code may not
        warnings = text.literal(one.replace("⟦", "[").replace("␍", ""), code=code).warnings
        assert not any("shown as" in str(warning) for warning in warnings)
    assert len(parsed.warnings) == len(set(parsed.warnings))
    assert parsed == prose.parse(source)


@given(st.text(st.characters(categories=["L", "Nd", "Zs"]), max_size=80))
def test_text_without_markup_is_shown_as_text_would_be(source: str) -> None:
    source = " ".join(source.split())
    assert prose.plain(prose.parse(source)) == text.literal(source).text


@pytest.mark.parametrize(
    "source",
    [
        ">" * 1_200,
        "> " * 1_200 + "x",
        "- " * 1_200 + "x",
        "1. " * 1_200 + "x",
        "[" * 1_200,
        "![" * 1_200,
        "[a](" * 1_200,
        "[*" * 1_200,
        "*a " * 1_200 + "b*" * 1_200,
        "**x [a_" * 1_200,
        "`a" * 1_200,
        "- a\n" * 1_200,
        "&" * 1_200,
        "<" * 1_200,
        "|a" * 1_500 + "|\n" + "|-" * 1_500 + "|\n" + "|x\n" * 20,
        "".join("`" * n + " " for n in range(100)),
    ],
)
def test_nesting_deeper_than_python_calls_itself_does_not_crash(source: str) -> None:
    """That none of it takes long is shown in tests/core/test_linear.py."""
    shown = prose.plain(prose.parse(source))
    assert len(shown) < 10 * len(source) + 200_000
