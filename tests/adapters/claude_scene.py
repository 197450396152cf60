"""A run of the real Claude Code CLI in its own folder, with our hooks and a scripted model."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sayso_claude import settings
from tests.adapters.claude_service import Json
from tests.fakes import anthropic, claude_cli, claude_runs

Kind = Literal["command", "http"]
Run = asyncio.Task[list[anthropic.ToolResult]]


def touch(name: str = "made.txt", **more: Any) -> anthropic.ToolUse:
    return anthropic.ToolUse("Bash", {"command": f"touch {name}", **more})


def command_on_path(folder: Path) -> dict[str, str]:
    """Variables under which `sayso` is a command."""
    tool = folder / "bin" / "sayso"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m sayso_bots "$@"\n')
    tool.chmod(0o755)
    roots = os.pathsep.join(path for path in sys.path if path)
    return {"PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": roots}


@dataclass
class Scene:
    """A run of the CLI in its own folder, against a service and a scripted model; with a `cli`, in that process."""

    folder: Path
    url: str
    key: str
    kind: Kind = "http"
    event: str = "PreToolUse"
    also: tuple[str, ...] = ()
    permissions: Json = field(default_factory=Json)
    timeout: int = 30
    printed: Json | None = None
    """Settings to use in place of those that follow from the above."""
    cli: claude_runs.Cli | None = None
    model: anthropic.FakeAnthropic = field(default_factory=anthropic.FakeAnthropic)
    """Of the last run: what it read."""

    def __post_init__(self) -> None:
        if self.cli:
            self.cli.sweep()
        else:
            self.cwd.mkdir()

    @property
    def cwd(self) -> Path:
        return self.cli.cwd if self.cli else self.folder / "work"

    def settings(self) -> Json:
        hooks = self.printed or settings.settings(
            self.url, events=[self.event, *self.also], kind=self.kind, timeout=self.timeout
        )
        return {**hooks, "permissions": {**hooks.get("permissions", {}), **self.permissions}}

    def options(self, api_url: str) -> claude_cli.CliOptions:
        return {
            "home": self.folder / "home",
            "cwd": self.cwd,
            "api_url": api_url,
            "settings": self.settings(),
            "env": {"SAYSO_KEY": self.key, **command_on_path(self.folder)},
        }

    async def run(self, *calls: anthropic.ToolUse, stopped: bool = False) -> list[anthropic.ToolResult]:
        """Until the model is done, or until somebody has *stopped* it."""
        said = await self.said([*(calls or (touch(),)), anthropic.Text("done")])
        assert (said == "done") is not stopped, said
        return self.model.tool_results()

    async def said(self, turns: Sequence[anthropic.Turn], prompt: str = "go") -> str:
        """What a run of these turns said last."""
        if self.cli:
            self.model = self.cli.model
            chosen = {**self.settings(), "env": {"SAYSO_KEY": self.key}}
            return await self.cli.run(*turns, settings=chosen, prompt=prompt)
        async with anthropic.serve() as self.model:
            self.model.script(turns)
            ended = await claude_cli.run_cli(prompt, **self.options(self.model.url), timeout=40)
        return str(ended.result.get("result", ended))

    def files(self) -> list[str]:
        return sorted(path.name for path in self.cwd.iterdir())


@asynccontextmanager
async def running(
    scene: Scene, *calls: anthropic.ToolUse, stopped: bool = False
) -> AsyncGenerator[asyncio.Task[list[anthropic.ToolResult]], None]:
    task = asyncio.create_task(scene.run(*calls, stopped=stopped))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
