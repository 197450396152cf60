"""What one whole decision costs `sayso serve` with Slack: asked over HTTP, its card posted, pressed and drawn again.

Slack and the agents run in this process, on the same cores: what counts is the CPU of the service.

    python -m tests.bench.clicks [--rooms 40] [--each 4]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bots.conftest import Command
from tests.fakes.slack import FakeSlack, Message, Person


@dataclass
class Service:
    """A service that is connected to a fake Slack by HTTP."""

    slack: FakeSlack
    ann: Person
    process: int
    agents: aiohttp.ClientSession

    def cpu(self) -> float:
        """Seconds of CPU that it has taken."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def card(self, room: str, number: int) -> Message:
        """The newest card of a room, once it holds so many."""
        await self.slack.until(lambda: len(self.slack.messages(room)) > number, within=60)
        return self.slack.messages(room)[number]


@asynccontextmanager
async def serving(rooms: int) -> AsyncGenerator[Service]:
    """`sayso serve` as a process."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "sayso.toml").write_text('[slack]\nchannel = "#room0"\n')
        command = Command(Path(name))
        key = command.key("bot", "agent")
        async with FakeSlack(ack_within=60) as slack:
            for number in range(rooms):
                slack.channel(f"C{number}", name=f"room{number}", members=["U1"])
            given = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SIGNING_SECRET": slack.signing_secret}
            async with command.started("serve", SAYSO_PORT="0", SLACK_API_URL=slack.api_url, **given) as running:
                url = (await running.line("sayso listens on")).rpartition(" ")[2]
                await running.line("sign in")
                slack.use_http(url)
                headers = {"Authorization": f"Bearer {key}"}
                async with aiohttp.ClientSession(url, headers=headers) as agents:
                    yield Service(slack, slack.person("U1", name="ann"), running.process.pid, agents)


async def decide(service: Service, room: int, number: int) -> tuple[float, float]:
    """One decision; seconds until its card stood there, and from the press until its agent has the answer."""
    id = f"r{room}-{number}"
    request = {
        "id": id,
        "kind": "permission",
        "tool": "Bash",
        "input": {"command": f"make {room} {number}"},
        "route": [f"slack:#room{room}"],
        # of one session several would share a card
        "source": {"session": f"s{room}-{number}"},
    }
    begun = time.perf_counter()
    async with service.agents.post("/v1/requests", json=request) as made:
        assert made.status == 201, await made.text()
    waiting = asyncio.create_task(_decision(service, id))
    card = await service.card(f"C{room}", number)
    posted, pressed = time.perf_counter() - begun, time.perf_counter()
    await service.ann.press(card, "Allow")
    assert await waiting == "allowed"
    return posted, time.perf_counter() - pressed


async def _decision(service: Service, id: str) -> str:
    async with service.agents.get(f"/v1/requests/{id}?wait=60") as found:
        return str((await found.json())["decision"]["outcome"])


async def _room(service: Service, room: int, numbers: Sequence[int]) -> list[tuple[float, float]]:
    return [await decide(service, room, number) for number in numbers]


async def measure(rooms: int, each: int) -> None:
    """Print what one decision costs, alone and in a burst."""
    async with serving(rooms) as service:
        alone = await _room(service, 0, range(each))
        await asyncio.sleep(0.5)
        begun, cpu = time.perf_counter(), service.cpu()
        await asyncio.gather(*(_room(service, room, range(each)) for room in range(1, rooms)))
        took = time.perf_counter() - begun
        # the last cards are still drawn again
        await asyncio.sleep(1)
        decided = (rooms - 1) * each
        print(f"ask until the card is posted  {statistics.median(one for one, _ in alone) * 1000:6.1f} ms")
        print(f"press until the agent has it  {statistics.median(one for _, one in alone) * 1000:6.1f} ms")
        print(
            f"CPU of one decision           {(service.cpu() - cpu) / decided * 1000:6.2f} ms of the service, in a burst"
        )
        print(
            f"decisions in a burst          {decided / took:6.0f} a second, with Slack and the agents on the same cores"
        )


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rooms", type=int, default=40)
    arguments.add_argument("--each", type=int, default=4)
    given = arguments.parse_args()
    asyncio.run(measure(given.rooms, given.each))


if __name__ == "__main__":
    main()
