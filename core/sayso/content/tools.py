"""What is known of tools by their names: which argument is the command, the file, the old and the new text.

The rule: a name is the agent's claim. What stands here decides how arguments are shown, never whether they are.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass

_GROUP = "sayso.tools"
# Tools of a server may have its name before theirs.
_SERVER = "__"


@dataclass(frozen=True, slots=True)
class Tool:
    """Names of arguments; an empty one means that the tool has no such argument."""

    command: str = ""
    """What a shell runs."""
    path: str = ""
    """The file that is changed or written."""
    before: str = ""
    """The text that is taken away, and `after` the one that stands in its place."""
    after: str = ""
    edits: str = ""
    """A list of objects that have `before` and `after`, instead of the arguments themselves."""
    content: str = ""
    """The whole text of the file."""
    patch: str = ""
    """A text that is a diff already."""
    words: str = ""
    """What the agent says about the call; it changes nothing about what runs."""


_SHELL = Tool(command="command", words="description")
_EDITOR = Tool(path="path", before="old_str", after="new_str", content="file_text")
_PATCH = Tool(patch="patch")

KNOWN: Mapping[str, Tool] = {
    "Bash": _SHELL,
    "bash": _SHELL,
    "shell": Tool(command="command", words="justification"),
    "shell_command": Tool(command="command", words="justification"),
    "local_shell": Tool(command="command"),
    "exec_command": Tool(command="cmd", words="justification"),
    "execute_command": _SHELL,
    "run_command": _SHELL,
    "run_shell_command": _SHELL,
    "run_in_terminal": Tool(command="command", words="explanation"),
    "run_terminal_cmd": Tool(command="command", words="explanation"),
    "str_replace": _EDITOR,
    "str_replace_editor": _EDITOR,
    "str_replace_based_edit_tool": _EDITOR,
    "edit_file": Tool(path="path", edits="edits", before="oldText", after="newText"),
    "replace": Tool(path="file_path", before="old_string", after="new_string"),
    "write_file": Tool(path="path", content="content"),
    "create_file": Tool(path="path", content="content"),
    "apply_patch": Tool(patch="input"),
    "git_apply": _PATCH,
}
"""Names that many agents and servers use. Adapters add those of one product by an entry point `sayso.tools`."""

NOTHING = Tool()
"""What is known of any other tool."""


def find(name: str) -> Tool:
    """What is known of the tool *name*; *name* may have its server's before it."""
    known = _known()
    return known.get(name) or known.get(name.rpartition(_SERVER)[2], NOTHING)


@functools.cache
def _known() -> Mapping[str, Tool]:
    found = dict(KNOWN)
    for entry in importlib.metadata.entry_points(group=_GROUP):
        try:
            found.update(entry.load())
        except ImportError:  # an adapter whose extra is not installed
            continue
    return found
