"""The programs that a command line runs, as far as it can be read: behind `sudo` and its like, and in `bash -c`.

The rule: what cannot be read is told apart from what was read, and never passed over as harmless.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sayso.content import command_line

SHELLS = frozenset(["sh", "bash", "zsh", "dash", "ksh", "ash", "fish"])
INTERPRETERS = SHELLS | frozenset(["python", "python3", "perl", "ruby", "node", "php", "eval", "source", "."])
DOWNLOADERS = frozenset(["curl", "wget", "fetch", "aria2c"])
_ECHOES = frozenset(["echo", "printf"])
_OPTION = re.compile(r"-[A-Za-z]*c")
# A line in a line in a line: nobody writes more of them.
_DEEPEST = 5
_LONGEST_PIPE = 20


class _Wrapper(NamedTuple):
    options: str = ""
    """Its options that are followed by a value."""
    positional: int = 0
    """How many words of its own come before the program."""


WRAPPERS: Mapping[str, _Wrapper] = {
    "sudo": _Wrapper("-u -g -h -p -C -T -U -r -t -D --user --group --chdir"),
    "doas": _Wrapper("-u -C"),
    "env": _Wrapper("-u -C --unset --chdir"),
    "xargs": _Wrapper("-I -L -n -P -s -E -d -a"),
    "timeout": _Wrapper("-k -s --signal --kill-after", 1),
    "nice": _Wrapper("-n"),
    "ionice": _Wrapper("-c -n"),
    "stdbuf": _Wrapper("-i -o -e"),
    "watch": _Wrapper("-n"),
    "exec": _Wrapper("-a"),
    "flock": _Wrapper("-w", 1),
    "sshpass": _Wrapper("-f -d -p -P"),
    "chroot": _Wrapper("", 1),
    **dict.fromkeys(["nohup", "command", "builtin", "busybox", "setsid", "time"], _Wrapper()),
}
"""Programs that run another one, which their words name."""
_FINDS_RUN = frozenset(["-exec", "-execdir", "-ok", "-okdir"])


@dataclass(frozen=True, slots=True)
class Program:
    """One program with its arguments."""

    name: str
    """Without its folder; empty for a bare redirection, and if only the shell would know it."""
    arguments: Sequence[command_line.Word]
    command: command_line.Command
    first: bool = True
    """Whether it is the command itself, and not what that one runs."""

    @property
    def written(self) -> str:
        """The very words of the command."""
        return self.command.written

    @property
    def texts(self) -> Iterator[str]:
        """The arguments as text."""
        return (word.text for word in self.arguments)

    @property
    def flags(self) -> str:
        """The letters of its short options."""
        return "".join(text[1:] for text in self.texts if text[:1] == "-" and text[:2] != "--")

    @property
    def operands(self) -> list[command_line.Word]:
        """The arguments that are no options."""
        return [word for word in self.arguments if word.text[:1] != "-"]


@dataclass(slots=True)
class Line:
    """What is known of a command line."""

    programs: list[Program] = field(default_factory=lambda: [])
    hidden: list[str] = field(default_factory=lambda: [])
    """The words of the commands of which nobody can say here what they will run."""


def read(raw: str) -> Line:
    """Read a command line, and the command lines that it hands to shells."""
    line, waiting = Line(), deque([(raw, 0)])
    while waiting:
        text, depth = waiting.popleft()
        if depth > _DEEPEST:
            line.hidden.append(text)
            continue
        for command in command_line.read(text):
            if scripts := _take(line, command):
                waiting.extend([(script, depth + 1) for script in scripts])
    return line


def _take(line: Line, command: command_line.Command) -> list[str]:
    """Add the programs of a command to the line; what it hands to a shell comes back."""
    scripts = list[str]()
    words: Sequence[command_line.Word] = command.words
    if not words:
        line.programs.append(Program("", (), command))
    for depth in range(_DEEPEST):
        if not words:
            return scripts
        name = words[0].text.rpartition("/")[2] if words[0].known else ""
        program = Program(name, words[1:], command, first=depth == 0)
        line.programs.append(program)
        if not name:
            line.hidden.append(command.written)
        if name in SHELLS or name in ("eval", "source", "."):
            scripts += _scripts_of(line, program)
        words = _wrapped_by(program)
    line.hidden.append(command.written)
    return scripts


def _wrapped_by(program: Program) -> Sequence[command_line.Word]:
    words = program.arguments
    if program.name == "find":
        start = next((number for number, word in enumerate(words) if word.text in _FINDS_RUN), len(words))
        return words[start + 1 :]
    wrapper = WRAPPERS.get(program.name)
    if wrapper is None:
        return ()
    with_value, left, at = wrapper.options.split(), wrapper.positional, 0
    while at < len(words):
        text = words[at].text
        if text[:1] == "-":
            at += 2 if text in with_value else 1
        elif left or ("=" in text and program.name in ("env", "sudo")):
            left, at = max(0, left - 1), at + 1
        else:
            return words[at:]
    return ()


def _scripts_of(line: Line, program: Program) -> Iterator[str]:
    """What a shell is handed as a script: in words, in a here-document or by a pipe from `echo`."""
    command, words = program.command, program.arguments
    if program.name not in SHELLS:
        known = all(word.known for word in words)
        if program.name == "eval" and known:
            yield " ".join(program.texts)
        elif not known and not _downloads(command):
            line.hidden.append(command.written)
        return
    option = next((n for n, word in enumerate(words) if _OPTION.match(word.text)), len(words))
    if option + 1 < len(words):
        script = words[option + 1]
        if script.known:
            yield script.text
        elif not _downloads(command):
            line.hidden.append(command.written)
        return
    yield from command.fed
    if command.feeder is not None and not [word for word in program.operands if word.text != "-"]:
        yield from _piped_into(line, command)


def _piped_into(line: Line, command: command_line.Command) -> Iterator[str]:
    feeder = command.feeder
    words = feeder.words if feeder else []
    if words and words[0].text in _ECHOES and all(word.known for word in words):
        yield " ".join(word.text for word in words[1:])
    elif not downloaded(command):
        line.hidden.append(f"{feeder.written if feeder else ''} | {command.written}")


def downloaded(command: command_line.Command) -> bool:
    """Whether what it reads, by a pipe or by a substitution, was downloaded."""
    feeder: command_line.Command | None = command.feeder
    for _ in range(_LONGEST_PIPE):
        if feeder is None:
            break
        if _is_downloader(feeder):
            return True
        feeder = feeder.feeder
    return _downloads(command)


def _downloads(command: command_line.Command) -> bool:
    return any(map(_is_downloader, command.inside))


def _is_downloader(command: command_line.Command) -> bool:
    return any(word.text.rpartition("/")[2] in DOWNLOADERS for word in command.words[:3])
