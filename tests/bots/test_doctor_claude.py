"""`sayso doctor` reads the version of the `claude` on PATH and the settings here, and names what they let by."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sayso_claude import settings, unseen
from tests.fakes import claude_cli
from tests.fakes.processes import run


def looked(folder: Path, said: str | None = "2.1.332 (Claude Code)", made: Any = None) -> list[dict[str, Any]]:
    """What doctor finds about Claude Code, in a folder with these settings and a `claude` that says this."""
    place = folder / "bin"
    place.mkdir()
    if said is not None:
        (place / "claude").write_text(f"#!/bin/sh\necho '{said}'\n")
        (place / "claude").chmod(0o755)
    if made is not None:
        (folder / ".claude").mkdir()
        (folder / ".claude" / "settings.json").write_text(made if isinstance(made, str) else json.dumps(made))
    env = {"PATH": f"{place}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(folder / "home"), "SAYSO_PORT": "0"}
    done = run([sys.executable, "-m", "sayso_bots", "doctor", "--json"], folder, **env)
    return [found for found in json.loads(done.stdout) if found["name"] == "claude"]


def test_without_claude_code_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert looked(tmp_path, None) == []


def test_without_a_hook_of_ours_its_version_is_said(tmp_path: Path) -> None:
    (found,) = looked(tmp_path, made={"hooks": {}})
    assert found["ok"]
    assert "Claude Code 2.1.332" in found["said"]
    assert "no hook of sayso" in found["said"]


def test_what_no_hook_hears_of_is_named(tmp_path: Path) -> None:
    made = settings.settings(events=settings.complete(["PreToolUse"], "Bash"), matcher="Bash")
    (found,) = looked(tmp_path, made=made)
    assert found["ok"]
    assert all(way in found["said"] for way in unseen.ALWAYS)
    assert (
        "the tools PowerShell, Write, Edit, NotebookEdit, Workflow, Agent, Skill, which no matcher names"
        in found["said"]
    )


def test_a_version_that_tells_nobody_of_skills_is_wrong(tmp_path: Path) -> None:
    made = settings.settings(events=settings.complete(["PreToolUse"]))
    wrong, named = looked(tmp_path, "2.1.329 (Claude Code)", made)
    assert not wrong["ok"]
    assert "Claude Code 2.1.329" in wrong["said"]
    assert "shell commands in skills run unasked" in wrong["said"]
    assert "2.1.332" in wrong["hint"]
    assert named["ok"]


def test_settings_that_were_printed_before_are_wrong(tmp_path: Path) -> None:
    found = looked(tmp_path, made=settings.settings())
    assert [one["ok"] for one in found] == [False, False, True]
    assert "sayso init claude-code" in found[0]["hint"]
    assert "auto mode" in found[1]["said"]


@pytest.mark.parametrize("said", ["", "something else"])
def test_a_version_that_cannot_be_read_is_wrong_where_a_hook_of_ours_is(tmp_path: Path, said: str) -> None:
    (found,) = looked(tmp_path, said, settings.settings())
    assert not found["ok"]
    assert "claude --version" in found["hint"]


@pytest.mark.parametrize("made", ["{", "[]", '{"hooks": {},}'])
def test_settings_that_cannot_be_read_are_wrong_because_claude_code_drops_them(tmp_path: Path, made: str) -> None:
    wrong, version = looked(tmp_path, made=made)
    assert "settings.json, which is not a JSON object" in wrong["said"]
    assert (wrong["ok"], version["ok"]) == (False, True)


def test_the_real_claude_code_says_a_version_that_we_read() -> None:
    done = subprocess.run([claude_cli.find_cli(), "--version"], capture_output=True, text=True, timeout=30)
    version = unseen.version(done.stdout)
    assert version is not None
    assert version >= unseen.SKILLS_SINCE
