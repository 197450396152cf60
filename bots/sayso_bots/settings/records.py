"""`[audit]`, `[receipts]`, `[retention]`, `[secrets]`: seals, receipts, what is erased or masked."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from sayso import model, parts
from sayso_bots.settings import durations

_Address = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://[^\s#@]+$", max_length=model.MAX_URL)]
_Audience = Annotated[str, pydantic.StringConstraints(pattern=r"^[!-~]{1,200}$")]


def _several(given: object) -> object:
    return [given] if isinstance(given, str) else given


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Audit(_Table):
    """`[audit]`: seals of the log, and where they are kept besides."""

    seal_every: durations.Duration = pydantic.Field(
        default="1m", validate_default=True, description='seal_every = "1m"'
    )
    """How often what was written is sealed."""
    file: Annotated[str, pydantic.StringConstraints(min_length=1)] | None = pydantic.Field(
        default=None, description='file = "seals.jsonl", on another disk or machine'
    )
    """Gets each seal as a line."""
    webhook: _Address | None = pydantic.Field(default=None, description='webhook = "https://audit.example.com/seals"')
    """Gets each seal by a signed call."""
    tell: Annotated[list[model.Place], pydantic.BeforeValidator(_several)] = pydantic.Field(
        default=[], description='tell = ["slack:#audit"], places in a chat'
    )
    """Where the newest seal is told."""
    tell_every: durations.Duration = pydantic.Field(
        default="1d", validate_default=True, description='tell_every = "1d"'
    )
    """How often it is told there."""


class Receipts(_Table):
    """`[receipts]`: what an allow carries, so that others need not ask the service."""

    issue: bool = pydantic.Field(default=True, description="issue = true, or false")
    """Whether an allow carries a signed receipt."""
    audience: _Audience = pydantic.Field(default="sayso", description='audience = "payments.example.com"')
    """Whom receipts are for: who checks one refuses what is for somebody else."""


class Suggestions(_Table):
    """`[suggestions]`: what people allow again and again is suggested as a rule, to whom this names."""

    ask: Annotated[list[str] | None, pydantic.BeforeValidator(_several)] = pydantic.Field(
        default=None, max_length=20, description='ask = ["ann", "group:leads"], or [] for nobody'
    )
    """Who may accept a suggestion; whoever may stop agents, if it is left out."""
    route: Annotated[list[model.Place], pydantic.BeforeValidator(_several)] = pydantic.Field(
        default=[parts.APPROVERS], min_length=1, description='route = ["slack:#agents"], or ["approvers"]'
    )
    """Where it is asked; in the inbox in any case."""
    every: durations.Duration = pydantic.Field(default="1d", validate_default=True, description='every = "1d"')
    """How often it is looked for."""
    since: durations.Long = pydantic.Field(default="30d", validate_default=True, description='since = "30d"')
    """How far back."""
    least: Annotated[int, pydantic.Field(ge=2, le=1_000)] = pydantic.Field(default=5, description="least = 5")
    """How often people allowed it."""
    lasts: durations.Long = pydantic.Field(default="90d", validate_default=True, description='lasts = "90d"')
    """How long what is accepted holds."""
    costly: bool = pydantic.Field(default=False, description="costly = true, or false")
    """Whether also what is about money, secrets or deletes."""


class Retention(_Table):
    """`[retention]`: when content is erased. Who decided what and when stays, and can be checked."""

    content: durations.Long | None = pydantic.Field(
        default=None, description='content = "90d", a day to ten years; without it nothing is erased'
    )
    """How long the content of a decided request is kept."""
    traces: durations.Long = pydantic.Field(
        default="365d", validate_default=True, description='traces = "365d", a day to ten years'
    )
    """How long it is known where the cards of a decided request stand."""


class Secrets(_Table):
    """`[secrets]`: how secrets in what agents ask are shown."""

    show: Literal["masked", "plain"] = pydantic.Field(default="masked", description='show = "masked", or "plain"')
    """Whether people see a mask in place of a secret, or the secret."""
