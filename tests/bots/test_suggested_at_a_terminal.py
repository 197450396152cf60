"""Whoever is alone with a database accepts at the terminal what the service suggests, and it holds for commands too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sayso import errors
from sayso.cards import naming
from sayso.desk.upkeep import suggestions
from sayso.stores import Query
from sayso_bots.settings import environment
from sayso_bots.terminal import access, local_desk
from tests.bots.conftest import Call

ASK = ("ask", "permission", "--tool", "run_tests", "--input", '{"suite": "unit"}')


async def suggest() -> str:
    """What the service does once a day."""
    async with access.connect(environment.read()) as desk:
        assert isinstance(desk, local_desk.LocalDesk)
        assert await suggestions.look(desk.desk) == 1
        (asked,) = await desk.desk.store.list(Query(owner=naming.SERVICE))
        return asked.id


def allow_five(inside: Call) -> None:
    for number in range(5):
        assert inside(*ASK, "--id", f"r{number}").returncode == 0
        assert inside("answer", f"r{number}", "--allow").returncode == 0


def test_the_owner_accepts_and_what_follows_is_allowed_at_once(inside: Call) -> None:
    allow_five(inside)
    suggested = asyncio.run(suggest())
    accepted = inside("answer", suggested, "--choice", "Allow them from now on")
    assert accepted.returncode == 0, accepted.stderr
    assert inside(*ASK, "--id", "after", "--wait").returncode == 0
    shown = inside("show", "after").stdout
    assert "suggest" in shown or "grant" in shown
    # another call is asked about, and so is this one once the grant is ended
    assert (
        inside("ask", "permission", "--tool", "run_tests", "--input", '{"suite": "all"}', "--id", "b").returncode == 0
    )
    assert "pending" in inside("show", "b", "--json").stdout
    grant = inside("grants", "list", "--json").stdout.partition('"id": "')[2].partition('"')[0]
    assert inside("grants", "end", grant).returncode == 0
    assert inside(*ASK, "--id", "c").returncode == 0
    assert "pending" in inside("show", "c", "--json").stdout


def test_where_the_settings_name_people_only_those_who_are_asked_accept(
    inside: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = '[people.ann]\nterminal = "ann"\n[people.bob]\nterminal = "bob"\n[service]\nowner = "ann"\n'
    (tmp_path / "sayso.toml").write_text(people)
    monkeypatch.setenv("LOGNAME", "bob")
    allow_five(inside)
    suggested = asyncio.run(suggest())
    refused = inside("answer", suggested, "--choice", "Allow them from now on")
    assert refused.returncode != 0
    assert errors.NotAllowed.code in refused.stderr or "ann" in refused.stderr
    monkeypatch.setenv("LOGNAME", "ann")
    assert inside("answer", suggested, "--choice", "Allow them from now on").returncode == 0
