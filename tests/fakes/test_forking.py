"""The process that starts our programs leaves alone whoever imports it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.conftest import until
from tests.fakes import forker
from tests.fakes.processes import ROOT, Child, environment, hurried, run

PARENT = [sys.executable, "-c", "import os; print(os.getppid())"]
ANOTHER_WORKER = """
import sys
from pathlib import Path
from tests.fakes.processes import Child, run

print(run(sys.argv[1:], Path.cwd()).stdout, end="")
print(Child([sys.executable, "-c", "import signal; signal.pause()"], Path.cwd(), {}, writes=(1, 2)).pid)
"""

KILLED = """
import os, socket
from pathlib import Path
from tests.fakes import forker

with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
    listener.bind(os.environ["ADDRESS"])
    listener.listen()
    forker.joined("", Path(), {})
"""


def test_a_run_of_tests_that_starts_programs_ends_with_its_own_code() -> None:
    line = [sys.executable, "-c", "import tests.fakes.forking; raise SystemExit(3)"]
    assert subprocess.run(line, cwd=ROOT, check=False).returncode == 3


def test_a_program_waits_as_long_as_its_test_says_and_starts_with_no_word_for_what_is_no_time(tmp_path: Path) -> None:
    grace = "sayso.desk.upkeep.attendance.GRACE"
    line = [sys.executable, "-c", f"from sayso.desk.upkeep import attendance; print({grace.partition('upkeep.')[2]})"]
    assert run(line, tmp_path, **hurried({grace: 1.5})).stdout == "1.5\n"
    assert run(line, tmp_path).stdout == "6.0\n"
    assert run(line, tmp_path, **hurried({f"{grace}_OF_OLD": 1.5})).returncode == 1


def test_one_that_was_killed_leaves_no_address_behind(tmp_path: Path) -> None:
    given = {"TMPDIR": str(tmp_path), forker.RUN: "a", "ADDRESS": str(tmp_path / "sayso-a-0")}
    subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env={**os.environ, **given}, check=True)
    assert not [*tmp_path.iterdir()]


async def test_all_workers_of_a_run_have_one_process_that_forks_and_each_takes_its_programs_with_it(
    tmp_path: Path,
) -> None:
    theirs, left = run([sys.executable, "-c", ANOTHER_WORKER, *PARENT], tmp_path).stdout.split()
    assert theirs == run(PARENT, tmp_path).stdout.strip()
    await until(lambda: not psutil.pid_exists(int(left)))


def test_who_gave_up_before_a_program_started_takes_nothing_from_the_others(tmp_path: Path) -> None:
    trunk = run(PARENT, tmp_path).stdout
    given = {"line": ["-c", ""], "folder": str(tmp_path), "environment": environment({}), "imports": []}
    status, theirs = socket.socketpair()
    status.close()
    with theirs, forker.joined("", ROOT, {}) as orders, open(os.devnull, "r+b") as nothing:
        socket.send_fds(orders, [json.dumps(given).encode()], [theirs.fileno(), *[nothing.fileno()] * 3])
    assert run(PARENT, tmp_path).stdout == trunk


def test_what_one_program_imports_is_imported_for_those_that_ask_for_it_and_for_no_other(tmp_path: Path) -> None:
    line = [sys.executable, "-c", "import os, sys; print('wave' in sys.modules, os.getppid())"]
    (has, branch), (has_again, same), (other, trunk) = (
        _said(line, tmp_path, one) for one in (("wave",), ("wave",), ())
    )
    assert (has, has_again, other, branch == same, branch == trunk) == ("True", "True", "False", True, False)
    with pytest.raises(AssertionError, match="the process that forks is gone"):
        _said(line, tmp_path, ("tests.fakes.nowhere",))
    assert _said(line, tmp_path, ()) == ("False", trunk)


def _said(line: list[str], folder: Path, imports: tuple[str, ...]) -> tuple[str, str]:
    with (folder / "said").open("w+") as said:
        assert Child(line, folder, {}, writes=(said.fileno(), 2), imports=imports).wait() == 0
        said.seek(0)
        first, second = said.read().split()
        return first, second
