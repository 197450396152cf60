"""The `sayso` command as a user has it: real processes in a folder of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sayso_bots import cli

Call = Callable[..., subprocess.CompletedProcess[str]]

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


@dataclass(frozen=True)
class Command:
    """`sayso` in a folder."""

    folder: Path

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._line(arguments),
            cwd=self.folder,
            env=self._environment(variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    @asynccontextmanager
    async def started(self, *arguments: str, **variables: str) -> AsyncGenerator[Running]:
        """The command in the background, killed at the end if it still runs."""
        process = await asyncio.create_subprocess_exec(
            *self._line(arguments),
            cwd=self.folder,
            env=self._environment(variables),
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

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "sayso_bots", *arguments]

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`command` without a process: for what needs none, and many times as fast."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                cli.run(arguments)
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(arguments, ended.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)
