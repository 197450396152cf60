"""What this product costs, in one table: each bench in turn, with what it aims at. The machine must be quiet.

    python -m tests.bench

A bench alone, with more rounds: `python -m tests.bench.roundtrip --help`. Not in here, since they take long: flat,
large, soak, replicas and rules.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

TABLE: Sequence[tuple[str, Sequence[str], str]] = (
    ("roundtrip", (), "SQLite 0.7 of the floor one at a time, 0.5 at once; PostgreSQL 0.7 and 0.4"),
    (
        "clicks",
        (),
        "1.3 times Bolt's until the agent is awake, 1.3 times an own handler's until the ack, 2.2 times Bolt's click to"
        " the posted card; in a burst 3.4 times the CPU of an own handler that posts nothing, 0.21 of its decisions",
    ),
    (
        "start",
        (),
        "the hook 2 times python -c pass; sayso list 2 times, sayso serve 5 times the import of Pydantic, in CPU",
    ),
    ("pending", (), "8 KiB for a request that waits in the process"),
    ("listeners", (), "5,000 event streams 2 times one write to each, 500 pages of the inbox 4 times"),
)
"""The module, its arguments, and the aims."""


def main() -> None:
    """Run them one after the other."""
    for name, arguments, aims in TABLE:
        print(f"\n{name}, aims: {aims}", flush=True)
        subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *arguments], check=True)


if __name__ == "__main__":
    main()
