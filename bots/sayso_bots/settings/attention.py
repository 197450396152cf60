"""What a policy says about whom it reaches, and when: its part of `[policies.NAME]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import pydantic

from sayso import errors, model
from sayso.machine import people
from sayso_bots.settings import durations


def several(given: object) -> object:
    """One name as a list of one."""
    return [given] if isinstance(given, str) else given


class Attention(pydantic.BaseModel):
    """Keys of `[policies.NAME]`: whom it reaches, and when."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)

    fallback: Annotated[list[model.Place], pydantic.BeforeValidator(several), pydantic.Field(max_length=10)] = (
        pydantic.Field(default=[], description='fallback = ["slack:#ops", "approvers", "web"]')
    )
    """Where it is shown if it can be shown nowhere else, one after the other."""
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
    ways = [way for way in ("needs", "stages") if getattr(policy, way)]
    if ways:
        raise _wrong(key, f"cannot stand beside {ways[0]}", "name approvers, and a quorum")
    known: Sequence[str] = [one for one in directory.members(policy.approvers) if one in directory.people]
    if len(known) < 2:
        raise _wrong(key, "the settings name fewer than two people who could take turns", "name them in approvers")


def _wrong(key: str, said: str, hint: str) -> errors.InvalidSettings:
    return errors.InvalidSettings(f"{key}: {said}", field=key, hint=hint)
