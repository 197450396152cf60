"""Cases of `sayso policy test`: a call each, and what the rules must come to. Read from TOML, and written as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic

from sayso import errors, model
from sayso.content import complaints, masks
from sayso.desk.setup import Setup
from sayso.rules import Book, Ruling, rulings, written
from sayso.rules.replaying import Memory, Past
from sayso.rules.rule import Effect


class Case(pydantic.BaseModel):
    """One call, and what must come of it."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)

    name: str = ""
    tool: str | None = None
    input: dict[str, Any] = {}
    kind: model.Kind = "permission"
    agent: str = "agent"
    """The name of the key."""
    session: str | None = None
    project: str | None = None
    risk: model.Risk | None = None
    priority: model.Priority | None = None
    metadata: dict[str, Any] = {}
    at: datetime | None = None
    """When; now if it is left out."""
    expect: Effect
    rule: str | None = None
    policy: str | None = None
    route: list[str] | None = None
    times: int = pydantic.Field(default=1, ge=1, le=1_000)
    """How often it is asked at once; the last one counts, so an allowance can be tested."""

    @property
    def request(self) -> model.Request:
        """The call as a request."""
        source = model.Source(session=self.session, project=self.project)
        title = "A question" if self.kind != "permission" else None
        return model.Request(
            kind=self.kind,
            title=title,
            tool=self.tool,
            input=self.input if self.kind == "permission" else None,
            source=source,
            risk=self.risk,
            priority=self.priority,
            metadata=self.metadata,
        )


class _File(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)

    cases: list[Case]


def read(file: Path) -> list[Case]:
    """The cases of a file. Raises `InvalidSettings`."""
    try:
        return _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).cases
    except OSError as error:
        raise errors.InvalidSettings(
            f"{file} cannot be read: {error.strerror}", hint="sayso policy init-tests"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise errors.InvalidSettings(f"{file} is not TOML: {error}", hint="sayso policy init-tests") from error
    except pydantic.ValidationError as error:
        where, said = complaints.first(error, str(file))
        hint = f"a case has: {', '.join(Case.model_fields)}"
        raise errors.InvalidSettings(f"{file}: {where}: {said}", field=where, hint=hint) from error


def failing(case: Case, setup: Setup, now: datetime) -> str | None:
    """What came instead of what was expected; None if it is right. The key is bound to no policy."""
    memory, ruling, book = Memory(), Ruling(), setup.rules
    for _ in range(case.times):
        ruling = memory.rule(book, book.call(case.request, case.agent), _moment(case.at, now))
    rule = ruling.rule
    found = {
        "expect": ruling.effect,
        "rule": rule.id if rule else None,
        "policy": (rule and rule.policy) or setup.policy if ruling.effect == "ask" else None,
        "route": list(rule.route) if rule else [],
    }
    wanted = {name: value for name in found if (value := getattr(case, name)) is not None}
    wrong = [
        f"{name} is {found[name] or 'none'}, not {value}" for name, value in wanted.items() if found[name] != value
    ]
    if not wrong:
        return None
    return ", ".join(wrong) + (f" (by the rule {rule.id!r})" if rule and "rule" not in wanted else "")


def _moment(at: datetime | None, now: datetime) -> datetime:
    if at is None:
        return now
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def of_past(past: Iterable[Past], book: Book, each: int) -> Iterator[str]:
    """Cases from what was asked, as TOML: of each tool and ruling a few, with what the rules come to now."""
    seen = dict[tuple[str, str, str | None], int]()
    left_out = 0
    for one in past:
        if _has_secret(one.request):
            left_out += 1
            continue
        ruling = rulings.decide(book.matching(book.call(one.request, one.owner), one.at))
        rule = ruling.rule.id if ruling.rule else None
        key = (one.request.tool or one.request.kind, ruling.effect, rule)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= each:
            yield _written(one, ruling.effect, rule)
    if left_out:
        yield f"# {left_out} of the calls held a secret, and are left out: this file is no place for it.\n"


def _has_secret(request: model.Request) -> bool:
    given = {"input": request.input, "metadata": request.metadata}
    return masks.GONE.value(given) is not given


def _written(one: Past, effect: str, rule: str | None) -> str:
    request = one.request
    lines = ["[[cases]]", f"# {'open' if one.outcome is None else one.outcome} at {one.at:%Y-%m-%d %H:%M} UTC"]
    facts = {
        "name": one.id,
        "tool": request.tool,
        "input": request.input,
        "kind": None if request.kind == "permission" else request.kind,
        "agent": one.owner,
        "session": request.source.session,
        "project": request.source.project,
        "risk": request.risk,
        "priority": request.priority,
        "metadata": request.metadata or None,
        "expect": effect,
        "rule": rule,
    }
    lines += [f"{name} = {written.toml(value)}" for name, value in facts.items() if value is not None]
    # the moment counts where a calendar does
    lines.insert(-1, f"at = {one.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    return "\n".join(lines) + "\n"
