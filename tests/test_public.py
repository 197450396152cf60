"""The list of what outsiders may import is true, and pages, examples and nobody else's address lead anywhere else."""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

import sayso
from sayso import desk, model, moved
from sayso.asking import opening
from sayso.cards import dialog, tokens
from sayso.content import text
from sayso.desk import token_secret
from sayso.stores import memory
from tests.fakes.processes import run
from tests.test_docs import PAGES, ROOT, blocks

pytestmark = pytest.mark.once

ROW = re.compile(r"^\|\s*(`sayso[^|]*)\|([^|]*)\|[^|]+\|$", re.MULTILINE)
# Pages for readers, and programs that they copy.
EXAMPLES_IN_PYTHON = [(f"{one.page}:{one.line}", one.text) for one in blocks("python")] + [
    (path.name, path.read_text(encoding="utf-8")) for path in sorted((ROOT / "bots" / "examples").rglob("*.py"))
]
TOO_NEW = {"sayso_ai"} if sys.version_info < (3, 12) else set[str]()
# An old address is looked at in another process: here it would stay.
OLD = """
import importlib, sys, warnings

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    found = importlib.import_module(sys.argv[1])
print(said[0].category.__name__, said[0].message, found.__name__, sep="\\n")
"""

# Another thread asks for a module of a package that this one has begun to look for.
AT_ONCE = """
import sys, threading
import sayso

found = []
other = threading.Thread(target=lambda: found.append(sayso.Asker.__name__))

class Between:
    def find_spec(self, name, *_):
        if name == "sayso.desk" and other.ident is None:
            other.start()
            other.join(0.2)

sys.meta_path.insert(0, Between())
found.append(sayso.Desk.__name__)
other.join()
print(*found)
"""


def rows() -> Iterator[tuple[str, set[str]]]:
    """The modules of the list, each with the names that it may be used for; none means all."""
    for modules, names in ROW.findall(PAGES["docs/public.md"]):
        for module in re.findall(r"`([\w.]+)`", modules):
            yield module, set(re.findall(r"`(\w+)`", names)) - {"__all__"}


def public() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module, names in rows():
        found[module] = found.get(module, set()) | names
    return found


def imports(text: str) -> Iterator[tuple[str, str]]:
    """Module and name of each import of ours in a program; a module as such has an empty name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.startswith("sayso"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sayso"):
            yield from ((node.module or "", alias.name) for alias in node.names)


def is_public(module: str, name: str) -> bool:
    known = public()
    if name and f"{module}.{name}" in known:
        return True
    return module in known and (not name or not known[module] or name in known[module])


def test_what_the_list_names_is_there() -> None:
    wrong = []
    for module, names in rows():
        if module not in TOO_NEW:
            found = importlib.import_module(module)
            wrong += [f"{module}.{name}" for name in (*names, "__doc__") if getattr(found, name, None) is None]
    assert wrong == []


def test_pages_and_examples_import_only_what_is_public() -> None:
    wrong = [
        f"{where}: {module} {name}".strip()
        for where, text in EXAMPLES_IN_PYTHON
        for module, name in imports(text)
        if not is_public(module, name)
    ]
    assert wrong == []
    assert sum(1 for _, text in EXAMPLES_IN_PYTHON for _ in imports(text)) > 30


@pytest.mark.parametrize("old", ["store", "people", "memory", "hitl", "courier", "callers"])
def test_an_old_address_leads_to_the_module_of_today_and_says_so(old: str) -> None:
    kind, said, name = run([sys.executable, "-c", OLD, f"sayso.{old}"], ROOT).stdout.splitlines()
    assert kind == "DeprecationWarning"
    assert said == f"sayso.{old} has moved to {moved.ADDRESSES[old]}; the old address goes in 0.2"
    assert name == moved.ADDRESSES[old]


def test_every_old_address_leads_somewhere_and_none_of_ours_is_used() -> None:
    wrong = [new for new in moved.ADDRESSES.values() if importlib.util.find_spec(new) is None]
    assert wrong == []
    assert [old for old in moved.ADDRESSES if (ROOT / "core" / "sayso" / f"{old}.py").exists()] == []


def test_code_that_was_written_with_the_old_names_of_the_desk_and_its_parts_goes_on() -> None:
    made = desk.Desk(memory.MemoryStore(), tokens.Mint(b"a secret of the service, which is long"))
    assert made.house is made.setup
    assert (made.tick, made.undelivered, made.lost) == (made.let_time_act, made.place_lost, made.card_lost)
    assert made.refused == made.record_refusal
    assert (desk.House, desk.Seat, dialog.Room) == (desk.Setup, desk.PressedMessage, dialog.WindowLimits)
    assert model.MessageRef is model.PostedCard
    assert opening.mint is token_secret.mint


def test_a_renderer_written_with_the_old_name_of_foreign_text_knows_it() -> None:
    assert isinstance(text.literal("ls"), text.Literal)


def test_a_program_that_imports_sayso_pays_only_for_what_it_uses() -> None:
    said = "import sys, sayso; print(*sys.modules); sayso.errors, sayso.Refused, sayso.Policy"
    run = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"pydantic", "asyncio", "sayso.model", "sayso.desk"} & set(run.stdout.split()) == set()


def test_threads_that_use_names_for_the_first_time_at_once_get_them() -> None:
    run = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(run.stdout.split()) == ["Asker", "Desk"], run.stderr


def test_every_name_has_a_home_and_no_other_name_is_offered() -> None:
    assert {name: getattr(sayso, name).__name__ for name in ("open", "House", "Defined")} == {
        "open": "open",
        "House": "Setup",
        "Defined": "HookType",
    }
    assert set(sayso.__all__) <= set(dir(sayso))
    assert sayso.blocking.__name__ == "sayso.blocking"
    for name in ("no_such_name", "_private", "no.such.name"):
        with pytest.raises(AttributeError, match=name):
            getattr(sayso, name)


@pytest.mark.once
def test_a_program_that_asks_a_service_imports_no_desk() -> None:
    program = "import sys, sayso; sayso.open; import sayso_http.client; print('sayso.desk.desk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
