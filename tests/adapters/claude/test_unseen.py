"""What the settings of somebody let by, though it could be asked about; and that the page names what nobody can ask."""

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest

from sayso_claude import settings, unseen
from tests.tables import each

NEW, OLD = (2, 1, 332), (2, 1, 331)
PAGE = " ".join((Path(__file__).parents[3] / "docs" / "claude-code.md").read_text(encoding="utf-8").split())


def printed(*events: str, matcher: str = "*", kind: Any = "command") -> dict[str, Any]:
    made = settings.settings(events=settings.complete(events, matcher), matcher=matcher, kind=kind)
    return copy.deepcopy(dict(settings.asking(made)))


def said(version: unseen.Version, *documents: dict[str, Any]) -> list[str]:
    return [gap.said for gap in unseen.gaps(version, documents)]


def test_settings_as_they_are_printed_have_no_gap() -> None:
    for row in each(itertools.product(settings.EVENTS, ["command", "http"])):
        with row as (event, kind):
            made = printed(event, kind=kind)
            assert unseen.is_ours([made])
            assert said(NEW, {}, made) == []


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
def test_skills_are_a_gap_on_an_older_version_and_in_older_settings(event: str) -> None:
    made = printed(event)
    assert said(OLD, made) == ["shell commands in skills run unasked"]
    del made["hooks"]["PreSkillShellCommand"]
    assert said(NEW, made) == ["shell commands in skills run unasked"]


def test_what_another_file_says_counts_as_well() -> None:
    made, other = printed("PreToolUse"), {"hooks": {"PreSkillShellCommand": None}, "disableAllHooks": True}
    shell = made["hooks"].pop("PreSkillShellCommand")
    assert said(NEW, made, {"hooks": {"PreSkillShellCommand": shell}}) == []
    assert "disableAllHooks ends every hook" in said(NEW, made, other)


def test_a_session_that_starts_in_auto_mode_is_a_gap_where_only_its_own_asking_is_gated() -> None:
    made = printed("PermissionRequest")
    del made["permissions"]
    assert "auto mode" in str(said(NEW, made))
    assert said(NEW, made, {"permissions": {"defaultMode": "plan"}}) == []
    assert said(NEW, made, printed("PreToolUse")) == []


def test_a_hook_that_lets_a_tool_run_when_it_fails_is_a_gap() -> None:
    made = printed("Stop")
    del made["hooks"]["Stop"][0]["hooks"][0]["onFailure"]
    assert said(NEW, made) == ["a hook that fails lets its tool run"]


@pytest.mark.parametrize(
    ("matcher", "missed"),
    [
        ("*", []),
        ("", []),
        (".*", []),
        ("Bash|Write|Edit", ["PowerShell", "NotebookEdit", "Workflow", "Agent", "Skill"]),
        ("Bash, Edit,PowerShell,Write", ["NotebookEdit", "Workflow", "Agent", "Skill"]),
        ("^(Bash|Power.*|.*Edit|Write)$", ["Workflow", "Agent", "Skill"]),
        ("mcp__.*", ["Bash", "PowerShell", "Write", "Edit", "NotebookEdit", "Workflow", "Agent", "Skill"]),
    ],
)
def test_the_tools_that_a_matcher_leaves_out_are_known(matcher: str, missed: list[str]) -> None:
    assert unseen.find_unlisted([printed("PreToolUse", matcher=matcher)]) == missed
    assert unseen.find_unlisted([printed("PreToolUse", matcher=matcher), printed("PreToolUse")]) == []


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
def test_a_gate_that_can_match_a_shell_has_the_events_of_skills(event: str) -> None:
    for row in each(("*", "", "Bash", "Write|PowerShell", "B.sh", "(?<n>Ba)sh")):
        with row as matcher:
            assert settings.complete([event], matcher) == (event, "PreSkillShellCommand", "UserPromptExpansion")
            assert settings.complete([event], matcher, "Bash(ls)") == (event, "PreSkillShellCommand")
    for row in each(("Write", "BashOutput", "mcp__.*", "^Write$")):
        with row as matcher:
            assert settings.complete([event], matcher) == (event,)
            assert settings.complete([event], matcher, "Bash(ls)") == (event,)


def test_other_events_have_none_of_them() -> None:
    assert settings.complete(["Stop", "Elicitation"]) == ("Stop", "Elicitation")


def test_a_matcher_of_tools_is_for_the_events_about_tools_and_narrows_no_other() -> None:
    mixed = settings.settings(events=["PreToolUse", "ConfigChange", "PermissionDenied", "Stop"], matcher="Bash")
    found = {event: entry["matcher"] for event, (entry,) in mixed["hooks"].items()}
    assert found == {"PreToolUse": "Bash", "ConfigChange": "*", "PermissionDenied": "Bash", "Stop": "*"}
    alone = settings.settings(events=["Elicitation"], matcher="shop")
    assert alone["hooks"]["Elicitation"][0]["matcher"] == "shop"


@pytest.mark.parametrize("document", [{}, {"hooks": None}, {"hooks": {"Stop": [1, {"hooks": [None, {"command": 5}]}]}}])
def test_settings_of_somebody_else_are_not_ours(document: dict[str, Any]) -> None:
    assert not unseen.is_ours([document])
    assert said(OLD, document) == []
    assert unseen.find_unlisted([document]) == []


@pytest.mark.parametrize(("said", "found"), [("2.1.332 (Claude Code)\n", NEW), ("10.0.1", (10, 0, 1))])
def test_a_version_is_read(said: str, found: unseen.Version) -> None:
    assert unseen.version(said) == found


@pytest.mark.parametrize("said", ["", "claude", "2.1", "v2.1.332"])
def test_what_is_not_a_version_is_none(said: str) -> None:
    assert unseen.version(said) is None


@pytest.mark.parametrize("words", unseen.ALWAYS)
def test_the_page_names_what_no_hook_hears_of(words: str) -> None:
    assert words in PAGE


def test_a_hook_names_its_policy() -> None:
    (command,) = settings.settings(policy="a b")["hooks"]["PermissionRequest"][0]["hooks"]
    assert command.get("command") == "sayso hook claude-code --timeout 590 --policy 'a b'"
    (http,) = settings.settings(policy="a b&c", kind="http")["hooks"]["PermissionRequest"][0]["hooks"]
    assert http.get("url") == "http://127.0.0.1:8700/claude/hooks?policy=a%20b%26c"
