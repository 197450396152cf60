"""An agent without a framework waits in a hook, is killed, and comes back to what a person said meanwhile."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup
from tests.fakes.processes import Running, started

AGENT = """
import asyncio, sayso
call = {"tool": "refund", "input": {"order": "A1"}}
hook = sayso.hook("approve_call_1", payload=sayso.ToolApproval, metadata=call, session="run-1")
print("decided", asyncio.run(hook), flush=True)
"""


@asynccontextmanager
async def agent(there: Setup, folder: Path) -> AsyncGenerator[Running]:
    line = [sys.executable, "-c", AGENT]
    async with started(line, folder, SAYSO_URL=there.url, SAYSO_KEY=there.key) as running:
        yield running


async def test_a_killed_agent_finds_the_decision_and_nobody_is_asked_twice(command: Command, tmp_path: Path) -> None:
    async with setup(command) as there:
        ann = there.slack.person("U1", name="ann")
        async with agent(there, tmp_path) as first:
            await there.until(there.cards)
            await first.kill()
        assert (await ann.press(there.cards()[0], "Allow")).acked
        await there.until(lambda: set(there.slack.controls(there.cards()[0])) <= {"Details"})
        async with agent(there, tmp_path) as second:
            assert await second.line("decided") == "decided granted=True reason=None"
        assert (len(there.cards()), there.posts()) == (1, 1)
