"""A policy is told whole: each of its keys changes what is said of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sayso import attention, calendars, model
from sayso.cards import agreement
from tests.tables import each

OPEN = calendars.Calendar.model_validate({"zone": "UTC", "name": "office"})
SAID: dict[str, tuple[Any, str]] = {
    "approvers": (["ann"], "ann"),
    "quorum": (2, "2 of any full member of this place"),
    "needs": ([{"who": ["ann"]}, {"who": ["group:release"], "count": 2}], "ann and 2 of the group release"),
    "stages": ([{"approvers": ["ann"]}, {"approvers": ["bob"]}], "bob"),
    "veto": (2, "2 people"),
    "self_approval": (True, "may allow it, too"),
    "expires_in": (7_200.0, "after 2 h"),
    "valid_for": (30.0, "is good for 30 s"),
    "grants": (3_600.0, "may cover more for 1 h"),
    "notify": ([], "nobody"),
    "fallback": (["web"], "shown at web"),
    "reveal": (["ann"], "are shown to ann"),
    "reason": ("deny", "with a denial"),
    "confirm": (10.0, "read for 10 s"),
    "break_glass": ({"who": ["bob"], "review": ["ann"]}, "bob may break the glass"),
    "clock": (OPEN, "after 1 h in which the calendar office is open"),
    "remind": ([60.0], "after 1 min"),
    "quiet": (attention.Quiet(calendar=OPEN), "while the calendar office is open"),
    "digest": (600.0, "what is of low risk for 10 min"),
    "turns": ("least_recent", "least recently first, each for 5 min"),
    "escalate": ([{"after": 60.0, "add": ["bob"]}], "after 1 min to bob"),
}
# There is one value, and a key that only another one makes count.
SILENT = {"on_timeout", "claim_in"}


def words(policy: model.Policy) -> str:
    return "\n".join(f"{about}: {said}" for about, said in agreement.lines(policy))


def test_each_key_of_a_policy_is_said() -> None:
    for row in each(sorted(set(model.Policy.model_fields) - SILENT)):
        with row as name:
            value, said = SAID[name]
            told = words(model.Policy.model_validate({name: value}))
            assert said in told
            assert told != words(model.Policy())


def test_for_how_long_each_is_asked_is_said_with_the_turns() -> None:
    told = words(model.Policy(turns="round_robin", claim_in=timedelta(minutes=9).total_seconds()))
    assert "in turn, each for 9 min" in told
