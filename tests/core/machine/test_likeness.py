"""What is like an allowed call: nothing differs but what was left open, and that no further than the card showed."""

from __future__ import annotations

import re
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

import sayso
from sayso import errors, model
from sayso.content import findings
from sayso.machine import likeness
from tests.conftest import LONG
from tests.tables import each


def asked(tool: str, **input: Any) -> model.Request:
    return sayso.Permission(tool=tool, input=input)


def margins(request: model.Request) -> dict[str, str]:
    return {one.name: one.words for one in likeness.margins_of(request)}


def test_each_kind_of_part_may_differ_within_its_own_bound() -> None:
    refund = asked(
        "refund", customer="c-12", amount=20, rate=0.5, notify=True, text="two words", to={"a": 1}, none=None
    )
    assert margins(refund) == {
        "customer": "any one word of letters, digits, - and _",
        "amount": "any number from 0 to 20",
        "rate": "any number from 0 to 0.5",
        "notify": "yes or no",
    }
    write = asked("write_file", path="/srv/app/docs/a.md", content="x")
    assert margins(write) == {"path": "any file below /srv/app/docs/", "content": "any text"}


ANYTHING: list[model.Request] = [
    asked("Bash", command="make", cwd="x", env={"A": "1"}, sandbox="off", run_in_background=True),
    asked("apply_patch", input="*** Begin Patch"),
    asked("refund", amount=0),
    asked("refund", amount=-5),
    asked("refund", amount=2**60),
    asked("refund", **{"x" * 300: 5}),
    asked("write_file", path="/etc/passwd"),
    asked("write_file", path="notes.md"),
    asked("write_file", path="/srv/app/.ssh/config"),
    asked("write_file", path="/srv/app/../../etc/cron"),
    asked("write_file", path="/srv/*/docs/a.md"),
    asked("write_file", path="/srv/$HOME/docs/a.md"),
    asked("write_file", path="/srv/app/do\u202ecs/a.md"),
    asked("write_file", path=7.5 - 7.5),
    asked("run", sql="delete from t"),
    asked("run", cmd="ls"),
    asked("container.exec", Command="ls", program="make", script="build"),
]


def test_what_could_hold_anything_is_never_left_open() -> None:
    for row in each(ANYTHING):
        with row as request_:
            assert likeness.margins_of(request_) == ()


def test_of_a_shell_only_the_agents_words_and_the_time_may_differ() -> None:
    shown = asked("Bash", command="make test", description="Run the tests", timeout=600)
    assert margins(shown) == {"description": "any text", "timeout": "any number from 0 to 600"}
    pattern = likeness.pattern_of(shown, ("description", "timeout"))
    assert likeness.is_like(pattern, asked("Bash", command="make test", description="Again", timeout=5))
    for other in (
        asked("Bash", command="make test; rm -rf x", description="Again", timeout=5),
        asked("Bash", command="make test", description="Again", timeout=601),
        asked("Bash", command="make test", description="Again", timeout=True),
        asked("Bash", command="make test", description="Again"),
        asked("Bash", command="make test", description="Again", timeout=5, cwd="/"),
        asked("bash", command="make test", description="Again", timeout=5),
    ):
        assert not likeness.is_like(pattern, other)


@pytest.mark.parametrize("path", ["/srv/app/docs/b.md", "/srv/app/docs/deep/er/c.txt"])
def test_a_file_below_the_folder_is_like_it(path: str) -> None:
    pattern = likeness.pattern_of(asked("write_file", path="/srv/app/docs/a.md", content="x"), ("path",))
    assert likeness.is_like(pattern, asked("write_file", path=path, content="x"))
    assert not likeness.is_like(pattern, asked("write_file", path=path, content="y"))


ELSEWHERE: list[Any] = [
    "/srv/app/docs/../x",
    "/srv/app/docs/./../x",
    "/srv/app/docs/..",
    "/srv/app/docs/",
    "/srv/app/docs",
    "/srv/app/docsx/a",
    "/srv/app/docs/.git/hooks",
    "/srv/app/docs/a\n/etc/x",
    "/srv/app/docs/*",
    "/srv/app/docs/$(x)",
    "/srv/app/docs/~",
    "/srv/app/docs/a\\..\\b",
    "/srv/app/docs/\u2024\u2024/b",
    "srv/app/docs/b",
    "/srv/app/docs/" + "a/" * 60 + "b",
    ["/srv/app/docs/b"],
    None,
]


def test_a_path_that_leads_elsewhere_is_not() -> None:
    for row in each(ELSEWHERE):
        with row as path:
            pattern = likeness.pattern_of(asked("write_file", path="/srv/app/docs/a.md", content="x"), ("path",))
            assert not likeness.is_like(pattern, asked("write_file", path=path, content="x"))


def test_a_risk_that_the_card_did_not_show_is_not_like_it() -> None:
    shown = asked("write_file", path="/srv/app/docs/a.md", content="hello")
    pattern = likeness.pattern_of(shown, ("path", "content"))
    assert likeness.is_like(pattern, asked("write_file", path="/srv/app/docs/b.md", content="hello again"))
    secret = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
    assert not likeness.is_like(pattern, asked("write_file", path="/srv/app/docs/b.md", content=secret))


