"""Which rule leaves nothing to another one, as far as that can be seen from their words. Pure.

The rule: it says so only if it is sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sayso.rules import globs
from sayso.rules.rule import Match, Rule


def shadow(rule: Rule, before: Sequence[Rule], all_rules: Sequence[Rule]) -> Rule | None:
    """The rule because of which this one never counts."""
    if rule.observed:
        return None
    denies = [one for one in all_rules if one.effect == "deny" and one is not rule]
    above = denies if rule.effect != "deny" else [one for one in before if one.effect == "deny"]
    if rule.effect != "deny":
        above = [*above, *(one for one in before if one.effect != "deny")]
    return next((one for one in above if _is_sure(one) and covers(one.match, rule.match, one.effect == "allow")), None)


def _is_sure(rule: Rule) -> bool:
    """Whether it counts whenever its `match` holds."""
    rests = (rule.when, rule.during, rule.after, rule.limit, rule.until)
    return not rule.observed and all(one is None for one in rests)


def covers(wide: Match, narrow: Match, strictly: bool) -> bool:
    """Whether *wide* holds wherever *narrow* does; *strictly* if *wide* is of an allow."""
    for fact, patterns in wide.facts.items():
        if not _all_covered(patterns, narrow.facts.get(fact)):
            return False
    for name, values in wide.input.items():
        if not _all_covered(values, narrow.input.get(name)):
            return False
    if not wide.program:
        return True
    if not narrow.program or not set(narrow.program) <= set(wide.program):
        return False
    if wide.args is None or wide.args == narrow.args:
        return True
    exact = narrow.args is not None and not any(map(globs.is_glob, narrow.args))
    return strictly and exact and globs.covers(wide.args, narrow.args or ())


def _all_covered(wide: Sequence[Any], narrow: Sequence[Any] | None) -> bool:
    return narrow is not None and all(any(_covered(one, each) for one in wide) for each in narrow)


def _covered(wide: Any, narrow: Any) -> bool:
    if wide == narrow and type(wide) is type(narrow):
        return True
    if not (isinstance(wide, str) and isinstance(narrow, str)):
        return False
    return wide == "*" or (not globs.is_glob(narrow) and globs.matches_exactly(wide, narrow))


def meet(one: Match, other: Match) -> bool:
    """Whether a call may match both, as far as their tools say."""
    tools, others = one.facts.get("tool"), other.facts.get("tool")
    if tools is None or others is None:
        return True
    return any(_covered(a, b) or _covered(b, a) for a in tools for b in others)
