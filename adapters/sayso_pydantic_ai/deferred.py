"""Deferred tool calls: one card each, and the decision as the result that Pydantic AI takes for it.

A call that runs somewhere else is left alone, unless it is a question or was named as one for people.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic
import pydantic_ai
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.messages import ModelMessage, ToolCallPart

from sayso import asking, errors, gate, handles, model, opening

Json = dict[str, Any]
_Decided = tuple[model.Decision, Any]
Check = Callable[[str, Json], None]
"""Raises Pydantic's ValidationError where a tool would not take this input."""


def people(desk: opening.Asker, *, questions: Collection[str] = (), **common: Any) -> HandleDeferredToolCalls[Any]:
    """The capability that asks people about deferred calls while the run goes on waiting in its process.

    *questions* are external tools whose result is what a person answers, *common* other keys of a request (`policy`,
    `route` …). Where the run is cancelled, its requests are withdrawn. The run raises `Denied` where somebody pressed
    "Deny and stop", and `InvalidRequest` where the requests cannot be asked.
    """

    async def handler(
        context: pydantic_ai.RunContext[Any], requests: pydantic_ai.DeferredToolRequests
    ) -> pydantic_ai.DeferredToolResults | None:
        tools = (context.tool_manager.tools if context.tool_manager else None) or {}

        def check(tool: str, input: Json) -> None:
            if tool in tools:
                tools[tool].args_validator.validate_python(input)

        source = _source(context.agent, context.conversation_id)
        clerk = _Clerk(desk, questions, {"source": source, **common}, check)
        return await clerk.results(requests)

    return HandleDeferredToolCalls(handler)


async def answers(
    desk: opening.Asker,
    agent: pydantic_ai.Agent[Any, Any],
    requests: pydantic_ai.DeferredToolRequests,
    messages: Sequence[ModelMessage],
    *,
    questions: Collection[str] = (),
    **common: Any,
) -> pydantic_ai.DeferredToolResults | None:
    """Ask people about the deferred calls of a run that has ended with them; None where none of them is for people.

    *messages* are all of that run's: from them any process finds the same requests again, and they stay open where the
    waiting is cancelled. What runs somewhere else is missing in the results: `requests.remaining(results)`.

    Raises:
        InvalidRequest: the requests cannot be asked.
        Denied: somebody pressed "Deny and stop".
    """
    last = messages[-1] if messages else None
    if last is None or last.run_id is None:
        raise errors.InvalidRequest("these are no messages of a run", field="messages", hint="result.all_messages()")
    keys = {"source": _source(agent, last.conversation_id), **common}
    return await _Clerk(desk, questions, keys, _checking(agent), last.run_id).results(requests)


def is_for_people(requests: pydantic_ai.DeferredToolRequests, call: ToolCallPart, questions: Collection[str]) -> bool:
    """Whether the result of this external call is what a person answers."""
    return call.tool_name in questions or requests.kind(call.tool_call_id) == "question"


