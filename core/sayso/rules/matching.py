"""Whether a `match` table holds for a call: strictly for an allow, generously for a deny or an ask."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from sayso.content import tools
from sayso.rules import calls, executing, globs
from sayso.rules.rule import FACTS, INPUT, Match

_ANY = "*"


def holds(match: Match, call: calls.Call, *, strictly: bool) -> bool:
    """Whether all conditions hold; *strictly* if an allow rests on it."""
    return failing(match, call, strictly=strictly) is None


def failing(match: Match, call: calls.Call, *, strictly: bool) -> str | None:
    """The name of the first condition that does not hold; None if all do."""
    for fact in FACTS:
        patterns = match.facts.get(fact)
        if patterns and not _fact_holds(patterns, call, fact, strictly=strictly):
            return fact
    for name, wanted in match.input.items():
        if not (_input_is(wanted, call, name) if strictly else _input_may_be(wanted, call, name)):
            return INPUT + name
    if match.program and not (_program_is(match, call) if strictly else _program_may_be(match, call)):
        return "program"
    return None


def _fact_holds(patterns: Sequence[str], call: calls.Call, fact: str, *, strictly: bool) -> bool:
    values, fits = (
        (call.proven(fact), globs.matches_exactly) if strictly else (call.claimed(fact), globs.matches_loosely)
    )
    return any(fits(pattern, value) for pattern in patterns for value in values)


def _input_is(wanted: Sequence[Any], call: calls.Call, name: str) -> bool:
    found = list(itertools.islice(calls.found_at(call.request.input or {}, name.split(".")), 1000))
    return 0 < len(found) < 1000 and all(any(_is(one, value) for one in wanted) for value in found)


def _is(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, str) and isinstance(value, str):
        return globs.matches_exactly(wanted, value)
    # 1 is not true
    return type(wanted) is type(value) and bool(wanted == value)


def _input_may_be(wanted: Sequence[Any], call: calls.Call, name: str) -> bool:
    values = _texts_at(call, name)
    return any(globs.matches_loosely(_text_of(one), value) for one in wanted for value in values)


def _texts_at(call: calls.Call, name: str) -> list[str]:
    if name == _ANY:
        texts = calls.texts_of(call.request.input)
    else:
        found = itertools.islice(calls.found_at(call.request.input or {}, name.split(".")), 1000)
        texts = [_text_of(one) for one in found]
    if call.line is not None and name in (_ANY, tools.find(call.tool).command):
        texts.append(calls.spelled(call.line))
    return texts


def _text_of(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _program_is(match: Match, call: calls.Call) -> bool:
    if call.line is None or not executing.is_allowed(call.line, match.program, match.args):
        return False
    # a working folder, an environment or a way out of a sandbox changes what the same line does
    named = {name.partition(".")[0] for name in match.input}
    return not any(name not in named and not _is_nothing(value) for name, value in call.beside.items())


def _is_nothing(value: Any) -> bool:
    # false and 0 say something: `sandbox` = false
    return value is None or value in ("", [], {})


def _program_may_be(match: Match, call: calls.Call) -> bool:
    reach = call.reach
    if reach is None:
        # of a tool that is no known shell only if the rule names it
        if not any(globs.matches_loosely(one, call.tool) for one in match.facts.get("tool", ()) if one.strip("*")):
            return False
        reach = call.any_reach
    return executing.is_reached(reach, match.program, match.args)
