"""How a request stands, in the one shape in which every tool tells it. Pure; only `allowed` is consent."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pydantic

from sayso import model
from sayso.asking import gate

_PENDING = (
    "Nobody has decided yet, and that is no consent. Go on waiting: call get_decision with request_id {id!r}, "
    "again and again if need be. Do not act as if it were allowed, and do not ask anew."
)
_OVER = " If it has to run (again), ask for that under another id."


class Standing(pydantic.BaseModel):
    """A request as a model sees it: still pending, or with its one final decision."""

    model_config = pydantic.ConfigDict(frozen=True)

    request_id: str = pydantic.Field(description="Give it to get_decision to go on waiting.")
    outcome: Literal["pending", model.Outcome] = pydantic.Field(
        description="allowed and denied are about a permission, answered is everything else that a person said; "
        "all others mean that nobody decided."
    )
    allowed: bool | None = pydantic.Field(
        default=None,
        description="Of a permission only: whether a person allowed the tool call, and it may run now, once. "
        "Nothing else is consent.",
    )
    model_text: str = pydantic.Field(description="What this means for you, in a sentence or two.")
    input: model.JsonObject | None = pydantic.Field(
        default=None, description="The input that may run: exactly this one, a person may have edited it."
    )
    text: str | None = pydantic.Field(default=None, description="The answer to a question.")
    choices: tuple[str, ...] | None = pydantic.Field(default=None, description="What was chosen.")
    values: model.JsonObject | None = pydantic.Field(default=None, description="The values of a form.")
    reason: str | None = pydantic.Field(default=None, description="The person's own words on the decision.")
    decided_at: datetime | None = pydantic.Field(default=None, description="When it was decided.")
    used_at: datetime | None = pydantic.Field(
        default=None, description="When an earlier answer handed this allow over. It is good once: nothing may run now."
    )


def while_pending(id: str, kind: model.Kind = "permission") -> Standing:
    """A request that nobody has decided yet."""
    allowed = False if kind == "permission" else None
    return Standing(request_id=id, outcome="pending", allowed=allowed, model_text=_PENDING.format(id=id))


def once_decided(request: model.Request, decision: model.Decision) -> Standing:
    """A decision on *request*; an allow in it is handed over by this answer.

    Raises:
        DigestMismatch: the input is not the one that was allowed.
    """
    over = decision.outcome == "allowed" and not decision.allowed
    return Standing(
        request_id=decision.id,
        outcome=decision.outcome,
        allowed=decision.allowed if request.kind == "permission" else None,
        model_text=f"{decision.model_text}{_OVER}" if over else decision.model_text,
        input=gate.approved_input(request.tool or "", decision) if decision.allowed else None,
        text=decision.text,
        choices=decision.choices,
        values=decision.values,
        reason=decision.reason,
        decided_at=decision.decided_at,
        used_at=decision.used_at,
    )