@dataclass(frozen=True, slots=True)
class _Clerk:
    desk: opening.Asker
    questions: Collection[str]
    common: Mapping[str, Any]
    check: Check
    run: str | None = None
    """The run that ended with the calls, where it can be taken up again. Some models number calls anew in each run."""

    async def results(self, requests: pydantic_ai.DeferredToolRequests) -> pydantic_ai.DeferredToolResults | None:
        _check(self.common)
        asked = [call for call in requests.calls if is_for_people(requests, call, self.questions)]
        waiting = [*requests.approvals, *asked]
        if not waiting:
            return None
        making = [self._approval(call, requests.metadata) for call in requests.approvals]
        found = await handles.together([*making, *map(self._question, asked)])
        decided = {call.tool_call_id: one for call, one in zip(waiting, found, strict=True)}
        approvals = {call.tool_call_id: decided[call.tool_call_id][1] for call in requests.approvals}
        calls = {call.tool_call_id: decided[call.tool_call_id][1] for call in asked}
        by = {id: " and ".join(who.person for who in decision.by) for id, (decision, _) in decided.items()}
        named = {id: names for id, names in by.items() if names}
        return requests.build_results(approvals=approvals, calls=calls, answered_by=named)

    async def _approval(self, call: ToolCallPart, metadata: Mapping[str, Json]) -> _Decided:
        facts = _facts(metadata.get(call.tool_call_id, {}))
        keys: Json = {**self.common, "context": {**facts, **self.common.get("context", {})}}
        for attempt in itertools.count(1):
            id = self._id(call, attempt)
            request = asking.Permission(tool=call.tool_name, input=call.args_as_dict(), **keys, **id)
            decision = await self._ask(request)
            if not decision.allowed:
                said = decision.text if decision.outcome == "answered" else decision.model_text
                return decision, pydantic_ai.ToolDenied(said or "")
            input = gate.approved_input(call.tool_name, decision)
            if input == call.args_as_dict():
                return decision, pydantic_ai.ToolApproved()
            try:
                self.check(call.tool_name, input)
            except pydantic.ValidationError as error:
                # somebody typed what the tool cannot take: the model is not to blame, so people are asked again
                keys["context"] = {**keys["context"], "The last edit did not fit": _first(error)}
            else:
                return decision, pydantic_ai.ToolApproved(override_args=input)
        raise AssertionError  # count never ends

    async def _question(self, call: ToolCallPart) -> _Decided:
        decision = await self._ask(_question(call, {**self.common, **self._id(call, 1)}))
        if decision.outcome != "answered":
            return decision, pydantic_ai.ToolFailed(decision.model_text)
        if decision.choices is None:
            return decision, decision.text
        return decision, list(decision.choices) if call.args_as_dict().get("multiple") else decision.choice

    async def _ask(self, request: model.Request) -> model.Decision:
        decision = await (handles.held(self.desk, request) if self.run is None else self.desk.ask(request))
        if decision.stop:
            raise gate.Denied(decision)
        return decision

    def _id(self, call: ToolCallPart, attempt: int) -> Json:
        if self.run is None:
            return {}
        named = json.dumps([self.run, call.tool_name, call.tool_call_id, attempt])
        return {"id": "pydantic-ai-" + hashlib.sha256(named.encode()).hexdigest()[:32]}


def _check(common: Mapping[str, Any]) -> None:
    """Refuse what a deferred call could not honour."""
    for name in ("id", "supersedes", "grants", "offers", "editable"):
        if name in common:
            raise errors.InvalidRequest(f"a deferred call takes no {name}", field=name)


def _question(call: ToolCallPart, common: Json) -> model.Request:
    """What the call asks: its `question`, with its `options` if it has any, and all else as it is."""
    rest = dict(call.args_as_dict())
    question, options, multiple = rest.get("question"), rest.get("options"), rest.get("multiple", False)
    if isinstance(question, str) and 0 < len(question) <= 500:
        del rest["question"]
        title = question
    else:
        title = f"{call.tool_name} asks"
    choice = isinstance(multiple, bool) and _is_labels(options)
    for name in ("options", "multiple") if choice else ():
        rest.pop(name, None)
    # a question is answered anyway
    common = {**common, "verdicts": [one for one in common.get("verdicts", ()) if one != "respond"]}
    if rest:
        common = {"body": f"~~~~json\n{json.dumps(rest, indent=2, ensure_ascii=False)}\n~~~~", **common}
    if choice:
        return asking.Choice(title, options or [], multiple=multiple, **common)
    return asking.Question(title, **common)


def _checking(agent: pydantic_ai.Agent[Any, Any]) -> Check:
    """The checks of the agent's own functions; of another toolset the tool itself refuses what it cannot take."""
    known: dict[str, Any] = {}

    def visit(toolset: Any) -> None:
        known.update(getattr(toolset, "tools", {}))

    for toolset in agent.toolsets:
        toolset.apply(visit)

    def check(tool: str, input: Json) -> None:
        if tool in known:
            known[tool].function_schema.validator.validate_python(input)

    return check


def _source(agent: Any, conversation: str | None) -> model.Source:
    name = getattr(agent, "name", None) or "Pydantic AI"
    return model.Source(agent=name[:200], session=conversation[:200] if conversation else None)


def _facts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What the program itself says about a call, as far as a card shows it: short facts, nine at most."""
    plain = {name: str(value) for name, value in metadata.items() if isinstance(value, str | int | float)}
    return {name[:200]: value[:2000] for name, value in list(plain.items())[:9]}


def _first(error: pydantic.ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'input'}: {found['msg']}"


def _is_labels(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
