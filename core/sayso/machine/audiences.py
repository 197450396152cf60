"""Who may ever answer a request, as one text by which a store lists it. Pure.

The rule: whoever may answer is among them, so that no list leaves out what waits for somebody; and hardly anybody else,
so that no list looks at much that it does not show. It is written anew with every change of the ticket.
"""

from __future__ import annotations

import functools
import json

from sayso import model
from sayso.machine import approvers, escalation

_CODEC = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def audience(ticket: model.Ticket) -> str:
    """Everybody who may answer at any stage, or break its glass, as the ticket is now; beside the requester."""
    named = [name for needs in escalation.needs(ticket) for need in needs for name in need.who]
    if glass := ticket.policy.break_glass:
        named += glass.who
    return _text(tuple(named))


@functools.lru_cache(maxsize=1024)
def _text(names: tuple[str, ...]) -> str:
    return _CODEC.encode(tuple(dict.fromkeys(names)))


def concerns(audience: str, person: model.Person) -> bool:
    """Whether this person is among an audience. One that nobody wrote down may hold anybody."""
    return not audience or any(approvers.is_called(name, person) for name in _names_in(audience))


@functools.lru_cache(maxsize=1024)
def _names_in(audience: str) -> tuple[str, ...]:
    return tuple(json.loads(audience))
