"""The PostgreSQL of the tests leaves nothing behind."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.conftest import until
from tests.fakes.processes import ROOT

KILLED = """
import os, signal
from pathlib import Path
from tests.fakes.pg import serving

with serving():
    [pid] = Path().glob("sayso-postgres-*/data/postmaster.pid")
    print(pid.read_text().partition("\\n")[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_server_and_its_folder_are_gone_when_a_test_process_is_killed() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path: root's server is another user
        given = {**os.environ, "TMPDIR": folder, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        line = [sys.executable, "-c", KILLED]
        ended = await asyncio.to_thread(
            subprocess.run, line, cwd=folder, env=given, stdout=subprocess.PIPE, check=False
        )
        pid = int(ended.stdout)
        await until(lambda: not [*Path(folder).iterdir()])
        await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
