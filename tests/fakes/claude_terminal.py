"""Runs the real Claude Code CLI in a pseudo-terminal, as somebody meets it who sits in front of it."""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

from tests.fakes import claude_cli

_ROWS, _COLUMNS = 50, 140
# What moves the cursor or colours text; the CLI writes one blank as a step to the right.
_STEP = re.compile(r"\x1b\[(\d*)C")
_CONTROL = re.compile(r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78DEHM])")


@dataclass
class Terminal:
    """One interactive session."""

    process: asyncio.subprocess.Process
    _end: int
    _drawn: bytearray = field(default_factory=bytearray)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def shown(self) -> str:
        """All that was drawn so far, in the order in which it came, without what only moves or colours."""
        text = _STEP.sub(lambda step: " " * int(step[1] or 1), self._drawn.decode(errors="replace"))
        return _CONTROL.sub("", text).replace("\r", "\n")

    def type(self, keys: str) -> None:
        """Press keys; Enter is `\\r`."""
        os.write(self._end, keys.encode())

    async def until(self, words: str, *, timeout: float = 20) -> None:
        """Wait until *words* were drawn; blanks do not count, since the CLI draws only what differs."""
        wanted = "".join(words.split())
        try:
            async with asyncio.timeout(timeout):
                while wanted not in "".join(self.shown.split()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"the terminal never showed {words!r}; it showed:\n{self.shown[-4000:]}") from None

    def read(self) -> None:
        """Take what the process drew."""
        with contextlib.suppress(OSError):
            self._drawn += os.read(self._end, 1 << 16)
        self._changed.set()


@asynccontextmanager
async def opened(*words: str, **options: Unpack[claude_cli.CliOptions]) -> AsyncGenerator[Terminal, None]:
    """`claude` with these words, in a folder that is trusted; killed when the block ends."""
    _known(options["home"], options["cwd"])
    file = options["home"] / "run-settings.json"
    file.write_text(json.dumps(options.get("settings") or {}))
    own, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *(str(claude_cli.find_cli()), "--settings", str(file), *options.get("extra_args", ()), *words),
        stdin=other,
        stdout=other,
        stderr=other,
        cwd=options["cwd"],
        env={
            **claude_cli.cli_env(options["home"], options["api_url"]),
            "TERM": "xterm-256color",
            **options.get("env", {}),
        },
        start_new_session=True,
    )
    os.close(other)
    os.set_blocking(own, False)
    terminal = Terminal(process, own)
    loop = asyncio.get_running_loop()
    loop.add_reader(own, terminal.read)
    try:
        yield terminal
    finally:
        loop.remove_reader(own)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        os.close(own)


def _known(home: Path, cwd: Path) -> None:
    """What somebody has said who used the CLI here before: so it asks neither for a theme nor for trust."""
    folder = home / ".claude"
    folder.mkdir(parents=True, exist_ok=True)
    (home / "tmp").mkdir(exist_ok=True)
    trusted = {str(cwd): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}}
    key = {"approved": ["not-a-key"], "rejected": list[str]()}
    said = {"hasCompletedOnboarding": True, "theme": "dark", "projects": trusted, "customApiKeyResponses": key}
    (folder / ".claude.json").write_text(json.dumps(said))
