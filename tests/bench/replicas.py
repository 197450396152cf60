"""Several copies on one PostgreSQL: how much they do, and what a decision costs a copy that has no part in it.

python -m tests.bench.replicas [--seconds 4] [--copies 1 2 4]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import sayso
from sayso.cards import tokens
from sayso.desk import Desk, Setup, authority, courier, timekeeper
from sayso.desk.upkeep import stopping
from sayso.machine import people
from sayso.stores import postgres
from tests.fakes import processes

MINT = tokens.TokenMaker(b"only for a benchmark, never for people")
AT_ONCE = 20


class Nobody:
    """A receiver of decisions that needs none."""

    async def resume(self, ticket: object) -> bool:
        """See `courier.Resumer`."""
        return False

    def next_try(self, ticket: object, attempts: int) -> float | None:
        """See `courier.Resumer`."""
        return None


async def work(url: str, seconds: float, at_once: int) -> None:
    """What a copy does; nothing is asked of it if *at_once* is 0. Prints its decisions, and its CPU in seconds."""
    store = await postgres.PostgresStore.open(url)
    desk = Desk(store, MINT, Setup(route=("web",)))
    running = [
        asyncio.create_task(timekeeper.expire_due(desk, store, desk.clock)),
        asyncio.create_task(authority.watch(store, desk.clock)),
        asyncio.create_task(stopping.watch(desk)),
        asyncio.create_task(courier.Courier(desk, [], Nobody()).run()),
    ]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    done, ends, begun = 0, time.monotonic() + seconds, time.process_time()

    async def agent(number: int) -> None:
        nonlocal done
        # each with a person and commands of its own, as a team has them
        person = people.Actor(account=f"bench:{os.getpid()}-{number}", name="ann", member=True)
        while time.monotonic() < ends:
            ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": f"make {tokens.new_id()}"}))
            waiting = asyncio.create_task(desk.wait(ticket.id))
            with contextlib.suppress(sayso.SaysoError):
                await desk.answer(ticket.id, sayso.Answer(verdict="allow"), person)
                await waiting
                done += 1

    await asyncio.gather(asyncio.sleep(seconds), *(agent(number) for number in range(at_once)))
    sys.stdout.write(f"{done} {time.process_time() - begun}\n")
    sys.stdout.flush()
    os._exit(int(any(one.done() for one in running)))


async def measure(url: str, seconds: float, kinds: list[int]) -> list[tuple[int, float]]:
    """Run copies, each with so many agents at once; decisions and CPU of each."""
    command = [sys.executable, str(Path(__file__)), "--work", url, str(seconds)]
    pipe = asyncio.subprocess.PIPE
    children = [
        await asyncio.create_subprocess_exec(
            *command, str(kind), env=processes.environment({}), stdin=pipe, stdout=pipe
        )
        for kind in kinds
    ]
    found = list[tuple[int, float]]()
    for child in children:
        assert child.stdout
        assert await child.stdout.readline() == b"ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write(b"go\n")
    for child in children:
        assert child.stdout
        done, cpu = (await child.stdout.readline()).split()
        found.append((int(done), float(cpu)))
        await child.wait()
    return found


async def report(url: str, seconds: float, copies: list[int]) -> None:
    """Print a table."""
    one = 0.0
    for count in copies:
        found = await measure(url, seconds, [AT_ONCE] * count)
        rate = sum(done for done, _ in found) / seconds
        one = one or rate
        cpu = sum(used for _, used in found) / (rate * seconds) * 1000
        print(f"{count} copies: {rate:6.0f} decisions/s, {rate / one:4.2f} of one copy, {cpu:.2f} ms CPU each")
    [(_, alone), (done, _)], [(_, rest)] = (
        await measure(url, seconds, [0, AT_ONCE]),
        await measure(url, seconds, [0]),
    )
    print(f"a copy with no part in it: {(alone - rest) / done * 1000:.3f} ms CPU for each of {done} decisions")
    [(_, alone), (done, _)] = await measure(url, seconds, [0, 1])
    print(f"the same, one at a time: {(alone - rest) / done * 1000:.3f} ms CPU for each of {done} decisions")


def main() -> None:
    """Print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=4)
    arguments.add_argument("--copies", type=int, nargs="+", default=[1, 2, 4])
    given = arguments.parse_args()
    from tests.fakes.pg import serving

    with serving() as url:
        asyncio.run(report(url, given.seconds, given.copies))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        asyncio.run(work(sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
    else:
        main()
