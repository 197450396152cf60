"""What works and should not be left so: rules that let by more than it seems, or less than is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sayso.content import wording
from sayso.rules import book, carriers, covering, globs
from sayso.rules.rule import INPUT, WORDS_OF_AGENTS, Rule

# They change nothing, so that an allow of them without a word about their input is no surprise.
_READERS = frozenset(["Read", "Grep", "Glob", "LS", "NotebookRead", "read_file", "list_directory", "search"])
_WORD = re.compile(r"\b(metadata|session|project|risk|priority)\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one rule."""

    rule: str
    said: str
    hint: str


def lint(rules: Sequence[Rule], at: datetime) -> tuple[Finding, ...]:
    """All that is found, in the order of the rules."""
    found = list[Finding]()
    for number, rule in enumerate(rules):
        if rule.effect == "allow":
            found += (Finding(rule.id, *said) for look in (_broad, _own_words, _elsewhere) for said in look(rule))
        if rule.until is not None and at >= book.ends_at(rule.until):
            found.append(Finding(rule.id, "it has ended", "remove it, or give it another until"))
        found += _below(rule, rules[:number])
        found += _watched_twice(rule, rules[:number])
    return tuple(found)


def _broad(rule: Rule) -> Iterator[tuple[str, str]]:
    match = rule.match
    if match.any_input:
        yield "it allows its tools with any input", "say what the input may be"
    elif match.any_args:
        yield f"it allows {wording.in_a_row(match.program)} with any arguments", "name the arguments that are meant"
    elif not match.input and not match.program and rule.when is None:
        for name in match.facts.get("tool", ()):
            if name not in _READERS and name.rpartition("__")[2] not in _READERS:
                yield f"it allows {name} whatever its input is", 'add "input.NAME" or when'
    for name, values in match.input.items():
        for one in values:
            if isinstance(one, str) and globs.is_glob(one) and not one.strip("*?"):
                yield f"{INPUT}{name} may be anything", "say what it may be"


def _own_words(rule: Rule) -> Iterator[tuple[str, str]]:
    said = "it rests on what the agent says of itself: {}"
    for name in WORDS_OF_AGENTS:
        if name in rule.match.facts:
            yield said.format(f"match.{name}"), "use tool, input or agent, or let people decide"
    for name in dict.fromkeys(_WORD.findall(rule.when or "")):
        yield said.format(f"{name} in when"), "use tool, input or agent, or let people decide"
    if rule.limit is not None and rule.limit.by == "session":
        yield said.format("limit.by"), 'by = "agent": a new session would begin a new allowance'


def _elsewhere(rule: Rule) -> Iterator[tuple[str, str]]:
    for name in rule.match.program:
        if name in carriers.SPELLED_OUT:
            said = f"what {name} runs stands in files that may have changed since"
            yield said, "keep it only if the agent cannot write these files"


def _below(rule: Rule, above: Sequence[Rule]) -> Iterator[Finding]:
    """A freeze or another ask that an allow above it comes before."""
    if rule.effect != "ask" or rule.during is None or rule.observed:
        return
    for one in above:
        if one.effect == "allow" and not one.observed and covering.meet(one.match, rule.match):
            said = f"the rule {one.id!r} above it allows before it is looked at"
            yield Finding(rule.id, said, f"move it above {one.id!r}")


def _watched_twice(rule: Rule, above: Sequence[Rule]) -> Iterator[Finding]:
    """A rule that is only watched, and would decide nothing if it were not."""
    if not rule.observed:
        return
    woken = rule.model_copy(update={"observed": False})
    if by := covering.shadow(woken, above, above):
        yield Finding(
            rule.id, f"it would decide nothing: the rule {by.id!r} comes before it", "move it up, or remove it"
        )
