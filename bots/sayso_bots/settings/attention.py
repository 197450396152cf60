"""What a policy says about whom it reaches, and when: its part of `[policies.NAME]`."""

from __future__ import annotations

from typing import Annotated

import pydantic

from sayso import model


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
