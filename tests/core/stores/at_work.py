"""What each of several copies does, as a process of its own. See `tests.core.stores.copies`."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import Awaitable, Callable
from typing import Literal

import sayso
from sayso import model
from sayso.cards import tokens
from sayso.desk import Desk
from sayso.machine import people
from sayso.stores import Query, postgres

# Seconds that a database may take for an answer here, so that a frozen copy is let go of soon.
PATIENCE = 1.5


async def work(url: str, name: str) -> None:
    """Ask, and answer what others ask, until standard input ends; then wait for what was asked.

    There is a line for everything that was acknowledged.
    """
    while True:
        with contextlib.suppress(sayso.SaysoError):
            store = await postgres.PostgresStore.open(url, timeout=PATIENCE)
            break
    desk = Desk(store, tokens.TokenMaker(b"only for copies, never for people"))
    over = told_to_end()
    await asyncio.gather(repeat(lambda: ask(desk, name), over), repeat(lambda: answer(desk, name), over))
    await asyncio.Event().wait()


def told_to_end() -> asyncio.Future[str]:
    """Done once nothing more is to be begun."""
    return asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))


async def repeat(act: Callable[[], Awaitable[None]], over: asyncio.Future[str]) -> None:
    """Do it again and again until then."""
    while not over.done():
        # a copy goes on, whatever the database says
        with contextlib.suppress(sayso.SaysoError):
            await act()
        await asyncio.sleep(0.005)


async def ask(desk: Desk, name: str) -> None:
    """Ask, and wait for the decision."""
    id = f"{name}-{tokens.new_id()}"
    await desk.open(sayso.Permission(tool="Bash", input={"command": "make"}, id=id))
    say("asked", id)
    say("heard", id, (await desk.wait(id)).outcome)


async def answer(desk: Desk, name: str, wanted: Callable[[model.Ticket], bool] = lambda _: True) -> None:
    """Answer some of those that are wanted."""
    found = await desk.store.list(Query(state="pending", soonest=True, limit=500))
    for ticket in [one for one in found if wanted(one)][:5]:
        verdict: Literal["allow", "deny"] = random.choice(("allow", "deny"))
        actor = people.Actor(account=f"test:{name}", name=name, member=True)
        with contextlib.suppress(sayso.AlreadyDecided):
            await desk.answer(ticket.id, sayso.Answer(verdict=verdict), actor)
            say("decided", ticket.id, "allowed" if verdict == "allow" else "denied")


def say(*words: str) -> None:
    """A line that is there at once."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
