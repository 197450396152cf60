"""Runs of the core in virtual time, with faults and crashes by a seed.

python -m tests.simulation [--seeds 1000] [--first 0]     runs them, prints seeds per second and those that fail
python -m tests.simulation --replay 17 [--shrink]         plays one again, with all that happens in it
python -m tests.simulation --planted                      plants each known fault, and says which seed finds it
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import time

from tests.simulation import planted, runs, shrinking


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=1000, help="how many")
    arguments.add_argument("--first", type=int, default=0, help="the first of them")
    arguments.add_argument("--replay", metavar="SEED", help="play one again")
    arguments.add_argument("--shrink", action="store_true", help="with --replay: leave out what it fails without")
    arguments.add_argument("--plant", metavar="FAULT", choices=sorted(planted.FAULTS), help="with this fault planted")
    arguments.add_argument("--planted", action="store_true", help="plant one fault after the other")
    given = arguments.parse_args()
    # what is loaded stays, and what a run leaves behind is looked through seldom
    gc.freeze()
    gc.set_threshold(50_000)
    if given.planted:
        return find_planted(given.first, given.seeds)
    with planted.planting(given.plant):
        if given.replay is not None:
            return replay(given.replay, shrink=given.shrink)
        return run(given.first, given.seeds)


def run(first: int, count: int) -> int:
    """Run seed after seed, until somebody interrupts it; 1 if any failed."""
    began, done, failed, steps, seconds = time.monotonic(), 0, 0, 0, 0.0
    interrupted = list[int]()
    # not as an exception: one that comes inside a callback of a garbage collector is lost
    signal.signal(signal.SIGINT, lambda number, _: interrupted.append(number))
    for seed in range(first, first + count):
        if interrupted:
            break
        found = runs.play(str(seed))
        done, steps, seconds = done + 1, steps + found.steps, seconds + found.seconds
        if found.wrong:
            failed += 1
            tell(f"seed {seed} fails: {'; '.join(found.wrong[:3])}")
    took = time.monotonic() - began
    tell(
        f"{done} seeds in {took:.1f} s, {done / took:.2f} seeds per second: {failed} failed; "
        f"{steps} steps, {seconds / 3600:.1f} hours of virtual time"
    )
    return 1 if failed else 0


def replay(seed: str, *, shrink: bool) -> int:
    """Play one again, and print all that happens in it."""
    found = runs.play(seed)
    if shrink and found.wrong:
        found = shrinking.shrunk(found)
        tell("shrunk to: " + "; ".join(map(str, (*found.plan.actions, *found.plan.episodes))))
    found = runs.Run(found.plan, verbose=True).play()
    for line in found.lines:
        tell(line)
    tell(f"seed {seed}, trace {found.trace & 0xFFFFFFFF:08x}: {'; '.join(found.wrong) or 'nothing is wrong'}")
    return 1 if found.wrong else 0


def find_planted(first: int, most: int) -> int:
    """Plant each fault alone; 1 if one is not found."""
    missed = 0
    for name in planted.FAULTS:
        began, found = time.monotonic(), planted.find(name, first, most)
        missed += found is None
        said = f"not found in {most} seeds" if found is None else f"seed {found.plan.seed}: {found.wrong[0]}"
        tell(f"{name:<44} {time.monotonic() - began:6.1f} s  {said}")
    return 1 if missed else 0


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
