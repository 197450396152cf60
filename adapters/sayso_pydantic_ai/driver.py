"""Runs an agent to its end; what it waits with can be kept in a file for the next process."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydantic
import pydantic_ai
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.run import AgentRunResult

from sayso import errors
from sayso.asking import saved_runs
from sayso.content import digest
from sayso.desk import asker
from sayso_pydantic_ai import deferred

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Pause:
    """Where a run stands that ended with deferred calls. `input` is a digest of what it began with."""

    input: str
    messages: Sequence[ModelMessage]
    requests: pydantic_ai.DeferredToolRequests


_PAUSE = pydantic.TypeAdapter(_Pause)


async def run(
    desk: asker.Asker,
    agent: pydantic_ai.Agent[Any, Any],
    prompt: Any,
    *,
    saved: str | Path | None = None,
    questions: Collection[str] = (),
    options: Mapping[str, Any] | None = None,
    **common: Any,
) -> AgentRunResult[Any]:
    """Run *agent* to its end; every deferred call ends in front of people.

    With *saved*, a file, the run is written there before anybody is asked, and taken up from there by the same call in
    another process; at its end the file is removed. It holds the conversation. One process at a time. *options* are
    keys of `Agent.run` (`deps`, `message_history` …), *common* other keys of a request. A run that defers calls which
    are not for people ends with all of its `DeferredToolRequests` as output; nobody was asked.

    Raises:
        InvalidRequest: the requests cannot be asked, or the file holds the run of another prompt.
        Denied: somebody pressed "Deny and stop"; the file stays.
    """
    given = _with_deferral(agent, options or {})
    file = saved_runs.SavedRun(saved, prompt, called="prompt", default=repr)
    pause = file.load(_read)
    result = None if pause else await agent.run(prompt, **given)
    while result is None or (pause := _pause(result, file.begun_with, questions)):
        assert pause is not None  # of this result, or from the file
        file.save(functools.partial(_write, pause))
        result = await _resume(desk, agent, pause, questions, given, common)
    file.remove()
    return result


async def _resume(
    desk: asker.Asker,
    agent: pydantic_ai.Agent[Any, Any],
    pause: _Pause,
    questions: Collection[str],
    options: Json,
    common: Mapping[str, Any],
) -> AgentRunResult[Any]:
    results = await deferred.answers(desk, agent, pause.requests, pause.messages, questions=questions, **common)
    left = {name: value for name, value in options.items() if name not in ("message_history", "conversation_id")}
    return await agent.run(message_history=pause.messages, deferred_tool_results=results, **left)


def _with_deferral(agent: pydantic_ai.Agent[Any, Any], options: Mapping[str, Any]) -> Json:
    """The options, with deferred calls as one more way in which a run may end."""
    wanted = options.get("output_type", agent.output_type)
    types = list(wanted) if isinstance(wanted, list | tuple) else [wanted]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if pydantic_ai.DeferredToolRequests not in types:
        types.append(pydantic_ai.DeferredToolRequests)  # pyright: ignore[reportUnknownMemberType]
    return {**options, "output_type": types}


def _pause(result: AgentRunResult[Any], begun_with: str, questions: Collection[str]) -> _Pause | None:
    """Where the run waits; None if it has ended, or waits for what people cannot give."""
    requests = result.output
    if not isinstance(requests, pydantic_ai.DeferredToolRequests):
        return None
    if not all(deferred.is_for_people(requests, call, questions) for call in requests.calls):
        return None
    return _Pause(begun_with, result.all_messages(), requests)


def _write(pause: _Pause) -> bytes:
    """The pause as JSON. Arguments that JSON has no room for (not a number) are kept as a text of them."""
    asked = pause.requests
    messages = [_with_texts(one) if isinstance(one, ModelResponse) else one for one in pause.messages]
    requests = replace(asked, calls=[*map(_as_text, asked.calls)], approvals=[*map(_as_text, asked.approvals)])
    return _PAUSE.dump_json(replace(pause, messages=messages, requests=requests))


def _with_texts(said: ModelResponse) -> ModelResponse:
    return replace(said, parts=[_as_text(part) if isinstance(part, ToolCallPart) else part for part in said.parts])


def _as_text(call: ToolCallPart) -> ToolCallPart:
    if not isinstance(call.args, dict):
        return call
    try:
        digest.canonical(call.args)
    except errors.InvalidRequest:
        return replace(call, args=json.dumps(call.args))
    return call


def _read(document: bytes) -> tuple[str, _Pause]:
    """What the run began with, as a digest; and where it stands."""
    pause = _PAUSE.validate_json(document)
    return pause.input, pause
