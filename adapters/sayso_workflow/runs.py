"""What of a run is looked at beyond the public API of `vercel-workflow`: its own record of what resumed it.

The rule: whether a run was resumed is read where the resume itself was written, so no second book can disagree.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from vercel.workflow import Hook, HookNotFoundError, SandboxPolicy, get_hook_by_token
from vercel.workflow._internal import world
from vercel.workflow._internal.worlds.local import LocalWorld

# A step may run a moment before the hook it is about is written down, in seconds.
_REGISTERED, _LOOK = 5.0, 0.05
# A run that wrote nothing for so many seconds is at rest; one that never is waits so many times, not for ever.
_QUIET, _TRIES = 0.5, 20

SANDBOX = SandboxPolicy(passthrough_modules=frozenset({"sayso", "sayso_workflow"}))
"""For `Workflows(sandbox_policy=…)`: lets a module of workflows import sayso, which only its steps may call."""


async def registered(token: str) -> Hook | None:
    """The hook that waits under *token*, given a moment to appear."""
    for _ in range(round(_REGISTERED / _LOOK)):
        if (found := await waiting(token)) is not None:
            return found
        await asyncio.sleep(_LOOK)
    return None


async def waiting(token: str, hook_id: str | None = None) -> Hook | None:
    """The hook that waits under *token* now; with *hook_id* only that very one."""
    try:
        found = await get_hook_by_token(token)
    except HookNotFoundError:
        return None
    return found if hook_id in (None, found.hook_id) else None


async def received(hook: Hook) -> int:
    """How often this hook was resumed, by whomever."""
    count, cursor = 0, None
    while True:
        # the local world knows no pages, not even the first
        pages = world.PaginationOptions(cursor=cursor) if cursor else None
        page = await world.get_world().events_list(hook.run_id, pagination=pages)
        count += sum(
            event.event_type == "hook_received" and event.correlation_id == hook.hook_id for event in page.data
        )
        if not page.has_more or page.cursor is None:
            return count
        cursor = page.cursor


async def settled(hook: Hook) -> None:
    """Return once the run has come to rest, or at any rate soon.

    The local world drives a run once for every message, two at a time if they come close together, and then runs a step
    twice; a decision that comes at once would meet the end of the very step that asked.
    """
    here = world.get_world()
    for _ in range(_TRIES if isinstance(here, LocalWorld) else 0):
        page = await here.events_list(hook.run_id)
        newest = max(event.server_props.created_at for event in page.data if event.server_props)
        quiet = (datetime.now(UTC) - newest).total_seconds()
        if quiet >= _QUIET:
            return
        await asyncio.sleep(_QUIET - max(0.0, quiet))


async def wake(hook: Hook) -> None:
    """Let a resumed run go on whose wake-up died with its process: the queue of the local world is in memory.

    Only for a run that nobody drives: a second driver at the same time would run its next step twice.
    """
    here = world.get_world()
    if not isinstance(here, LocalWorld):
        return
    run = await here.runs_get(hook.run_id)
    namespace = (run.execution_context or {}).get("queueNamespace")
    name = world.get_queue_name(run.workflow_name, namespace)
    message = world.WorkflowInvokePayload(run_id=hook.run_id)  # type: ignore[call-arg]
    await here.queue(name, message)  # pyright: ignore[reportUnknownMemberType]
