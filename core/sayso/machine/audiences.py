"""Who may ever answer a request, as one text by which a store lists it. Pure.

The rule: whoever may answer at any moment is among them, so that no list leaves out what waits for somebody.
"""

from __future__ import annotations

import functools
import json

from sayso import model
from sayso.machine import approvers


def audience(ticket: model.Ticket) -> str:
    """Everybody who may answer at any stage, beside the requester."""
    return json.dumps(ticket.policy.concerned, ensure_ascii=False, separators=(",", ":"))


def concerns(audience: str, person: model.Person) -> bool:
    """Whether this person is among an audience. One that nobody wrote down may hold anybody."""
    return not audience or any(approvers.is_called(name, person) for name in _names_in(audience))


@functools.lru_cache(maxsize=1024)
def _names_in(audience: str) -> tuple[str, ...]:
    return tuple(json.loads(audience))
