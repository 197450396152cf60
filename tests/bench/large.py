"""What pages cost the service where 200 requests of 900 kB wait: memory, time, and the longest pause of its loop.

python -m tests.bench.large
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import tempfile
import time
from pathlib import Path

import aiohttp

import sayso
from sayso.desk import Desk, keys
from sayso_web import sessions
from tests.bench.listeners import ANN, serving

OPEN, DECIDED, SIZE = 200, 30, 900_000


def peak() -> float:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def fill(desk: Desk) -> None:
    """Ask for much."""
    for number in range(OPEN + DECIDED):
        ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": f"{number} {'x' * SIZE}"}))
        if number >= OPEN:
            await desk.answer(ticket.id, sayso.Answer(verdict="deny"), ANN)


async def watch(pauses: list[float]) -> None:
    """Note how long others hold up the loop."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.01)
        pauses.append(time.perf_counter() - begun - 0.01)


async def get(url: str, headers: dict[str, str]) -> int:
    """The length of the answer."""
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        return len(await answer.read())


async def main() -> None:
    """Print a line for each page."""
    with tempfile.TemporaryDirectory() as name:
        async with serving(Path(name)) as (desk, port):
            await fill(desk)
            signed_in = sessions.Sessions(desk.store)
            session = await signed_in.sign_in(await signed_in.link("ann", "http://127.0.0.1"))
            secret = await keys.Keys(desk.store).add("op", "operator", desk.clock.now())
            cookie, key = {"Cookie": f"sayso={session.secret}"}, {"Authorization": f"Bearer {secret}"}
            print("| page | bytes | more memory, MiB | seconds | longest pause, ms |\n|---|---|---|---|---|")
            for path, headers in (("/metrics", {}), ("/", cookie), ("/v1/requests?limit=200", key)):
                pauses = list[float]()
                before, begun = peak(), time.perf_counter()
                watching = asyncio.create_task(watch(pauses))
                size = await get(f"http://127.0.0.1:{port}{path}", headers)
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
                took, longest = time.perf_counter() - begun, max(pauses or [0.0]) * 1000
                print(f"| `{path}` | {size:,} | {peak() - before:.0f} | {took:.2f} | {longest:.0f} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
