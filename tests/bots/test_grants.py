"""`sayso grants`, and an allow for a while at the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sayso_bots.terminal import prompt
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


REFUND = ("ask", "permission", "--tool", "refund", "--input")


def test_a_pattern_is_shown_in_full_before_it_counts_and_covers_what_is_like_it(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text(SETTINGS)
    assert inside(*REFUND, '{"customer": "c-1", "amount": 20}', "--id", "r1").returncode == 0
    wrong = inside("answer", "r1", "--free", "tool")
    assert wrong.returncode == 2
    assert "may differ: customer, amount" in wrong.stderr
    given = inside("answer", "r1", "--free", "amount")
    assert given.returncode == 0
    for said in ("every call of", "any number from 0 to 20", "And the rest exactly so", "It does not cover", "21"):
        assert said in given.stderr
    assert inside(*REFUND, '{"customer": "c-1", "amount": 5}', "--id", "r2", "--wait").returncode == 0
    assert inside(*REFUND, '{"customer": "c-1", "amount": 50}', "--id", "r3").returncode == 0
    assert "pending" in inside("show", "r3", "--json").stdout
    assert "amount: any number from 0 to 20" in inside("grants", "list").stdout


def test_at_a_keyboard_only_yes_lets_it_count(inside: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sayso.toml").write_text(SETTINGS)
    inside(*REFUND, '{"customer": "c-1", "amount": 20}', "--id", "r1")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    typed = iter(["no", "yes"])

    async def read(_: str) -> str:
        return next(typed)

    monkeypatch.setattr(prompt, "read_line", read)
    refused = inside("answer", "r1", "--free", "amount")
    assert refused.returncode == 2
    assert "only yes allows it" in refused.stderr
    assert inside("answer", "r1", "--free", "amount").returncode == 0
