"""The tests run in several processes at once, and each runs once, whatever becomes of a process."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers import Ranges

pytestmark = pytest.mark.once

TESTS = """
import os, signal, warnings
import pytest

@pytest.mark.parametrize("number", range(40))
def test_passes(number, tmp_path):
    print("said by", number)
    assert tmp_path.is_dir()

def test_fails():
    print("what was printed")
    assert 1 == 2

def test_dies():
    os.kill(os.getpid(), signal.SIGKILL)

def test_goes_on_after_that(): ...

def test_is_skipped():
    pytest.skip("for a reason")

def test_warns():
    warnings.warn("look at this")
"""


def run(folder: Path, *more: str) -> tuple[int, str]:
    (folder / "conftest.py").write_text('pytest_plugins = ("tests.workers",)\n')
    (folder / "test_it.py").write_text(TESTS)
    line = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        "/dev/null",
        f"--rootdir={folder}",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        "-p",
        "no:xdist",
        *more,
    ]
    found = subprocess.run([*line, str(folder)], capture_output=True, text=True, check=False)
    return found.returncode, found.stdout + found.stderr


def test_what_passes_fails_dies_skips_and_warns_is_told_once(tmp_path: Path) -> None:
    code, said = run(tmp_path, "-n2", "-rfEs")
    assert code == 1
    assert "2 failed, 42 passed, 1 skipped, 1 warning in" in said, said
    assert "what was printed" in said
    assert "the process that ran this test died with code -9" in said
    assert "for a reason" in said
    assert "UserWarning: look at this" in said
    assert "said by" not in said


def test_the_first_failure_ends_all_of_them_when_that_is_asked_for(tmp_path: Path) -> None:
    code, said = run(tmp_path, "-n2", "-x", "-k", "fails or passes or goes_on")
    assert code == 1
    assert "1 failed" in said, said
    assert "stopping after 1 failures" in said
    assert code == run(tmp_path, "-n0", "-x", "-k", "fails")[0]


@pytest.mark.parametrize("seed", range(20))
def test_each_test_is_run_once_and_after_the_one_that_was_told_of_it(seed: int) -> None:
    drawn = random.Random(seed)
    tests, workers = drawn.randrange(1, 60), drawn.randrange(1, 5)
    ranges = Ranges(tests, min(tests, workers))
    working = list(range(min(tests, workers)))
    ran: list[int] = []
    told: dict[int, int | None] = {}
    while working:
        worker = drawn.choice(working)
        taken = ranges.take(worker)
        if taken is None:
            assert told[worker] is None  # so that what its tests share was closed
            working.remove(worker)
            continue
        now, then = taken
        assert told.get(worker, now) == now
        told[worker] = then
        ran.append(now)
    assert sorted(ran) == list(range(tests))


def test_one_that_has_much_before_it_gives_half_of_it_away() -> None:
    ranges = Ranges(20, 2)
    for _ in range(10):
        ranges.take(0)
    assert (ranges.get(0), ranges.get(1)) == ([9, 15, 20], [-1, 10, 15])


def test_whoever_is_told_to_end_runs_what_it_promised_and_no_more() -> None:
    ranges = Ranges(20, 2)
    assert ranges.take(0) == (0, 1)
    ranges.clear()
    assert ranges.take(0) == (1, None)
    assert ranges.take(0) is None
