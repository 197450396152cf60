"""What a hook costs before every tool call, what other commands cost, and what an idle service holds.

The hook is a whole process: Python's start, the call to a service that answers at once, its output read. The floor is
`python -c pass` in the same run; the aim is twice that. Of `sayso list` and of the start of `sayso serve` it is the CPU
that counts: 0.12 and 0.3 s where importing Pydantic takes 0.06. The service is connected to a fake Slack by sockets;
it should hold less than 120 MB of resident memory. Each is a process of its own that has imported nothing before.

    python -m tests.bench.start [--rounds 40]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sayso_claude import forms
from tests.adapters.claude_service import call
from tests.fakes.slack import FakeSlack

CALL = json.dumps(call()).encode()
ANSWER = json.dumps(forms.allow("PreToolUse", "at once")).encode()
SCRIPT = Path(sys.executable).with_name("sayso")
HOOK = ["hook", "claude-code"]
WAYS: Mapping[str, Sequence[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -m sayso_bots hook": [sys.executable, "-m", "sayso_bots", *HOOK],
    **({"sayso hook": [str(SCRIPT), *HOOK]} if SCRIPT.exists() else {}),
}


@asynccontextmanager
async def service() -> AsyncGenerator[str, None]:
    """Something that allows every call at once."""

    async def allow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(CALL))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        writer.close()

    async with await asyncio.start_server(allow, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def once(words: Sequence[str], url: str) -> float:
    """Milliseconds of one whole process."""
    env = {**os.environ, "SAYSO_URL": url, "SAYSO_KEY": "sayso_agent_bench"}
    pipe = asyncio.subprocess.PIPE
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, env=env)
    out, _ = await process.communicate(CALL)
    took = (time.perf_counter() - start) * 1000
    assert out == (b"" if "pass" in words else ANSWER), out
    return took


async def starts(rounds: int) -> None:
    """Print medians over interleaved rounds, and their ratio to the floor."""
    seen: dict[str, list[float]] = {name: [] for name in WAYS}
    async with service() as url:
        for _ in range(rounds):
            for name, words in WAYS.items():
                seen[name].append(await once(words, url))
    bare = statistics.median(seen["python -c pass"])
    for name, times in seen.items():
        middle = statistics.median(times)
        aim = "" if name == "python -c pass" else ", aim 2"
        print(f"{name:26} {middle:6.1f} ms = {middle / bare:5.2f} x python -c pass{aim}   (best {min(times):.1f} ms)")


def resident(process: int) -> float:
    """Megabytes of memory that a process holds now, as Linux counts them."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def taken(process: int) -> float:
    """Milliseconds of CPU that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1000


def cpu_of(line: Sequence[str], folder: str) -> float:
    """Milliseconds of CPU of a process that ends by itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


async def serve(folder: str, slack: FakeSlack) -> tuple[float, float]:
    """The CPU of a service until it has connected to Slack, and the memory that it holds then."""
    env = {"SAYSO_PORT": "0", "SLACK_API_URL": slack.api_url}
    env |= {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    line, pipe = [sys.executable, "-m", "sayso_bots", "serve"], asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*line, cwd=folder, env=_environment() | env, stdout=pipe)
    assert process.stdout
    while b"sign in" not in await process.stdout.readline():
        pass
    await slack.until(lambda: slack.sockets.open, within=20)
    took = taken(process.pid), resident(process.pid)
    process.kill()
    await process.wait()
    return took


async def commands(rounds: int) -> None:
    """Print the CPU of commands and of a start, as a share of importing Pydantic, and the memory of an idle service."""
    lists = [sys.executable, "-m", "sayso_bots", "list"]
    lines = {"import pydantic": [sys.executable, "-c", "import pydantic; pydantic.BaseModel"], "sayso list": lists}
    seen: dict[str, list[float]] = {name: [] for name in (*lines, "sayso serve with Slack")}
    held = list[float]()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sayso.toml").write_text('[slack]\nchannel = "#ops"\n')
        async with FakeSlack() as slack:
            slack.channel("C1", name="ops")
            for number in range(rounds):
                cpu, megabytes = await serve(folder, slack)
                held.append(megabytes)
                seen["sayso serve with Slack"].append(cpu)
                # the first start made the database
                for name, line in lines.items() if number or rounds == 1 else ():
                    seen[name].append(cpu_of(line, folder))
    bare = statistics.median(seen["import pydantic"])
    aims = {"sayso list": ", aim 2", "sayso serve with Slack": ", aim 5"}
    for name, times in seen.items():
        middle = statistics.median(times)
        print(f"{name:26} {middle:6.0f} ms of CPU = {middle / bare:5.2f} x import pydantic{aims.get(name, '')}")
    print(f"{'sayso serve with Slack':26} {statistics.median(held):6.1f} MB resident, idle")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=40)
    rounds = arguments.parse_args().rounds
    await starts(rounds)
    await commands(max(2, rounds // 8))


if __name__ == "__main__":
    asyncio.run(main())
