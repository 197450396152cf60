"""Programs as real processes in a folder of their own, that a test talks to, kills and starts again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PATIENCE = 20.0
"""Seconds that a process may take: several of them start on a machine with few cores."""


@dataclass(frozen=True)
class Running:
    """A process that goes on while a test talks to it."""

    process: asyncio.subprocess.Process

    async def line(self, containing: str, *, error: bool = False) -> str:
        """The next line with this text on standard output, or on standard error."""
        stream = self.process.stderr if error else self.process.stdout
        assert stream is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await stream.readline()).decode():
                if containing in line:
                    return line.strip()
        pytest.fail(f"the process ended without saying {containing!r}")

    async def ended(self) -> tuple[int, str, str]:
        """Exit code, and what else was printed."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()

    async def kill(self) -> None:
        """`kill -9`: no handler, no farewell."""
        self.process.kill()
        await self.ended()


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's own, with the way to our code, and *variables*."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}


@asynccontextmanager
async def started(line: Sequence[str | Path], folder: Path, **variables: str) -> AsyncGenerator[Running]:
    """The program in the background, killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *line,
        cwd=folder,
        env=environment(variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
