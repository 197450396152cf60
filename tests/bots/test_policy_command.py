"""`sayso policy`: rules looked over, tried on cases and on what was asked, and explained."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sayso import model
from sayso.desk import Desk
from sayso.desk.upkeep import looking_back
from sayso.rules import lint
from sayso.rules.rule import FACTS
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_bots.commands.policy import cases, command
from sayso_bots.settings import rule_tables, toml
from tests.bots.conftest import Call

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")

GOOD = """
[calendars.freeze]
dates = [{ from = 2020-01-01, to = 2020-01-02 }]
[policies.strict]
approvers = ["anyone"]
[[rules]]
id = "no-secrets"
match = { tool = ["Bash", "Read"], "input.*" = "*.env*" }
effect = "deny"
[[rules]]
id = "reads"
match = { tool = ["Read", "Grep", "Glob"] }
effect = "allow"
[[rules]]
id = "refunds"
match = { tool = "refund", "input.currency" = "EUR" }
effect = "allow"
limit = { count = 2, per = "1h", by = "agent" }
[[rules]]
id = "npm"
match = { tool = "Bash", program = "npm" }
effect = "ask"
policy = "strict"
route = ["web"]
[[rules]]
id = "watched"
match = { tool = "Bash", program = "ls" }
effect = "deny"
mode = "observe"
"""


def findings(text: str, at: datetime = datetime(2026, 6, 1, tzinfo=UTC)) -> list[tuple[str, str]]:
    rules = toml.setup(toml.parse(tomllib.loads(text))).rules.rules
    return [(one.rule, one.said) for one in lint.lint(rules, at)]


def test_rules_that_say_what_they_mean_are_left_alone() -> None:
    assert findings(GOOD) == []


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('match = { tool = "mcp__*", any_input = true }', "with any input"),
        ('match = { tool = "Bash", program = "ls", any_args = true }', "ls with any arguments"),
        ('match = { tool = "wipe" }', "wipe whatever its input is"),
        ('match = { tool = "wipe", "input.name" = "*" }', "input.name may be anything"),
        ('match = { tool = "Read", session = "a" }', "match.session"),
        ('match = { tool = "Read", risk = "low" }', "match.risk"),
        ("match = { tool = \"wipe\" }\nwhen = 'metadata.safe == true'", "metadata in when"),
        ('match = { tool = "Read" }\nlimit = { count = 1, per = "1h", by = "session" }', "limit.by"),
        ('match = { tool = "Bash", program = "make", args = ["test"] }', "files that may have changed"),
        ('match = { tool = "Read" }\nuntil = 2026-05-31', "it has ended"),
    ],
)
def test_what_lets_by_more_than_it_seems_is_found(rule: str, told: str) -> None:
    (found,) = findings(f'[[rules]]\nid = "x"\neffect = "allow"\n{rule}')
    assert found[0] == "x"
    assert told in found[1]


def test_a_freeze_below_an_allow_that_it_must_beat_is_found() -> None:
    freeze = '[[rules]]\nid = "frozen"\nmatch = { tool = ["a", "b"] }\nduring = "freeze"\neffect = "ask"\n'
    allow = '[[rules]]\nid = "x"\nmatch = { tool = "b", "input.a" = 1 }\neffect = "allow"\n'
    other = '[[rules]]\nid = "y"\nmatch = { tool = "c", "input.a" = 1 }\neffect = "allow"\n'
    calendar = "[calendars.freeze]\n"
    (found,) = findings(calendar + other + allow + freeze)
    assert found == ("frozen", "the rule 'x' above it allows before it is looked at")
    assert findings(calendar + freeze + allow + other) == []


def test_a_watched_rule_that_would_never_decide_is_found() -> None:
    ask = '[[rules]]\nid = "a"\nmatch = { tool = "b" }\neffect = "ask"\n'
    watched = '[[rules]]\nid = "w"\nmatch = { tool = "b" }\neffect = "allow"\nmode = "observe"\n'
    assert ("w", "it would decide nothing: the rule 'a' comes before it") in findings(ask + watched)


def test_lint_prints_what_it_finds_and_exits_with_two(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text(GOOD)
    done = inside("policy", "lint")
    assert (done.returncode, done.stdout) == (0, "5 rules, 0 findings\n")
    (tmp_path / "sayso.toml").write_text('[[rules]]\nid = "x"\neffect = "allow"\nmatch = { tool = "wipe" }')
    done = inside("policy", "lint")
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "x: it allows wipe whatever its input is",
        '  → add "input.NAME" or when',
        "1 rule, 1 finding",
    ]
    assert json.loads(inside("policy", "lint", "--json").stdout)[0]["rule"] == "x"


def test_doctor_looks_the_rules_over(inside: Call, tmp_path: Path) -> None:
    def found(text: str) -> dict[str, Any]:
        (tmp_path / "sayso.toml").write_text(text)
        done = inside("doctor", "--json", SAYSO_PORT="0")
        return {one["name"]: one for one in json.loads(done.stdout) if one["name"].startswith("rules")}

    assert found(GOOD)["rules"]["ok"] is True
    bad = found('[[rules]]\nid = "x"\neffect = "allow"\nmatch = { tool = "wipe" }')
    assert bad["rules.x"]["ok"] is False
    assert found("") == {}


CASES = """
[[cases]]
tool = "Read"
input = { file_path = "a" }
expect = "allow"
rule = "reads"
[[cases]]
name = "an allowance ends"
tool = "refund"
input = { currency = "EUR" }
times = 3
expect = "ask"
[[cases]]
tool = "Bash"
input = { command = "npm ci" }
at = 2026-06-01T10:00:00
expect = "ask"
policy = "strict"
route = ["web"]
[[cases]]
kind = "question"
expect = "ask"
policy = "default"
"""


def test_cases_that_come_to_what_they_expect_pass_and_others_are_named(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text(GOOD)
    (tmp_path / "t.toml").write_text(CASES)
    done = inside("policy", "test", "t.toml")
    assert (done.returncode, done.stdout) == (0, "4 cases, 0 failed\n")
    (tmp_path / "t.toml").write_text(
        CASES.replace("times = 3", "times = 2").replace('rule = "reads"', 'rule = "other"')
    )
    done = inside("policy", "test", "t.toml")
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "FAIL  case 1: rule is reads, not other",
        "FAIL  an allowance ends: expect is allow, not ask (by the rule 'refunds')",
        "4 cases, 2 failed",
    ]
    assert len(json.loads(inside("policy", "test", "t.toml", "--json").stdout)["failed"]) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[cases]]\ntool = 'a'", "cases.0.expect"),
        ("[[cases]]\ntool = 'a'\nexpect = 'allow'\nrul = 'x'", "cases.0.rul"),
        ("[[cases", "is not TOML"),
        (None, "cannot be read"),
    ],
)
def test_a_file_of_cases_that_is_wrong_is_refused(inside: Call, tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "t.toml").write_text(text)
    done = inside("policy", "test", "t.toml")
    assert done.returncode == 2
    assert told in done.stderr


def ask(inside: Call, id: str, tool: str, **input: Any) -> None:
    done = inside("ask", "permission", "--id", id, "--tool", tool, "--input", json.dumps(input))
    assert done.returncode == 0, done.stderr


def test_history_is_replayed_under_the_rules_of_now(inside: Call, tmp_path: Path) -> None:
    ask(inside, "r1", "Read", file="a")
    ask(inside, "r2", "Bash", command="cat .env")
    ask(inside, "r3", "Bash", command="ls")
    for number in range(4, 7):
        ask(inside, f"r{number}", "refund", currency="EUR", n=number)
    inside("answer", "r1", "--deny")
    (tmp_path / "sayso.toml").write_text(GOOD)
    done = inside("policy", "replay")
    assert done.stdout.splitlines() == [
        "6 requests, 4 would have come to something else",
        "  allow  3",
        "  ask    2",
        "  deny   1",
        "  by the rule refunds: 2",
        "  by the rule reads: 1",
        "  by the rule no-secrets: 1",
        "  only watched, watched: 1",
        "  1 request that people denied would have been allowed",
        "r1  Read: ask → allow by the rule reads; it was denied",
        "r2  Bash: ask → deny by the rule no-secrets",
        "r4  refund: ask → allow by the rule refunds",
        "r5  refund: ask → allow by the rule refunds",
    ]
    found = json.loads(inside("policy", "replay", "--since", "1h", "--json").stdout)
    assert (found["requests"], [one["id"] for one in found["changed"]]) == (6, ["r1", "r2", "r4", "r5"])
    assert inside("policy", "replay", "--since", "soon").returncode == 2
    refused = inside("policy", "replay", SAYSO_URL="http://127.0.0.1:1", SAYSO_KEY="k")
    assert (refused.returncode, "where the database is" in refused.stderr) == (2, True)


def test_a_long_history_is_read_in_pages_as_far_back_as_asked(
    inside: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_back, "_PAGE", 2)
    monkeypatch.setattr(command, "_MOST_NAMED", 1)
    for number in range(4):
        ask(inside, f"r{number}", "Read", file=number)
    (tmp_path / "sayso.toml").write_text(GOOD)
    told = inside("policy", "replay").stdout.splitlines()
    assert told[0] == "4 requests, 4 would have come to something else"
    assert told[-2:] == ["r3  Read: ask → allow by the rule reads", "and 3 before these: --json has all"]


async def test_nothing_before_the_moment_is_read() -> None:
    clock = ManualClock(samples.NOW)
    desk = Desk(memory.MemoryStore(), samples.MINT, clock=clock)
    for id in ("old", "new"):
        await desk.open(model.Request(id=id, kind="question", title="Which?"))
        clock.advance(100)
    found = [one.id async for one in looking_back.newest_first(desk.store, samples.NOW + timedelta(seconds=50))]
    assert found == ["new"]


def test_cases_are_written_from_history_and_pass(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text(GOOD)
    ask(
        inside,
        "r1",
        "Read",
        file='a "quoted" \u00e9\u007f\n',
        deep={"a b": [1, None, 2.5, True], "none": None},
        empty={},
    )
    for number in range(2, 7):
        ask(inside, f"r{number}", "Bash", command=f"echo {number}")
    ask(inside, "r7", "Bash", command="npm ci")
    ask(inside, "r8", "connect", password="hunter7x")
    written = inside("policy", "init-tests", "--each", "2").stdout
    assert "# 1 of the calls held a secret, and are left out" in written
    (tmp_path / "t.toml").write_text(written)
    names = [case["name"] for case in tomllib.loads(written)["cases"]]
    assert names == ["r7", "r6", "r5", "r1"]
    assert inside("policy", "test", "t.toml").stdout == "4 cases, 0 failed\n"


def test_what_people_allowed_again_and_again_is_suggested_and_can_be_pasted(inside: Call, tmp_path: Path) -> None:
    for number in range(6):
        ask(inside, f"r{number}", "Bash", command="git status -s")
        inside("answer", f"r{number}", "--allow")
        ask(inside, f"m{number}", "refund", order=7)
        inside("answer", f"m{number}", "--allow", "--yes")
    written = inside("policy", "suggest").stdout
    assert "# 6 calls of local that people allowed" in written
    assert '#   r0: { command = "git status -s" }' in written
    assert "1 about money, secrets or deletes left out" in written
    (tmp_path / "sayso.toml").write_text(written)
    (rule,) = tomllib.loads(written)["rules"]
    assert rule["match"] == {"tool": "Bash", "agent": "local", "program": "git", "args": ["status", "-s"]}
    asked = inside("ask", "permission", "--tool", "Bash", "--input", '{"command": "git status -s"}', "--wait")
    assert (asked.returncode, "by the rule 'suggested-1'" in asked.stdout) == (0, True)
    assert len(tomllib.loads(inside("policy", "suggest", "--costly").stdout)["rules"]) == 2
    assert "rules" not in tomllib.loads(inside("policy", "suggest", "--least", "7").stdout)


def test_a_request_is_explained_by_the_rules_of_then_and_of_now(inside: Call, tmp_path: Path) -> None:
    ask(inside, "r0", "Read", file="a")
    assert "no rules were there" in inside("policy", "explain", "r0").stdout
    assert "There are no rules now." in inside("policy", "explain", "r0").stdout
    (tmp_path / "sayso.toml").write_text(GOOD)
    ask(inside, "r1", "refund", currency="EUR")
    ask(inside, "r2", "Bash", command="ls && npm ci")
    ask(inside, "r3", "wipe")
    assert inside("policy", "explain", "r1").stdout.splitlines() == [
        "r1: the rule refunds allowed it.",
        "At that moment, the rules of now (5 rules):",
        "  no-secrets  deny   does not match: match.tool",
        "  reads       allow  does not match: match.tool",
        "  refunds     allow  matches and decides (as far as limit let it)",
        "  npm         ask    does not match: match.tool",
        "  watched     deny   does not match: match.tool",
    ]
    second = inside("policy", "explain", "r2").stdout
    assert "r2: the rule npm asked people under the policy strict. Only watched: watched." in second
    assert "watched     deny   matches, only watched" in second
    third = inside("policy", "explain", "r3").stdout
    assert "no rule decided, so people were asked under the policy default" in third
    assert third.splitlines()[-1] == "No rule decides: people are asked."
    document = json.loads(inside("policy", "explain", "r2", "--json").stdout)
    assert (document["then"]["rule"], document["now"]) == ("npm", "npm")


def test_the_cases_on_the_page_pass_with_the_rules_on_the_page(tmp_path: Path) -> None:
    settings, written = (re.findall(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)[0] for name in ("toml", "toml cases"))
    setup = toml.setup(toml.parse(tomllib.loads(settings)))
    (tmp_path / "t.toml").write_text(written)
    found = cases.read(tmp_path / "t.toml")
    assert [cases.failing(case, setup, datetime(2026, 12, 1, 12, tzinfo=UTC)) for case in found] == [None] * 3
    named = re.search(r"A case has (.*?)\. `sayso", PAGE, re.DOTALL)
    assert named is not None
    assert set(re.findall(r"`(\w+)`", named[1])) == cases.Case.model_fields.keys() - {"name"}


def test_the_page_has_every_key_of_a_rule_and_of_a_match() -> None:
    of_rules, of_match = PAGE.split("## The keys")[1].split("In `match`:")
    assert set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", of_rules, re.MULTILINE)))) == (
        set(rule_tables.Rule.model_fields)
    )
    said = " ".join(re.findall(r"^\| (.*?) \|", of_match.split("## Command lines")[0], re.MULTILINE))
    wanted = {*FACTS, "input.NAME", "input.*", "program", "args", "any_input", "any_args"}
    assert set(re.findall(r"`([\w.*]+)`", said)) == wanted
