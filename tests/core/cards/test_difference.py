"""A diff shows both texts to the last blank, whatever they hold, and in bounded work."""

from __future__ import annotations

import time

import hypothesis
import pytest
from hypothesis import strategies as st

from sayso.cards import difference
from sayso.content import text

LINES = st.lists(
    st.text(alphabet="ab +-@\t\u00a0\u200b\u0338\u0430\r⟦é", max_size=4) | st.sampled_from(["", "--- a", "x"]),
    max_size=8,
)
TEXTS = LINES.map("\n".join)


def side(rows: tuple[str, ...], sign: str) -> str:
    return "\n".join(row[1:] for row in rows if row[0] in (" ", sign))


@hypothesis.given(old=TEXTS, new=TEXTS)
def test_every_row_has_our_sign_and_both_texts_are_whole(old: str, new: str) -> None:
    rows = difference.between(old, new).rows
    assert {row[0] for row in rows} <= set(" +-")
    written = "⟦" in "".join(row[1:] for row in rows)
    for sign, raw in (("-", old), ("+", new)):
        assert side(rows, sign).count("\n") == raw.count("\n")
        if not written:
            assert side(rows, sign) == text.literal(raw, code=True).text


@hypothesis.given(pairs=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS))
def test_two_changes_never_have_the_same_diff(pairs: tuple[str, str, str, str]) -> None:
    old, new, other_old, other_new = pairs
    if (old, new) != (other_old, other_new):
        assert difference.between(old, new).rows != difference.between(other_old, other_new).rows


@hypothesis.given(old=TEXTS, new=TEXTS)
def test_no_two_rows_that_change_look_the_same(old: str, new: str) -> None:
    rows = difference.between(old, new).rows
    gone, come = ({row[1:].rstrip() for row in rows if row[0] == sign} for sign in "-+")
    kept = {row[1:] for row in rows if row[0] == " "}
    # the same line may go here and come there, when it moves; what is only alike may not
    assert all(row in old.split("\n") or "⟦" in row or "␍" in row or row == "" for row in (gone & come) - kept)


def test_blanks_at_an_end_tabs_and_letters_that_look_alike_are_written_out() -> None:
    assert difference.between("a", "a  ").rows == ("-a", "+a⟦2×U+0020⟧")
    assert difference.between("if x:\n\ty", "if x:\n    y").rows == (" if x:", "-⟦U+0009⟧y", "+    y")
    assert difference.between("paypal", "p\u0430ypal").rows == ("-paypal", "+p⟦U+0430⟧ypal")
    assert difference.between("a b", "a  b").rows == ("-a b", "+a⟦2×U+0020⟧b")
    # whoever reads the language needs no numbers
    assert difference.between("猫", "犬").rows == ("-猫", "+犬")


def test_no_mark_is_drawn_over_our_sign() -> None:
    assert difference.between("a", "\u20d2a").rows == ("-a", "+⟦U+20D2⟧a")
    assert difference.between("a", "\u20d2a").warnings


def test_a_line_break_that_is_missing_and_other_line_endings_are_said() -> None:
    assert difference.between("a\n", "b").notes == (
        "The old text has a line break at its end, the new one has no line break at its end.",
    )
    assert difference.between("a\r\nb", "a\nb") == difference.Difference(
        ("-a␍", "+a", " b"), (), (text.Trusted("The line endings change: ␍ stands for a carriage return."),)
    )
    assert difference.between("a\n", "b\n").notes == difference.between("a", "b").notes == ()


def test_no_text_is_not_an_empty_text() -> None:
    assert difference.between(None, "").rows == ("+",)
    assert difference.between("", "").rows == (" ",)
    assert difference.between("a", None).rows == ("-a",)


@pytest.mark.parametrize("rows", [difference.MOST_ROWS, difference.MOST_ROWS + 1, 20_000])
def test_texts_made_to_be_compared_for_long_are_not(rows: int) -> None:
    old, new = ("\n".join(f"x\n{sign}{number}" for number in range(rows // 2)) for sign in "ab")
    begun = time.process_time()
    found = difference.between(old, new)
    assert time.process_time() - begun < 5
    assert side(found.rows, "-") == old
    assert side(found.rows, "+") == new
