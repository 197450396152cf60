"""Conditions in CEL: only what is exactly true counts; errors are values here, and Python takes them for true."""

from __future__ import annotations

from typing import Any

import pytest
from cel_expr_python import cel  # type: ignore[import-untyped]

import sayso_cel
from tests.tables import each

FACTS: dict[str, Any] = {
    "tool": "refund", "input": {"amount": 20}, "agent": "bot", "session": "", "kind": "permission", "risk": "",
    "metadata": {},
}  # fmt: skip


def value(text: str, **more: Any) -> bool | None:
    return sayso_cel.condition(text)({**FACTS, **more})


def test_the_library_gives_errors_as_values_that_are_truthy() -> None:
    # the trap that this adapter is built around: if this fails, the library has changed
    found = cel.NewEnv(variables={"input": cel.Type.DYN}).compile("input.a.b == 1").eval(data={"input": {}})
    assert bool(found.value()) is True
    assert found.type() != cel.Type.BOOL


def test_a_condition_is_true_false_or_cannot_be_said() -> None:
    rows: list[tuple[str, bool | None]] = [
        ("double(input.amount) <= 50.0", True),
        ("double(input.amount) > 50.0", False),
        ("input.amount == 20 && tool == 'refund' && agent == 'bot'", True),
        ("input.other == 1", None),
        ("input.amount", None),
        ("input.amount + 'a' == 'b'", None),
        ("input", None),
        ("has(input.amount)", True),
        ("has(input.other)", False),
        ("input.amount in [20, 30]", True),
        ("kind == 'permission' || input.other", True),
        ("'abc'.matches('^(b+)+$')", False),
    ]
    for row in each(rows):
        with row as (text, wanted):
            assert value(text) is wanted


def test_what_is_missing_wrong_or_too_large_cannot_be_said() -> None:
    rows: list[Any] = [
        {},
        {"amount": "lots"},
        {"amount": None},
        {"amount": [1]},
        {"amount": 2**70},
        {"amount": 1, "x": "\ud800"},
        None,
    ]
    for row in each(rows):
        with row as input:
            assert value("double(input.amount) <= 50.0", input=input) is None


def test_what_can_never_be_right_is_refused_when_it_is_read() -> None:
    rows: list[tuple[str, str]] = [
        ("inptu.amount > 1", "inptu"),
        ("amount > 1", "amount"),
        ("1 + 1", "type INT"),
        ("tool", "type STRING"),
        ("tool > 1", "overload"),
        ("tool ==", "character"),
        ("", "character"),
        ("nobody(1)", "nobody"),
        ("true || " * 400 + "true", "more than 2000"),
    ]
    for row in each(rows):
        with row as (text, told), pytest.raises(ValueError, match=told):
            sayso_cel.condition(text)
