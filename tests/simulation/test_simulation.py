"""A few runs of the simulation, and what it must be able to do itself; the command plays as many as anybody wants."""

import os
import subprocess
import sys

import pytest

from tests.conftest import LONG
from tests.simulation import plans, planted, runs, shrinking, tales
from tests.sources import ROOT

pytestmark = [pytest.mark.once, pytest.mark.no_cover]

# Each of the moments that are told as a story, and the fault that it is about. The command looks for all: --planted.
TOLD = {
    "story_late": "an answer counts after the deadline",
    "story_stopped": "a stop lets an allow be used",
    "story_revoked": "a revoked key still runs",
    "story_older": "an older copy counts",
    "story_lasting": "a grant covers the whole tool",
    "story_left": "who is in a group is asked once",
    "story_closed": "a closed account counts",
    "story_outage": "an edit is dropped that fails",
    "story_crawling": "leases are not kept",
    "story_spent": "an allowance is not compared",
    "story_redeemed": "a receipt is good twice",
    "story_ended": "an ended grant is kept",
    "story_suggested": "a suggestion goes on after a denial",
    "story_turned": "a turn is not compared",
    "story_digested": "what is gathered is shown at once",
    "story_hushed": "quiet hours are not quiet",
    "story_ruled": "a rule that only observes decides",
    "story_purged": "what was typed stays in the log",
    "story_rung": "where it may stand is not kept first",
    "story_observed": "a place that fails has all told again",
    "story_arriving": "nobody looks for a card that comes late",
    "story_standing": "nobody looks whether a lease holds",
}

# With which seed the search for the fault begins: one that finds it, today.
FOUND_BY = {"story_stopped": 4, "story_turned": 3}


def told(story: str, *others: str, seed: int = 0, hasty: bool = False) -> runs.Result:
    """A run with this story in it, and little else."""
    actions = (plans.Action(2.0 + number, what, number) for number, what in enumerate((story, *others)))
    return runs.Run(plans.Plan(f"{story}{seed}", tuple(actions), (), lasts=0), hasty=hasty).play()


@pytest.mark.parametrize("seed", range(40 if LONG else 2))
def test_nothing_goes_wrong_in_a_run(seed: int) -> None:
    assert runs.play(str(seed)).wrong == []


def test_a_planted_fault_is_found_by_seeds() -> None:
    assert planted.find("rows are chained to nothing", 6, 8) is not None


@pytest.mark.parametrize("story", tales.ALL)
def test_a_story_is_about_its_fault_alone(story: str) -> None:
    assert told(story).wrong == []
    if story in TOLD:
        with planted.planting(TOLD[story]):
            # a change of the code is another run of a seed, and one story is found by one of eight
            seeds = sorted(range(24), key=lambda seed: seed != FOUND_BY.get(story))
            assert any(told(story, seed=seed, hasty=True).wrong for seed in seeds)


def test_one_seed_is_one_run_in_every_process() -> None:
    code = "from tests.simulation import runs; print(runs.play('7').trace)"
    # sets of words have another order there than here
    hashes = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(sys.path)
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    here = runs.play("7")
    assert (int(found.stdout), here.wrong) == (here.trace, [])


def test_a_failing_run_is_made_shorter() -> None:
    with planted.planting("a revoked key still runs"):
        runs_of_it = (told("story_revoked", "ask", "act", "act", seed=seed) for seed in range(8))
        found = next(one for one in runs_of_it if one.wrong)
        shorter = shrinking.shrunk(found)
    what = [one.what for one in shorter.plan.actions]
    assert ("story_revoked" in what, len(what) < 4) == (True, True)
    assert {shrinking.kind_of(one) for one in shorter.wrong} & {shrinking.kind_of(one) for one in found.wrong}
