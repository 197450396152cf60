"""`sayso review`: many requests at a keyboard, each shown whole before it may be allowed; groups answered together."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from sayso import errors, model
from sayso.desk import Caller, Desk, Setup
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_bots.terminal import local_desk, many
from tests.bots.conftest import Call
from tests.bots.test_prompt import terminal


def asked(inside: Call, id: str, command: str, *more: str) -> None:
    given = ("--id", id, "--input", json.dumps({"command": command}), "--session", "s-1", *more)
    assert inside("ask", "permission", "--tool", "Bash", *given).returncode == 0


def outcomes(inside: Call) -> dict[str, str | None]:
    found = json.loads(inside("list", "--json").stdout)
    return {one["id"]: one["decision"] and one["decision"]["outcome"] for one in found}


def test_like_ones_stand_together_and_several_are_answered_by_one_line(tmp_path: Path, inside: Call) -> None:
    for number in range(1, 5):
        asked(inside, f"r{number}", f"make test{number}")
    asked(inside, "danger", "rm -rf /srv/app")
    assert inside("ask", "question", "Which?", "--id", "q").returncode == 0
    with terminal(tmp_path, "review") as screen:
        screen.until("5 requests wait for you, in 1 group")
        screen.until("Enter for the next")
        screen.type("allow 1 2-3")
        # the most risky one is the first row
        screen.until("Of high risk: 1. Type yes")
        screen.type("y")
        screen.until("only yes allows it")
        screen.type("allow 2-4")
        screen.until("Enter for the next")
        screen.type("deny all not on a Friday")
        screen.until("answered by itself: sayso answer q")
        screen.until("1 still waits")
        code, out = screen.ended()
    assert code == 3
    # all of each was printed before anything was asked
    assert all(f"make test{number}" in out for number in range(1, 5))
    assert "rm -rf /srv/app" in out
    found = outcomes(inside)
    assert (found["danger"], found["q"]) == ("denied", None)
    assert sorted(str(found[f"r{number}"]) for number in range(1, 5)) == ["allowed", "allowed", "allowed", "denied"]
    reasons = [one["decision"]["reason"] for one in json.loads(inside("list", "--json").stdout) if one["decision"]]
    assert "not on a Friday" in reasons


def test_what_was_not_printed_whole_is_not_allowed(tmp_path: Path, inside: Call) -> None:
    asked(inside, "r1", "make test")
    asked(inside, "long", "echo line\n" * 400)
    with terminal(tmp_path, "review") as screen:
        screen.until("Enter for more")
        screen.type("q")
        screen.until("can only be denied")
        screen.type("allow all")
        screen.until("not all of it was shown, so it is not allowed")
        screen.type("deny all")
        assert screen.ended()[0] == 0
    assert "denied" in outcomes(inside).values()
    assert outcomes(inside)["long"] == "denied"


def test_many_are_denied_with_one_reason_without_a_keyboard_and_none_is_allowed_so(inside: Call) -> None:
    for number in range(1, 4):
        asked(inside, f"r{number}", "make test", "--agent", "bot" if number < 3 else "other")
    refused = inside("review")
    assert (refused.returncode, "answered at a keyboard" in refused.stderr) == (2, True)
    assert inside("review", "--search", "nothing like it", "--deny-all", "x").returncode == 0
    done = inside("review", "--tool", "Bash", "--deny-all", "not today", "--limit", "2")
    # those behind the limit are not forgotten
    assert (done.returncode, done.stdout.count("Denied"), "there may be more" in done.stderr) == (3, 2, True)
    done = inside("review", "--tool", "Bash", "--deny-all", "not today")
    assert (done.returncode, done.stdout.count("Denied")) == (0, 1)
    assert set(outcomes(inside).values()) == {"denied"}


def test_one_whose_policy_wants_more_is_answered_by_itself(tmp_path: Path, inside: Call) -> None:
    (tmp_path / "sayso.toml").write_text('[policies.default]\napprovers = ["anyone"]\nreason = "allow"\n')
    asked(inside, "r1", "make test")
    with terminal(tmp_path, "review") as screen:
        screen.until("Enter for the next")
        screen.type("allow all")
        screen.until("its policy wants more with it: sayso answer r1 --allow")
        screen.type("q")
        assert screen.ended()[0] == 3


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("allow all", many.Said("allow", [1, 2, 3])),
        ("ALLOW 1, 3", many.Said("allow", [1, 3])),
        ("a 2-3 2", many.Said("allow", [2, 3])),
        ("deny 2 no, not 3 today", many.Said("deny", [2], "no, not 3 today")),
        ("deny 1,2  all of it?", many.Said("deny", [1, 2], "all of it?")),
        ("deny all", many.Said("deny", [1, 2, 3])),
    ],
)
def test_a_line_says_what_and_which(typed: str, said: many.Said) -> None:
    assert many.read(typed, 3) == said


@pytest.mark.parametrize(
    "typed", ["", "yes", "allow", "allow 4", "allow 0", "allow 3-2", "allow 1 please", "deny why", "deny 2 3 days late"]
)
def test_a_line_that_is_not_clear_answers_nothing(typed: str) -> None:
    with pytest.raises(errors.InvalidAnswer):
        many.read(typed, 3)


async def test_what_was_shown_is_named_where_all_or_none_is_allowed_and_fits_the_wire() -> None:
    desk = Desk(memory.MemoryStore(), samples.MINT, Setup(), ManualClock())
    heard = list[int]()

    class Counting(local_desk.LocalDesk):
        """Counts what would be an address over the wire."""

        async def answer(self, id: str, answer: model.Answer, *, shown: Collection[str] = ()) -> model.Ticket:
            heard.append(len(",".join(shown)))
            return await super().answer(id, answer, shown=shown)

    here = Counting(desk, samples.actor())
    alone = [await desk.open(samples.permission(), Caller(owner="bot")) for _ in range(2)]
    whole = model.Batch(id="t", size=2, whole=True)
    both = [await desk.open(samples.permission(batch=whole), Caller(owner="bot")) for _ in range(2)]
    seen = {one.id for one in (*alone, *both)} | {f"request-{number:056}" for number in range(198)}
    for one in (*alone, *both):
        assert (await many.answer_one(here, one, model.Answer(verdict="allow"), seen))[1]
    assert heard[:2] == [0, 0]
    assert heard[2] > 0
    assert {(await desk.get(one.id)).decision is not None for one in both} == {True}
    await desk.store.close()
