"""Runs a graph until nobody has to be asked any more; what waits is read from the checkpoint, never remembered here."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.pregel import Pregel
from langgraph.pregel.protocol import PregelProtocol
from langgraph.types import Command, Interrupt, StateSnapshot

from sayso import errors, model
from sayso.asking import runs
from sayso.desk import asker
from sayso_langgraph import actions, cut, questions, tools

# LangGraph leaves its type parameters open in places, and ships no stubs.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

Graph = PregelProtocol[Any, Any, Any, Any]


async def run(
    desk: asker.Asker, graph: Graph, input: Any, config: RunnableConfig, *, context: Any = None, **common: Any
) -> Any:
    """Run *graph* to its end; every interrupt of it ends in front of people. Returns what `ainvoke` returns.

    With *input* None the thread goes on where it stands, in this process or after another one died: what it waits for
    is found in its checkpoint, and nobody is asked twice; only what was allowed and may have run already is asked about
    again. *common* are other keys of a request (`policy`, `route` …).

    Raises:
        InvalidRequest: the thread has no id, waits already and got a new input, or pauses with what nobody can answer.
        Denied: nobody gave an answer that this pause can take; the thread stays paused.
    """
    if input is None:
        _check(common)
        await cut.ask_again(_run(desk, graph, _thread(graph, config), common), graph, config)
    resume = await answers(desk, graph, config, **common) if input is None else None
    _thread(graph, config)
    if input is not None and _waiting(await graph.aget_state(config)):
        hint = "call with input None to go on, or update the state to drop the pause"
        raise errors.InvalidRequest("this thread waits for people already", field="input", hint=hint)
    while True:
        given = input if resume is None else resume
        output = await graph.ainvoke(given, config, context=context)
        resume = await answers(desk, graph, config, **common)
        if resume is None:
            return output


async def answers(desk: asker.Asker, graph: Graph, config: RunnableConfig, **common: Any) -> Command[Any] | None:
    """Ask people about all that *graph* waits for now, at once; the command to resume it with, or None.

    For a loop of your own, such as one that streams. Cancelled, it leaves the requests open: the next call finds them.
    Raises as `run`.
    """
    _check(common)
    thread = _thread(graph, config)
    snapshot = await graph.aget_state(config)
    waiting = _waiting(snapshot)
    if not waiting:
        return None
    run = replace(_run(desk, graph, thread, common), batch=_turn(thread, waiting))
    pauses = _Pauses(run, tools.of_graph(graph), isinstance(graph, Pregel), cut.has_equal_ids(snapshot))
    found = await runs.hand_over([_ask(pauses, one) for one in waiting])
    return Command(resume={interrupt.id: value for interrupt, value in zip(waiting, found, strict=True)})


@dataclass(frozen=True, slots=True)
class _Pauses:
    """How the pauses of one thread are asked."""

    run: runs.Run
    tools: Mapping[str, BaseTool]
    here: bool
    """Whether the graph runs in this process."""
    equal_ids: bool
    """Whether two calls of the turn have one id."""


def _turn(thread: str, waiting: Sequence[Interrupt[Any]]) -> model.Batch | None:
    """The tool calls that the graph waits with at once, whether in one interrupt or in several."""
    calls: list[str] = []
    for one in waiting:
        with contextlib.suppress(errors.InvalidRequest):
            stopped = actions.of_interrupt(one.value, getattr(one, "response_schema", None)) or ()
            calls += [f"{one.id} {number}" for number, _ in enumerate(stopped)]
    return runs.turn("langgraph", thread, *calls)


async def _ask(how: _Pauses, interrupt: Interrupt[Any]) -> runs.Later[Any]:
    schema = getattr(interrupt, "response_schema", None)
    id = actions.id_of(str(how.run.name), interrupt)
    stopped = actions.of_interrupt(interrupt.value, schema)
    if stopped is None:
        return await questions.ask(how.run, interrupt.value, schema, id, here=how.here)
    if how.equal_ids:
        # the middleware keeps edits by the ids of calls, so one would change the other call, too
        stopped = [replace(one, allowed=one.allowed - {"edit"}) for one in stopped]
    each = [actions.ask(how.run, one, f"{id}-{n}", how.tools.get(one.tool)) for n, one in enumerate(stopped)]
    decided = await asker.together(each)

    async def later() -> Any:
        found = await asker.together([one() for one in decided])
        return {"decisions": found} if "action_requests" in interrupt.value else found[0]

    return later


def _waiting(snapshot: StateSnapshot) -> Sequence[Interrupt[Any]]:
    stale = cut.stale(snapshot)
    return [one for one in snapshot.interrupts if one.id not in stale]


def _check(common: Mapping[str, Any]) -> None:
    """Refuse what a pause of a graph could not honour."""
    runs.refuse(common, "an interrupt", "title", "grants", "offers", "editable")
    if set(common.get("verdicts", ())) - {"stop"}:
        hint = "what else there is follows from allowed_decisions"
        raise errors.InvalidRequest("an interrupt takes no verdict but stop", field="verdicts", hint=hint)


def _run(desk: asker.Asker, graph: Graph, thread: str, common: Mapping[str, Any]) -> runs.Run:
    """A thread is a run that outlives its process; a pause that nobody answered is asked again."""
    agent = str(getattr(graph, "name", None) or "LangGraph")
    return runs.Run(
        desk=desk, prefix="langgraph", name=thread, agent=agent, session=thread, common=common, silence=True
    )


def _thread(graph: Graph, config: RunnableConfig | None) -> str:
    given = (config or {}).get("configurable", {})
    # a past checkpoint shows pauses that were decided long ago, and those decisions are not for a second run
    if given.get("checkpoint_id"):
        said = "people answer for the newest state of a thread, and checkpoint_id names an earlier one"
        raise errors.InvalidRequest(said, field="checkpoint_id", hint="leave it out of configurable")
    if isinstance(graph, Pregel) and not graph.checkpointer:
        hint = "compile(checkpointer=InMemorySaver()), or one that outlives the process"
        raise errors.InvalidRequest("a graph that waits for people has a checkpointer", field="checkpointer", hint=hint)
    thread = given.get("thread_id")
    if not thread:
        hint = 'config={"configurable": {"thread_id": "…"}}'
        raise errors.InvalidRequest("a thread that waits for people has an id", field="thread_id", hint=hint)
    return str(thread)
