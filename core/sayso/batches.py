"""Calls that an agent makes together, such as all of one turn: people see them on one card. Frozen."""

from __future__ import annotations

from typing import Annotated

import pydantic

from sayso import parts

MOST = 100
MOST_WHOLE = 8
"""Calls of which all or none are allowed: so many rows one card of every chat has."""


class Batch(parts.Frozen):
    """The calls that this one belongs to: those of the same key and session that name the same batch."""

    id: parts.Name
    """Chosen by the agent."""
    size: Annotated[int, pydantic.Field(strict=True, ge=1, le=MOST)] | None = None
    """How many there are; their card waits for all of them for a moment."""
    whole: pydantic.StrictBool = False
    """Whether all of them are allowed or none."""

    @pydantic.model_validator(mode="after")
    def _says_how_many(self) -> Batch:
        if self.whole and (self.size is None or self.size > MOST_WHOLE):
            raise ValueError(f"all or none needs a size, of {MOST_WHOLE} at most")
        return self
