"""Tools that people allowed and that were cut off: LangGraph runs them again, so people are asked first.

The rule: what the middleware let through runs on one allow once. What comes after a no is told to the model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot

from sayso import asking, errors, model
from sayso.asking import runs
from sayso.cards import phrases
from sayso.content import digest
from sayso.desk import asker
from sayso_langgraph import actions

# LangGraph leaves its type parameters open in places, and ships no stubs.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

# The review is in the step of the tools, or in the one before.
_STEPS = 3
_AFTER_A_NO = "This was not run, because another call of the same turn was not allowed. Call it again."


async def ask_again(run: runs.Run, graph: Any, config: RunnableConfig) -> None:
    """Ask about the reviewed calls that the next step would run again. After a no the model reads it instead.

    Raises:
        Denied: somebody pressed "Deny and stop".
    """
    if not isinstance(graph, Pregel):
        return
    past = [one async for one in graph.aget_state_history(config, limit=_STEPS)]
    snapshot = await graph.aget_state(config)
    tools = {name for name, node in graph.nodes.items() if hasattr(node.bound, "tools_by_name")}
    if not snapshot.next or not set(snapshot.next) <= tools:
        return
    left = _unfinished_calls(snapshot)
    found = [
        (part, await _find_used_allow(run.desk, id)) async for part, id in _find_reviewed(past, str(run.name), left)
    ]
    again = [(part, before) for part, before in found if before is not None]
    decided = await asker.together([_ask(run, part, before) for part, before in again])
    said = {part["id"]: one.model_text for (part, _), one in zip(again, decided, strict=True) if not one.allowed}
    if said:
        # what is done beside it stays done
        told = [*_results(snapshot)]
        for one in left:
            told.append(ToolMessage(said.get(one["id"], _AFTER_A_NO), tool_call_id=one["id"], status="error"))
        await graph.aupdate_state(config, {"messages": told}, as_node=snapshot.next[0])


async def _ask(run: runs.Run, part: ToolCall, before: model.Decision) -> model.Decision:
    context = {**run.common.get("context", {}), "Asked before": phrases.asked_before(before)}
    keys = run.keys(f"{before.id}-again", context=context, editable=False)
    # what is about to run is what was allowed then, edited or not
    call = run.call(asking.Permission(tool=part["name"], input=before.input, **keys))
    return runs.going_on(await call.use(await call.ask()))


async def _find_reviewed(
    past: Sequence[StateSnapshot], thread: str, left: Sequence[ToolCall]
) -> AsyncIterator[tuple[ToolCall, str]]:
    """The calls among *left* that the middleware had people review, each with the id of its request."""
    known: list[tuple[actions.Action, str]] = []
    for interrupt in (one for snapshot in past for one in snapshot.interrupts):
        stopped = actions.of_interrupt(interrupt.value, getattr(interrupt, "response_schema", None)) or []
        id = actions.id_of(thread, interrupt)
        known += [(action, f"{id}-{n}") for n, action in enumerate(stopped)]
    for part in left:
        of_it = [one for one in known if one[0].tool == part["name"] and digest.same(one[0].args, part["args"])]
        if of_it:
            known.remove(of_it[0])
            yield part, of_it[0][1]


async def _find_used_allow(desk: asker.Asker, id: str) -> model.Decision | None:
    """The allow that was used for this call, under whichever of its tries."""
    attempt, found = 1, None
    while True:
        try:
            ticket = await desk.get(id if attempt == 1 else f"{id}-{attempt}")
        except errors.NotFound:
            return found
        found = ticket.decision if ticket.used_at else found
        attempt += 1


def stale(snapshot: StateSnapshot) -> set[str]:
    """The reviews of tools that failed after they were allowed. LangGraph shows them as waiting, and would go by the
    first answer whatever the next one says."""
    failed = [one for task in snapshot.tasks if task.error is not None for one in task.interrupts]
    return {one.id for one in failed if isinstance(one.value, dict) and one.value.get("type") == "tool_approval"}


def has_equal_ids(snapshot: StateSnapshot) -> bool:
    """Whether two tool calls of the last turn have the same id."""
    messages: list[Any] = [*snapshot.values.get("messages", ())] if isinstance(snapshot.values, dict) else []
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    ids = [one["id"] for one in last.tool_calls] if last else []
    return len(set(ids)) < len(ids)


def _unfinished_calls(snapshot: StateSnapshot) -> list[ToolCall]:
    """The tool calls of the last turn that have no result yet, in the state or in what is about to become it."""
    messages: list[Any] = [*snapshot.values.get("messages", ())] if isinstance(snapshot.values, dict) else []
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    done = {one.tool_call_id for one in (*messages, *_results(snapshot)) if isinstance(one, ToolMessage)}
    return [one for one in last.tool_calls if one["id"] not in done] if last else []


def _results(snapshot: StateSnapshot) -> list[Any]:
    """The messages of the tools of this step that have ended."""
    return [message for task in snapshot.tasks for message in (task.result or {}).get("messages", ())]
