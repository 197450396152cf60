"""Claude Code's own tools: which of their arguments a card shows as a command, a change or a file."""

from __future__ import annotations

from collections.abc import Mapping

from sayso.content.tools import Tool

TOOLS: Mapping[str, Tool] = {
    "Edit": Tool(path="file_path", before="old_string", after="new_string"),
    "MultiEdit": Tool(path="file_path", edits="edits", before="old_string", after="new_string"),
    "NotebookEdit": Tool(path="notebook_path", content="new_source"),
    "PowerShell": Tool(command="command", words="description"),
    "Write": Tool(path="file_path", content="content"),
}
