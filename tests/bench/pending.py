"""What a process keeps for each request that waits for people in it: resident memory, in KiB.

python -m tests.bench.pending [--requests 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import secrets
import tempfile
from pathlib import Path

import sayso
from sayso import stores
from sayso.cards import tokens
from sayso.desk import Desk, Setup

MINT = tokens.TokenMaker(b"only for a benchmark, never for people")
# Asked before anything is counted, so that what is loaded once is not.
_FIRST = 300
_AT_ONCE = 100


def resident() -> int:
    """Bytes that this process has in memory now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def kept(url: str, requests: int) -> float:
    """Bytes for each of so many requests that are asked here and not answered."""
    store = await stores.connect(url)
    desk, waiting = Desk(store, MINT, Setup(route=("web",))), list[asyncio.Task[sayso.Decision]]()

    async def ask() -> sayso.Decision:
        return await desk.ask(sayso.Permission(tool="Bash", input={"command": f"make {secrets.token_hex(4)}"}))

    async def begin(count: int) -> None:
        for begun in range(0, count, _AT_ONCE):
            waiting.extend(asyncio.create_task(ask()) for _ in range(min(_AT_ONCE, count - begun)))
            while store.waiting < len(waiting):  # noqa: ASYNC110 (nobody tells who begins to wait)
                await asyncio.sleep(0.01)

    await begin(_FIRST)
    before = resident()
    await begin(requests)
    found = (resident() - before) / requests
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await store.close()
    return found


def main() -> None:
    """Print it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=2000)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"{asyncio.run(kept(f'sqlite:///{folder}/x.db', given.requests)) / 1024:.1f} KiB for a pending request")


if __name__ == "__main__":
    main()
