"""A workflow that books a trip once a person said so, however long that takes and whatever is restarted meanwhile.

    sayso serve
    SAYSO_URL=… SAYSO_KEY=… python -c 'import asyncio, workflow_python; asyncio.run(workflow_python.main("A1"))'

The second line, again, finds its run. A module of workflows is imported by its name, so it is never the program itself.
"""

from __future__ import annotations

import pathlib
import sys

import pydantic
from vercel.workflow import BaseHook, Workflows, get_run, start

import sayso
import sayso_workflow

workflows = Workflows(sandbox_policy=sayso_workflow.SANDBOX)


class Approval(pydantic.BaseModel, BaseHook):
    """What the workflow waits for: a yes or no, and perhaps why."""

    approved: bool
    comment: str | None = None


@workflows.step
async def ask_people(token: str) -> None:
    """Post the card. Called again after a crash, it finds the same one."""
    await sayso_workflow.ask(Approval, token, title="Book a trip", expires_in=7 * 86_400)


@workflows.step
async def book(order: str) -> str:
    """What must happen once."""
    say(f"booking {order}")
    return f"booked {order}"


@workflows.workflow
async def booking(order: str, price: int) -> str:
    """Ask, wait, book."""
    hook = Approval.wait(token=f"order:{order}", metadata={"tool": "book", "input": {"order": order, "price": price}})
    await ask_people(hook.token)
    approval = await hook
    return await book(order) if approval.approved else f"not booked: {approval.comment}"


async def main(order: str) -> None:
    """Start the run of *order*, or come back to it, and say how it ended."""
    async with sayso.open() as desk, sayso_workflow.resume_when_decided(desk, Approval):
        known = run_of(order)
        run = get_run(known) if known else await start(booking, order, 420)
        keep(order, run.run_id)
        say(f"run {run.run_id}")
        say(str(await run.return_value()))


def say(line: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run_of(order: str) -> str | None:
    """The run of an order that was started before."""
    kept = pathlib.Path(f"run-{order}.txt")
    return kept.read_text(encoding="utf-8") if kept.exists() else None


def keep(order: str, run: str) -> None:
    """Remember the run of an order."""
    pathlib.Path(f"run-{order}.txt").write_text(run, encoding="utf-8")
