"""An allow is used before Claude Code hears of it, and for one run.

Two hooks may ask about one call, or a hook and the SDK's callback; a hook that was cut off comes back. All of them wait
for the decision together, so they use it together. A caller who comes later with the same call runs it a second time.
"""

from __future__ import annotations

from collections import OrderedDict

from sayso import errors, model
from sayso.content import wording
from sayso.desk import asker

TOGETHER = "claude-code"
"""The attempt of all who waited for a decision before there was one."""


# Requests whose allow this process let go, kept so that none is let go twice.
_MOST = 10_000


class Once:
    """One of those who wait together, such as the SDK's callback: it lets each allow go once."""

    def __init__(self) -> None:
        self._gone: OrderedDict[str, None] = OrderedDict()

    def attempt(self, id: str) -> str | None:
        """As which attempt to use this request's allow: as one of all who waited, at the first time only."""
        if id in self._gone:
            return None
        self._gone[id] = None
        if len(self._gone) > _MOST:
            self._gone.popitem(last=False)
        return TOGETHER


async def use(desk: asker.Asker, decision: model.Decision, attempt: str | None) -> model.Decision:
    """Use an allow: the decision as people gave it or, if it cannot be used, as it reads now."""
    if decision.outcome != "allowed":
        return decision
    try:
        ticket = await desk.use(decision.id, attempt=attempt)
    except (errors.AlreadyUsed, errors.NotUsable):
        return (await desk.get(decision.id)).decision or decision
    return wording.before_use(ticket, decision)
