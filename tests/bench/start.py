"""What a hook costs before every tool call, and what an idle service holds.

The hook is a whole process: Python's start, the call to a service that answers at once, its output read. The floor is
`python -c pass` in the same run; the aim is three times that. The service is `sayso serve` connected to a fake Slack by
Socket Mode; the aim is less than 120 MB of resident memory.

    python -m tests.bench.start [--rounds 40]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sayso_claude import forms
from tests.adapters.claude_service import call
from tests.bots.conftest import Command
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
        print(f"{name:26} {middle:6.1f} ms   {middle / bare:5.2f} of the floor   (best {min(times):.1f} ms)")


def resident(process: int) -> float:
    """Megabytes of memory that a process holds now, as Linux counts them."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


async def idle() -> None:
    """Print the resident memory of a service that has connected to Slack and has nothing to do."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "sayso.toml").write_text('[slack]\nchannel = "#ops"\n')
        async with FakeSlack() as slack:
            slack.channel("C1", name="ops")
            tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
            started = Command(Path(name)).started("serve", SAYSO_PORT="0", SLACK_API_URL=slack.api_url, **tokens)
            async with started as serving:
                await serving.line("sign in")
                await slack.until(lambda: slack.sockets.open, within=20)
                megabytes = resident(serving.process.pid)
    print(f"{'sayso serve with Slack':26} {megabytes:6.1f} MB resident, idle")


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=40)
    await starts(arguments.parse_args().rounds)
    await idle()


if __name__ == "__main__":
    asyncio.run(main())
