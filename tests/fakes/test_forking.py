"""The process that starts our programs leaves alone whoever imports it."""

import subprocess
import sys
from pathlib import Path

from tests.fakes.processes import ROOT, hurried, run


def test_a_run_of_tests_that_starts_programs_ends_with_its_own_code() -> None:
    line = [sys.executable, "-c", "import tests.fakes.forking; raise SystemExit(3)"]
    assert subprocess.run(line, cwd=ROOT, check=False).returncode == 3


def test_a_program_waits_as_long_as_its_test_says_and_starts_with_no_word_for_what_is_no_time(tmp_path: Path) -> None:
    grace = "sayso.desk.upkeep.attendance.GRACE"
    line = [sys.executable, "-c", f"from sayso.desk.upkeep import attendance; print({grace.partition('upkeep.')[2]})"]
    assert run(line, tmp_path, **hurried({grace: 1.5})).stdout == "1.5\n"
    assert run(line, tmp_path).stdout == "6.0\n"
    assert run(line, tmp_path, **hurried({f"{grace}_OF_OLD": 1.5})).returncode == 1
