"""What rules look at: one call, with what is proven of it and what the agent says of itself."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sayso import model
from sayso.content import risk, tools
from sayso.rules import executing, lines

# Texts of an input that a condition on any of them looks at.
_MOST_TEXTS = 2_000
_DEEPEST = 50
# Claude Code's and Codex' ways out of their sandbox: false stays inside. Of other parts nobody knows what it means.
_WAYS_OUT = frozenset(("dangerouslyDisableSandbox", "with_escalated_permissions"))
_HARMLESS = ("description", "timeout", "timeout_ms", "run_in_background", "yield_time_ms", "max_output_tokens")


@dataclass(frozen=True)
class Call:
    """One request, as rules see it. Not with slots: what is looked at twice is kept."""

    request: model.Request
    owner: str
    """The key that asked: proven, unlike the name that the agent gives itself."""
    parse: lines.Shell | None = field(default=None, compare=False)

    @property
    def tool(self) -> str:
        """The tool; empty for a question."""
        return self.request.tool or ""

    @functools.cached_property
    def risk(self) -> model.Risk | None:
        """The highest of what the agent says and what the service finds."""
        return risk.level_of(self.request)

    def proven(self, fact: str) -> tuple[str, ...]:
        """What an allow compares."""
        request, source = self.request, self.request.source
        found = {"tool": self.tool, "agent": self.owner, "session": source.session, "project": source.project}
        found |= {"kind": request.kind, "priority": request.priority}
        value = self.risk if fact == "risk" else found[fact]
        return () if value is None else (value,)

    def claimed(self, fact: str) -> tuple[str, ...]:
        """What a deny or an ask compares: what is proven and what is only said."""
        said = {"agent": self.request.source.agent, "risk": self.request.risk}.get(fact)
        return (*self.proven(fact), *([said] if said else ()))

    @functools.cached_property
    def line(self) -> lines.Line | None:
        """The command line of a shell's tool; None for any other tool."""
        name = tools.find(self.tool).command
        if not name or self.parse is None:
            return None
        return _read(self.parse, (self.request.input or {}).get(name))

    @property
    def beside(self) -> Mapping[str, Any]:
        """What else the input of a shell's tool holds, but for what the agent says and for how long it may take."""
        known = tools.find(self.tool)
        harmless = {known.command, known.words, *_HARMLESS}
        return {
            name: value
            for name, value in (self.request.input or {}).items()
            if name not in harmless and not (value is False and name in _WAYS_OUT)
        }

    @functools.cached_property
    def reach(self) -> executing.Reach | None:
        """All that the command line may run."""
        return None if self.line is None or self.parse is None else executing.reach(self.line, self.parse)

    @functools.cached_property
    def any_reach(self) -> executing.Reach:
        """All that any text of the input may run, taken as a command line: for a tool that a rule names itself."""
        if self.parse is None:
            return executing.Reach((), unread=True)
        reached = [executing.reach(_read(self.parse, text), self.parse) for text in texts_of(self.request.input)]
        return executing.Reach(
            tuple(program for one in reached for program in one.programs), any(one.unread for one in reached)
        )

    def facts(self) -> dict[str, Any]:
        """What a condition in CEL may name."""
        request = self.request
        return {
            "tool": self.tool,
            "input": request.input or {},
            "agent": self.owner,
            "session": request.source.session or "",
            "project": request.source.project or "",
            "kind": request.kind,
            "risk": self.risk or "",
            "priority": request.priority or "",
            "metadata": request.metadata,
        }


NAMES: Mapping[str, str] = {
    **dict.fromkeys(["tool", "agent", "session", "project", "kind", "risk", "priority"], "text"),
    **dict.fromkeys(["input", "metadata"], "any"),
}
"""What a condition may name, and whether it is a text or anything."""


def found_at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The values at a dotted name, through lists as well."""
    if isinstance(value, list):
        for one in cast("list[object]", value):
            yield from found_at(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from found_at(value[path[0]], path[1:])


def texts_of(value: Any, depth: int = 0) -> list[str]:
    """All texts anywhere in a value, keys too; the first of very many."""
    if isinstance(value, str):
        return [value]
    if depth >= _DEEPEST:
        return [json.dumps(value)]
    found = list[str]()
    within: Sequence[object] = ()
    if isinstance(value, dict):
        within = [one for pair in cast("dict[str, object]", value).items() for one in pair]
    elif isinstance(value, list):
        within = cast("list[object]", value)
    for one in within:
        if len(found) >= _MOST_TEXTS:
            break
        found += texts_of(one, depth + 1)
    return found


def _read(parse: lines.Shell, value: Any) -> lines.Line:
    """A command line; some tools have the arguments as a list."""
    if isinstance(value, list) and value:
        listed = cast("list[object]", value)
        if all(isinstance(one, str) for one in listed):
            words = tuple(lines.Word(str(one)) for one in listed)
            return lines.Line((lines.Command(words),), whole=True)
    if not isinstance(value, str) or len(value) > lines.LONGEST:
        return lines.UNREADABLE
    return parse(value)


def spelled(line: lines.Line) -> str:
    """A line as the programs get it: without the quotes that hide a word."""
    return " ".join(word.text for command in line.commands for word in (*command.words, *map(lines.Word, command.fed)))
