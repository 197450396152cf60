"""A test that fails is the only one that fails: what it has left open is told to no other."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.processes import PATIENCE, ROOT

TESTS = """
import gc, socket

def test_that_fails_with_a_socket_open():
    left = [socket.socket()]
    left.append(left)
    raise AssertionError

def test_that_collects_garbage():
    gc.collect()
"""


@pytest.mark.once
def test_what_a_failed_test_left_open_is_told_to_no_later_one(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_two.py").write_text(TESTS)
    line = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-n0", "-q"]
    ran = subprocess.run([*line, "."], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "1 failed, 1 passed" in ran.stdout, ran.stdout
