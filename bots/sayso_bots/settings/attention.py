"""What a policy says about whom it reaches, and when: its part of `[policies.NAME]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import pydantic

from sayso import attention, calendars, errors, model
from sayso.content import wording
from sayso.machine import approvers, people, schedule
from sayso_bots.settings import durations, spelling


def several(given: object) -> object:
    """One name as a list of one."""
    return [given] if isinstance(given, str) else given


Hours = Annotated[str, pydantic.StringConstraints(pattern=r"^!?[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
QUIET = 'quiet = "nights", or "!office" while that calendar is closed'


class Attention(pydantic.BaseModel):
    """Keys of `[policies.NAME]`: whom it reaches, and when."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    route: Annotated[list[model.Place], pydantic.BeforeValidator(several), pydantic.Field(max_length=10)] = (
        pydantic.Field(default=[], description='route = ["slack:#ops", "approvers", "web"]')
    )
    """Where a request is asked that names no place, and whose rule and key name none."""
    fallback: Annotated[list[model.Place], pydantic.BeforeValidator(several), pydantic.Field(max_length=10)] = (
        pydantic.Field(default=[], description='fallback = ["slack:#ops", "approvers", "web"]')
    )
    """Where it is shown if it can be shown nowhere else, one after the other."""
    quiet: Hours | None = pydantic.Field(default=None, description=QUIET)
    """When nobody is mentioned or written to; what falls into it comes at its end."""
    digest: durations.Duration | None = pydantic.Field(default=None, description='digest = "30m"')
    """So often its requests of low risk are shown together; each at once if it is left out."""
    turns: Literal["round_robin", "least_recent"] | None = pydantic.Field(
        default=None, description='turns = "round_robin", or "least_recent"'
    )
    """To whom of its people it is put first; to all at once if it is left out."""
    claim_in: durations.Duration = pydantic.Field(default="5m", validate_default=True, description='claim_in = "5m"')
    """Within it somebody takes it on, or it is put to the next one."""


def check(directory: people.Directory, policy: model.Policy, name: str) -> None:
    """Refuse turns that nobody could take. Raises `InvalidSettings`."""
    if policy.turns is None:
        return
    key = f"policies.{name}.turns"
    if policy.digest:
        raise _wrong(key, "cannot stand beside digest: what is shown together is for everybody", "remove one of them")
    lives = schedule.lives(policy)
    if policy.claim_in >= lives:
        said = schedule.too_late(policy.claim_in, lives)
        raise _wrong(f"policies.{name}.claim_in", said, "make it shorter, or expires_in longer")
    needs = [need for stage in policy.needs_by_stage for need in stage]
    for need in needs:
        if not _known(directory, need.who) and not _are_looked_up(directory, need.who):
            hint = "name people, groups or a rota, or remove turns"
            raise _wrong(key, f"{wording.in_a_row(need.who)} names nobody in particular to whom it could be put", hint)
    if not any(_are_looked_up(directory, one.who) or len(_known(directory, one.who)) > 1 for one in needs):
        raise _wrong(key, "the settings name fewer than two people who could take turns", "name them in approvers")


def _known(directory: people.Directory, who: Sequence[str]) -> Sequence[str]:
    return [one for one in directory.members(who) if one in directory.people]


def _are_looked_up(directory: people.Directory, who: Sequence[str]) -> bool:
    """Whether some of these are found out when something is asked: a rota, or a group of a platform."""
    return bool(approvers.groups_behind(who, directory))


def _wrong(key: str, said: str, hint: str) -> errors.InvalidSettings:
    return errors.InvalidSettings(f"{key}: {said}", field=key, hint=hint)


def quiet(written: str | None, known: Mapping[str, calendars.Calendar], key: str) -> attention.Quiet | None:
    """The quiet hours that a key names. Raises `InvalidSettings`."""
    if written is None:
        return None
    name = written.removeprefix("!")
    if name not in known:
        hint = spelling.suggest(name, known) or f"add [calendars.{name}]"
        raise _wrong(key, f"{name!r} is no calendar", hint)
    made = attention.Quiet(calendar=known[name], inside=name == written)
    if made.ends(datetime.now(UTC)) is None:
        raise _wrong(key, "they never end within a year", "give the calendar other days, hours or dates")
    return made
