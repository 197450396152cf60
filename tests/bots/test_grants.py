"""`sayso grants`, and an allow for a while at the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bots.conftest import Call

ASK = ("ask", "permission", "--tool", "Bash", "--input", '{"command": "make"}')
SETTINGS = '[policies.default]\napprovers = ["anyone"]\ngrants = "8h"\n'


def test_what_was_allowed_for_a_while_is_allowed_at_once_listed_and_ended(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text(SETTINGS)
    assert inside(*ASK, "--id", "r1").returncode == 0
    assert inside("answer", "r1", "--standing", "call").returncode == 0
    assert inside(*ASK, "--id", "r2", "--wait").returncode == 0
    (grant,) = json.loads(inside("grants", "list", "--json").stdout)
    assert (grant["tool"], grant["standing"], grant["request"]) == ("Bash", "call", "r1")
    assert "this call" in inside("grants", "list").stdout
    assert "Allowed" in inside("list").stdout
    assert inside("grants", "end", grant["id"]).stdout.strip() == "no grants"
    assert inside("grants", "end", grant["id"]).returncode == 2
    assert inside(*ASK, "--id", "r3").returncode == 0
    assert "pending" in inside("show", "r3", "--json").stdout


def test_without_grants_in_its_policy_an_allow_is_good_for_one_run(inside: Call) -> None:
    assert inside(*ASK, "--id", "r1").returncode == 0
    refused = inside("answer", "r1", "--standing", "call")
    assert refused.returncode == 2
    assert "stands for itself alone" in refused.stderr
