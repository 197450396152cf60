"""What is kept of settings that were taken up, such as people, policies and rules; and rules put back into a file.

The rule: what may open something, such as the address of a calendar, is not kept. A file is written only if it then
says exactly what it said, with other rules.
"""

from __future__ import annotations

import re
import tomllib
import urllib.parse
from collections.abc import Sequence
from typing import Any, cast

from sayso import errors, model
from sayso.content import masks
from sayso.rules import written
from sayso_bots.settings import schema, toml

PARTS = ("people", "groups", "calendars", "policies", "delegations", "rules", "suggestions")
"""Which tables of the file are kept."""
_HEAD = re.compile(r"\s*\[")
_OF_RULES = re.compile(r"\s*\[\[?\s*(rules|\"rules\"|'rules')\s*[\].]")


def parts(settings: schema.Settings) -> model.JsonObject:
    """These tables, as far as something is set in them."""
    found = settings.model_dump(mode="json", exclude_defaults=True, include={*PARTS})
    for name, group in settings.groups.items():
        if group.on_call and group.on_call.ical:
            found["groups"][name]["on_call"]["ical"] = _without_secret(group.on_call.ical)
    return {name: found[name] for name in PARTS if found.get(name)}


def with_rules(text: str, rules: Sequence[Any]) -> str:
    """The text of a settings file with these rules in place of its own. Raises `InvalidSettings`."""
    for one in rules:
        if masks.are_in(one):
            hint = "write this rule yourself; sayso policy show has the rest"
            raise errors.InvalidSettings(f"the rule {one['id']} was kept with a mask", field="rules", hint=hint)
    before = _read(text)
    if before is None:
        hint = "mend it first; or copy the rules into it from: sayso policy show"
        raise errors.InvalidSettings("the file is not TOML as it stands", field="rules", hint=hint)
    made = f"{_without_rules(text).rstrip()}\n\n{written.tables({'rules': rules})}".lstrip("\n")
    after = _read(made)
    if after is None or _others(before) != _others(after) or len(after.get("rules", [])) != len(rules):
        hint = (
            "write the rules as [[rules]], and each header on a line of its own; or copy them from: sayso policy show"
        )
        raise errors.InvalidSettings(
            "the rules of the file cannot be told from the rest of it", field="rules", hint=hint
        )
    toml.parse(after)
    return made


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _others(raw: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name != "rules"}


def _without_rules(text: str) -> str:
    kept, above, inside = list[str](), list[str](), False
    for line in text.splitlines():
        if _HEAD.match(line):
            was, inside = inside, _OF_RULES.match(line) is not None
            # what is said above another table belongs to that
            kept += above if was and not inside else []
        above = [*above, line] if line.strip()[:1] in ("", "#") else []
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def _without_secret(address: str) -> str:
    """Where a calendar is; who knows its whole address can read it."""
    return f"{urllib.parse.urlsplit(address).netloc.rpartition('@')[2]} (its address is not kept)"


def rules_of(said: model.JsonObject) -> Sequence[Any]:
    """The rules among what is kept."""
    return cast("list[Any]", said.get("rules", []))
