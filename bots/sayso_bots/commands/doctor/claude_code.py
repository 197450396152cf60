"""What `sayso doctor` says about the Claude Code of this machine: its version, and what its hooks do not see."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from sayso_bots.service import checks

# Seconds; it only prints its version.
_PATIENCE = 10.0


async def look() -> AsyncGenerator[str | checks.Fault]:
    """Look at the settings of Claude Code, if there is a `claude` on PATH."""
    from sayso_claude import unseen

    program = shutil.which("claude")
    if program is None:
        return
    version = unseen.version(await _output_of(program, "--version"))
    found = list[dict[str, Any]]()
    for file in filter(Path.is_file, _settings_files()):
        document = _read_settings(file)
        if document is None:
            yield checks.Fault(
                f"Claude Code drops {file}, which is not a JSON object", "mend it: its hooks gate nothing"
            )
        else:
            found.append(document)
    named = f"Claude Code {'.'.join(map(str, version or ('of an unknown version',)))} at {program}"
    if not unseen.is_ours(found):
        yield f"{named}; the settings here hold no hook of sayso"
        return
    if version is None:
        yield checks.Fault(f"{named}: what its hooks see is not known", "look what this says: claude --version")
        return
    for gap in unseen.gaps(version, found):
        yield checks.Fault(f"{named}: {gap.said}", gap.hint)
    listed = unseen.find_unlisted(found)
    more = [f"the tools {', '.join(listed)}, which no matcher names"] if listed else []
    yield f"{named}; its hooks do not see {'; '.join([*more, *unseen.ALWAYS])}"


async def _output_of(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            return (await process.communicate())[0].decode(errors="replace")
    except TimeoutError:
        process.kill()
        await process.wait()
        return ""


def _settings_files() -> list[Path]:
    home = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    here = Path(".claude")
    managed = Path("/etc/claude-code/managed-settings.json")
    return [managed, home / "settings.json", here / "settings.json", here / "settings.local.json"]


def _read_settings(file: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None  # pyright: ignore[reportUnknownVariableType]
