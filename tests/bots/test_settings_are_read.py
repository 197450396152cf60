"""No key of the settings is taken and then forgotten: somebody reads every one."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pydantic
import pytest

from sayso import model
from sayso.chat import plugin
from sayso.chat.settings import Table
from sayso_bots.settings import records, schema

ROOT = Path(__file__).resolve().parent.parent.parent
READERS = [*(ROOT / "bots" / "sayso_bots").rglob("*.py"), *(ROOT / "adapters").glob("*/plugin.py")]


@cache
def reads() -> set[tuple[str, str]]:
    """What is read of what: `("service", "grace")` for `chosen.service.grace`, and for a parameter `service`."""
    found: set[tuple[str, str]] = set()
    for path in READERS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                of = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                found.add((of, node.attr))
    return found


TABLES: dict[str, type[pydantic.BaseModel]] = {
    "settings": schema.Settings,
    "service": schema.Service,
    "group": schema.Group,
    "stats": schema.Stats,
    "audit": records.Audit,
    "receipts": records.Receipts,
    "retention": records.Retention,
    "suggestions": records.Suggestions,
    "secrets": records.Secrets,
}


def unread(table: type[pydantic.BaseModel], name: str) -> set[str]:
    """The keys of a table that nobody reads, where it is called *name*."""
    return {key for key in table.model_fields if (name, key) not in reads()}


@pytest.mark.parametrize("name", TABLES)
def test_every_key_of_the_file_is_read(name: str) -> None:
    assert unread(TABLES[name], name) == set()


@pytest.mark.parametrize("chat", plugin.installed(), ids=lambda chat: str(chat.name))
def test_every_key_of_a_chat_is_read(chat: plugin.Chat[Table]) -> None:
    assert unread(chat.table, "table") == set()


def test_every_key_of_a_policy_is_one_of_a_policy_that_the_machine_knows() -> None:
    # where it is asked is kept beside the policies: Setup.routes
    assert schema.Policy.model_fields.keys() - {"route"} <= model.Policy.model_fields.keys()


def test_a_key_that_nobody_reads_is_found() -> None:
    class More(schema.Service):
        forgotten: bool = False

    assert unread(More, "service") == {"forgotten"}
