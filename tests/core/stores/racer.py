"""One agent's process of a race: says that it is ready, waits for the start, and uses every allow it can get."""

import asyncio
import sys

import sayso
from sayso import stores
from sayso.cards import tokens
from sayso.desk import Desk


async def main(url: str, *ids: str) -> None:
    """Print the ids whose allow this process used; one after another, so that all processes meet at each."""
    store = await stores.connect(url)
    front = Desk(store, tokens.TokenMaker(b"only for a race, never for people"))
    say("ready")
    await asyncio.to_thread(sys.stdin.read)
    used = [id for id in ids if await wins(front, id)]
    say(" ".join(used))
    await store.close()


def say(line: str) -> None:
    """A line that is there at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def wins(front: Desk, id: str) -> bool:
    """Whether the allow was this process's to use."""
    try:
        await front.use(id)
    except sayso.AlreadyUsed:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
