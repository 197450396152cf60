"""Runs an agent to its end; what it waits with can be kept in a file for the next process."""

from __future__ import annotations

import functools
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import agents

from sayso.asking import saved_runs
from sayso.desk import asker
from sayso_openai import approvals

Json = dict[str, Any]


async def run(
    desk: asker.Asker,
    agent: agents.Agent[Any],
    input: str | list[Any],
    *,
    saved: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    **common: Any,
) -> agents.RunResult:
    """Run *agent* to its end; every tool call that needs approval ends in front of people.

    With *saved*, a file, the run is written there before anybody is asked, and taken up from there by the same call in
    another process; at its end the file is removed. It holds the conversation. One process at a time. *options* are
    keys of `Runner.run` (`context`, `max_turns`, `session` …), *common* other keys of a request (`policy`, `route` …).

    Raises:
        InvalidRequest: the requests cannot be asked, or the file holds the run of another input.
        Denied: somebody pressed "Deny and stop"; the file stays.
    """
    given = dict(options or {})
    file = saved_runs.SavedRun(saved, input, called="input")
    found = file.load(_read)
    name, state = None, None
    if saved:
        name = found[0] if found else secrets.token_hex(16)
    if found:
        state = await _restore(agent, found[1], given)
    if state is None:
        result = await agents.Runner.run(agent, input, **given)
    else:
        result = await _resume(desk, agent, state, name, given, common)
    while result.interruptions:
        state = result.to_state()
        file.save(functools.partial(_write, name, file.begun_with, state, given.get("context")))
        result = await _resume(desk, agent, state, name, given, common)
    file.remove()
    return result


async def _resume(
    desk: asker.Asker,
    agent: agents.Agent[Any],
    state: approvals.State,
    name: str | None,
    options: Json,
    common: Mapping[str, Any],
) -> agents.RunResult:
    await approvals.answers(desk, state, run=name, **common)
    # the state brings its own context
    left = {key: value for key, value in options.items() if key != "context"}
    return await agents.Runner.run(agent, state, **left)


async def _restore(agent: agents.Agent[Any], found: Json, options: Json) -> approvals.State:
    context = options.get("context")
    override = agents.RunContextWrapper(context) if _is_object(context) else None
    return await agents.RunState.from_json(agent, found, context_override=override)


def _read(document: bytes) -> tuple[str, tuple[str, Json]]:
    """What the run began with, as a digest; its name and its state."""
    whole: Json = json.loads(document)
    return whole["input"], (whole["run"], whole["state"])


def _write(name: str | None, begun_with: str, state: approvals.State, context: Any) -> bytes:
    # an object of the program's own is given again by the next process, and may hold what no file should
    document = state.to_json(context_serializer=_nothing if _is_object(context) else None)
    return json.dumps({"run": name, "input": begun_with, "state": document}).encode()


def _is_object(context: object) -> bool:
    """Whether this context is more than the SDK itself can write down and read again."""
    return context is not None and not isinstance(context, Mapping)


def _nothing(_context: object) -> Json:
    return {}
