"""What pages, docstrings and comments call by a dotted name is there; a name that was renamed or moved fails here."""

import ast
import contextlib
import functools
import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from sayso.machine import events
from sayso_otel import names as otel_names
from tests.sources import ROOT, ROOTS, nodes, parsed
from tests.test_docs import PAGES

pytestmark = pytest.mark.once

# Whose neighbours a page about the code names.
INSIDE = ROOT / "core" / "sayso" / "desk" / "desk.py"
# `sayso.desk.Desk.open`, wherever it stands; not a part of an address, a path or a longer name.
FULL = re.compile(r"(?<![\w./@'\"-])(sayso(?:_[a-z]+)*(?:\.[A-Za-z_]\w*)+)")
# `cutting.fit`, as one module speaks of another: in backticks, where such a module is a neighbour.
SHORT = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(\))?`")
# Spans and figures of OpenTelemetry, which are called like names of ours.
OF_TRACES = {name for name in vars(otel_names).values() if isinstance(name, str) and name.startswith("sayso.")}
# Names of files are no names of code.
FILES = {"sayso.toml", "sayso.db", "sayso.db.before", "sayso.ts", "sayso.env", "sayso.service"} | OF_TRACES
GROUPS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"])
# They hand on what a module of the same name in a wing has.
FACADES = {"blocking.py", "card.py", "channel.py"}
# Modules of the core by their last name, which no two of them share.
CORE = {
    path.stem: ".".join(path.relative_to(ROOT / "core").with_suffix("").parts)
    for path in (ROOT / "core" / "sayso").rglob("*.py")
    if path.stem != "__init__"
    and "testing" not in path.parts
    and path.relative_to(ROOT / "core" / "sayso").as_posix() not in FACADES
}
# Keys of the settings and names of form inputs that look like a module's.
OTHERWISE = {"service.url", "service.hosts", "text.f0"}
# There is no importing these where Python is too old for them.
TOO_NEW = ("sayso_ai",) if sys.version_info < (3, 12) else ()


@functools.cache
def _classes() -> Mapping[str, Sequence[str]]:
    """Modules by the classes in them: `Desk.open` is read without the module, too."""
    found: dict[str, list[str]] = {}
    for path in (path for root in ROOTS for path in sorted((ROOT / root).glob("sayso*/**/*.py"))):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts[1:]).removesuffix(".__init__")
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not module.startswith(TOO_NEW):
                found.setdefault(node.name, []).append(module)
    return found


def is_there(dotted: str) -> bool:
    parts = dotted.split(".")
    for split in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found: Any = importlib.import_module(".".join(parts[:split]))
            return _reaches(found, parts[split:])
    return False


def _reaches(found: Any, names: list[str]) -> bool:
    for index, name in enumerate(names):
        last = index == len(names) - 1
        # a field without a default, or what `__init__` makes, is no attribute of its class
        if last and (name in getattr(found, "__annotations__", {}) or f"self.{name}: " in _source(found)):
            return True
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def _source(found: Any) -> str:
    if not inspect.isclass(found):
        return ""
    return "".join(inspect.getsource(one) for one in found.__mro__ if one.__module__.startswith("sayso"))


# Attributes of objects, which tests/test_bounds.py holds to the code.
NOT_CODE = {"docs/bounds.md"}


def said_in(path: Path) -> Iterator[tuple[int, str]]:
    """Comments and docstrings of a module, and notes under fields, with their line; a `#` in a text passes for one."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if comment := line.partition("#")[2]:
            yield number, comment
    for node in nodes(path):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def missing(said: str, around: Path | None) -> list[str]:
    """The dotted names in *said* that name nothing, as somebody reads them in the module at *around*."""
    full = {name for name in FULL.findall(said) if name not in FILES | GROUPS and not name.startswith(TOO_NEW)}
    wrong = [name for name in full if not is_there(name)]
    for name in {one for one in SHORT.findall(said) if not one.endswith(".py")} - OTHERWISE:
        tries = _meant(name, around)
        if tries and not any(is_there(one) for one in tries):
            wrong.append(name)
    return sorted(wrong)


def _meant(name: str, around: Path | None) -> list[str]:
    head = name.partition(".")[0]
    package = ".".join(around.parent.relative_to(ROOT).parts[1:]) if around else "sayso"
    tries = [f"{module}.{name}" for module in _classes().get(head, ()) if module.split(".")[0] in ("sayso", package)]
    if around is not None:
        near = {path.stem for path in around.parent.glob("*.py")}
        tries += [f"{package}.{name}"] if head in near and not package.startswith(TOO_NEW) else []
        tries += [f"{CORE[head]}.{name.partition('.')[2]}"] if head in CORE else []
    return tries


