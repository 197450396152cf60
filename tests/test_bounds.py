"""The page of bounds names everything that can grow: each empty container that an object or a module begins with."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso.stores import sql
from tests.sources import ROOT, nodes, parsed

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs" / "bounds.md").read_text()
ROOTS = (ROOT / "core" / "sayso", ROOT / "adapters", ROOT / "bots")
LEFT_OUT = {"testing", "examples"}
GROWING = {
    *("dict", "list", "set", "deque", "defaultdict", "Counter", "OrderedDict", "Recent", "Queue", "SimpleQueue"),
    *("WeakKeyDictionary", "WeakValueDictionary", "WeakSet"),
}
REMEMBERING = {"cache", "lru_cache"}


def called(function: ast.expr) -> str:
    while isinstance(function, ast.Subscript | ast.Call):
        function = function.value if isinstance(function, ast.Subscript) else function.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def grows(value: ast.expr | None) -> bool:
    """Whether it is a container that begins empty, or a function that remembers."""
    match value:
        case ast.Dict(keys=found) | ast.List(elts=found) | ast.Set(elts=found):
            return not found
        case ast.Call(func=function):
            return called(function) in GROWING | REMEMBERING
        case _:
            return False


def assigned(node: ast.AST) -> tuple[ast.expr, ast.expr | None] | None:
    match node:
        case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value):
            return target, value
        case _:
            return None


def made_anew(field: ast.AnnAssign) -> bool:
    """Whether each object of a dataclass begins with such a container, which the type lets grow."""
    match field.value:
        case ast.Call(func=ast.Name(id="field"), keywords=[*_, ast.keyword(arg="default_factory")]):
            return called(field.annotation) in GROWING
        case _:
            return False


def remembering(tree: ast.Module) -> Iterator[str]:
    """The functions that keep what they returned."""
    for function in tree.body:
        match function:
            case ast.FunctionDef(decorator_list=marks) if REMEMBERING & set(map(called, marks)):
                yield function.name
            case _:
                pass


def containers(path: Path, module: str) -> Iterator[str]:
    yield from (f"{module}.{name}" for name in remembering(parsed(path)))
    for of in (node for node in nodes(path) if isinstance(node, ast.ClassDef)):
        for node in ast.walk(of):
            match assigned(node):
                case ast.Attribute(value=ast.Name(id="self"), attr=name), value if grows(value):
                    yield f"{module}.{of.name}.{name}"
                case ast.Name(id=name), _ if isinstance(node, ast.AnnAssign) and made_anew(node):
                    yield f"{module}.{of.name}.{name}"
                case _:
                    pass
    for statement in parsed(path).body:
        match assigned(statement):
            case ast.Name(id=name), value if grows(value):
                yield f"{module}.{name}"
            case _:
                pass


def found() -> set[str]:
    names = set[str]()
    for root in ROOTS:
        for path in root.rglob("*.py"):
            inside = path.relative_to(root).with_suffix("").parts
            if not LEFT_OUT & set(inside):
                names |= set(containers(path, ".".join(inside)))
    return names


def test_everything_that_grows_stands_on_the_page_of_bounds() -> None:
    named = set(re.findall(r"`([a-z_.0-9]+\.[A-Za-z_.0-9]+)`", PAGE))
    grown = found()
    assert sorted(grown - named) == []
    # and nothing that is gone
    assert sorted(named - grown) == []


def test_every_table_stands_on_the_page_of_bounds() -> None:
    for dialect in ("sqlite", "postgres"):
        made = set(re.findall(r"create table (\w+)", "".join(sql.migrations(dialect))))
        assert made <= set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))


def test_a_container_is_found_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(
        "_seen: set[str] = set()\n_EMPTY = ()\n"
        "class One:\n"
        "    def __init__(self) -> None:\n"
        "        self._a = {}\n        self._b: dict[str, int] = {}\n        self._c = list[int]()\n"
        "        self._d = recent.Recent[str, int](5)\n        self._e = {1: 2}\n        local = []\n"
        "        self._f = functools.cache(made)\n"
        "@dataclass\nclass Two:\n    a: dict[str, int] = field(default_factory=lambda: {})\n"
        "    b: int = field(default=2)\n"
        "    c: Mapping[str, int] = field(repr=False, default_factory=dict[str, int])\n"
        "_once = functools.lru_cache(512)(made)\n"
        "@functools.lru_cache(maxsize=5)\ndef find(): ...\n@cache\ndef read(): ...\n@other\ndef write(): ...\n"
    )
    expected = {f"x.One._{letter}" for letter in "abcdf"} | {"x._seen", "x.Two.a", "x._once", "x.find", "x.read"}
    assert set(containers(path, "x")) == expected
