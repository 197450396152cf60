"""The process that starts our programs leaves alone whoever imports it."""

import subprocess
import sys

from tests.fakes.processes import ROOT


def test_a_run_of_tests_that_starts_programs_ends_with_its_own_code() -> None:
    line = [sys.executable, "-c", "import tests.fakes.forking; raise SystemExit(3)"]
    assert subprocess.run(line, cwd=ROOT, check=False).returncode == 3
