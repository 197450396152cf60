"""Services under faults, and a report.

python -m tests.loops [--seconds 120] [--services 2] [--seed 1] [--quick]     on PostgreSQL
python -m tests.loops --sqlite [...]                                          one service on a file
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.fakes.pg import serving
from tests.loops.loop import Given, Loop


def main() -> int:
    """Print a report; 1 if something is wrong."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=120)
    arguments.add_argument("--services", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--sqlite", action="store_true", help="one service on a file, instead of PostgreSQL")
    arguments.add_argument("--quick", action="store_true", help="leases of 4 s, and chats without paces")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        database = f"sqlite:///{folder}/sayso.db" if given.sqlite else stack.enter_context(serving())
        run = Given(database, folder, given.seconds, given.services, given.seed, lease=4.0 if given.quick else None)
        if given.sqlite:
            run = replace(run, services=1, kinds=("kill", "restart", "freeze"))
        report = asyncio.run(Loop(run).run())
    sys.stdout.write(f"{report}\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
