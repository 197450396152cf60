"""Suggestions: what people allowed again and again, never what anybody denied, with the calls that they cover."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import strategies as st

from sayso import model, rules
from sayso.rules import lines, matching, written
from sayso.rules.replaying import Past
from sayso.rules.rule import read_match
from sayso.rules.suggesting import suggest
from sayso.testing import samples


def parse(raw: str) -> lines.Line:
    """A parser that knows blanks only."""
    words = tuple(lines.Word(word) for word in raw.split())
    return lines.Line((lines.Command(words),), whole=bool(words) and ";" not in raw)


def past(outcome: str = "allowed", tool: str = "Write", owner: str = "bot", people: bool = True, **input: Any) -> Past:
    past.count += 1  # type: ignore[attr-defined]
    request = model.Request(kind="permission", tool=tool, input=input)
    return Past(f"r{past.count}", request, owner, samples.NOW, None, outcome, people)  # type: ignore[attr-defined]


past.count = 0  # type: ignore[attr-defined]


def matches(given: list[Past], least: int = 3) -> list[dict[str, Any]]:
    return [dict(one.match) for one in suggest(given, least, parse)]


def bash(command: str, outcome: str = "allowed", **more: Any) -> Past:
    return past(outcome, "Bash", command=command, **more)


def test_the_same_call_again_and_again_is_suggested_as_it_is() -> None:
    given = [past(path="a.txt", text="hi") for _ in range(3)]
    (found,) = suggest(given, 3, parse)
    assert found.match == {"tool": "Write", "agent": "bot", "input.path": "a.txt", "input.text": "hi"}
    assert [one.id for one in found.covered] == [one.id for one in given]
    assert suggest(given[:2], 3, parse) == ()


def test_calls_in_one_folder_are_suggested_together() -> None:
    given = [past(path=f"docs/{name}", kind="md") for name in "abc"]
    assert matches(given) == [{"tool": "Write", "agent": "bot", "input.path": "docs/*", "input.kind": "md"}]


def test_commands_are_suggested_as_programs_with_their_arguments() -> None:
    assert matches([bash("git status")] * 3) == [{"tool": "Bash", "agent": "bot", "program": "git", "args": ["status"]}]
    assert matches([bash(f"git log -n {number}") for number in range(3)]) == [
        {"tool": "Bash", "agent": "bot", "program": "git", "args": ["log", "**"]}
    ]
    assert matches([bash(f"make t{number}") for number in range(3)]) == []
    assert matches([bash("make test") for _ in range(3)]) == [
        {"tool": "Bash", "agent": "bot", "program": "make", "args": ["test"]}
    ]
    assert matches([bash("sh x.sh")] * 3) == []
    assert matches([bash("ls; ls")] * 3) == []
    assert matches([bash("ls *")] * 3) == []


def test_what_anybody_denied_is_never_suggested_for_any_agent() -> None:
    given = [bash("git status") for _ in range(5)]
    assert matches([*given, bash("git status", "denied")]) == []
    assert matches([*given, bash("git status", "denied", owner="other")]) == []
    assert matches([*given, bash("git status", "denied", people=False)]) == []
    wide = [bash(f"git log {number}") for number in range(3)]
    assert matches([*wide, bash("git log x", "denied")]) == []
    folder = [past(path=f"docs/{name}") for name in "abc"]
    assert matches([*folder, past("denied", path="docs/d")]) == []


def test_a_secret_is_written_into_no_rule() -> None:
    assert matches([past(tool="send", apiKey="a1b2c3d4e5f6")] * 3) == []
    key = "ghp_" + "a1B2" * 9
    assert matches([bash(f"gh {key} list")] * 3) == []
    assert matches([bash(f"gh list {number} {key}") for number in range(3)]) == [
        {"tool": "Bash", "agent": "bot", "program": "gh", "args": ["list", "**"]}
    ]


def test_only_what_people_decided_counts() -> None:
    assert matches([bash("git status", people=False) for _ in range(5)]) == []
    assert matches([bash("git status", "expired") for _ in range(5)]) == []


def test_money_secrets_and_what_was_found_risky_is_marked() -> None:
    assert [one.costly for one in suggest([past(tool="refund_order", id="1")] * 3, 3)] == [True]
    assert [one.costly for one in suggest([past(tool="send", apiKey="1")] * 3, 3)] == [True]
    assert [one.costly for one in suggest([bash("sudo ls")] * 3, 3, parse)] == [True]
    assert [one.costly for one in suggest([past(tool="monkey", id="1")] * 3, 3)] == [False]


def test_what_no_table_can_say_is_not_suggested() -> None:
    assert matches([past(rows=[1, 2])] * 3) == []
    dotted: dict[str, Any] = {"a.b": "x"}
    assert matches([past(**dotted)] * 3) == []
    assert matches([past(path="a*")] * 3) == []
    assert matches([past()] * 3) == []
    deep: Any = "x"
    for _ in range(8):
        deep = {"a": deep}
    assert matches([past(a=deep)] * 3) == []


def test_a_narrower_suggestion_is_left_out_beside_a_wider_one() -> None:
    given = [past(path=f"docs/{name}") for name in "aaab"]
    assert matches(given) == [{"tool": "Write", "agent": "bot", "input.path": "docs/*"}]


values = st.sampled_from(["a", "b/x", "b/y", "c", 1, True, ""])
outcomes = st.sampled_from(["allowed", "allowed", "allowed", "denied"])
inputs = st.dictionaries(st.sampled_from(["path", "n"]), values, min_size=1, max_size=2)
commands = st.sampled_from(["git status", "git log", "git log x", "ls", "ls a", "make x", "rm x"])


@hypothesis.given(
    st.lists(st.tuples(outcomes, inputs), max_size=30), st.lists(st.tuples(outcomes, commands), max_size=20)
)
def test_no_suggestion_ever_covers_a_denied_call_or_one_that_it_does_not_list(
    written: list[tuple[str, dict[str, Any]]], ran: list[tuple[str, str]]
) -> None:
    given = [past(outcome, **input) for outcome, input in written] + [bash(one, outcome) for outcome, one in ran]
    for found in suggest(given, 2, parse):
        match = read_match("x", dict(found.match))
        made = rules.Rule(id="x", match=match, effect="allow")
        book = rules.bind([made], rules.Means(parse), {}, {})
        held = [one for one in given if matching.holds(match, book.call(one.request, one.owner), strictly=True)]
        assert {one.outcome for one in held} == {"allowed"}
        assert [one.id for one in held] == [one.id for one in found.covered]


def test_what_toml_has_no_word_for_is_written_all_the_same() -> None:
    assert written.toml({"a": None, "b": [1, None], "c d": float("nan")}) == '{ b = [1], "c d" = nan }'
    assert written.tables({"suggestions": {"least": 3}, "people": {"ann": {"terminal": "ann"}}}) == (
        '[suggestions]\nleast = 3\n\n[people.ann]\nterminal = "ann"\n'
    )
    assert written.tables({}) == ""
