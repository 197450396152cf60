"""Every alternative of a pattern that guesses has its two examples, and makes a difference for them."""

# The tables are nobody's interface, but they are what has to be complete.
# pyright: reportPrivateUsage=false

import unicodedata
from collections.abc import Iterator
from types import ModuleType

import pytest
import regex

from sayso.content import lookalikes, symbols, text
from sayso.content.guesses import AnyOf, Guess, Late
from tests.tables import each

GUESSING: tuple[ModuleType, ...] = (text, lookalikes, symbols)
TABLES = {
    f"{module.__name__}.{name}": table
    for module in GUESSING
    for name, table in vars(module).items()
    if isinstance(table, AnyOf)
}
ROWS = [(table, one) for table in TABLES.values() for one in (*table.guesses, table.unless) if one]


def shown(table: AnyOf, raw: str, guess: Guess) -> text.Foreign:
    return text.line(raw) if table is text._SUSPECT_IN_LINE else text.literal(raw, code=guess.code)


def deceives(table: AnyOf, raw: str, guess: Guess) -> bool:
    """Whether *raw* is named or spelled out; what is spelled out quietly is ordinary there."""
    seen = shown(table, raw, guess)
    as_it_is = raw.translate(text._LINE_SIGNS) if table is text._SUSPECT_IN_LINE else raw
    return bool(seen.warnings) or (seen.text != as_it_is and table is not text._QUIET)


def bare_alternatives(pattern: str) -> bool:
    """Whether there is a | outside of sets."""
    plain = regex.sub(r"\\.", "", pattern)
    while (without := regex.sub(r"\[[^\[\]]*\]", "", plain)) != plain:
        plain = without
    return "|" in plain


def patterns_beside_the_tables() -> Iterator[str]:
    for module in GUESSING:
        for name, one in vars(module).items():
            if isinstance(one, regex.Pattern) and bare_alternatives(one.pattern):
                yield f"{module.__name__}.{name}"


def test_the_ordinary_example_stays_and_the_deceiving_one_is_caught() -> None:
    for row in each(ROWS):
        with row as (table, guess):
            assert guess.ordinary != guess.deceiving
            assert not deceives(table, guess.ordinary, guess)
            assert deceives(table, guess.deceiving, guess)


def test_an_alternative_that_is_deleted_is_missed() -> None:
    for row in each(ROWS):
        with row as (table, guess), pytest.MonkeyPatch.context() as patch:
            before = [shown(table, raw, guess) for raw in (guess.ordinary, guess.deceiving)]
            patch.setattr(table, "pattern", table.without(guess).pattern)
            assert [shown(table, raw, guess) for raw in (guess.ordinary, guess.deceiving)] != before


def test_no_pattern_with_alternatives_stands_beside_the_tables() -> None:
    assert list(patterns_beside_the_tables()) == []
    assert bare_alternatives(r"a[b|]|c")
    assert not bare_alternatives(r"a[b|[|]]\|c")


def test_every_sign_that_passes_for_a_letter_is_caught_in_a_word_of_its_own() -> None:
    signs = sorted(lookalikes._TWINS)
    assert len(signs) > 100
    assert [sign for sign in signs if not text.literal(f"see {sign}{sign} now").warnings] == []


# Of each search the signs without which it does not begin, and the patterns that it has then.
FIRST_SIGNS: dict[str, tuple[Late, tuple[AnyOf | Late, ...]]] = {
    "styled": (symbols._STYLES, (symbols._STYLED_SIGNS, symbols._SMALL_CAPITALS, symbols._PHONETIC_TWINS)),
    "wide": (symbols._WIDE_OR_STROKE, (symbols._WIDE_SIGNS, symbols._WIDE_IN_CODE, symbols._STROKE)),
    "symbols": (
        symbols._PASSING,
        (symbols._NEVER_PLAIN, symbols._OPERATORS, symbols._MATH_OPERATORS, symbols._BARS),
    ),
    "dashes": (symbols._ANY_DASH, (symbols._DASHES_IN_CODE, symbols._DASHES_IN_PROSE)),
    "overlays": (symbols._MARKS, (symbols._DRAWN_OVER,)),
    "giants": (symbols._GIANT, (symbols._OVERSIZED,)),
    "mixed": (
        lookalikes._NEVER_LATIN,
        (lookalikes._REMOTE, lookalikes._ENCLOSED, lookalikes._CYRILLIC, lookalikes._GREEK),
    ),
}


@pytest.mark.once
def test_a_search_begins_with_every_sign_that_its_patterns_can_name() -> None:
    signs = [
        sign
        for sign in map(chr, range(0x110000))
        if unicodedata.category(sign) not in ("Cn", "Co", "Cs", "Lo") or sign in "ㅡㅣㅇ一丨"
    ]
    for row in each(FIRST_SIGNS.items()):
        with row as (_, (first, patterns)):
            others = [sign for sign in signs if not first.pattern.search(sign)]
            raw = "".join(f"{sign}ab {sign}{sign}{sign}{sign} cd{sign}12{sign} {sign}ab " for sign in others)
            for pattern in patterns:
                named = [sign for found in pattern.pattern.finditer(raw) for sign in found[0] if not sign.isascii()]
                assert not named
