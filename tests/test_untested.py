"""Lines of the core that no test reaches: each says why on the line, and all of them are listed here."""

import re

import pytest

from tests.sources import ROOT, modules

pytestmark = pytest.mark.once

PRAGMA = re.compile(r"#\s*pragma:\s*no\b(?P<rest>.*)", re.IGNORECASE)
REASON = re.compile(r" (?:cover|branch) - (?P<why>\w.{10,})")
SKIPS = re.compile(r"\bpytest\.(?:skip|importorskip|mark\.skip(?:if)?)\(")

UNTESTED = {
    "core/sayso/content/requests.py": ["only with some versions of Pydantic"],
    "core/sayso/stores/postgres.py": [
        "only asyncpg before 0.32 gives it out",
        "only for a cut in the middle of one message",
    ],
    "core/sayso/stores/sqlite_worker.py": ["only after a crash, or while the last writer leaves"],
    "core/sayso/testing/stores.py": ["only a store that tells of a change before it can be read"],
    "core/sayso/testing/waiters.py": ["only a store that lets go a moment later"],
}


def test_every_line_of_the_core_that_no_test_reaches_is_listed_with_its_reason() -> None:
    found: dict[str, list[str]] = {}
    for path in modules("core"):
        for pragma in PRAGMA.finditer(path.read_text()):
            reason = REASON.fullmatch(pragma["rest"])
            found.setdefault(str(path.relative_to(ROOT)), []).append(reason["why"] if reason else "no reason is given")
    assert found == UNTESTED


def test_what_a_python_cannot_have_is_not_collected_rather_than_skipped() -> None:
    """A skip fails a strict run: `tests.conftest.require` says what is missing, a conftest leaves files out."""
    found = [path for path in sorted((ROOT / "tests").rglob("*.py")) if SKIPS.search(path.read_text())]
    assert [str(path.relative_to(ROOT)) for path in found] == ["tests/conftest.py", "tests/fakes/claude_cli.py"]


def test_a_pragma_without_a_reason_is_none() -> None:
    assert not REASON.fullmatch(" cover")
    assert not REASON.fullmatch(" cover - why")
    assert REASON.fullmatch(" cover - the kernel never says so")
