"""What people denied an agent lately, so that a retry in other words says so on its card.

The rule: it only tells. Nothing is denied because something like it was.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sayso import model
from sayso.content import digest, masks, requests, tools, wording

KEPT = timedelta(hours=1)
MOST = 20
"""Denials of one agent, the newest."""
_MOST_COMPARED, _LONGEST, _MOST_WORDS, _READ = 5, 300, 60, 5_000
# Of all words and signs of both, in their order: `rm -rf x/` is like `rm -rf x`, `make test` is not like `make deploy`.
_ALIKE = 0.65
_WORD = re.compile(r"\w+|[^\w\s]")


def value_of(ticket: model.Ticket, decision: model.Decision) -> dict[str, Any]:
    """What is kept of this denial."""
    said = {
        "tool": ticket.request.tool or "",
        "said": _said(ticket.request),
        "by": wording.names(decision)[: model.MAX_NAME],
    }
    reason = (decision.reason or "")[:_LONGEST]
    return {**said, "reason": reason} if reason else said


def retried(calls: Sequence[model.Denied], request: model.Request, at: datetime) -> model.Denied | None:
    """The newest denial of a call that is nearly this one, if there is one; *calls* has the oldest first."""
    denied = [one for one in calls if one.tool == request.tool and one.at > at - KEPT]
    if not denied:
        return None
    words = _words(_said(request))
    alike = (one for one in reversed(denied[-_MOST_COMPARED:]) if _are_alike(_words(one.said), words))
    return next(alike, None)


def _said(request: model.Request) -> str:
    """What the call does, in few words, and without its secrets: what is cut or flat shows no more what is one."""
    given = request.input or {}
    command = given.get(tools.find(request.tool or "").command)
    if isinstance(command, str):
        return masks.GONE.text(command[:_READ])[:_LONGEST]
    return "" if requests.is_large(request) else digest.canonical(masks.GONE.value(given)).decode()[:_LONGEST]


def _words(said: str) -> list[str]:
    return _WORD.findall(said)[:_MOST_WORDS]


def _are_alike(one: list[str], other: list[str]) -> bool:
    # the same call is told by its digest, and may have been allowed since
    return one != other and difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE
