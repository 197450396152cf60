"""What pages, docstrings and comments call by a dotted name is there; a name that was renamed or moved fails here."""

import ast
import contextlib
import importlib
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_docs import PAGES, ROOT

ROOTS = ("core", "adapters", "bots")
# `sayso.desk.Desk.open`, wherever it stands; not a part of an address, a path or a longer name.
FULL = re.compile(r"(?<![\w./@'\"-])(sayso(?:_[a-z]+)*(?:\.[A-Za-z_]\w*)+)")
# `card.fit`, as one module speaks of another: in backticks, where such a module is a neighbour.
SHORT = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(\))?`")
# Names of files are no names of code.
FILES = {"sayso.toml", "sayso.db", "sayso.db.before", "sayso.ts"}
GROUPS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"])
CORE = {path.stem for path in (ROOT / "core" / "sayso").glob("*.py")}
CLASSES = {"Desk": "sayso.desk", "Store": "sayso.store"}
# Keys of the settings and names of form inputs that look like a module's.
OTHERWISE = {"service.url", "service.hosts", "text.f0"}
# There is no importing these where Python is too old for them.
TOO_NEW = ("sayso_ai",) if sys.version_info < (3, 12) else ()


def is_there(dotted: str) -> bool:
    parts = dotted.split(".")
    for split in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found: Any = importlib.import_module(".".join(parts[:split]))
            return _reaches(found, parts[split:])
    return False


def _reaches(found: Any, names: list[str]) -> bool:
    for index, name in enumerate(names):
        # a field without a default is no attribute of its class
        if name in getattr(found, "__annotations__", {}) and index == len(names) - 1:
            return True
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def said_in(path: Path) -> Iterator[tuple[int, str]]:
    """Comments and docstrings of a module, and notes under fields, with their line."""
    text = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def missing(said: str, around: Path | None) -> list[str]:
    """The dotted names in *said* that name nothing, as somebody reads them in the module at *around*."""
    full = {name for name in FULL.findall(said) if name not in FILES | GROUPS and not name.startswith(TOO_NEW)}
    wrong = [name for name in full if not is_there(name)]
    for name in set(SHORT.findall(said)) - OTHERWISE:
        tries = _meant(name, around)
        if tries and not any(is_there(one) for one in tries):
            wrong.append(name)
    return sorted(wrong)


def _meant(name: str, around: Path | None) -> list[str]:
    head = name.partition(".")[0]
    tries = [f"{CLASSES[head]}.{name}"] if head in CLASSES else []
    if around is not None:
        package = ".".join(around.parent.relative_to(ROOT).parts[1:])
        near = {path.stem for path in around.parent.glob("*.py")}
        tries += [f"{package}.{name}"] if head in near and not package.startswith(TOO_NEW) else []
        tries += [f"sayso.{name}"] if head in CORE else []
    return tries


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_every_dotted_name_on_a_page_is_there(page: str) -> None:
    assert missing(PAGES[page], None) == []


def test_the_walks_of_a_request_name_what_they_pass() -> None:
    for page, heading in (("README.md", "How one request travels"), ("docs/architecture.md", "One request")):
        walk = PAGES[page].partition(f"## {heading}")[2].partition("\n## ")[0]
        assert len(FULL.findall(walk)) > 15


def test_the_map_has_every_module_of_the_core_once_and_every_package() -> None:
    core = PAGES["docs/architecture.md"].partition("## The core")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", core, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(CORE - {"__init__"})
    packages = {path.parent.name for root in ROOTS for path in (ROOT / root).glob("*/__init__.py")}
    assert {name for name in packages if f"`{name}`" not in PAGES["docs/architecture.md"]} - {"sayso"} == set()


@pytest.mark.parametrize("root", ROOTS)
def test_every_dotted_name_in_a_docstring_or_comment_is_there(root: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / root).rglob("*.py"))
        for line, said in said_in(path)
        for name in missing(said, path)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("`sayso.desk.Desk.open` and sayso.model.Ticket.taken", []),
        ("`sayso.desk.Desk.opened`, then `Desk.opens`", ["Desk.opens", "sayso.desk.Desk.opened"]),
        ("`card.fit` and `card.fits` of sayso_slack.rendered.render", ["card.fits", "sayso_slack.rendered.render"]),
        ("keys stand in sayso.toml, the group is `sayso.renderers`, `asyncio.Protocol` is not ours", []),
    ],
)
def test_the_search_for_names_tells_right_from_wrong(said: str, wrong: list[str]) -> None:
    assert missing(said, ROOT / "core" / "sayso" / "desk.py") == wrong


def test_the_search_for_names_reads_comments_docstrings_and_notes_under_fields(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text('"""One."""\n\nx: int\n"""Two."""\n# Three\ny = "not said"\n')
    assert sorted(said_in(path)) == [(1, "One."), (4, "Two."), (5, "# Three")]
