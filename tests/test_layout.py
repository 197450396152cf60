"""Guards of the setup rules: what may import what, how large things may grow, and what must be there."""

import ast
import graphlib
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from tests.conftest import require
from tests.sources import EXAMPLES, ROOT, ROOTS, modules, nodes, parsed

pytestmark = [pytest.mark.once, pytest.mark.no_cover]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

# What needs a newer Python says so when it is imported on an older one.
TOO_NEW = {"adapters/sayso_ai"} if sys.version_info < (3, 12) else set[str]()

MOST_LINES_IN_A_FILE = 300
MOST_LINES_IN_A_FUNCTION = 50
VAGUE = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils"}
# Folders of the command; each imports only from those above it.
FOLDERS_OF_BOTS = ("settings", "service", "terminal", "demo", "commands")
PLATFORM = re.compile("slack|discord", re.IGNORECASE)
EXAMPLE_OF_A_PLACE = re.compile(r"slack:#\w+")
# The wings of the core: each imports from itself and from those before it. `asking` and `chat` do not know each other.
WINGS = ("top", "content", "rules", "machine", "cards", "stores", "audit", "stats", "desk", "chat", "asking", "testing")
TOP = {
    "late",
    "built",
    "model",
    "parts",
    "policies",
    "persons",
    "answers",
    "attention",
    "batches",
    "errors",
    "clock",
    "calendars",
    "earlier",
    "aside",
    "endings",
}
# Files beside the wings that only hand on what is in them.
DOORS = {"__init__", "blocking", "card", "channel", "moved"}
# What the core is made of. Platforms, agent frameworks and web servers are the business of adapters.
IN_CORE = {
    "sayso", "apsw", "asyncpg", "jsonschema", "markdown_it", "pydantic", "pydantic_core", "pytest", "referencing",
    "regex", "rfc8785", "tenacity", "typing_extensions",
}  # fmt: skip
PAUSE_CONTRACTS = {"PauseContract", "KeysContract", "HeldContract", "LastingContract"}
# Adapters in which no agent's tool waits: the inbox, the API and its client, and other systems' protocols, served; and
# those that only look something up.
_LOOK_UPS = {"sayso_cel", "sayso_holidays", "sayso_ical", "sayso_pagerduty", "sayso_secrets", "sayso_shell"}
NO_PAUSES = {
    "sayso_web",
    "sayso_http",
    "sayso_hitl",
    "sayso_aap",
    "sayso_otel",
    "sayso_plots",
    "sayso_signing",
    "sayso_push",
} | _LOOK_UPS
# Spelled in halves: this file names no host either.
HOSTS = ("py|pi.org", "python|hosted.org", "regis|try.npmjs", "regis|try.yarnpkg", "proxy.go|lang", "static.cra|tes")
ADDRESS = re.compile(
    "|".join(re.escape(host.replace("|", "")) for host in HOSTS)
    + r"|--(?:extra-)?index[-]url|--find[-]links|--trusted[-]host"
    + r"|https?://[^\s\"'<>)]+\.(?:whl|tgz|tar\.gz|tar\.xz|zip|deb)\b"
)


def packages(root: str) -> list[Path]:
    """Folders of a source root that hold code; one with only a py.typed is a plan, not a package."""
    return sorted(folder for folder in (ROOT / root).iterdir() if any(folder.rglob("*.py")) and folder != EXAMPLES)


