"""One process of the real Claude Code CLI, headless, in which one run follows the other.

To start it takes half a second, and a run in it a tenth. Each run is a session of its own, in a folder that is empty
again, with settings, a mode and a script of its own. What is asked about a start, and what leaves something in the
background, has a process of its own: `claude_cli`.
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes import anthropic, claude_cli

Json = dict[str, Any]

_STREAMS = ("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose")
_LINE = 1 << 24  # bytes of one message
# What a run may set; another key would stay for the runs after it.
_KEYS = ("env", "hooks", "permissions")


@dataclass
class Cli:
    """The process; it starts with the first run, and again after one that did not end."""

    folder: Path
    env: Mapping[str, str]
    extra_args: Sequence[str]
    model: anthropic.FakeAnthropic
    _process: asyncio.subprocess.Process | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def cwd(self) -> Path:
        return self.folder / "work"

    def sweep(self) -> None:
        """Take away what the runs before have made."""
        for path in self.cwd.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    async def run(
        self,
        *turns: anthropic.Turn,
        settings: Mapping[str, Any],
        mode: str = "default",
        prompt: str = "go",
    ) -> str:
        """The last words of a run under these settings, and nothing that another run had set."""
        assert set(settings) <= set(_KEYS), "it would stay for the runs after this one"
        self.model.forget()
        self.model.script(turns)
        if self._process is None:
            self._process = await self._start()
        else:
            await self._apply({})
            await self._say("/clear")
        await self._apply(settings)
        assert await self._control("set_permission_mode", mode=mode) == {"mode": mode}
        await self._control("reload_skills")
        return str((await self._say(prompt)).get("result"))

    async def kill(self) -> None:
        """As a machine that fails."""
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        with (home / "cli.stderr").open("wb") as err:
            return await asyncio.create_subprocess_exec(
                *(str(claude_cli.find_cli()), *_STREAMS, *self.extra_args),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=err,
                limit=_LINE,
                cwd=self.cwd,
                env={**claude_cli.cli_env(home, self.model.url), **self.env},
                start_new_session=True,
            )

    async def _apply(self, settings: Mapping[str, Any]) -> None:
        await self._control("apply_flag_settings", settings={**{key: Json() for key in _KEYS}, **settings})

    async def _say(self, prompt: str) -> Json:
        return await self._send("result", type="user", message={"role": "user", "content": prompt})

    async def _control(self, subtype: str, **request: Any) -> Any:
        number, request = str(next(self._numbers)), {"subtype": subtype, **request}
        answer = await self._send("control_response", type="control_request", request_id=number, request=request)
        assert answer["response"]["subtype"] == "success", answer
        return answer["response"].get("response")

    async def _send(self, awaited: str, **message: Any) -> Json:
        """Say something, and read on to the first message of the *awaited* type."""
        process = self._process
        assert process
        assert process.stdin
        assert process.stdout
        try:
            async with asyncio.timeout(40):
                process.stdin.write(json.dumps(message).encode() + b"\n")
                async for line in process.stdout:
                    read: Json = json.loads(line)
                    if read["type"] == awaited:
                        return read
                    assert read["type"] != "control_request", f"nobody but the process itself was asked: {read}"
        except BaseException:
            await self.kill()
            raise
        raise AssertionError((self.folder / "home" / "cli.stderr").read_text())


@asynccontextmanager
async def opened(folder: Path, *extra_args: str, **env: str) -> AsyncGenerator[Cli, None]:
    """A process with these words, and these variables on top of `cli_env`; killed when the block ends."""
    (folder / "work").mkdir()
    async with anthropic.serve() as model:
        cli = Cli(folder, env, extra_args, model)
        try:
            yield cli
        finally:
            await cli.kill()
