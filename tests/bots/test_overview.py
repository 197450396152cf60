"""`sayso people` and `sayso policy list`, here and over HTTP: the same documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sayso import errors
from sayso.desk import Desk
from sayso.desk.answering import overview
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor
from sayso_bots.settings import toml
from tests.bots.conftest import Call

SETTINGS = """
[people.ann]
terminal = "ann"
slack = "T1/U1"
[people.bob]
[groups.leads]
members = ["ann"]
slack_group = "S1"
[policies.default]
approvers = ["ann"]
expires_in = "2h"
[policies.prod]
approvers = ["group:leads"]
reason = "allow"
[[delegations]]
of = "ann"
to = ["bob"]
until = 2026-12-20
[[rules]]
id = "npm"
match = { tool = "npm" }
effect = "ask"
policy = "prod"
mode = "observe"
[[rules]]
id = "no"
match = { tool = "no" }
effect = "deny"
reason = "never"
[slack]
channel = "#ops"
"""


@pytest.fixture
def here(tmp_path: Path, inside: Call) -> Call:
    (tmp_path / "sayso.toml").write_text(SETTINGS)
    assert inside("ask", "permission", "--tool", "no", "--id", "r1", "--wait").returncode == 1
    return inside


def test_people_and_groups_are_listed(here: Call) -> None:
    shown = " ".join(here("people").stdout.split())
    for said in ("ann", "slack:T1/U1", "terminal:ann", "leads", "slack:S1", "acts for ann until 2026-12-21"):
        assert said in shown, said
    found = json.loads(here("people", "--json").stdout)
    assert [one["name"] for one in found["people"]] == ["ann", "bob"]
    assert found["people"][0]["groups"] == ["leads"]
    assert found["groups"][0]["members"] == ["ann"]


def test_policies_and_rules_say_what_they_say_and_did(here: Call) -> None:
    shown = here("policy", "list").stdout
    for said in (
        "default (where nothing else is said)",
        "after 2 h, which is a denial",
        "must be given with an allow",
        "rule npm: ask, under prod, only watched · 0 in 30 days",
        "rule no: deny · 1 in 30 days: never",
    ):
        assert said in shown, said
    found = json.loads(here("policy", "list", "--json").stdout)
    assert found["default"] == "default"
    assert [one["id"] for one in found["rules"]] == ["npm", "no"]


def test_settings_that_name_nobody_say_so(inside: Call) -> None:
    assert inside("ask", "question", "Which?").returncode == 0
    assert "the settings name nobody" in inside("people").stdout


async def test_numbers_are_for_readers_only_and_pages_have_an_end() -> None:
    setup = toml.setup(toml.parse({"people": {"ann": {}, "bob": {}}, "stats": {"readers": ["bob"]}}))
    desk = Desk(memory.MemoryStore(), MINT, setup, ManualClock())
    assert {one.decided for one in (await overview.of_policies(desk, actor("ann"))).policies} == {None}
    assert {one.decided for one in (await overview.of_policies(desk)).policies} == {0}
    assert (await overview.of_people(desk)).next is None
    assert (await overview.of_people(desk, 1)).people == ()
    with pytest.raises(errors.NotFound):
        await overview.of_people(desk, -1)
