"""What Claude Code suggests is offered one by one, in full, or not at all."""

from typing import Any

import pytest
from claude_agent_sdk.types import PermissionRuleValue, PermissionUpdate

from sayso_claude import suggestions

RULE = {
    "type": "addRules",
    "rules": [{"toolName": "Bash", "ruleContent": "touch e1.txt"}],
    "behavior": "allow",
    "destination": "localSettings",
}
FOLDER = {"type": "addDirectories", "directories": ["/srv/shop"], "destination": "session"}
MODE = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}


def test_each_suggestion_is_an_offer_of_its_own_that_says_all_of_it() -> None:
    assert [(offer.name, offer.kind, offer.effect) for offer in suggestions.offers([RULE, FOLDER, MODE])] == [
        (
            "s0",
            "rule",
            "Bash(touch e1.txt) to what runs without asking"
            " · from now on, for you in this project (.claude/settings.local.json)",
        ),
        ("s1", "folder", "work in /srv/shop as in its own folder · until this session ends"),
        (
            "s2",
            "mode",
            "acceptEdits: files are edited and common file commands run without asking · until this session ends",
        ),
    ]


@pytest.mark.parametrize(
    ("changed", "effect"),
    [
        ({"rules": [{"toolName": "Bash"}, {"toolName": "Read", "ruleContent": "//etc/**"}]}, "every use of Bash, Read"),
        ({"type": "replaceRules"}, "nothing but Bash(touch e1.txt) is what runs without asking · "),
        ({"type": "removeRules", "behavior": "deny"}, "takes away: Bash(touch e1.txt) from what is always denied · "),
        ({"behavior": "ask", "destination": "projectSettings"}, "everybody in this project (.claude/settings.json)"),
        ({"destination": "userSettings"}, "for you in all projects (~/.claude/settings.json)"),
    ],
)
def test_every_type_and_place_has_its_words(changed: dict[str, Any], effect: str) -> None:
    [offer] = suggestions.offers([{**RULE, **changed}])
    assert effect in offer.effect


def test_taking_a_folder_away_is_said() -> None:
    [offer] = suggestions.offers([{**FOLDER, "type": "removeDirectories"}])
    assert offer.effect == "takes away: work in /srv/shop · until this session ends"


@pytest.mark.parametrize(
    "unusable",
    [
        {**MODE, "mode": "bypassPermissions"},
        {**MODE, "mode": "newer"},
        {**RULE, "destination": "cliArg"},
        {**RULE, "rules": []},
        {**RULE, "rules": [{"toolName": ""}]},
        {**RULE, "and_more": True},
        {**RULE, "rules": [{"toolName": "Bash", "ruleContent": "x" * 3000}]},
        {"type": "addHooks", "destination": "session"},
        {},
        PermissionUpdate(type="setMode"),
    ],
)
def test_what_cannot_be_said_in_full_is_left_out_and_the_others_keep_their_names(unusable: Any) -> None:
    assert [offer.name for offer in suggestions.offers([unusable, RULE])] == ["s1"]
    assert suggestions.chosen([unusable, RULE], "s0") is None
    assert suggestions.chosen([unusable, RULE], "s1") == RULE


def test_updates_of_the_sdk_are_offered_and_chosen_as_well() -> None:
    rule = PermissionRuleValue("Bash", "touch e1.txt")
    update = PermissionUpdate(type="addRules", rules=[rule], behavior="allow", destination="localSettings")
    assert suggestions.offers([update]) == suggestions.offers([RULE])
    assert suggestions.chosen([update], "s0") == RULE


@pytest.mark.parametrize("grant", [None, "session", "always", "s3", "s-1"])
def test_nothing_is_chosen_that_was_not_offered(grant: str | None) -> None:
    assert suggestions.chosen([RULE, FOLDER, MODE], grant) is None


def test_no_more_is_offered_than_a_request_takes() -> None:
    assert len(suggestions.offers([RULE] * 9)) == 5
    assert suggestions.chosen([RULE] * 9, "s5") is None
