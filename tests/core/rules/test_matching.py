"""What a match table holds for: sign for sign if it allows, and however it is spelled if it denies or asks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from sayso import errors, model, rules
from sayso.rules import book, calls, covering, executing, globs, lines, matching
from sayso.rules.rule import read_match
from sayso.testing import samples
from tests.tables import each


def call(tool: str = "t", owner: str = "bot", parse: lines.Shell | None = None, **more: Any) -> calls.Call:
    return calls.Call(model.Request(kind="permission", tool=tool, **more), owner, parse)


def holds(table: dict[str, Any], given: calls.Call) -> tuple[bool, bool]:
    """Whether an allow and whether a deny matches."""
    match = read_match("x", table)
    return matching.holds(match, given, strictly=True), matching.holds(match, given, strictly=False)


GLOBS: list[tuple[str, str, tuple[bool, bool]]] = [
    ("abc", "abc", (True, True)),
    ("abc", "ABC", (False, True)),
    ("abc", "a\u200bbc", (False, True)),
    ("abc", "\uff41bc", (False, True)),
    ("abc", "abcd", (False, False)),
    ("a*", "abc", (True, True)),
    ("a?c", "abc", (True, True)),
    ("a*", "a\nb", (False, True)),
    ("src/*", "src/a.py", (True, True)),
    ("src/*", "src/../etc/passwd", (False, True)),
    ("src*", "src\\..\\etc", (False, True)),
    ("src/*", "src/a..b", (True, True)),
    ("app/[id]/page", "app/[id]/page", (True, True)),
    ("app/[id]/*", "app/i/page", (False, False)),
    ("*delete from*", "DELETE/**/FROM t", (False, True)),
    ("*delete from*", "delete\t\n from t", (False, True)),
    ("*delete*", "/* * / **/ Delete", (False, True)),
    ("a.c", "abc", (False, False)),
]


def test_texts_and_globs() -> None:
    for row in each(GLOBS):
        with row as (pattern, text, wanted):
            assert (globs.matches_exactly(pattern, text), globs.matches_loosely(pattern, text)) == wanted


LISTS: list[tuple[list[str], list[str], bool]] = [
    ([], [], True),
    ([], ["a"], False),
    (["**"], [], True),
    (["**"], ["a", "b"], True),
    (["status", "**"], ["status", "-s"], True),
    (["status", "**"], ["push"], False),
    (["*"], ["a"], True),
    (["*"], ["a", "b"], False),
    (["*"], [], False),
    (["**", "b", "**"], ["a", "b", "c"], True),
    (["**", "b", "**"], ["a", "c"], False),
    (["a*", "**", "*z"], ["ab", "x", "yz"], True),
    (["x", "**"], [], False),
    (["**"], ["a"] * 501, False),
]


def test_lists_over_arguments() -> None:
    for row in each(LISTS):
        with row as (patterns, arguments, wanted):
            assert globs.covers(patterns, arguments) is wanted


def test_many_stars_over_a_long_list_are_no_work() -> None:
    assert not globs.covers(["**", "a"] * 100, ["a"] * 499 + ["b"])
    assert not globs.matches_exactly("*a" * 50 + "b", "a" * 10_000)


INPUT = {"path": "a", "n": 1, "flag": True, "list": ["a", "b"], "deep": {"x": "y", "rows": [{"k": "v"}, {"k": "w"}]}}


PARTS: list[tuple[dict[str, Any], tuple[bool, bool]]] = [
    ({"input.path": "a"}, (True, True)),
    ({"input.path": ["b", "a"]}, (True, True)),
    ({"input.n": 1}, (True, True)),
    ({"input.n": True}, (False, False)),
    ({"input.flag": True}, (True, True)),
    ({"input.flag": 1}, (False, False)),
    ({"input.n": "1"}, (False, True)),
    ({"input.flag": "TRUE"}, (False, True)),
    ({"input.none": "a"}, (False, False)),
    ({"input.list": "a"}, (False, True)),
    ({"input.list": ["a", "b"]}, (True, True)),
    ({"input.deep.x": "y"}, (True, True)),
    ({"input": {"deep": {"x": "y"}}}, (True, True)),
    ({"input.deep.rows.k": "v"}, (False, True)),
    ({"input.deep.rows.k": "?"}, (True, True)),
    ({"input.path.x": "a"}, (False, False)),
    ({"input.*": "w"}, (False, True)),
    ({"input.*": "rows"}, (False, True)),
    ({"tool": "t", "input.path": "b"}, (False, False)),
]


def test_parts_of_an_input() -> None:
    for row in each(PARTS):
        with row as (table, wanted):
            assert holds(table, call(input=INPUT)) == wanted


def test_an_agent_is_its_key_for_an_allow_and_either_for_a_deny() -> None:
    given = call(owner="bot", source=model.Source(agent="Claude"))
    assert holds({"agent": "bot"}, given) == (True, True)
    assert holds({"agent": "Claude"}, given) == (False, True)


def test_a_risk_is_the_highest_for_an_allow_and_any_for_a_deny() -> None:
    claimed = call("Bash", input={"command": "rm -rf /"}, risk="low")
    assert holds({"risk": "low"}, claimed) == (False, True)
    assert holds({"risk": "high"}, claimed) == (True, True)
    assert holds({"risk": "low"}, call()) == (False, False)


def test_a_session_that_is_not_said_matches_nothing() -> None:
    assert holds({"session": "*"}, call()) == (False, False)
    assert holds({"session": "s*"}, call(source=model.Source(session="s1"))) == (True, True)


def test_a_hostile_input_is_looked_through_within_bounds() -> None:
    deep: Any = "x"
    for _ in range(55):
        deep = {"a": deep}
    many = {"a": [{"k": str(number)} for number in range(5_000)]}
    assert holds({"input.*": "*x*"}, call(input=deep)) == (False, True)
    assert len(calls.texts_of(many)) <= 2_001
    assert holds({"input.a.k": "*"}, call(input=many)) == (False, True)


def plain(raw: str) -> lines.Line:
    """A parser that knows blanks only."""
    words = tuple(lines.Word(word) for word in raw.split())
    return lines.Line((lines.Command(words),), whole=bool(words))


def broken(raw: str) -> lines.Line:
    raise RuntimeError(raw)


def test_without_a_parser_a_program_never_allows_and_always_denies() -> None:
    given = call("Bash", input={"command": "git status"})
    table = {"tool": "Bash", "program": "git", "args": ["status"]}
    assert holds(table, given) == (False, True)
    assert holds(table, call("Bash", parse=plain, input={"command": "git status"})) == (True, True)


def test_what_fails_keeps_an_allow_from_matching_and_no_deny() -> None:
    match = read_match("x", {"tool": "Bash", "program": "git", "args": ["status"]})
    made = [rules.Rule.model_validate({"id": one, "match": match, "effect": one}) for one in ("allow", "deny", "ask")]
    using = rules.Book(tuple(made), parse=broken)
    request = model.Request(kind="permission", tool="Bash", input={"command": "git status"})
    found = using.matching(using.call(request, "bot"), samples.NOW)
    assert [rule.id for rule in found] == ["deny", "ask"]


def test_a_line_in_a_line_in_a_line_cannot_be_read_at_some_depth() -> None:
    nested = "sh -c x"

    def parse(raw: str) -> lines.Line:
        words = (lines.Word("sh"), lines.Word("-c"), lines.Word(nested))
        return lines.Line((lines.Command(words),))

    assert executing.reach(parse(nested), parse).unread


def test_more_programs_than_anybody_writes_cannot_be_read() -> None:
    many = lines.Line(tuple(lines.Command((lines.Word("ls"),)) for _ in range(600)))
    found = executing.reach(many, plain)
    assert (found.unread, len(found.programs)) == (True, 500)


def test_a_day_is_allowed_to_its_end() -> None:
    for row in each(
        [
            (date(2026, 3, 31), datetime(2026, 4, 1, tzinfo=UTC)),
            (datetime(2026, 3, 31, 12), datetime(2026, 3, 31, 12, tzinfo=UTC)),
            (datetime(2026, 3, 31, 12, tzinfo=UTC), datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ]
    ):
        with row as (until, ends):
            assert book.ends_at(until) == ends


COVERED: list[tuple[dict[str, Any], dict[str, Any], bool, bool]] = [
    ({"tool": "a"}, {"tool": "a", "input.x": "y"}, False, True),
    ({"tool": ["a", "b"]}, {"tool": "a"}, False, True),
    ({"tool": "a"}, {"tool": ["a", "b"]}, False, False),
    ({"tool": "a*"}, {"tool": "ab"}, False, True),
    ({"tool": "*"}, {"tool": "b*"}, False, True),
    ({"tool": "a*"}, {"tool": "ab*"}, False, False),
    ({"tool": "a"}, {}, False, False),
    ({}, {"tool": "a"}, False, True),
    ({"input.n": 1}, {"input.n": 1}, False, True),
    ({"input.n": 1}, {"input.n": True}, False, False),
    ({"input.n": 1}, {}, False, False),
    ({"program": "git"}, {"program": "git", "args": ["a"]}, False, True),
    ({"program": "git"}, {"tool": "Bash"}, False, False),
    ({"program": "git"}, {"program": ["git", "ls"]}, False, False),
    ({"program": "git", "args": ["a", "**"]}, {"program": "git", "args": ["a", "b"]}, True, True),
    ({"program": "git", "args": ["a", "**"]}, {"program": "git", "args": ["a", "b"]}, False, False),
    ({"program": "git", "args": ["a", "**"]}, {"program": "git", "args": ["a", "*"]}, True, False),
    ({"program": "git", "args": ["a"]}, {"program": "git"}, True, False),
]


def test_one_match_covers_another_only_if_that_is_sure() -> None:
    for row in each(COVERED):
        with row as (wide, narrow, strictly, wanted):
            assert covering.covers(read_match("x", wide), read_match("x", narrow), strictly) is wanted


def bound(*given: rules.Rule, means: rules.Means | None = None) -> rules.Book:
    return rules.bind(given, means or rules.Means(), {}, {})


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (rules.Rule(id="x", effect="ask", when="true"), "rules.x.when"),
        (rules.Rule(id="x", effect="ask", match=read_match("x", {"program": "ls"})), "rules.x.match.program"),
    ],
)
def test_what_a_rule_needs_and_is_not_there_is_said_at_the_start(rule: rules.Rule, key: str) -> None:
    with pytest.raises(errors.InvalidSettings) as caught:
        bound(rule)
    assert caught.value.field == key
    assert "'.[rules]'" in (caught.value.hint or "")


def test_a_list_of_many_entries_is_refused() -> None:
    with pytest.raises(errors.InvalidSettings, match="more than 200"):
        read_match("x", {"tool": ["a"] * 201})


def test_a_shadow_is_seen_below_a_deny_wherever_it_stands_and_not_below_what_is_watched() -> None:
    deny = rules.Rule(id="d", effect="deny", match=read_match("d", {"tool": "a"}))
    allow = rules.Rule(id="a", effect="allow", match=read_match("a", {"tool": "a"}))
    for order in ((deny, allow), (allow, deny)):
        with pytest.raises(errors.InvalidSettings, match="the rule 'd' decides"):
            bound(*order)
    bound(deny.model_copy(update={"observed": True}), allow)
    bound(deny, allow.model_copy(update={"observed": True}))
    again = deny.model_copy(update={"id": "e"})
    with pytest.raises(errors.InvalidSettings, match="the rule 'd' decides"):
        bound(deny, again)
