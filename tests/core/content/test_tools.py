"""What is known of tools by their names."""

from __future__ import annotations

import importlib.metadata

import pytest

from sayso.content import tools


def test_a_tool_is_found_by_its_name_and_behind_the_name_of_a_server() -> None:
    assert tools.find("bash").command == "command"
    assert tools.find("mcp__files__edit_file") == tools.KNOWN["edit_file"]
    assert tools.find("mcp__k8s__scale") == tools.find("") == tools.NOTHING


def test_an_adapter_adds_the_tools_of_its_product(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = importlib.metadata.EntryPoints(
        (
            importlib.metadata.EntryPoint("gone", "sayso_nowhere.tools:TOOLS", "sayso.tools"),
            importlib.metadata.EntryPoint("claude", "sayso_claude.tools:TOOLS", "sayso.tools"),
        )
    )
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)
    tools._known.cache_clear()  # pyright: ignore[reportPrivateUsage]
    try:
        assert tools.find("Edit").before == "old_string"
        assert tools.find("bash").command == "command"
    finally:
        tools._known.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_what_is_installed_here_knows_the_tools_of_claude_code() -> None:
    assert tools.find("MultiEdit").edits == "edits"
    assert "MultiEdit" not in tools.KNOWN
