"""What will run, as a person reads it; and that nothing of it is missing."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
from hypothesis import strategies as st

import sayso
from sayso.cards import arguments, card, cutting, draw, values
from sayso.content import text
from sayso.testing import samples
from tests.tables import each

EDIT = {"file_path": "/srv/a.py", "old_string": "a\nb\n", "new_string": "a\nc\n"}


def lines(parts: Any) -> list[str]:
    return ["".join(card.pieces(part)) for part in parts]


def box(parts: Any) -> card.Code:
    (found,) = (part for part in parts if isinstance(part, card.Code))
    return found


def test_a_command_needs_no_label_and_short_values_stand_on_one_line() -> None:
    asked = {"command": "make\n", "description": "Build it", "timeout": 600, "cwd": "/srv/app"}
    command, words, short = arguments.parts_of("Bash", asked)
    assert isinstance(command, card.Code)
    assert (command.label, command.text.text) == ((), "make\n")
    assert lines([words, short]) == ["The agent says: Build it", "timeout 600 · cwd /srv/app"]


def test_an_argument_of_a_tool_that_nobody_knows_is_named_once() -> None:
    found = box(arguments.parts_of("x", {"query": "select 1\nfrom a"}))
    assert lines([found]) == ["queryselect 1\nfrom a"]


def test_a_text_is_told_from_a_number() -> None:
    for row in each(
        [("600", 'k "600"'), (600, "k 600"), ("true", 'k "true"'), (None, "k null"), ("", 'k ""'), (" a", 'k " a"')]
    ):
        with row as (value, shown):
            assert lines(arguments.parts_of("x", {"k": value})) == [shown]


def test_an_edit_is_a_diff_under_the_name_of_its_file() -> None:
    found = box(arguments.parts_of("mcp__x__replace", EDIT))
    assert found.diff
    assert lines([found]) == ["Change · /srv/a.py a\n-b\n+c\n "]


def test_all_edits_of_a_call_stand_in_one_box_with_what_else_each_says() -> None:
    edits = [{"oldText": "a", "newText": "b"}, {"oldText": "c", "newText": "@@ d", "all": True}]
    found = box(arguments.parts_of("edit_file", {"path": "/a", "edits": edits}))
    assert found.text.text.split("\n") == ["@@ 1 of 2 @@", "-a", "+b", '@@ 2 of 2 · {"all": true} @@', "-c", "+@@ d"]


def test_an_edit_that_is_not_what_the_tool_takes_is_shown_as_it_is() -> None:
    asked = {"path": "/a", "edits": [{"oldText": "a", "newText": 1}, "x" * 90]}
    assert box(arguments.parts_of("edit_file", asked)).text.text == values.readable(asked["edits"])


def test_an_edited_input_is_what_was_asked_and_what_runs_and_nothing_else() -> None:
    asked = {"command": "make prod", "timeout": 600, "gone": "x"}
    runs = {"command": "make staging", "timeout": 600, "come": ""}
    assert lines(arguments.edited_parts(asked, runs)) == [
        "Edited · command--- asked\n+++ runs\n-make prod\n+make staging",
        "Edited · gone · taken away--- asked\n+++ runs\n-x",
        "Edited · come · not asked for--- asked\n+++ runs\n+",
    ]
    assert lines(arguments.edited_parts({"n": 1}, {"n": "1"})) == ['Edited · n--- asked\n+++ runs\n-1\n+"1"']
    assert arguments.changed({"n": 1}, {"n": True}) == ["n"]


def test_a_card_that_ran_as_edited_shows_each_argument_once() -> None:
    asked = samples.opened(sayso.Permission(tool="Bash", input={"command": "make prod", "timeout": 6}))
    ticket = samples.after(asked, samples.said(verdict="allow", input={"command": "make x", "timeout": 6}))
    shown = "\n".join(lines(draw.card_of(ticket, samples.MINT).parts))
    assert shown.count("make prod") == shown.count("make x") == shown.count("timeout 6") == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab "\n\u200b⟦', max_size=90),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
KEYS = st.sampled_from(["path", "old_str", "new_str", "file_text", "command", "edits", "k", "a b", "description"])
INPUTS = st.dictionaries(KEYS, JSON, max_size=6)
TOOLS = st.sampled_from(["bash", "str_replace", "edit_file", "x"])


@hypothesis.given(value=JSON)
def test_json_is_laid_out_and_stays_the_same(value: Any) -> None:
    assert json.loads(values.readable(value)) == value


@hypothesis.given(tool=TOOLS, one=INPUTS, other=INPUTS)
def test_two_inputs_never_look_the_same(tool: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    if not arguments.changed(one, other):
        return
    assert [[*part.inlines()] for part in arguments.parts_of(tool, one)] != [
        [*part.inlines()] for part in arguments.parts_of(tool, other)
    ]


def test_a_diff_that_is_cut_keeps_its_changes_counts_the_rest_and_decides_nothing() -> None:
    rows = [f"line {number}" for number in range(400)]
    new = [*rows[:300], "changed", *rows[301:]]
    asked = {"file_path": "/a", "old_string": "\n".join(rows), "new_string": "\n".join(new)}
    ticket = samples.opened(sayso.Permission(tool="replace", input=asked))
    fitted = cutting.fit(draw.card_of(ticket, samples.MINT), 3_000)
    shown = box(fitted.parts)
    assert "-line 300\n+changed" in shown.text.text
    assert shown.text.text.startswith("@@ 297 unchanged lines @@\n line 297\n")
    assert shown.left_out.startswith("393 more lines, ")
    assert not any(isinstance(one, card.Button) and one.deciding for one in fitted.controls)


def test_a_page_that_begins_within_a_row_has_the_sign_of_that_row() -> None:
    part = card.Code((), text.Foreign(text.Safe("+" + "a" * 500)), diff=True)
    pages = cutting.pages([part], 200)
    assert len(pages) > 2
    boxes = [part.text.text for page in pages for part in page if isinstance(part, card.Code)]
    assert all(shown.startswith("+a") for shown in boxes)
    assert "".join(boxes).replace("+", "") == "a" * 500


def test_an_edit_of_more_arguments_than_stand_apart_is_one_diff_of_both() -> None:
    asked = {f"k{number}": number for number in range(values.MOST_KEYS + 1)}
    (found,) = arguments.edited_parts(asked, {**asked, "k0": 7})
    assert isinstance(found, card.Code)
    assert found.diff
    assert {'-  "k0": 0,', '+  "k0": 7,'} <= set(found.text.text.split("\n"))


def test_the_whole_text_of_a_file_stands_under_its_name() -> None:
    found = box(arguments.parts_of("write_file", {"path": "/srv/a.py", "content": "a\nb"}))
    assert (lines([found]), found.diff) == (["Content · /srv/a.pya\nb"], False)


def test_a_patch_is_drawn_as_the_diff_that_it_is() -> None:
    found = box(arguments.parts_of("apply_patch", {"input": "@@\n-a\n+b"}))
    assert (lines([found]), found.diff) == (["input@@\n-a\n+b"], True)


def test_a_change_whose_file_is_not_named_is_a_change_all_the_same() -> None:
    found = box(arguments.parts_of("replace", {"old_string": "a", "new_string": "b"}))
    assert lines([found]) == ["Change-a\n+b"]


def test_an_agents_words_of_several_lines_stand_in_a_box() -> None:
    _, words = arguments.parts_of("Bash", {"command": "make", "description": "Build it.\nAllowed by Ann"})
    assert lines([words]) == ["The agent says · descriptionBuild it.\nAllowed by Ann"]
