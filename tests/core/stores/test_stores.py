"""A database address opens its store, or says what is wrong with it."""

import os
import sys
from pathlib import Path

import pytest

from sayso import errors, stores
from sayso.stores import memory, postgres, sqlite
from tests.fakes.pg import pg_server, pg_url

__all__ = ["pg_server", "pg_url"]


async def test_an_address_opens_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pg_url: str) -> None:
    monkeypatch.chdir(tmp_path)
    urls = ["memory://", "sqlite:///:memory:", "sqlite:///a%20b.db", f"sqlite:///{tmp_path}/c.db", pg_url]
    kinds: list[type] = []
    for url in urls:
        store = await stores.connect(url)
        kinds.append(type(store))
        await store.close()
    assert kinds == [memory.MemoryStore, *[sqlite.SqliteStore] * 3, postgres.PostgresStore]
    assert {"a b.db", "c.db"} <= set(os.listdir(tmp_path))


@pytest.mark.parametrize(
    "url", ["", "mysql://u:secret@h/x", "sqlite:///", "sqlite://x.db", "postgresql://", "memory://x", "secret.db"]
)
async def test_an_unknown_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        await stores.connect(url)
    assert refused.value.field == "SAYSO_DATABASE_URL"
    assert "secret" not in f"{refused.value}{refused.value.hint}"


async def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("sayso.stores.postgres")
    monkeypatch.setitem(sys.modules, "sayso.stores.postgres", None)
    with pytest.raises(errors.InvalidSettings, match="asyncpg") as refused:
        await stores.connect("postgresql://localhost/sayso")
    assert refused.value.hint == "in a clone of sayso: pip install '.[postgres]'"
