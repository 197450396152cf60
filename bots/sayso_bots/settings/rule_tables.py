"""`[[rules]]`: what is decided without anybody. Read into `sayso.rules`, with the libraries that they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, cast

import pydantic

from sayso import model, rules
from sayso.calendars import Calendar
from sayso.rules import lines
from sayso.rules import rule as words
from sayso_bots.settings import durations

_BY = 'by = "agent", "session" or "all"'


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Limit(_Table):
    """So many allows in a time."""

    count: Annotated[int, pydantic.Field(ge=1, le=1_000)] = pydantic.Field(description="count = 5; at most 1000")
    per: durations.Duration = pydantic.Field(description='per = "1h"')
    by: words.By = pydantic.Field(default="all", description=_BY)


class After(_Table):
    """Only where an earlier call matched."""

    match: dict[str, Any] = pydantic.Field(description='match = { tool = "backups", "input.state" = "off" }')
    within: durations.Duration = pydantic.Field(description='within = "1h"')
    by: words.By = pydantic.Field(default="all", description=_BY)


class Rule(_Table):
    """One entry of `[[rules]]`."""

    id: Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = pydantic.Field(
        description='id = "terraform"'
    )
    match: dict[str, Any] = pydantic.Field(default={}, description='match = { tool = "Bash", program = "terraform" }')
    when: Annotated[str, pydantic.StringConstraints(min_length=1)] | None = pydantic.Field(
        default=None, description="when = 'double(input.amount) <= 50.0', a condition in CEL"
    )
    during: Annotated[str, pydantic.StringConstraints(pattern=r"^!?[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = (
        pydantic.Field(default=None, description='during = "freeze", or "!office" while that calendar is closed')
    )
    after: After | None = pydantic.Field(
        default=None, description='after = { match = { tool = "backups" }, within = "1h" }'
    )
    effect: words.Effect = pydantic.Field(description='effect = "allow", "deny" or "ask"')
    policy: str | None = pydantic.Field(default=None, description='policy = "production", of [policies.production]')
    route: list[model.Place] = pydantic.Field(default=[], description='route = ["slack:#prod"]')
    priority: model.Priority | None = pydantic.Field(default=None, description='priority = "low", "normal" or "urgent"')
    reason: model.Reason | None = pydantic.Field(default=None, description='reason = "what the agent is told"')
    limit: Limit | None = pydantic.Field(default=None, description='limit = { count = 5, per = "1h", by = "agent" }')
    until: datetime | date | None = pydantic.Field(default=None, description="until = 2027-03-31, a date")
    mode: Literal["observe"] | None = pydantic.Field(default=None, description='mode = "observe", or leave it out')


def named(where: Sequence[str], written: Any) -> Sequence[str]:
    """Where a rule is wrong: by its id, if it has one, in place of its number."""
    if len(where) < 2 or where[0] != "rules" or not where[1].isdigit() or not isinstance(written, list):
        return where
    one = cast("list[object]", written)[int(where[1])]
    id = cast("dict[str, object]", one).get("id") if isinstance(one, dict) else None
    return (where[0], id, *where[2:]) if isinstance(id, str) else where


def book(tables: Sequence[Rule], calendars: Mapping[str, Calendar], policies: Mapping[str, model.Policy]) -> rules.Book:
    """All rules of a file. Raises `InvalidSettings`, naming the rule and the key."""
    return rules.bind([_rule(table) for table in tables], _means(tables), calendars, policies)


def _rule(table: Rule) -> rules.Rule:
    after, limit = table.after, table.limit
    return rules.Rule(
        id=table.id,
        match=words.read_match(table.id, table.match),
        when=table.when,
        during=table.during,
        after=_after(table.id, after) if after else None,
        effect=table.effect,
        policy=table.policy,
        route=tuple(table.route),
        priority=table.priority,
        reason=table.reason,
        limit=rules.Limit.model_validate(limit.model_dump()) if limit else None,
        until=table.until,
        observed=table.mode == "observe",
    )


def _after(id: str, table: After) -> rules.After:
    return rules.After(match=words.read_match(id, table.match, "after.match"), within=table.within, by=table.by)


def _means(tables: Sequence[Rule]) -> rules.Means:
    """The libraries that these rules need; they are loaded for nothing else."""
    condition = _load_condition() if any(table.when for table in tables) else None
    return rules.Means(load_shell() if tables else _read_later, condition)


def _read_later(line: str) -> lines.Line:
    """The same parser, loaded by the first line: without rules only what people accepted needs it."""
    read = load_shell()
    return lines.UNREADABLE if read is None else read(line)


def _load_condition() -> Callable[[str], Any] | None:
    try:
        import sayso_cel
    except ImportError:
        return None
    return sayso_cel.condition


def load_shell() -> Callable[[str], Any] | None:
    """The parser of shell commands, if its extra is installed."""
    try:
        import sayso_shell
    except ImportError:
        return None
    return sayso_shell.read
