"""The kinds of records that adapters keep beside the tickets: constants, and each begins with its adapter's name."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.tables import each

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"
VERBS = {"get", "put", "remove", "scan"}
# What stands in databases already keeps its name.
OLDER = {
    "sayso_claude": {"return"},
    "sayso_http": {"resume", "webhook_reply"},
    "sayso_web": {"session", "signin"},
}
KINDS = {
    "sayso_aap": {"aap-instance", "aap-outcome", "aap-result"},
    "sayso_claude": {"claude-call", "return"},
    "sayso_discord": {"discord-sharing", "discord-moved", "discord-thread"},
    "sayso_http": {"resume", "webhook_reply"},
    "sayso_push": {"push-device", "push-keys", "pushed"},
    "sayso_slack": {"slack-images", "slack-thread"},
    "sayso_web": {"session", "signin"},
}
TOO_NEW = {"sayso_ai"} if sys.version_info < (3, 12) else set[str]()


def named(tree: ast.AST) -> Iterator[ast.expr]:
    """How the kind is named wherever a record is made, or asked of a store."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        made = isinstance(node.func, ast.Name) and node.func.id == "Record"
        asked = isinstance(node.func, ast.Attribute) and node.func.attr in VERBS and "store" in ast.unparse(node.func)
        if made or (asked and not isinstance(node.args[0], ast.Call)):
            yield node.args[0]


def kinds(package: str) -> Iterator[str]:
    for path in sorted((ADAPTERS / package).rglob("*.py")):
        text = path.read_text()
        if "Record(" not in text and "store" not in text:
            continue
        found = [one for one in named(ast.parse(text)) if isinstance(one, ast.Name | ast.Attribute | ast.Constant)]
        if not found:
            continue
        module = importlib.import_module(".".join(path.relative_to(ADAPTERS).with_suffix("").parts))
        for one in found:
            assert not isinstance(one, ast.Constant), f"{path}:{one.lineno}: a kind is a constant with a name"
            head, *rest = ast.unparse(one).split(".")
            value = getattr(module, head, None)
            for name in rest:
                value = getattr(value, name, None)
            if isinstance(value, str):
                yield value


def test_every_kind_is_known_and_begins_with_the_name_of_its_adapter() -> None:
    for row in each(sorted(path.parent.name for path in ADAPTERS.glob("*/__init__.py"))):
        with row as package:
            found = set[str]() if package in TOO_NEW else set(kinds(package))
            assert found == KINDS.get(package, set())
            assert {kind for kind in found if not kind.startswith(package.removeprefix("sayso_"))} == OLDER.get(
                package, set()
            )
