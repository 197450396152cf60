"""Runs an agent to its end; what it waits with can be kept in a file, where the next process finds it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import agents

from sayso import errors, files, opening
from sayso_openai import approvals

Json = dict[str, Any]


async def run(
    desk: opening.Asker,
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
    path = Path(saved) if saved else None
    name, found = _load(path, input) if path else (None, None)
    state = await _restored(agent, found, given) if found else None
    if state is None:
        result = await agents.Runner.run(agent, input, **given)
    else:
        result = await _resumed(desk, agent, state, name, given, common)
    while result.interruptions:
        state = result.to_state()
        if path:
            _save(path, name, input, state, given.get("context"))
        result = await _resumed(desk, agent, state, name, given, common)
    if path:
        path.unlink(missing_ok=True)
    return result


async def _resumed(
    desk: opening.Asker,
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


async def _restored(agent: agents.Agent[Any], found: Json, options: Json) -> approvals.State:
    context = options.get("context")
    override = agents.RunContextWrapper(context) if _is_object(context) else None
    return await agents.RunState.from_json(agent, found, context_override=override)


def _load(path: Path, input: str | list[Any]) -> tuple[str, Json | None]:
    """The name of the run, and what was saved of it."""
    if not path.exists():
        return secrets.token_hex(16), None
    try:
        whole: Json = json.loads(path.read_text())
        name, state, same = whole["run"], whole["state"], whole["input"] == _digest(input)
    except (ValueError, TypeError, KeyError) as error:
        raise errors.InvalidRequest(f"{path} is no saved run", field="saved", hint="name another file") from error
    if not same:
        hint = "finish that run with its own input, or remove the file"
        raise errors.InvalidRequest(f"{path} holds the run of another input", field="saved", hint=hint)
    return name, state


def _save(path: Path, name: str | None, input: str | list[Any], state: approvals.State, context: Any) -> None:
    # an object of the program's own is given again by the next process, and may hold what no file should
    kept = state.to_json(context_serializer=_nothing if _is_object(context) else None)
    whole = {"run": name, "input": _digest(input), "state": kept}
    files.replace(path, json.dumps(whole).encode())


def _is_object(context: object) -> bool:
    """Whether this context is more than the SDK itself can write down and read again."""
    return context is not None and not isinstance(context, Mapping)


def _nothing(_context: object) -> Json:
    return {}


def _digest(input: str | list[Any]) -> str:
    return hashlib.sha256(json.dumps(input, default=str).encode()).hexdigest()
