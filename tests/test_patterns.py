"""A pattern that guards something takes what it says and no more: no trailing newline, no digits of other scripts.

And the same on every Python: that of Debian 12, 3.11.2, has a fault in groups that are repeated possessively.
"""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pydantic
import pytest

from sayso import errors
from sayso.desk import keys
from sayso.stores import memory
from sayso_bots.settings import durations
from sayso_discord import custom_ids
from sayso_http import callback_urls
from tests.sources import ROOT, ROOTS, modules, nodes

pytestmark = pytest.mark.once

# A group that is repeated and keeps all: 3.11.2 goes on behind what the last round took in vain (3.11.7 does not).
_GROUP_KEPT = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
_CALLS = {"compile", "match", "fullmatch", "search", "sub", "split", "finditer", "findall"}


def loose(path: Path) -> Iterator[str]:
    """Patterns for Python's `re` that take more than they say; Pydantic's own engine has neither habit."""
    for node in nodes(path):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CALLS):
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.args:
            parts = (part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
            text = "".join(str(part) for part in parts)
            digits = "\\d" in text and "ASCII" not in ast.unparse(node)
            if re.search(r"(?<!\\)\$(\Z|[)|])", text) or digits or _GROUP_KEPT.search(text):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {text}"


def test_no_pattern_takes_more_than_it_says_on_any_python() -> None:
    assert [found for path in modules(*ROOTS) for found in loose(path)] == []


def wordless(path: Path) -> Iterator[str]:
    """Where an error gets into the log by its words alone that may have none: that something took too long has none."""
    for node in nodes(path):
        caught = ast.unparse(node.type) if isinstance(node, ast.ExceptHandler) and node.type else ""
        if isinstance(node, ast.ExceptHandler) and ("TimeoutError" in caught or "TROUBLE" in caught):
            by_words = f"'error': str({node.name})"
            yield from (
                f"{path.relative_to(ROOT)}:{one.lineno}"
                for one in ast.walk(node)
                if isinstance(one, ast.Dict) and by_words in (said := ast.unparse(one)) and f"{by_words} or" not in said
            )


def test_no_error_is_in_the_log_without_a_word() -> None:
    assert [found for path in modules(*ROOTS) for found in wordless(path)] == []


@pytest.mark.parametrize("name", ["bot\n", "bot\u0660", "\uff22\uff2f\uff34", "b ot", "\nbot"])
async def test_a_key_is_not_named_with_signs_that_nobody_sees(name: str) -> None:
    store = memory.MemoryStore()
    with pytest.raises(errors.InvalidRequest):
        await keys.Keys(store).add(name, "agent", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("written", ["15m\n", "\u0661\u0665m", "15m ", "\u00b2s"])
def test_a_duration_is_written_in_plain_digits(written: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(durations.Duration).validate_python(written)


@pytest.mark.parametrize(
    "url", ["https://a.example.com:\u0668\u0660/", "https://\u017f.example.com/", "https://a.example.com/\n"]
)
def test_a_callback_address_is_written_in_plain_signs(url: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        callback_urls.check_callback_url(url)


@pytest.mark.parametrize("id", ["sayso1:p:s1.x\n", "sayso1:p\u0663:s1.x"])
def test_a_custom_id_is_read_in_one_way(id: str) -> None:
    assert custom_ids.read(id) is None
