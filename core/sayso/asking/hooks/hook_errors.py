"""How hooks end without an answer; the rest of the tree is in `errors`.

AlreadyExists
└─ HookConflict       somebody waits under this token already
HookClosed            a hook ends without the answer that was awaited
├─ HookCancelled      it was withdrawn, superseded or could not be delivered
└─ HookExpired        nobody answered in time
HookDeferred          this run stops waiting; the hook stays open
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayso.errors import AlreadyExists, SaysoError

if TYPE_CHECKING:
    from sayso import model


class HookConflict(AlreadyExists):
    """Somebody waits under this token already; `ticket` is theirs, where this caller may see it."""

    def __init__(self, token: str, ticket: model.Ticket | None, message: str, hint: str) -> None:
        super().__init__(message, field="token", hint=hint)
        self.token = token
        self.ticket = ticket


class HookClosed(SaysoError):
    """A hook ended without an answer; `decision` says how, and `reason` why."""

    code = "hook_closed"

    def __init__(self, token: str, decision: model.Decision) -> None:
        super().__init__(decision.model_text)
        self.token = token
        self.decision = decision
        self.reason = decision.reason


class HookCancelled(HookClosed):
    """It was withdrawn, or nobody could be reached."""


class HookExpired(HookClosed):
    """Nobody answered in time. Silence is never consent."""


class HookDeferred(SaysoError):
    """This run was told to stop waiting; the hook `token` stays open, and a later run of the session finds it."""

    code = "hook_deferred"

    def __init__(self, token: str) -> None:
        super().__init__(f"the hook {token!r} is left open", hint="wait for it again in the same session")
        self.token = token