def imported(among: Iterable[ast.AST]) -> set[str]:
    """Top-level names that a file with these nodes imports; relative imports stay in a package and do not count."""
    names: set[str] = set()
    for node in among:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def files_imported(path: Path, root: Path) -> set[Path]:
    """The files below *root*, a source root, that *path* imports, wherever in it."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {file for name in names if (file := (root / name.replace(".", "/")).with_suffix(".py")).is_file()}


def circle(imports: Mapping[Path, set[Path]]) -> list[str]:
    """Files that import each other in a circle, or nothing."""
    order = graphlib.TopologicalSorter(imports)
    try:
        order.prepare()
    except graphlib.CycleError as error:
        found: list[Path] = error.args[1]
        return [file.name for file in found]
    return []


def words(tree: ast.AST) -> Iterator[str]:
    """Every identifier and string literal of *tree*; bare strings (docstrings, notes under fields) are left out."""
    if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant):
        return
    for _, value in ast.iter_fields(tree):
        for item in cast(list[object], value if isinstance(value, list) else [value]):
            if isinstance(item, str):
                yield item
            elif isinstance(item, ast.AST):
                yield from words(item)


def last_name(node: ast.expr) -> str:
    """`C` for the base class expressions `C`, `module.C` and `C[T]`."""
    if isinstance(node, ast.Subscript):
        return last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def classes(among: Iterable[ast.AST]) -> Iterator[ast.ClassDef]:
    return (node for node in among if isinstance(node, ast.ClassDef))


def bases(node: ast.ClassDef) -> set[str]:
    return {last_name(base) for base in node.bases}


def stores() -> dict[str, Path]:
    """Classes that keep tickets: both verbs of the `Store` protocol, and neither the protocol nor an unfinished one."""
    found: dict[str, Path] = {}
    for path in modules("core", "adapters"):
        for node in classes(nodes(path)) if "def commit" in path.read_text() else ():
            verbs = {item.name for item in node.body if isinstance(item, ast.AsyncFunctionDef)}
            if {"load", "commit"} <= verbs and not {"Protocol", "ABC"} & set(bases(node)):
                found[node.name] = path
    return found


def files_that_subclass(*contracts: str) -> Iterator[Sequence[ast.AST]]:
    """The test files in which somebody subclasses one of *contracts*."""
    for path in modules("tests"):
        text = path.read_text()
        if any(name in text for name in contracts):
            among = nodes(path)
            if any(bases(node) & set(contracts) for node in classes(among)):
                yield among


def test_every_package_is_in_the_wheel() -> None:
    there = {str(folder.relative_to(ROOT)) for root in ROOTS for folder in packages(root)}
    assert there <= set(WHEEL)
    assert [package for package in WHEEL if not (ROOT / package).is_dir()] == []


def test_every_package_is_typed_and_says_what_it_is_for() -> None:
    folders = [folder for root in ROOTS for folder in packages(root)]
    inner = sorted({path.parent for path in modules(*ROOTS)} | set(folders))
    silent = [
        str(folder.relative_to(ROOT))
        for folder in inner
        if not (folder / "__init__.py").is_file() or not ast.get_docstring(parsed(folder / "__init__.py"))
    ]
    untyped = [folder.name for folder in folders if not (folder / "py.typed").is_file()]
    assert (silent, untyped) == ([], [])


def test_imports_point_from_bots_to_adapters_to_core() -> None:
    adapters = {folder.name for folder in packages("adapters")}
    bots = {folder.name for folder in packages("bots")}
    wrong: list[str] = []
    for folder in [*packages("core"), *packages("adapters"), *packages("bots")]:
        inner = {"core": adapters | bots, "adapters": adapters | bots, "bots": bots}[folder.parent.name]
        forbidden = inner - {folder.name}
        wrong += [
            f"{path.relative_to(ROOT)} imports {name}"
            for path in sorted(folder.rglob("*.py"))
            for name in sorted(imported(nodes(path)) & forbidden)
        ]
    assert wrong == []


def test_the_command_stands_in_folders_that_import_only_from_those_above_them() -> None:
    root, package = ROOT / "bots", ROOT / "bots" / "sayso_bots"
    assert {path.name for path in package.glob("*.py")} == {"__init__.py", "__main__.py", "cli.py"}
    assert {path.name for path in package.iterdir() if any(path.glob("*.py"))} == set(FOLDERS_OF_BOTS)
    imports = {path: files_imported(path, root) for path in package.rglob("*.py")}

    def height(path: Path) -> int:
        folder = path.relative_to(package).parts[0]
        return FOLDERS_OF_BOTS.index(folder) if folder in FOLDERS_OF_BOTS else len(FOLDERS_OF_BOTS)

    upwards = [
        f"{path.name} imports {other.name}"
        for path in imports
        for other in imports[path]
        if height(other) > height(path)
    ]
    assert (upwards, circle(imports)) == ([], [])
    assert sum(map(len, imports.values())) > 50, "the search finds what is imported"


def test_a_circle_is_found() -> None:
    first, second, third = Path("a.py"), Path("b.py"), Path("c.py")
    assert circle({first: {second}, second: {third}, third: set()}) == []
    assert set(circle({first: {second}, second: {third}, third: {second}})) == {"b.py", "c.py"}


def wing(path: Path) -> str:
    """The folder of the core that a file stands in; files beside the folders are `top`, or hand on what is inside."""
    inside = path.relative_to(ROOT / "core" / "sayso").parts
    return inside[0] if len(inside) > 1 else ("doors" if path.stem in DOORS else "top")


def core_imports(path: Path) -> Iterator[str]:
    """The modules of the core that a file imports, wherever in it; those for types only count, too."""
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sayso":
            inside = "/".join((node.module or "").split("."))
            for alias in node.names:
                whole = ROOT / "core" / inside / f"{alias.name}.py"
                yield (
                    f"{node.module}.{alias.name}"
                    if whole.exists() or whole.with_suffix("").is_dir()
                    else f"{node.module}"
                )
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "sayso")


def test_every_file_of_the_core_stands_in_a_wing() -> None:
    found = {wing(path) for path in modules("core")}
    assert found == {*WINGS, "doors"}
    assert {path.stem for path in modules("core") if wing(path) == "top"} == TOP


def test_no_import_of_the_core_points_to_a_later_wing() -> None:
    wrong: list[str] = []
    for path in modules("core"):
        if (here := wing(path)) == "doors":
            continue
        for name in core_imports(path):
            there = name.split(".")[1] if name.count(".") else "doors"
            there = there if there in WINGS else ("doors" if there in DOORS else "top")
            allowed = {"top", *WINGS[: WINGS.index(here) + 1]} - ({"chat"} if here == "asking" else set[str]())
            if there not in allowed:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_no_two_files_of_the_core_import_each_other_in_a_circle() -> None:
    imports = {path: files_imported(path, ROOT / "core") for path in modules("core")}
    assert circle(imports) == []
    assert sum(map(len, imports.values())) > 200, "the search finds what is imported"


def test_the_core_imports_no_platform_no_framework_and_no_web_server() -> None:
    known = IN_CORE | sys.stdlib_module_names
    wrong = {str(path.relative_to(ROOT)): sorted(imported(nodes(path)) - known) for path in modules("core")}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_core_names_no_platform() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {word[:60]!r}"
        for path in modules("core")
        for word in words(parsed(path))
        if PLATFORM.search(word)
    ]
    wrong += [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "core").rglob("*.sql"))
        for line in path.read_text().splitlines()
        if PLATFORM.search(line.partition("--")[0])
    ]
    assert wrong == []


def test_the_command_names_no_platform_but_in_examples_of_places() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {word[:60]!r}"
        for path in modules("bots")
        for word in words(parsed(path))
        if PLATFORM.search(EXAMPLE_OF_A_PLACE.sub("", word))
    ]
    assert wrong == []


def test_the_search_for_words_sees_code_and_passes_over_docstrings() -> None:
    code = 'def slack_it(x, *, y=f"a{x}discord"):\n    "Slack."\n    global g\n    return x.slack(k={"Slack": 1})'
    found = [word for word in words(ast.parse(code)) if PLATFORM.search(word)]
    assert sorted(found) == ["Slack", "discord", "slack", "slack_it"]


def test_the_search_for_imports_sees_them_inside_functions() -> None:
    tree = ast.parse("def f():\n    import a.b, c\n    from d.e import g\n    from . import h")
    assert imported(ast.walk(tree)) == {"a", "c", "d"}


def test_no_module_has_a_name_that_says_nothing() -> None:
    parts = {part for path in modules(*ROOTS) for part in path.relative_to(ROOT).with_suffix("").parts}
    assert {part for part in parts if part.strip("_") in VAGUE} == set()


def test_files_and_functions_stay_within_the_budget() -> None:
    over: list[str] = []
    for path in modules(*ROOTS):
        where = path.relative_to(ROOT)
        if (lines := len(path.read_text().splitlines())) > MOST_LINES_IN_A_FILE:
            over.append(f"{where}: {lines} lines")
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MOST_LINES_IN_A_FUNCTION:
                    over.append(f"{where}:{node.lineno} {node.name}: {lines} lines")
    assert over == []


def test_everything_a_package_offers_can_be_imported() -> None:
    modules = [importlib.import_module(Path(package).name) for package in WHEEL if package not in TOO_NEW]
    offered = [(module, name) for module in modules for name in getattr(module, "__all__", ())]
    assert [f"{module.__name__}.{name}" for module, name in offered if not hasattr(module, name)] == []


def test_the_core_says_what_it_offers() -> None:
    offered = importlib.import_module("sayso").__all__
    assert offered
    assert len(set(offered)) == len(offered)


def test_every_chat_adapter_is_held_to_the_channel_contract() -> None:
    chats = {folder.name for folder in packages("adapters") if (folder / "channel.py").is_file()}
    tested = {name for among in files_that_subclass("ChannelContract") for name in imported(among)}
    assert chats - tested == set()


def test_every_agent_adapter_is_held_to_the_contract_of_pauses() -> None:
    adapters = {folder.name for folder in packages("adapters") if not (folder / "channel.py").is_file()}
    tested = {name for among in files_that_subclass(*PAUSE_CONTRACTS) for name in imported(among)}
    assert adapters - tested - NO_PAUSES == set()
    assert adapters >= NO_PAUSES, "a surface that is gone"


def test_every_store_is_held_to_the_store_contract() -> None:
    tested = {word for module, *_ in files_that_subclass("StoreContract") for word in words(module)}
    assert {name: str(path.relative_to(ROOT)) for name, path in stores().items() if name not in tested} == {}


def test_every_dependency_is_pinned_with_a_hash() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    runs = [
        *PROJECT["project"]["dependencies"],
        *(item for name in ("slack", "discord", "postgres", "mcp") for item in extras[name]),
        *PROJECT["build-system"]["requires"],
    ]
    tests = [item for items in (*extras.values(), *PROJECT["dependency-groups"].values()) for item in items]
    assert names_in(runs) - pins("requirements.txt") == set()
    assert names_in(runs + tests) - pins("requirements.txt") - pins("requirements-test.txt") == set()
    assert names_in(runs + tests) - pins(".ci/requirements-lowest.txt") == {"ai"}  # which needs a newer Python
    assert pins("requirements.txt") & pins("requirements-test.txt") == set()


def pins(file: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==\S+(?: ;[^\\\n]*)? \\\n    --hash=sha256:", (ROOT / file).read_text(), re.M))


def names_in(items: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", item)[0] for item in items} - {"sayso"}


def test_no_tracked_file_names_a_registry_or_a_download() -> None:
    require(shutil.which("git") and (ROOT / ".git").exists(), "git and a clone, to know which files are tracked")
    # The clone may belong to another user than the one who runs the tests.
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    tracked = [ROOT / name for name in listing.split("\0") if name]
    wrong = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked
        if path.is_file()
        for match in ADDRESS.finditer(path.read_text(errors="ignore"))
    ]
    assert wrong == []
