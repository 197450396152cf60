"""Which paths a call writes outside the folder of its project. By the text of the paths: no file is looked at."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sayso.content import command_line, tools
from sayso.content.programs import Program

_HARMLESS = re.compile(r"/dev/(?:null|stdout|stderr|tty|fd/[0-9]+)\Z|/(?:var/)?tmp(?:/|\Z)")
_ALL = frozenset(["rm", "rmdir", "mv", "touch", "mkdir", "tee", "truncate", "shred", "unlink"])
_LAST = frozenset(["cp", "ln", "install", "rsync"])
_AFTER_FIRST = frozenset(["chmod", "chown", "chgrp"])
WRITERS = frozenset((*_ALL, *_LAST, *_AFTER_FIRST, "sed", "dd"))
"""Programs that write what their words name."""
_HOME = re.compile(r"(?:~|\$HOME|\$\{HOME\})(?=/|\Z)")
_HOME_OF = re.compile(r"/(?:home/[^/]+|Users/[^/]+|root)(?=/|\Z)")
# In characters.
_DEEPEST = 500
_LONGEST = 2_000
_PLAIN = re.compile(
    r"/?(?:[A-Za-z0-9_@+,=-][A-Za-z0-9_.@+,= -]{0,254}/){1,40}[A-Za-z0-9_@+,=-][A-Za-z0-9_.@+,= -]{0,254}"
)
_WRITING = re.compile(r"(?i)write|edit|create|save|delete|remove|move|rename|append|patch|put")
PATHS = ("file_path", "path", "notebook_path", "file", "filename", "destination", "target")
"""Arguments that hold a path, whatever the tool is called."""


def is_plain(path: object) -> bool:
    """Whether a path of a file in a folder means the same to everybody: no way up, nothing hidden, no variable."""
    return isinstance(path, str) and len(path) <= _LONGEST and _PLAIN.fullmatch(path) is not None


def is_harmless(path: str) -> bool:
    """Whether what is written there is thrown away, or is for a moment only."""
    return bool(_HARMLESS.match(path))


def by_tool(tool: str, arguments: Mapping[str, Any], folder: str) -> Iterator[str]:
    """The paths that a tool for files writes outside *folder*."""
    known = tools.find(tool)
    names = [known.path] if known.path else PATHS if _WRITING.search(tool) else ()
    for name in names:
        path = arguments.get(name)
        if isinstance(path, str) and _is_outside(path, folder, folder):
            yield path


def by_programs(programs: Iterable[Program], folder: str, start: str) -> Iterator[str]:
    """The words of the commands that write outside *folder*, if they begin in *start*."""
    here: str | None = start
    for one in programs:
        if one.name == "cd" and one.first:
            here = _entered(one.operands, folder, here)
        paths = [*written_by(one), *(one.command.into if one.first else ())]
        if any(_is_outside(word.text, folder, here) for word in paths):
            yield one.written


def _entered(operands: Sequence[command_line.Word], folder: str, here: str | None) -> str | None:
    """The folder after a `cd`; None if only the shell knows it."""
    if len(operands) != 1 or not operands[0].known:
        return None
    entered = _resolve(operands[0].text, folder, here)
    # nobody goes so deep; counted as outside, so that nothing hides there
    return entered if entered is None or len(entered) <= _DEEPEST else "/"


def written_by(one: Program) -> Sequence[command_line.Word]:
    """The paths that a program writes or takes away."""
    operands = one.operands
    if one.name in _ALL:
        return operands
    if one.name in _LAST:
        return operands[-1:]
    if one.name in _AFTER_FIRST or (one.name == "sed" and "i" in one.flags):
        return operands[1:]
    if one.name == "dd":
        return [command_line.Word(word.text[3:], word.known) for word in operands if word.text.startswith("of=")]
    return ()


def _is_outside(path: str, folder: str, here: str | None) -> bool:
    at = _resolve(path, folder, here)
    if at is None:
        return False
    root = posixpath.normpath(folder)
    return at != root and not at.startswith(root.rstrip("/") + "/") and not is_harmless(at)


def _resolve(path: str, folder: str, here: str | None) -> str | None:
    home = _HOME_OF.match(folder)
    path = _HOME.sub(lambda _: home[0] if home else "/home/somebody", path, count=1) if path else path
    if not path.startswith("/"):
        if here is None or path.startswith(("$", "…")) or not path:
            return None
        path = posixpath.join(here, path)
    # two slashes at the beginning are one
    return posixpath.normpath("/" + path.lstrip("/"))
