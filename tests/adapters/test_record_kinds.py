"""Whatever a chat adapter keeps in the store stands under the adapter's own name."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"


def kinds(package: str) -> dict[str, str]:
    """The kinds of records that a package names, by the module and the constant."""
    found: dict[str, str] = {}
    for path in sorted((ADAPTERS / package).glob("*.py")):
        module = importlib.import_module(f"{package}.{path.stem}")
        named = {name: value for name, value in vars(module).items() if name.endswith("KIND")}
        found |= {f"{path.stem}.{name}": value for name, value in named.items() if isinstance(value, str)}
    return found


def stored(package: str) -> Iterator[str]:
    """What stands for the kind wherever a record is made."""
    for path in sorted((ADAPTERS / package).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Record":
                yield ast.unparse(node.args[0])


@pytest.mark.parametrize("package", ["sayso_slack", "sayso_discord"])
def test_the_records_of_a_chat_begin_with_its_name(package: str) -> None:
    named = kinds(package)
    assert named
    assert {
        name: kind for name, kind in named.items() if not kind.startswith(package.removeprefix("sayso_") + "-")
    } == {}
    assert {kind for kind in stored(package) if not kind.lower().endswith("kind")} == set()


def test_no_two_chats_keep_records_of_one_kind() -> None:
    slack, discord = set(kinds("sayso_slack").values()), set(kinds("sayso_discord").values())
    assert slack & discord == set()
