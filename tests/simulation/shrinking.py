"""Makes a failing run shorter: what it fails without is taken out of its plan."""

from __future__ import annotations

import re

from tests.simulation import plans, runs

# Runs that it may take.
_MOST_RUNS = 150
_NAMES = re.compile(r"\b(r|b|a|copy|req_)[0-9a-f]+\b|[\d.:]+")


def kind_of(wrong: str) -> str:
    """What is wrong, whichever request and card it is about."""
    return _NAMES.sub("_", wrong)


def shrunk(result: runs.Result) -> runs.Result:
    """A run with as little in it as possible that fails in the same way."""
    kinds, left = {kind_of(one) for one in result.wrong}, _MOST_RUNS
    best, size = result, max(1, len(result.plan.actions) // 2)
    while size and left > 0:
        numbers = [one.number for one in best.plan.actions]
        for start in range(0, len(numbers), size):
            left -= 1
            tried = _try(best.plan.without(set(numbers[start : start + size]), set()), kinds)
            if tried is not None:
                best = tried
                break
            if left <= 0:
                break
        else:
            size //= 2
    for index in reversed(range(len(best.plan.episodes))):
        best = _try(best.plan.without(set(), {index}), kinds) or best
    return best


def _try(plan: plans.Plan, kinds: set[str]) -> runs.Result | None:
    found = runs.Run(plan).play()
    return found if kinds & {kind_of(one) for one in found.wrong} else None
