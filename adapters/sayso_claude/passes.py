"""One press is enough: a call that a person allowed before the tool is not asked about again as a permission request.

Claude Code asks again if a rule of its own says `ask`, and does not say about which call. A pass is for the same
call only: key, session, prompt, subagent, tool and the very input that was allowed; used once, within seconds, in this
process. Another replica, or a restarted one, asks the person again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso import model
from sayso.content import digest
from sayso_claude import hooks

# Seconds. Claude Code asks for permission within one after the hook before the tool.
WINDOW = 15.0
# More calls than can be in that window.
_MOST = 1000


class Passes:
    """The calls allowed a moment ago."""

    def __init__(self) -> None:
        self._until: dict[tuple[object, ...], tuple[datetime, model.Decision]] = {}

    def keep(self, owner: str, call: hooks.Call, decision: model.Decision, at: datetime) -> None:
        """Remember that people, not a rule or a clock, allowed this call."""
        allowed = hooks.approved_input(call, decision)
        if call.hook_event_name != "PreToolUse" or allowed is None or not decision.by:
            return
        self._until = {key: kept for key, kept in self._until.items() if kept[0] > at}
        if len(self._until) < _MOST:
            self._until[_key(owner, call, allowed)] = (at + timedelta(seconds=WINDOW), decision)

    def use(self, owner: str, call: hooks.Call, at: datetime) -> model.Decision | None:
        """The decision on this very call, once; None if there is none."""
        if call.hook_event_name != "PermissionRequest":
            return None
        until, decision = self._until.pop(_key(owner, call, call.tool_input), (at, None))
        return decision if until > at else None


def _key(owner: str, call: hooks.Call, arguments: model.JsonObject) -> tuple[object, ...]:
    same = digest.of_call(call.tool_name, arguments)
    return owner, call.session_id, call.prompt_id, call.agent_id, same
