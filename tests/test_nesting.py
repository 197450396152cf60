"""Foreign JSON that is nested deeply is no worse than what is no JSON: whoever expects the one expects the other."""

import ast
from collections.abc import Iterator

import pytest

from tests.sources import ROOT

pytestmark = pytest.mark.once

# `json.loads`, `received.load`, `response.json()`; what a model reads itself is a ValueError.
_READERS = {"loads", "load", "json"}
_TOO_DEEP, _NO_JSON = "RecursionError", "ValueError"


def guards(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Where JSON is read, and what is expected to go wrong there, where something is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(map(reads, node.body)):
            caught = {name for one in node.handlers if one.type for name in names(one.type)}
            yield node.lineno, caught


def reads(node: ast.AST) -> bool:
    calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return any(isinstance(one, ast.Attribute) and one.attr in _READERS for one in calls)


def names(node: ast.AST) -> Iterator[str]:
    return (one.id if isinstance(one, ast.Name) else ast.unparse(one) for one in getattr(node, "elts", [node]))


def test_whoever_expects_what_is_no_json_expects_what_is_nested_too_deeply() -> None:
    found = list[str]()
    for root in ("core", "adapters", "bots"):
        for path in sorted((ROOT / root).rglob("*.py")):
            for line, caught in guards(ast.parse(path.read_text(encoding="utf-8"))):
                if _NO_JSON in caught and _TOO_DEEP not in caught:
                    found.append(f"{path.relative_to(ROOT)}:{line}")
    assert found == []