def test_what_may_not_differ_is_refused_by_name() -> None:
    for row in each([(), ("command",), ("amount", "amount"), ("amount", "none")]):
        with row as free:
            with pytest.raises(errors.InvalidAnswer) as refused:
                likeness.pattern_of(asked("refund", amount=5, command="x y"), free)
            assert refused.value.field == "free"
            assert "may differ: amount" in (refused.value.hint or "")
            with pytest.raises(errors.InvalidAnswer):
                likeness.pattern_of(asked("Bash", command="make"), ("command",))


VALUES = (
    st.booleans()
    | st.integers(-3, 30)
    | st.floats(-1, 30, allow_nan=False)
    | st.sampled_from(
        ["/srv/app/docs/a.md", "/srv/app/docs/b", "/srv/app/x", "/srv/app/docs/../x", "word", "two words", ""]
    )
    | st.lists(st.integers(0, 2), max_size=2)
    | st.none()
)
INPUTS = st.dictionaries(
    st.sampled_from(["path", "content", "command", "description", "n", "timeout"]), VALUES, max_size=4
)
TOOLS = st.sampled_from(["Bash", "write_file", "refund", "apply_patch"])


def around(value: Any) -> st.SearchStrategy[Any]:
    """Values that are nearly this one: as it is, a little more or less, and what Python takes for the same."""
    if isinstance(value, bool):
        return st.sampled_from([value, not value, int(value), float(value)])
    if isinstance(value, int | float):
        return st.sampled_from([value, value + 1, value - 1, value * 2, value / 2, -value, bool(value), str(value)])
    if isinstance(value, str):
        return st.sampled_from([value, f"{value}x", f"{value}/x", f"{value}/../x", "", "/etc/x"]) | st.booleans()
    return st.just(value) | st.booleans()


def strictly_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def within(shown: str, was: Any, value: Any) -> bool:
    """The oracle: whether a value is what the words on the card say."""
    if found := re.fullmatch(r"any number from 0 to (.+)", shown):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        whole = isinstance(value, int) or isinstance(was, float)
        return number and whole and 0 <= value <= float(found[1])
    if shown == "yes or no":
        return isinstance(value, bool)
    if found := re.fullmatch(r"any file below (.+)", shown):
        return isinstance(value, str) and value.startswith(found[1]) and ".." not in value
    if shown == "any text":
        return isinstance(value, str)
    return isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum()


@hypothesis.settings(max_examples=1_000 if LONG else 250)
@hypothesis.given(tool=TOOLS, shown=INPUTS, other=TOOLS, later=INPUTS, mixed=st.data())
def test_a_pattern_covers_nothing_that_its_card_did_not_show(
    tool: str, shown: dict[str, Any], other: str, later: dict[str, Any], mixed: st.DataObject
) -> None:
    request = asked(tool, **shown)
    said = margins(request)
    if not said:
        return
    free = tuple(name for name in said if mixed.draw(st.booleans())) or tuple(said)
    pattern = likeness.pattern_of(request, free)
    assert likeness.is_like(pattern, request)
    # most inputs that are drawn alone have another shape; these differ in little
    near = {name: mixed.draw(around(value)) for name, value in shown.items()}
    for tried, given in ((other, later), (tool, later), (tool, near)):
        if not likeness.is_like(pattern, asked(tried, **given)):
            continue
        assert tried == tool
        assert set(given) == set(shown)
        for name, value in given.items():
            if name in free:
                assert within(said[name], shown[name], value), name
            else:
                assert strictly_same(value, shown[name]) or (value == shown[name] and not isinstance(value, bool)), name


@hypothesis.given(tool=TOOLS, shown=INPUTS, mixed=st.data())
def test_each_example_is_what_it_is_said_to_be(tool: str, shown: dict[str, Any], mixed: st.DataObject) -> None:
    request = asked(tool, **shown)
    known = tuple(margins(request))
    free = tuple(name for name in known if mixed.draw(st.booleans())) or known
    if not free:
        return
    pattern = likeness.pattern_of(request, free)
    like, unlike = likeness.examples(pattern, request)
    assert len(like) == len(free)
    for name, value in like:
        assert likeness.is_like(pattern, asked(tool, **(shown | {name: value})))
    for name, value in unlike:
        assert not likeness.is_like(pattern, asked(tool, **(shown | {name: value})))


def test_a_call_that_was_not_looked_through_to_its_end_is_like_none() -> None:
    for more in (0, findings.READ):
        shown = asked("write_file", path="/srv/app/docs/a.md", content="x" * (1 + more))
        pattern = likeness.pattern_of(shown, ("content",))
        assert likeness.is_like(pattern, asked("write_file", path="/srv/app/docs/a.md", content="y"))
        assert not likeness.is_like(pattern, asked("write_file", path="/srv/app/docs/a.md", content="y" * 30_000))
