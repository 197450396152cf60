"""A few runs of the simulation, and what it must be able to do itself; the command plays as many as anybody wants."""

import os
import subprocess
import sys

import pytest

from tests.simulation import planted, runs, shrinking
from tests.test_layout import ROOT

pytestmark = pytest.mark.once

# Of the planted faults those that nearly every run finds. The command looks for all of them: --planted.
EASY = ("versions are not compared", "rows are chained to nothing", "a stop is looked up once")
SEEDS = 8


@pytest.mark.parametrize("seed", range(5))
def test_nothing_goes_wrong_in_a_run(seed: int) -> None:
    assert runs.play(str(seed)).wrong == []


@pytest.mark.parametrize("fault", EASY)
def test_a_planted_fault_is_found(fault: str) -> None:
    assert planted.find(fault, 0, SEEDS) is not None


def test_one_seed_is_one_run_in_every_process() -> None:
    code = "from tests.simulation import runs; print(runs.play('3').trace)"
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
    assert int(found.stdout) == runs.play("3").trace


def test_a_failing_run_is_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "_MOST_RUNS", 4)
    with planted.planting("versions are not compared"):
        found = planted.find("versions are not compared", 0, SEEDS)
        assert found is not None
        shorter = shrinking.shrunk(found)
    assert len(shorter.plan.actions) < len(found.plan.actions)
    assert {shrinking.kind_of(one) for one in shorter.wrong} & {shrinking.kind_of(one) for one in found.wrong}
