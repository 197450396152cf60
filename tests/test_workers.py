"""The forks that whole runs of the tests take place in."""

import importlib.util
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import workers

ROOT = Path(__file__).parents[1]


def forked(*names: str) -> tuple[list[str], Callable[[], None]]:
    """A Python that has imported *names*, as a command line, and what ends it."""
    spec = SimpleNamespace(python="")
    end = workers.forked([spec], names)
    return [*shlex.split(spec.python), "-u", "-c"], end


def test_a_fork_has_what_was_imported_and_speaks_through_the_pipes_of_who_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What warns or fails at its import is not there: the tests that import it are told."""
    (tmp_path / "plain.py").touch()
    (tmp_path / "warns.py").write_text("import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    (tmp_path / "fails.py").write_text("raise RuntimeError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    line, end = forked("warns", "fails", "plain")
    code = "import sys; print(input(), sys.argv, [name in sys.modules for name in ('plain', 'warns', 'fails')])"
    for said in ("first", "second"):
        heard = subprocess.run([*line, code], input=said, capture_output=True, text=True, timeout=15, check=True)
        assert (heard.stdout, heard.stderr) == (f"{said} ['-c'] [True, False, False]\n", "")
    end()


def test_no_fork_outlives_the_run() -> None:
    """One that hangs sees no end of its input."""
    line, end = forked()
    code = "import time; print('here', flush=True); time.sleep(600)"
    with subprocess.Popen([*line, code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stuck:
        assert stuck.stdout
        assert stuck.stdout.readline() == b"here\n"
        end()
        assert stuck.stdout.read() == b""
        stuck.wait(15)


def test_a_run_that_is_killed_leaves_no_file_behind(tmp_path: Path) -> None:
    code = "import os, signal; from tests import workers; end = workers.forked([], []); print('here', flush=True)"
    line = [sys.executable, "-c", f"{code}; os.kill(os.getpid(), signal.SIGKILL)"]
    given = {**os.environ, "TMPDIR": str(tmp_path)}
    # what is printed ends when the process that forks ends as well
    assert (
        subprocess.run(line, cwd=ROOT, env=given, stdout=subprocess.PIPE, timeout=15, check=False).stdout == b"here\n"
    )
    assert not [*tmp_path.iterdir()]


def test_what_is_imported_beforehand_is_installed() -> None:
    """A name that is no longer right would only cost time, and nobody would see it."""
    missing = {name for name in workers.FRAMEWORKS if not importlib.util.find_spec(name.partition(".")[0])}
    assert missing <= (set() if sys.version_info >= (3, 12) else {"ai"})
