"""How the server asks. Models choose none of this: a policy is not theirs to pick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sayso import model


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds."""

    patience: float = 50.0
    """Until a tool answers that nobody has decided; many clients give up after 60."""
    limit: float = 100_000.0
    """How long the client waits for `permission_prompt`; Claude Code's own default (measured on 2.1.329)."""
    policy: model.Name | None = None
    route: tuple[model.Place, ...] = ()
    session: model.Name | None = None
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    """Facts that are shown with every tool call of Claude Code."""
