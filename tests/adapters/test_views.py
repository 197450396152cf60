"""Whatever a platform shows of a request: card, windows, pages to review, rows and notes, under hostile text."""

from __future__ import annotations

import itertools
import json
from typing import Any, get_args

import hypothesis
import pytest
from hypothesis import strategies as st

from sayso import testing
from tests.conftest import LONG
from tests.tables import each

PLATFORMS = ("slack", "discord", "web", "terminal")
VIEWS = get_args(testing.View)
FIELDS = get_args(testing.RequestField)
MARK = "zqj"
TRICKS = [
    "\u202e", "\u200b", "\u2066", "\x1b[2J", "\x00", "\r\n", "\n" * 30, " " * 70, "\t", "<b>", "&amp;", "<!channel>",
    "@everyone", "<@U1>", "[x](https://evil.example)", "```", "**", "# ", "> ", "||", "{{7*7}}", "e\u0301" * 8,
    "\ufdfd" * 3, "рау", "\U000e0041", "⟦U+202E⟧", "To answer:", "✓ Allowed by ann",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(TRICKS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=4)
SEEN = {
    "windows": {"title", "key", "option", "label", "description", "url"},
    "review": set(FIELDS) - {"label", "name"},
}
"""Fields whose text stands in such a view."""


def words(payload: Any) -> str:
    """Every text in a payload."""
    if isinstance(payload, str):
        return payload
    inner = payload.values() if isinstance(payload, dict) else payload if isinstance(payload, list | tuple) else ()
    return "\n".join(words(one) for one in inner)


def test_every_view_is_drawn_and_shows_what_it_is_about() -> None:
    for row in each(itertools.product(VIEWS, PLATFORMS)):
        with row as (view, platform):
            for field in FIELDS:
                shown = testing.render(platform, field, MARK, view)
                assert isinstance(shown, list) == (view != "card")
                if field in SEEN.get(view, set()) and shown:
                    assert MARK in words(shown), field


def check(platform: str, field: Any, view: Any, parts: list[str]) -> None:
    """Signs that act or hide are spelled out wherever foreign text stands, and no view fails on any of it."""
    raw = ("".join(parts) + MARK)[-190:]
    raw = raw[-50:] if field == "key" else raw
    assert not set(words(testing.render(platform, field, raw, view))) & set("\u202e\u2066\x1b\x00\U000e0041")


def test_nothing_that_hides_or_acts_reaches_any_view() -> None:
    for row in each(FIELDS):
        with row as field:
            for platform in PLATFORMS:
                for view in VIEWS:
                    check(platform, field, view, [one for one in TRICKS if len(one) < 12])


@hypothesis.settings(max_examples=1_000 if LONG else 40)
@hypothesis.given(st.sampled_from(PLATFORMS), st.sampled_from(FIELDS), st.sampled_from(VIEWS), HOSTILE)
def test_no_text_breaks_any_view(platform: str, field: Any, view: Any, parts: list[str]) -> None:
    check(platform, field, view, parts)


def test_a_note_and_its_opening_are_shown() -> None:
    rows: list[str] = ["slack", "discord"]
    for row in each(rows):
        with row as platform:
            assert MARK in json.dumps(testing.render(platform, "body", MARK, "notes"))
            assert MARK in json.dumps(testing.render(platform, "session", MARK, "notes"))


def test_an_unknown_platform_field_or_view_is_an_error() -> None:
    for wrong in (("fax", "title", "card"), ("web", "fax", "card"), ("web", "title", "fax")):
        with pytest.raises(ValueError, match="fax"):
            testing.render(wrong[0], wrong[1], "x", wrong[2])  # pyright: ignore[reportArgumentType]


def test_no_foreign_text_is_markup_in_slack() -> None:
    for row in each(FIELDS):
        with row as field:
            for view in VIEWS:
                for kind, said in texts(testing.render("slack", field, f"<!channel> *{MARK}*", view)):
                    assert kind != "mrkdwn" or MARK not in said


def texts(payload: Any) -> list[tuple[str, str]]:
    """The text objects of a payload, with their kinds."""
    if isinstance(payload, list):
        return [one for part in payload for one in texts(part)]
    if not isinstance(payload, dict):
        return []
    own = [(payload["type"], payload["text"])] if isinstance(payload.get("text"), str) and "type" in payload else []
    return own + [one for part in payload.values() for one in texts(part)]


def test_the_default_of_an_enumeration_is_chosen_to_begin_with() -> None:
    rows: list[tuple[str, str]] = [("slack", '"initial_option'), ("discord", '"default": true'), ("web", " checked>")]
    for row in each(rows):
        with row as (platform, sign):
            shown = testing.render(platform, "option", MARK, "windows")
            assert sum(sign in (one if isinstance(one, str) else json.dumps(one)) for one in shown) >= 2
