"""What one whole decision costs `sayso serve` with Slack: asked over HTTP, its card posted, pressed and drawn again.

Slack and the agents run in this process, on the same cores: what counts of a burst is the CPU of the service. A press
comes a moment after its card, since nobody is quicker. All is held against the least that does the same durable work
(`tests.bench.floors`), in turns with it. How quick a machine is says nothing, so an aim is a multiple of a floor, too.

    python -m tests.bench.clicks [--rooms 120] [--each 4] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import floors
from tests.bench.start import taken
from tests.bots.conftest import Command
from tests.fakes.slack import FakeSlack, Message, Person
from tests.fakes.slack.delivery import Http

FLOORS = {
    "own": "an own handler with group commit",
    "bolt": "Bolt without its sleep, with aiosqlite",
    "posting": "an own handler that posts",
    "click": "Bolt's click until its agent is awake",
}
# What is measured, against which floors, and the aim as a multiple of one. The last three were set as 1.5 ms, 1 ms and
# 1,000 a second where Bolt's click took 0.69 ms, and an own handler 0.292 ms of CPU and made 4,847 a second.
ROWS: Sequence[tuple[str, str, str, Mapping[str, str]]] = (
    ("click until the agent is awake", "awake", "ms", {"bolt": "1.3", "own": ""}),
    ("click until Slack has its ack", "acked", "ms", {"own": "1.3", "bolt": ""}),
    ("ask until the card is posted", "posted", "ms", {"click": "2.2", "posting": ""}),
    ("CPU of a decision in a burst", "cpu", "ms", {"own": "3.4", "posting": ""}),
    ("decisions a second in a burst", "a_second", "/s", {"own": "0.21", "posting": ""}),
)
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

    async def card(self, room: str, number: int) -> Message:
        """The newest card of a room, once it holds so many."""
        return await _card(self.slack, room, number)


@dataclass
class Floor:
    """A floor, and the ways to it."""

    kind: str
    process: int
    agents: aiohttp.ClientSession
    clicks: Http
    slack: FakeSlack


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
                slack.channel(f"F{number}", name=f"floor{number}")
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


async def _card(slack: FakeSlack, room: str, number: int) -> Message:
    await slack.until(lambda: len(slack.messages(room)) > number, within=60)
    return slack.messages(room)[number]


@asynccontextmanager
async def floor(kind: str, slack: FakeSlack) -> AsyncGenerator[Floor]:
    """A floor as a process."""
    with tempfile.TemporaryDirectory() as name:
        line = [sys.executable, "-m", "tests.bench.floors", kind, f"{name}/floor.db", slack.api_url, slack.bot_token]
        process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
        assert process.stdout
        try:
            url = (await process.stdout.readline()).decode().strip()
            async with aiohttp.ClientSession(url) as agents, aiohttp.ClientSession() as clicks:
                yield Floor(kind, process.pid, agents, Http(url, floors.SECRET, 60, clicks), slack)
        finally:
            process.kill()
            await process.wait()


async def decide_on_floor(floor: Floor, payload: Any, room: int, number: int) -> Took:
    """The same decision there, by the same payload, with the same message."""
    id, channel = f"r{room}-{number}", f"F{room}"
    begun = time.perf_counter()
    message = {"channel": channel, "text": "asked", "blocks": payload["message"]["blocks"]}
    async with floor.agents.post(f"/ask/{id}", json=message) as made:
        assert made.status == 201
    waiting = asyncio.create_task(_decision(floor.agents, f"/wait/{id}"))
    if floor.kind == "posting":
        await _card(floor.slack, channel, number)
    posted = time.perf_counter() - begun
    await asyncio.sleep(_LOOKED_AT)
    action = {**payload["actions"][0], "action_id": "allow", "value": id}
    pressed = time.perf_counter()
    sending = floor.clicks.send("interactive", {**payload, "actions": [action]}, 0, "")
    sent, awake = await asyncio.gather(sending, waiting)
    assert sent.acked, sent.why
    return Took(posted * 1000, sent.seconds * 1000, (awake - pressed) * 1000)


async def burst(
    process: int, decide: Callable[[int, int], Awaitable[Took]], rooms: int, each: int
) -> dict[str, Sequence[float]]:
    """The CPU of a process for a decision, and how many it makes: so many times in each of so many rooms at once."""

    async def room(number: int) -> None:
        for time_of in range(each):
            await decide(number, time_of)

    await asyncio.sleep(0.5)
    begun, cpu = time.perf_counter(), taken(process)
    await asyncio.gather(*(room(number) for number in range(rooms)))
    seconds = time.perf_counter() - begun
    # the last cards are still drawn again
    await asyncio.sleep(1)
    return {"cpu": [(taken(process) - cpu) / (rooms * each)], "a_second": [rooms * each / seconds]}


async def measure(rooms: int, each: int, rounds: int) -> None:
    """Print what one decision costs, alone and in a burst."""
    ours, theirs = list[Took](), {kind: list[Took]() for kind in ("own", "bolt", "posting")}
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(serving(rooms + rounds))
        running = {kind: await stack.enter_async_context(floor(kind, service.slack)) for kind in theirs}
        # a room takes a burst of five
        for room, number in itertools.product(range(rooms, rooms + rounds), range(_TIMES_A_ROUND)):
            ours.append(await decide(service, room, number))
            for kind, found in theirs.items():
                found.append(await decide_on_floor(running[kind], ours[-1].payload, room, number))
        mine = _times(ours) | await burst(service.process, partial(decide, service), rooms, each)
        least = {
            kind: _times(theirs[kind])
            | await burst(one.process, partial(decide_on_floor, one, ours[-1].payload), rooms, each)
            for kind, one in running.items()
        }
    least["click"] = {"posted": least["bolt"]["awake"]}
    for said, what, unit, against in ROWS:
        for kind, aim in against.items():
            print(
                f"{said:31} {_compared(mine[what], least[kind][what], unit)} x {FLOORS[kind]}{aim and f', aim {aim}'}"
            )


def _compared(ours: Sequence[float], floor: Sequence[float], unit: str) -> str:
    """The medians and their ratio; where there are several, that of the least of each, which others disturb less."""
    mine, theirs = statistics.median(ours), statistics.median(floor)
    quickest = f" ({min(ours) / min(floor):5.2f} by the least)" if len(ours) > 1 else ""
    return f"{mine:7.2f} {unit} of {theirs:7.2f} = {mine / theirs:5.2f}{quickest}"


def _times(found: Sequence[Took]) -> dict[str, Sequence[float]]:
    return {what: [getattr(one, what) for one in found] for what in ("posted", "acked", "awake")}


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
