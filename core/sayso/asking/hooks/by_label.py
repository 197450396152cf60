"""Hooks by label, for agents without a framework: wait here, answer there.

The rule: a label that nobody waits under is an error at once. Nothing is kept for a hook that may be opened later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sayso import built, model
from sayso.asking.hooks import payloads, turns, typed, waits
from sayso.asking.hooks.payloads import P
from sayso.desk import asker


class ToolApproval(built.Built):
    """A yes or no to a tool call; as the payload of a hook it is asked as a permission."""

    granted: bool
    reason: str | None = None


async def hook(
    label: str,
    *,
    payload: type[P],
    metadata: Mapping[str, Any] | None = None,
    session: str | None = None,
    desk: asker.Asker | None = None,
    **common: Any,
) -> P:
    """Wait until somebody answers, and return an instance of *payload*.

    *metadata* is shown: `tool` and `input` name the call that waits. With *session*, an agent that is started again
    finds the hook and its answer by the same label; without, the hook ends with the task that waits. *desk* is where to
    ask, by default `sayso.open()`; *common* are other keys of a request, such as `title`, `policy` and `expires_in`.

    Raises:
        HookCancelled, HookExpired: it was closed without an answer.
        HookConflict: another run waits under this label.
        HookDeferred: `abort_pending_hook` was called.
        InvalidRequest: the payload cannot be shown as a card.
    """
    made = typed.HookType(payload, desk, label=label)
    return await made.create(token=label, metadata=metadata, session=session, **common)


async def resolve_hook(
    label: str, data: Any, *, request: str | None = None, desk: asker.Asker | None = None
) -> model.Ticket:
    """Answer the hook that waits under *label*: with an instance of its payload, or a mapping.

    *request* names the pause it is for, by its request's id: a message that is delivered twice then answers it once. In
    a run that had a yes under this label already, another yes has to name it.

    Embedded, the answer is that of the person at this terminal; at a service it is that of the approver whose key is
    used. An agent's key can never answer.

    Raises:
        NotFound: nobody ever waited under this label; nothing is kept for later.
        AlreadyDecided: it was answered, cancelled or expired before.
        InvalidAnswer: *data* does not fit; `field` names the part, and the hook goes on waiting.
        NotAllowed: this key or person may not answer.
    """
    async with turns.at(desk) as found:
        ticket = await turns.latest(found, label)
        return await turns.answer(found, label, payloads.untyped(ticket.request, data), request)


async def cancel_hook(label: str, *, reason: str | None = None, desk: asker.Asker | None = None) -> model.Ticket:
    """Withdraw the hook under *label*: whoever waits gets `HookCancelled`. A closed one stays as it is.

    Raises:
        NotFound: nobody ever waited under this label.
    """
    async with turns.at(desk) as found:
        return await found.cancel((await turns.latest(found, label)).id, reason=reason)


def abort_pending_hook(label: str) -> None:
    """End the wait under *label* in this process with `HookDeferred`, and leave the hook open for a later run.

    It may be called from any thread.

    Raises:
        NotFound: nobody waits under this label here.
        InvalidRequest: the hook has no session, so no later run could find it.
    """
    waits.defer(label)
