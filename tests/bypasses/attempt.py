"""A run of the real CLI under the settings that we print, and people who allow only what a case names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sayso import model
from sayso.stores import Query
from sayso_claude import settings
from tests.adapters import claude_service
from tests.adapters.claude_scene import Kind, command_on_path
from tests.adapters.claude_service import Json, Service
from tests.conftest import until
from tests.fakes import anthropic, claude_cli, claude_runs, claude_terminal

# The CLI refuses this mode to root, except where it is told that nothing outside can be harmed.
SANDBOX = {"IS_SANDBOX": "1"}
ASKED_FIRST = ("PreToolUse",)
PAGE = (Path(__file__).parents[2] / "docs" / "claude-code.md").read_text(encoding="utf-8")


@dataclass
class Attempt:
    """One folder, one agent in it, one service; whatever is asked is denied, but for what `allowed` names.

    With a `cli` the agent is a run of that process, else a process of its own.
    """

    folder: Path
    service: Service
    cli: claude_runs.Cli | None = None
    events: Sequence[str] = ASKED_FIRST
    matcher: str = "*"
    rule: str | None = None
    allowed: Sequence[str] = ()
    mode: str | None = None
    kind: Kind = "http"
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def cwd(self) -> Path:
        return self.cli.cwd if self.cli else self.folder / "work"

    async def run(self, *calls: anthropic.ToolUse) -> None:
        """Headless, until the model is done."""
        turns: list[anthropic.Turn] = [*calls, *[anthropic.Text("done")] * 5]
        async with self._people():
            said = await (self._run_in(self.cli, turns) if self.cli else self._run(turns))
        assert said == "done"

    @asynccontextmanager
    async def seated(self, *turns: anthropic.Turn) -> AsyncGenerator[claude_terminal.Terminal]:
        """At the terminal, where somebody sits."""
        async with self._people(), anthropic.serve() as model:
            model.script([*turns, *[anthropic.Text("done")] * 5])
            async with claude_terminal.opened(**self._options(model.url)) as terminal:
                await terminal.until("for agents")
                yield terminal

    async def type(
        self, terminal: claude_terminal.Terminal, keys: str, *, made: str | None = None, shown: str = "done"
    ) -> None:
        """Type and press Enter; wait for a file that appears, or for words that are shown."""
        for part in ("!", keys[1:]) if keys.startswith("!") else (keys,):
            terminal.type(part)
            await terminal.until("shell mode" if part == "!" else part)
        terminal.type("\r")
        await (until((self.cwd / made).exists) if made else terminal.until(shown))

    def names(self, words: str) -> None:
        """A way around the gate is left open only where the page says so."""
        assert words in " ".join(PAGE.split())

    def printed_matcher(self) -> str:
        """The matcher that the page recommends."""
        found = re.search(r"--event PreToolUse --matcher '([^']+)'", PAGE)
        assert found
        return found[1]

    def made(self) -> list[str]:
        """What is there that no case put there."""
        return sorted(path.name for path in self.cwd.iterdir() if path.name not in {".claude", ".mcp.json"})

    async def asked(self) -> list[tuple[str, str]]:
        """Of which events people were asked, and about what, in order."""
        tickets = await self.service.desk.store.list(Query(limit=100))
        return [(_event(ticket), _about(ticket.request)) for ticket in reversed(tickets)]

    def printed(self) -> Json:
        """The settings that we print."""
        events = settings.complete(self.events, self.matcher, self.rule)
        made = settings.settings(
            self.service.url, events=events, matcher=self.matcher, rule=self.rule, kind=self.kind, timeout=30
        )
        return {**settings.asking(made)}

    async def _run(self, turns: Sequence[anthropic.Turn]) -> str:
        async with anthropic.serve() as model:
            model.script(turns)
            ended = await claude_cli.run_cli("go", **self._options(model.url), timeout=40)
        return str(ended.result.get("result", ended))

    async def _run_in(self, cli: claude_runs.Cli, turns: Sequence[anthropic.Turn]) -> str:
        self._put()
        chosen = {**self.printed(), **self.settings, "env": {"SAYSO_KEY": self.service.key}}
        return await cli.run(*turns, settings=chosen, mode=self.mode or "default")

    def _put(self) -> None:
        for name, text in self.files.items():
            (self.cwd / name).parent.mkdir(parents=True, exist_ok=True)
            (self.cwd / name).write_text(text)

    def _options(self, api_url: str) -> claude_cli.CliOptions:
        self._put()
        chosen: Json = {**self.printed(), **self.settings}
        return {
            "home": self.folder / "home",
            "cwd": self.cwd,
            "api_url": api_url,
            "settings": chosen,
            "extra_args": ("--permission-mode", self.mode) if self.mode else (),
            "env": {"SAYSO_KEY": self.service.key, **command_on_path(self.folder), **SANDBOX},
        }

    @asynccontextmanager
    async def _people(self) -> AsyncGenerator[None]:
        answering = asyncio.create_task(self._answer())
        try:
            yield
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    async def _answer(self) -> None:
        desk, changes = self.service.desk, self.service.desk.store.changes()
        while True:
            for ticket in await desk.store.list(Query(state="pending")):
                named = {ticket.request.tool, _about(ticket.request)}
                allowed = bool(named & set(self.allowed))
                await desk.answer(ticket.id, model.Answer(verdict="allow" if allowed else "deny"), claude_service.ANN)
            await anext(changes)


def _event(ticket: model.Ticket) -> str:
    return str(ticket.request.metadata["claude"]["event"])


def _about(request: model.Request) -> str:
    given = request.input or {}
    return str(given.get("command") or given.get("file_path") or request.tool)


@asynccontextmanager
async def attempt(folder: Path, **options: Any) -> AsyncGenerator[Attempt]:
    """One attempt."""
    async with claude_service.serve(folder) as service:
        made = Attempt(folder, service, **options)
        if made.cli:
            made.cli.sweep()
        made.cwd.mkdir(exist_ok=True)
        yield made


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[claude_runs.Cli]:
    """A process for many attempts, which may be in any mode."""
    words = ("--allow-dangerously-skip-permissions",)
    async with claude_runs.opened(folder, *words, **command_on_path(folder), **SANDBOX) as cli:
        yield cli