def test_every_dotted_name_on_a_page_is_there() -> None:
    about_the_code = ("docs/architecture", "docs/decisions", "CONTRIBUTING")
    inside = {page: INSIDE if page.startswith(about_the_code) else None for page in PAGES if page not in NOT_CODE}
    wrong = [f"{page}: {name}" for page, where in inside.items() for name in missing(PAGES[page], where)]
    assert wrong == []


def test_the_walks_of_a_request_name_what_they_pass() -> None:
    for page, heading in (("README.md", "How one request travels"), ("docs/architecture.md", "One request")):
        walk = PAGES[page].partition(f"## {heading}")[2].partition("\n## ")[0]
        assert len(FULL.findall(walk)) > 15


def test_the_map_has_every_folder_of_the_core_with_modules_that_are_in_it_and_every_package() -> None:
    core = PAGES["docs/architecture.md"].partition("## The core")[2].partition("\n## ")[0]
    rows: dict[str, str] = dict(re.findall(r"^\| `([\w/]+)/` \| (.*) \|$", core, re.MULTILINE))
    source = ROOT / "core" / "sayso"
    folders = {path.parent for path in source.rglob("*.py")} - {source / "stores" / "sql"}
    assert set(rows) == {path.relative_to(source).as_posix() if path != source else "sayso" for path in folders}
    for name, row in rows.items():
        folder = source if name == "sayso" else source / name
        begin = re.findall(r"`(\w+)`", row.rpartition(" | ")[2])
        in_it = {path.stem for path in folder.glob("*.py")}
        assert [one for one in begin if one not in in_it and one not in ("open_ticket", "step")] == [], name
        assert begin, f"where does a reader of {name} begin?"
    packages = {path.parent.name for root in ROOTS for path in (ROOT / root).glob("*/__init__.py")}
    assert {name for name in packages if f"`{name}`" not in PAGES["docs/architecture.md"]} - {"sayso"} == set()


def test_the_page_of_the_states_has_every_event_and_every_effect() -> None:
    page = PAGES["docs/architecture.md"]
    rows = page.partition("| Event |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", rows, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(one.__name__ for one in get_args(events.Event))
    glossary = page.partition("## Glossary")[2]
    assert [one.__name__ for one in get_args(events.Effect) if f"`{one.__name__}`" not in glossary] == []


def test_every_file_that_a_page_about_the_code_names_is_there() -> None:
    pages = (page for page in PAGES if page.startswith(("docs/architecture", "docs/decisions", "CONTRIBUTING")))
    named = {name for page in pages for name in re.findall(r"`([\w./-]+/[\w./-]*\.\w+|[\w-]+/)`", PAGES[page])}
    around = [ROOT, *(ROOT / root for root in ROOTS), ROOT / "core" / "sayso", ROOT / "bots" / "sayso_bots"]
    assert len(named) > 10
    assert [name for name in named if not any((folder / name).exists() for folder in around)] == []


def test_every_test_and_every_module_that_a_measured_page_runs_is_there() -> None:
    said = "".join(PAGES[page] for page in ("docs/performance.md", "docs/reliability.md", "CONTRIBUTING.md"))
    files = set(re.findall(r"\btests/[\w/]+(?:\.py)?", said))
    modules = {name.replace(".", "/") for name in re.findall(r"python -m (tests(?:\.\w+)+)", said)}
    assert len(files) > 20
    assert len(modules) > 10
    assert sorted(name for name in files if not (ROOT / name).exists()) == []
    runs = {name for name in modules if (ROOT / f"{name}.py").exists() or (ROOT / name / "__main__.py").exists()}
    assert modules - runs == set()


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
        (
            "`cutting.fit` and `cutting.fits` of sayso_slack.rendered.render",
            ["cutting.fits", "sayso_slack.rendered.render"],
        ),
        ("keys stand in sayso.toml, the group is `sayso.renderers`, `asyncio.Protocol` is not ours", []),
    ],
)
def test_the_search_for_names_tells_right_from_wrong(said: str, wrong: list[str]) -> None:
    assert missing(said, INSIDE) == wrong


def test_the_search_for_names_reads_comments_docstrings_and_notes_under_fields(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text('"""One."""\n\nx: int\n"""Two."""\n# Three\ny = "not said"\n')
    assert sorted(said_in(path)) == [(1, "One."), (4, "Two."), (5, " Three")]
