"""Who waits in this process, by token, so that a run can be told to stop waiting without closing what it waits for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sayso import errors, model
from sayso.asking.hooks import hook_errors
from sayso.desk import asker


@dataclass(eq=False)
class _Pause:
    """One wait; it belongs to its loop, and may be ended from any thread."""

    decision: asyncio.Task[model.Decision]
    durable: bool
    deferred: bool = False

    def defer(self) -> None:
        self.deferred = True
        self.decision.cancel()


_pauses: dict[str, set[_Pause]] = {}


async def wait(desk: asker.Asker, id: str, token: str, *, durable: bool) -> model.Decision:
    """The decision on a request. Raises `HookDeferred` where `defer` was called meanwhile."""
    pause = _Pause(asyncio.ensure_future(desk.wait(id)), durable)
    _pauses.setdefault(token, set()).add(pause)
    try:
        return await pause.decision
    except asyncio.CancelledError:
        if pause.deferred:
            raise hook_errors.HookDeferred(token) from None
        raise
    finally:
        _pauses[token].discard(pause)
        if not _pauses[token]:
            del _pauses[token]


def defer(token: str) -> None:
    """End every wait under *token* in this process.

    Raises:
        NotFound: nobody waits under it here.
        InvalidRequest: it has no session, so no later run could find it again.
    """
    found = _pauses.get(token, set())
    if not found:
        raise errors.NotFound(f"nobody waits under {token!r} in this process", field="token")
    if not all(pause.durable for pause in found):
        hint = "give the hook a session, or use sayso.cancel_hook"
        raise errors.InvalidRequest(f"the hook {token!r} has no session to find it by", field="token", hint=hint)
    for pause in tuple(found):
        pause.decision.get_loop().call_soon_threadsafe(pause.defer)
