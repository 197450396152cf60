"""What runs in Claude Code and no hook of ours hears of: the page and `sayso doctor` name each way. Pure.

Each has a case in `tests/bypasses`, run against the real CLI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sayso_claude import forms, settings

Version = tuple[int, ...]

SKILLS_SINCE: Version = (2, 1, 332)
"""The first version that asks about shell commands in skills."""

ALWAYS = (
    "what somebody types behind `!`",
    "tool servers that the settings or `.mcp.json` start",
    "helpers of the settings (`apiKeyHelper`, `statusLine` and the like)",
    "other hooks of the settings, of plugins and of skills",
    "everything once `disableAllHooks` stands in any settings file",
    "what a settings file with one wrong value would gate: Claude Code drops the whole file",
)
"""What no hook hears of, on any version."""

# Tools that run something or write; a matcher that lists tools sees those that it lists.
_ACTING = ("Bash", "PowerShell", "Write", "Edit", "NotebookEdit", "Workflow", "Agent", "Skill")


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is to be mended, and how."""

    said: str
    hint: str


def version(said: str) -> Version | None:
    """The version that `claude --version` printed; None if it is not a valid one."""
    found = re.match(r"([0-9]+)\.([0-9]+)\.([0-9]+)\b", said)
    return tuple(int(part) for part in found.groups()) if found else None


def is_ours(documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a hook of ours stands in these settings files."""
    return any(True for _ in _ours(documents))


def gaps(found: Version, documents: Sequence[Mapping[str, Any]]) -> Iterator[Gap]:
    """What these settings files, together, let by on this version of Claude Code, though it could be asked about."""
    ours = list(_ours(documents))
    events = {event for event, _, _ in ours}
    again = "print the settings anew: sayso init claude-code"
    if any(document.get("disableAllHooks") is True for document in documents):
        yield Gap("disableAllHooks ends every hook", "take it out of the settings")
    if any(handler.get("onFailure") != "block" for event, _, handler in ours if event != forms.NOTIFICATION):
        yield Gap("a hook that fails lets its tool run", again)
    if not settings.BEFORE_CALLS & events:
        return
    if found < SKILLS_SINCE:
        yield Gap("shell commands in skills run unasked", "update Claude Code to 2.1.332 or newer")
    elif forms.SKILL_SHELL not in events:
        yield Gap("shell commands in skills run unasked", again)
    modes = [mode for one in documents if (mode := _object(one.get("permissions")).get("defaultMode"))]
    if "PreToolUse" not in events and not modes:
        said = "interactive sessions start in auto mode, where Claude Code asks about hardly anything"
        yield Gap(said, 'put "permissions": {"defaultMode": "default"} into the settings')


def find_unlisted(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Tools that run something or write, and that no matcher of ours names."""
    matchers = [matcher for event, matcher, _ in _ours(documents) if event in settings.BEFORE_CALLS]
    return [tool for tool in _ACTING if matchers and not any(settings.matches(one, {tool}) for one in matchers)]


def _ours(documents: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Event, matcher and handler of every hook of ours."""
    for document in documents:
        for event, entries in _object(document.get("hooks")).items():
            for entry in map(_object, _list(entries)):
                for handler in map(_object, _list(entry.get("hooks"))):
                    url = str(handler.get("url", "")).partition("?")[0]
                    if "sayso hook claude-code" in str(handler.get("command", "")) or url.endswith(settings.PATH):
                        yield event, str(entry.get("matcher") or "*"), handler


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()
