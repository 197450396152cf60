"""Deferred tool calls: one card each, and the decision as the result that Pydantic AI takes for it.

A call that runs somewhere else is left alone, unless it is a question or was named as one for people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic_ai
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.messages import ModelMessage, ToolCallPart

from sayso import asking, errors, model
from sayso.asking import gate, runs
from sayso.content import digest, edits, wording
from sayso.desk import asker
from sayso_pydantic_ai import schemas

Json = dict[str, Any]
_Decided = tuple[model.Decision | None, Any]
"""What somebody decided, if anybody was asked, and the result that the framework takes for it."""


def people(desk: asker.Asker, *, questions: Collection[str] = (), **common: Any) -> HandleDeferredToolCalls[Any]:
    """The capability that asks people about deferred calls while the run goes on waiting in its process.

    *questions* are external tools whose result is what a person answers, *common* other keys of a request (`policy`,
    `route` …). When the run is cancelled, its requests are withdrawn. The run raises `Denied` if somebody pressed
    "Deny and stop", and `InvalidRequest` if the requests cannot be asked.
    """

    _check(common)

    async def handler(
        context: pydantic_ai.RunContext[Any], requests: pydantic_ai.DeferredToolRequests
    ) -> pydantic_ai.DeferredToolResults | None:
        known = schemas.of_run(context.tool_manager.tools if context.tool_manager else None)
        run = _run(desk, context.agent, context.conversation_id, common)
        return await _Clerk(run, questions, known).results(requests)

    return HandleDeferredToolCalls(handler)


async def answers(
    desk: asker.Asker,
    agent: pydantic_ai.Agent[Any, Any],
    requests: pydantic_ai.DeferredToolRequests,
    messages: Sequence[ModelMessage],
    *,
    questions: Collection[str] = (),
    **common: Any,
) -> pydantic_ai.DeferredToolResults | None:
    """Ask people about the deferred calls of a run that has ended with them; None if none of them is for people.

    *messages* are all of that run's: from them any process finds the same requests again, and they stay open when the
    waiting is cancelled. What runs somewhere else is missing in the results: `requests.remaining(results)`.

    Raises:
        InvalidRequest: the requests cannot be asked.
        Denied: somebody pressed "Deny and stop".
    """
    _check(common)
    last = messages[-1] if messages else None
    if last is None or last.run_id is None:
        raise errors.InvalidRequest("these are not messages of a run", field="messages", hint="result.all_messages()")
    # the run is named, since some models number calls anew in each run
    run = _run(desk, agent, last.conversation_id, common, name=last.run_id)
    return await _Clerk(run, questions, schemas.of_agent(agent)).results(requests)


def is_for_people(requests: pydantic_ai.DeferredToolRequests, call: ToolCallPart, questions: Collection[str]) -> bool:
    """Whether the result of this external call is what a person answers."""
    return call.tool_name in questions or requests.kind(call.tool_call_id) == "question"


@dataclass(frozen=True, slots=True)
class _Clerk:
    """Asks about the calls with which one run waits."""

    run: runs.Run
    questions: Collection[str]
    tools: schemas.Tools

    async def results(self, requests: pydantic_ai.DeferredToolRequests) -> pydantic_ai.DeferredToolResults | None:
        asked = [call for call in requests.calls if is_for_people(requests, call, self.questions)]
        waiting = [*requests.approvals, *asked]
        if not waiting:
            return None
        together = runs.turn("pydantic-ai", self.run.name, *(call.tool_call_id for call in requests.approvals))
        making = [self._approval(call, requests.metadata, together) for call in requests.approvals]
        final = await runs.hand_over([*making, *map(self._question, asked)])
        found = {call.tool_call_id: one for call, one in zip(waiting, final, strict=True)}
        approvals = {call.tool_call_id: found[call.tool_call_id][1] for call in requests.approvals}
        calls = {call.tool_call_id: found[call.tool_call_id][1] for call in asked}
        by = {
            id: wording.in_a_row([who.person for who in decision.by]) for id, (decision, _) in found.items() if decision
        }
        named = {id: names for id, names in by.items() if names}
        return requests.build_results(approvals=approvals, calls=calls, answered_by=named)

    async def _approval(
        self, part: ToolCallPart, metadata: Mapping[str, Json], together: model.Batch | None
    ) -> runs.Later[_Decided]:
        facts = _facts(metadata.get(part.tool_call_id, {}))
        context = {**facts, **self.run.common.get("context", {})}

        def check(decision: model.Decision) -> str | None:
            return self.tools.unfit(part.tool_name, decision.input)

        try:
            args = _args(part)
            edit = edits.of_call(self.tools.schemas.get(part.tool_name), args)
            keys = self.run.keys(self._id(part, args), context=context, **edit)
            keys.setdefault("batch", together)
            call = self.run.call(asking.Permission(tool=part.tool_name, input=args, **keys), check=check)
        except errors.InvalidRequest as error:
            return runs.at_once((None, pydantic_ai.ToolDenied(self.run.refusal(error))))
        decision = runs.going_on(await call.ask())

        async def later() -> _Decided:
            usable = runs.going_on(await call.use(decision))
            return usable, _result_of_approval(part.tool_name, args, usable)

        return later

    async def _question(self, part: ToolCallPart) -> runs.Later[_Decided]:
        try:
            args = _args(part)
            call = self.run.call(_question(part.tool_name, args, self.run.keys(self._id(part, args))))
        except errors.InvalidRequest as error:
            return runs.at_once((None, pydantic_ai.ToolFailed(self.run.refusal(error))))
        decision = runs.going_on(await call.ask())
        return runs.at_once((decision, _result_of_question(args, decision)))

    def _id(self, part: ToolCallPart, args: Json) -> str | None:
        try:
            content = digest.digest(args)
        except errors.InvalidRequest:
            content = ""
        return self.run.id(part.tool_name, part.tool_call_id, content)


def _args(part: ToolCallPart) -> Json:
    """What the call will run with. Raises `InvalidRequest` if that is nothing that can be shown."""
    try:
        return part.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError) as error:
        hint = "send all arguments as one JSON object"
        raise errors.InvalidRequest("the arguments are not a JSON object", field="input", hint=hint) from error


def _result_of_approval(tool: str, args: Json, decision: model.Decision) -> Any:
    if not decision.allowed:
        said = decision.text if decision.outcome == "answered" else decision.model_text
        return pydantic_ai.ToolDenied(said or "")
    input = gate.approved_input(tool, decision)
    return pydantic_ai.ToolApproved() if digest.same(input, args) else pydantic_ai.ToolApproved(override_args=input)


def _result_of_question(args: Json, decision: model.Decision) -> Any:
    if decision.outcome != "answered":
        return pydantic_ai.ToolFailed(decision.model_text)
    if decision.choices is None:
        return decision.text
    return list(decision.choices) if args.get("multiple") else decision.choice


def _check(common: Mapping[str, Any]) -> None:
    """Refuse what a deferred call could not honour."""
    runs.refuse(common, "a deferred call", "title", "grants", "offers", "editable")


def _run(
    desk: asker.Asker, agent: Any, conversation: str | None, common: Mapping[str, Any], name: str | None = None
) -> runs.Run:
    agent_name = getattr(agent, "name", None) or "Pydantic AI"
    return runs.Run(desk=desk, prefix="pydantic-ai", name=name, agent=agent_name, session=conversation, common=common)


def _question(tool: str, args: Json, common: Json) -> model.Request:
    """What the call asks: its `question`, with its `options` if it has any, and all else as it is."""
    options, multiple = args.get("options"), args.get("multiple", False)
    choice = isinstance(multiple, bool) and _is_labels(options)
    known = ("options", "multiple") if choice else ()
    title, body = runs.titled({name: value for name, value in args.items() if name not in known}, f"{tool} asks")
    # a question is answered anyway
    common = {**common, "verdicts": [one for one in common.get("verdicts", ()) if one != "respond"]}
    if body:
        common = {"body": body, **common}
    if choice:
        return asking.Choice(title, options or [], multiple=multiple, **common)
    return asking.Question(title, **common)


def _facts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What the program itself says about a call, as far as a card shows it: short facts, nine at most."""
    plain = {name: str(value) for name, value in metadata.items() if isinstance(value, str | int | float)}
    return {model.name_of(name): model.fact_of(value) for name, value in list(plain.items())[: model.MAX_FACTS - 1]}


def _is_labels(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
