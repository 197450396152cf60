"""A workflow's process, the service and a person in Slack: both processes are killed, the trip is booked once."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup
from tests.conftest import until
from tests.fakes.processes import Running, started

EXAMPLES = Path(__file__).resolve().parents[2] / "bots" / "examples"
PROGRAM = f"""
import asyncio, sys
sys.path.insert(0, {str(EXAMPLES)!r})
import workflow_python
asyncio.run(workflow_python.main("A1"))
"""


@asynccontextmanager
async def workflow(there: Setup, folder: Path) -> AsyncGenerator[Running]:
    line, signed_in = [sys.executable, "-c", PROGRAM], {"SAYSO_URL": there.url, "SAYSO_KEY": there.key}
    async with started(line, folder, imports=("sayso_workflow",), **signed_in) as running:
        yield running


def events(folder: Path) -> bytes:
    """All that the runs in *folder* have on record."""
    return b"".join(path.read_bytes() for path in folder.glob(".workflow-data/events/*/*.json"))


async def test_what_a_person_allows_while_the_workflow_is_dead_is_booked_once_when_it_comes_back(
    command: Command, tmp_path: Path
) -> None:
    async with setup(command) as there:
        ann = there.slack.person("U1", name="ann")
        async with workflow(there, tmp_path) as first:
            run = await first.line("run wrun_")
            await there.until(there.cards)
            # the SDK repeats a step that was cut short, and in its local world also the one that follows
            await until(lambda: b"step_completed" in events(tmp_path))
            await first.kill()
        await there.restart()
        assert (await ann.press(there.cards()[0], "Allow")).acked
        await there.until(lambda: there.slack.controls(there.cards()[0]) in ([], ["Details"]))
        async with workflow(there, tmp_path) as second:
            assert await second.line("run wrun_") == run
            assert await second.line("book") == "booking A1"
            assert await second.line("book") == "booked A1"
            assert (await second.ended())[:2] == (0, "")
        assert (len(there.cards()), there.posts()) == (1, 1)


async def test_a_person_denies_and_the_workflow_ends_with_the_reason(command: Command, tmp_path: Path) -> None:
    async with setup(command) as there, workflow(there, tmp_path) as running:
        ann = there.slack.person("U1", name="ann")
        await there.until(there.cards)
        assert (await ann.press(there.cards()[0], "Deny")).acked
        assert (await running.line("booked")).startswith("not booked")
