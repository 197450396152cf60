"""What one whole decision costs `sayso serve` with Slack: asked over HTTP, its card posted, pressed and drawn again.

Slack and the agents run in this process, on the same cores: what counts of a burst is the CPU of the service. A press
comes a moment after its card, since nobody is quicker. The times of a click are held against the least that does the
same durable work (`tests.bench.floors`), and take turns with it.

    python -m tests.bench.clicks [--rooms 120] [--each 4] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import floors
from tests.bots.conftest import Command
from tests.fakes.slack import FakeSlack, Message, Person
from tests.fakes.slack.delivery import Http

FLOORS = {"own": "own handler, group commit", "bolt": "Bolt without its sleep, aiosqlite"}
# Seconds between a card and the press on it.
_LOOKED_AT = 0.05
_TIMES_A_ROUND = 5


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


@dataclass(frozen=True)
class Took:
    """Milliseconds of one decision."""

    posted: float
    acked: float
    awake: float
    payload: Any = None


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


async def decide(service: Service, room: int, number: int) -> Took:
    """One decision: until its card stood there, and from the press until Slack and its agent have the answer."""
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
    waiting = asyncio.create_task(_decision(service.agents, f"/v1/requests/{id}?wait=60"))
    card = await service.card(f"C{room}", number)
    posted = time.perf_counter() - begun
    await asyncio.sleep(_LOOKED_AT)
    pressed = time.perf_counter()
    seen, awake = await asyncio.gather(service.ann.press(card, "Allow"), waiting)
    [delivery] = seen.deliveries
    return Took(posted * 1000, delivery.seconds * 1000, (awake - pressed) * 1000, delivery.payload)


async def _decision(agents: aiohttp.ClientSession, path: str) -> float:
    """When it came."""
    while True:
        async with agents.get(path) as found:
            # on a busy machine it is told first that a card takes long
            if decision := (await found.json())["decision"]:
                assert decision["outcome"] == "allowed"
                return time.perf_counter()


async def _room(service: Service, room: int, numbers: Sequence[int]) -> list[Took]:
    return [await decide(service, room, number) for number in numbers]


@asynccontextmanager
async def floor(kind: str) -> AsyncGenerator[tuple[aiohttp.ClientSession, Http]]:
    """A floor as a process, and the ways to it."""
    with tempfile.TemporaryDirectory() as name:
        line = [sys.executable, "-m", "tests.bench.floors", kind, f"{name}/floor.db"]
        process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
        assert process.stdout
        try:
            url = (await process.stdout.readline()).decode().strip()
            async with aiohttp.ClientSession(url) as agents, aiohttp.ClientSession() as slack:
                yield agents, Http(url, floors.SECRET, 60, slack)
        finally:
            process.kill()
            await process.wait()


async def decide_on_floor(ways: tuple[aiohttp.ClientSession, Http], id: str, payload: Any) -> Took:
    """The same decision there, by the same payload."""
    agents, slack = ways
    async with agents.post(f"/ask/{id}", data="x" * 400) as made:
        assert made.status == 201
    waiting = asyncio.create_task(_decision(agents, f"/wait/{id}"))
    await asyncio.sleep(_LOOKED_AT)
    action = {**payload["actions"][0], "action_id": "allow", "value": id}
    pressed = time.perf_counter()
    sent, awake = await asyncio.gather(slack.send("interactive", {**payload, "actions": [action]}, 0, ""), waiting)
    assert sent.acked, sent.why
    return Took(0.0, sent.seconds * 1000, (awake - pressed) * 1000)


async def measure(rooms: int, each: int, rounds: int) -> None:
    """Print what one decision costs, alone and in a burst."""
    ours, theirs = list[Took](), {kind: list[Took]() for kind in FLOORS}
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(serving(rooms + rounds))
        ways = {kind: await stack.enter_async_context(floor(kind)) for kind in FLOORS}
        for number in range(rounds):
            # a room takes a burst of five
            ours += await _room(service, rooms + number, range(_TIMES_A_ROUND))
            for kind, found in theirs.items():
                for time_of in range(_TIMES_A_ROUND):
                    found.append(await decide_on_floor(ways[kind], f"{number}-{time_of}", ours[-1].payload))
        await asyncio.sleep(0.5)
        begun, cpu = time.perf_counter(), service.cpu()
        async with asyncio.TaskGroup() as group:
            for room in range(rooms):
                group.create_task(_room(service, room, range(each)))
        took = time.perf_counter() - begun
        # the last cards are still drawn again
        await asyncio.sleep(1)
        cost = (service.cpu() - cpu) / (rooms * each) * 1000
    _print(ours, theirs)
    print(f"ask until the card is posted     {_middle(ours, 'posted'):6.2f} ms                     aim 1.5 ms")
    print(f"CPU of a decision in a burst     {cost:6.2f} ms of the service      aim 1 ms")
    print(f"decisions in a burst             {rooms * each / took:6.0f} /s, on the same cores as Slack   aim 1,000")


def _print(ours: Sequence[Took], theirs: dict[str, list[Took]]) -> None:
    for what, said, against in (
        ("awake", "click until the agent is awake", "bolt"),
        ("acked", "click until Slack has its ack", "own"),
    ):
        mine = _middle(ours, what)
        for kind, found in theirs.items():
            least = _middle(found, what)
            aim = "   aim 1.3" if kind == against else ""
            print(f"{said:32} {mine:6.2f} ms of {least:6.2f} = {mine / least:5.2f} x {FLOORS[kind]}{aim}")


def _middle(found: Sequence[Took], what: str) -> float:
    return float(statistics.median(getattr(one, what) for one in found))


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rooms", type=int, default=120)
    arguments.add_argument("--each", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    asyncio.run(measure(given.rooms, given.each, given.rounds))


if __name__ == "__main__":
    main()
