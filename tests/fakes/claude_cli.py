"""Runs the real Claude Code CLI that the `claude-agent-sdk` wheel bundles, headless, against a loopback Messages API.

It never inherits the caller's environment: a run sees only its own HOME and the address it was given.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Required, TypedDict, Unpack

import pytest


class CliOptions(TypedDict, total=False):
    """Where and how a run happens."""

    home: Required[Path]
    """HOME, the configuration folder, the settings and the output of the run; made if missing."""
    cwd: Required[Path]
    api_url: Required[str]
    settings: Mapping[str, Any] | None
    extra_args: Sequence[str]
    env: Mapping[str, str]
    """On top of `cli_env`."""


@dataclass(frozen=True)
class CliResult:
    """How a run ended; `result` is the last JSON object on stdout, empty if there was none."""

    returncode: int
    stdout: str
    stderr: str
    result: dict[str, Any]


def find_cli() -> Path:
    """The bundled binary; skips the test, saying why, where the installed package has none."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        pytest.skip("claude-agent-sdk is not installed: nothing was tested against the real Claude Code CLI")
    binary = Path(spec.origin).parent / "_bundled" / "claude"
    if not binary.is_file():
        pytest.skip(f"this claude-agent-sdk bundles no CLI ({binary} is missing): nothing was tested against it")
    return binary


def cli_env(home: Path, api_url: str) -> dict[str, str]:
    """The whole environment of a run; also fit for `ClaudeAgentOptions(env=..)`."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "CLAUDE_CODE_TMPDIR": str(home / "tmp"),
        "ANTHROPIC_BASE_URL": api_url,
        "ANTHROPIC_API_KEY": "not-a-key",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "BUN_JSC_useDFGJIT": "0",  # a run of a second ends before its code is worth compiling
        "BUN_GC_TIMER_DISABLE": "1",  # and before its memory is worth looking through
    }


@asynccontextmanager
async def start_cli(prompt: str, **options: Unpack[CliOptions]) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """Start a run to interrupt or kill it in the middle; whatever is left of it is killed when the block ends.

    Its output goes to `cli.stdout` and `cli.stderr` in `home`.
    """
    command = _command(prompt, options)
    # Files, not pipes: a grandchild that outlives a killed run would keep a pipe open and the reader waiting.
    with (options["home"] / "cli.stdout").open("wb") as out, (options["home"] / "cli.stderr").open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=options["cwd"],
            env={**cli_env(options["home"], options["api_url"]), **options.get("env", {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def run_cli(prompt: str, *, timeout: float = 60, **options: Unpack[CliOptions]) -> CliResult:
    """Run to the end; raises TimeoutError, and kills the run, after `timeout` seconds."""
    async with asyncio.timeout(timeout), start_cli(prompt, **options) as process:
        returncode = await process.wait()
    stdout, stderr = ((options["home"] / name).read_text() for name in ("cli.stdout", "cli.stderr"))
    return CliResult(returncode, stdout, stderr, _last_object(stdout))


def _command(prompt: str, options: CliOptions) -> list[str]:
    options["home"].mkdir(parents=True, exist_ok=True)
    settings, extra = options.get("settings"), options.get("extra_args", ())
    file = options["home"] / "run-settings.json"
    file.write_text(json.dumps(settings or {}))
    # The prompt goes last and behind `--`: several options swallow every plain word that follows them.
    return [str(find_cli()), "-p", "--output-format", "json", "--settings", str(file), *extra, "--", prompt]


def _last_object(stdout: str) -> dict[str, Any]:
    lines = [line for line in stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}
