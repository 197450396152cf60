"""The `sayso` command as a user has it: real processes in a folder of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sayso_bots import cli
from tests.fakes.processes import PATIENCE, Running, run, started

__all__ = ["PATIENCE", "Running"]

# The AI SDK needs Python 3.12: before, there is nothing to test, and no test to skip.
collect_ignore_glob = [] if sys.version_info >= (3, 12) else ["test_ai_*.py"]

Call = Callable[..., subprocess.CompletedProcess[str]]

OPENS = """
import asyncio, sayso

async def main():
    async with sayso.open():
        pass

asyncio.run(main())
"""
THEN = "from sayso_bots import main\nmain()"


IN_TURN = """
import json, sys
from sayso_bots import main

for words in json.loads(sys.argv[1]):
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as ended:
        print(ended.code, end=chr(0), flush=True)
        print(end=chr(0), file=sys.stderr, flush=True)
"""


@dataclass(frozen=True)
class Command:
    """`sayso` in a folder."""

    folder: Path

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run(self._line(arguments), self.folder, **variables)

    def started(self, *arguments: str, **variables: str) -> AbstractAsyncContextManager[Running]:
        """The command in the background, killed at the end if it still runs."""
        return started(self._line(arguments), self.folder, **variables)

    def key(self, name: str, role: str, *more: str, **variables: str) -> str:
        """A new key in the database of this folder, which a program makes if it is not there yet."""
        line = [sys.executable, "-c", OPENS + THEN, "keys", "add", name, "--role", role, *more]
        made = run(line, self.folder, **variables)
        made.check_returncode()
        return made.stdout.strip()

    def in_turn(self, *commands: Sequence[str], **variables: str) -> list[subprocess.CompletedProcess[str]]:
        """Several commands, in one process where what they import is asked about: to import it all takes a second."""
        done = run([sys.executable, "-c", IN_TURN, json.dumps(commands)], self.folder, **variables)
        ended = zip(commands, done.stdout.split("\0"), done.stderr.split("\0"), strict=False)
        outs = [(words, *out.rpartition("\n")[::2], err) for words, out, err in ended]
        return [subprocess.CompletedProcess(words, int(code), f"{out}\n", err) for words, out, code, err in outs]

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "sayso_bots", *arguments]


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`command` without a process: for what needs none, and many times as fast."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            patch.setenv("SAYSO_CONFIG", "")  # --config sets it; the next call begins anew
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
