"""What may not stand in the settings: a rule that says less than it lets by, or one that could never count. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sayso.content import tools
from sayso.rules import carriers, covering, globs
from sayso.rules.rule import ANYWHERE, INPUT, Rule, refuse


def check(rule: Rule, policies: Mapping[str, Any]) -> None:
    """Refuse a rule that cannot be meant so. Raises `InvalidSettings`."""
    _check_keys(rule, policies)
    match = rule.match
    for one, key in ((match, "match"), (rule.after.match if rule.after else match, "after.match")):
        if one.args is not None and not one.program:
            raise refuse(rule.id, f"{key}.args", "needs program", 'program = "git"')
    if rule.after and rule.after.match.is_empty:
        raise refuse(rule.id, "after.match", "is empty, so every earlier call would do", "name a tool")
    if rule.effect == "allow":
        _check_allow(rule)
    elif match.any_args or match.any_input:
        key = "any_args" if match.any_args else "any_input"
        raise refuse(rule.id, f"match.{key}", "is only for an allow", "remove it: a deny or ask matches any")


def _check_keys(rule: Rule, policies: Mapping[str, Any]) -> None:
    if rule.effect != "allow" and rule.limit is not None:
        raise refuse(rule.id, "limit", "is only for an allow", "remove it")
    if rule.effect != "allow" and rule.until is not None:
        raise refuse(rule.id, "until", "is only for an allow", "remove it")
    if rule.effect == "allow" and rule.after is not None:
        raise refuse(rule.id, "after", "is only for a deny or an ask", "remove it")
    if rule.effect != "ask":
        for key, value in (("policy", rule.policy), ("route", rule.route), ("priority", rule.priority)):
            if value:
                raise refuse(rule.id, key, f"means nothing where the effect is {rule.effect}", 'effect = "ask"')
    if rule.policy is not None and rule.policy not in policies:
        raise refuse(rule.id, "policy", f"there is no policy {rule.policy!r}", f"add [policies.{rule.policy}]")


def _check_allow(rule: Rule) -> None:
    match = rule.match
    if match.is_empty:
        raise refuse(rule.id, "match", "an allow of everything is refused", "name a tool, and what its input may be")
    if ANYWHERE.removeprefix(INPUT) in match.input:
        raise refuse(rule.id, f"match.{ANYWHERE}", "is only for a deny or an ask", "name a part of the input")
    named = match.facts.get("tool", ())
    if not named and not match.any_input:
        raise refuse(rule.id, "match.tool", "is missing: an allow names its tools", 'tool = "Read"')
    if match.any_args and match.args is not None:
        raise refuse(rule.id, "match.any_args", "does not go with args", "leave one of them out")
    if match.program:
        _check_program(rule)
    elif not match.any_input:
        _check_tools(rule, named)


def _check_program(rule: Rule) -> None:
    match = rule.match
    if match.args is None and not match.any_args:
        raise refuse(rule.id, "match.args", "is missing", 'args = ["status", "**"], or any_args = true')
    for name in match.program:
        hint = 'spell them out: args = ["-m", "pytest"]'
        if name in carriers.SHELLS:
            said = f"{name} runs a script that may have changed since"
            raise refuse(rule.id, "match.program", said, "name the programs that may run")
        if match.args is None and name in carriers.SPECIAL.keys() | carriers.LITERAL:
            raise refuse(
                rule.id, "match.any_args", f"some arguments of {name} run another program", "name them in args"
            )
        if name in carriers.COMMANDS_OF_ITS_OWN and (not match.args or globs.is_glob(match.args[0])):
            said = f"the first argument of {name} says what it does"
            raise refuse(rule.id, "match.args", said, 'args = ["status", "**"]')
        if name in carriers.SPELLED_OUT and (match.args is None or any(map(globs.is_glob, match.args))):
            raise refuse(rule.id, "match.args", f"{name} runs what its arguments name", hint)


def _check_tools(rule: Rule, named: Sequence[str]) -> None:
    for name in named:
        if globs.is_glob(name):
            hint = "write the names out, or any_input = true"
            raise refuse(rule.id, "match.tool", f"{name!r} would allow tools that nobody has seen yet", hint)
        command = tools.find(name).command
        if not command:
            continue
        texts = rule.match.input.get(command, ())
        if not texts or any(isinstance(one, str) and globs.is_glob(one) for one in texts):
            said = f"{name} runs any command; an allow of it needs program and args"
            raise refuse(rule.id, "match", said, 'program = "git", args = ["status", "**"]')


def check_order(rules: Sequence[Rule]) -> None:
    """Refuse a rule that another one leaves nothing to. Raises `InvalidSettings`."""
    for at, rule in enumerate(rules):
        if by := covering.shadow(rule, rules[:at], rules):
            hint = f"move it above {by.id!r}, or remove it" if by.effect != "deny" else "remove it"
            raise refuse(rule.id, "match", f"the rule {by.id!r} decides all that it matches", hint)
