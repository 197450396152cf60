"""What of a run is looked at beyond the public API of `vercel-workflow`: its own record of what resumed it.

The rule: whether a run was resumed is read from the record that the resume itself wrote, so no second one can disagree.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from vercel.workflow import Hook, HookNotFoundError, SandboxPolicy, get_hook_by_token
from vercel.workflow._internal import world
from vercel.workflow._internal.worlds import local
from vercel.workflow._internal.worlds.local import LocalWorld

# A step may run a moment before the hook it is about is written down, in seconds.
_REGISTERED, _LOOK = 5.0, 0.05
# Seconds without a new row after which a run is at rest; and how often one that never rests is waited for.
_QUIET, _TRIES = 0.5, 20

SANDBOX = SandboxPolicy(passthrough_modules=frozenset({"sayso", "sayso_workflow"}))
"""For `Workflows(sandbox_policy=…)`: lets a module of workflows import sayso, which only its steps may call."""


async def wait_for_hook(token: str) -> Hook | None:
    """The hook that waits under *token*, given a moment to appear."""
    for _ in range(round(_REGISTERED / _LOOK)):
        if (found := await find_hook(token)) is not None:
            return found
        await asyncio.sleep(_LOOK)
    return None


async def find_hook(token: str, hook_id: str | None = None) -> Hook | None:
    """The hook that waits under *token* now; with *hook_id* only that very one."""
    try:
        found = await get_hook_by_token(token)
    except HookNotFoundError:
        return None
    return found if hook_id in (None, found.hook_id) else None


async def count_received(hook: Hook) -> int:
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


async def settle(hook: Hook) -> None:
    """Return once the run has come to rest, or at any rate soon.

    The local world drives a run once for every message, two at a time if they come close together, and then runs a step
    twice; a decision that comes at once would meet the end of the very step that asked.
    """
    await _at_rest(hook.run_id)


async def wake(run_id: str) -> None:
    """Let a run go on whose messages died with their process: the queue of the local world is in memory.

    Only for a run that nobody drives: a second driver at the same time would run its next step twice. A step that was
    begun and did not end is run again, as the queues of other worlds do.
    """
    here = world.get_world()
    if not isinstance(here, LocalWorld):
        return
    try:
        run = await here.runs_get(run_id)
    except RuntimeError:
        # its files are gone
        return
    if run.status not in ("pending", "running"):
        return
    await _at_rest(run_id)
    namespace = (run.execution_context or {}).get("queueNamespace")
    name = world.get_queue_name(run.workflow_name, namespace)
    await _write_ends(here, run_id)
    cut = await cut_short(run_id)
    for step_id, step_name in cut.items():
        # with the SDK's own key, so that a step which is on its way already is not sent twice
        step = world.WorkflowInvokePayload(run_id=run_id, step_id=step_id, step_name=step_name)  # type: ignore[call-arg]
        await here.queue(name, step, idempotency_key=step_id)  # pyright: ignore[reportUnknownMemberType]
    if not cut:
        message = world.WorkflowInvokePayload(run_id=run_id)  # type: ignore[call-arg]
        await here.queue(name, message)  # pyright: ignore[reportUnknownMemberType]


async def _write_ends(here: LocalWorld, run_id: str) -> None:
    """Write down what ended and was killed before it was written: the local world marks a step first, and then the run.

    Sent again, such a step would neither run nor let its run go on.
    """
    for step_id in await cut_short(run_id):
        step = await here.steps_get(run_id, step_id)
        if step.status != "completed":
            continue
        ended = world.StepCompletedEventData(result=step.output).into_event(step_id)
        event_id = here._new_id("evnt")  # pyright: ignore[reportPrivateUsage]
        props = {"runId": run_id, "eventId": event_id, "createdAt": local.js_now()}
        event = world.EventAdaptor.from_wire(ended.model_dump() | props)
        path = here._event_path(run_id, event_id)  # pyright: ignore[reportPrivateUsage]
        local.write_json(path, local.event_record(event))  # pyright: ignore[reportUnknownMemberType]


async def cut_short(run_id: str) -> dict[str, str]:
    """The steps that were sent and did not end, with their names: the run waits for them, and sends none again."""
    steps: dict[str, str] = {}
    for event in (await world.get_world().events_list(run_id)).data:
        if event.event_type == "step_created":
            steps[event.correlation_id] = event.event_data.step_name
        elif event.event_type in ("step_completed", "step_failed"):
            steps.pop(str(event.correlation_id), None)
    return steps


async def _at_rest(run_id: str) -> None:
    here = world.get_world()
    for _ in range(_TRIES if isinstance(here, LocalWorld) else 0):
        page = await here.events_list(run_id)
        newest = max(event.server_props.created_at for event in page.data if event.server_props)
        quiet = (datetime.now(UTC) - newest).total_seconds()
        if quiet >= _QUIET:
            return
        await asyncio.sleep(_QUIET - max(0.0, quiet))
