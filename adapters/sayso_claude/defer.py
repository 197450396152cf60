"""The durable way to wait: the call is deferred, the run ends, and the session goes on once people have decided.

The ticket's id follows from the session and the call, so the program that resumes the session finds the decision in
any process, and nobody is asked twice. A call that was let go once is never let go again: a process that was killed in
the middle of it cannot know whether it ran.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack, cast

from sayso import asking, errors, model
from sayso.cards import tokens
from sayso.content import digest
from sayso_claude import forms, hooks, pauses, questions, sdk, settings, uses

# below ours, which says what to install if it is missing
import claude_agent_sdk  # isort: skip
from claude_agent_sdk import types  # isort: skip
from sayso.desk import asker

log = logging.getLogger(__name__)

_EVENT = "PreToolUse"
# These change nothing, so an answer that got lost on its way is given again.
_HARMLESS = frozenset({questions.TOOL, hooks.PLAN})
_ONE = "Only one call at a time can wait for people here. Ask again for this one when the other is done."
_AGAIN = "The agent was stopped before the result was known. Look whether it took effect."


def options(
    desk: asker.Asker, given: types.ClaudeAgentOptions | None = None, *, tools: str, **common: Unpack[asking.Common]
) -> types.ClaudeAgentOptions:
    """*given*, with a hook that defers each call of the *tools*; `run` then waits and goes on.

    *tools* is a pattern over their names, as in Claude Code's settings (`"Bash|Write"`). They are asked about in every
    mode, even if they are allowed beforehand. *common* are keys of every request. A subagent cannot be deferred:
    its call waits, and dies with the process.
    """
    chosen = given or types.ClaudeAgentOptions()
    people = chosen.can_use_tool if isinstance(chosen.can_use_tool, sdk.People) else None
    gate = _Gate(desk, people, common)
    gated = sdk.with_hook(chosen, types.HookMatcher(matcher=tools, hooks=[gate], timeout=sdk.LONGEST))
    if people is not None or not settings.matches(tools, settings.SHELLS):
        return gated
    return sdk.with_skills(gated, sdk.People(desk, None, common))


async def run(
    desk: asker.Asker, prompt: str, options: types.ClaudeAgentOptions, *, session: str
) -> AsyncIterator[types.Message]:
    """All messages of a session, through as many deferred calls as there are; *options* are those of `options`.

    *session* is a UUID that the program chose and kept: a program that was killed calls this again with the same one.
    A call that waits is then finished first, in place of the prompt; otherwise the session gets the prompt (again).

    Raises:
        InvalidSettings: the session is not named by a UUID.
    """
    known, waiting = _state(session, options)
    resumed = dataclasses.replace(options, resume=session, session_id=None)
    begun = resumed if known else dataclasses.replace(options, resume=None, session_id=session)
    messages = _bare(desk, resumed, waiting) if waiting else claude_agent_sdk.query(prompt=prompt, options=begun)
    while True:
        waiting = None
        # a caller who stops listening ends the CLI, too
        async with contextlib.aclosing(cast("AsyncGenerator[types.Message]", messages)):
            async for message in messages:
                if isinstance(message, types.ResultMessage) and message.deferred_tool_use:
                    waiting = message.deferred_tool_use.id
                yield message
        if waiting is None:
            return
        messages = _bare(desk, resumed, waiting)


def ticket_id(session: str, tool_use_id: str) -> str:
    """The request's id for a deferred call."""
    return tokens.id_from("claude-defer", session, tool_use_id)


class _Gate:
    """The hook before tools."""

    def __init__(self, desk: asker.Asker, people: sdk.People | None, common: Mapping[str, Any]) -> None:
        pauses.check(common)
        self._desk = desk
        self._people = people
        self._common = common
        # Claude Code keeps one deferred call of a turn and loses the others; a resumed session has no prompt id yet
        self._deferred: dict[tuple[str, str | None], str] = {}

    async def __call__(self, input: types.HookInput, _: str | None, __: types.HookContext) -> types.HookJSONOutput:
        said = cast("dict[str, Any]", input)
        turn = (said["session_id"], said.get("prompt_id"))
        try:
            output = await self._decide(said, turn)
        except Exception as error:
            told = {"tool": said.get("tool_name"), "reason": str(error)}
            log.warning("call denied", extra=told, exc_info=not pauses.is_expected(error))
            self._forget(turn, said)
            output = forms.deny(_EVENT, pauses.failure(error))
        return cast(types.HookJSONOutput, output)

    async def _decide(self, said: dict[str, Any], turn: tuple[str, str | None]) -> dict[str, object]:
        pause = _pause(said)
        if pause.agent_id:
            # a subagent whose call is deferred is ended without a word, and nothing comes of it
            request = pauses.request(pause, self._common, event=_EVENT)
            return await self._output(pause, await asker.held(self._desk, request))
        call = said["tool_use_id"]
        if self._deferred.setdefault(turn, call) != call:
            return forms.deny(_EVENT, _ONE)
        ticket = await self._ticket(pause, ticket_id(said["session_id"], call))
        if ticket.decision is None:
            waits = {"permissionDecision": "defer", "permissionDecisionReason": "people are asked"}
            return {"hookSpecificOutput": {"hookEventName": _EVENT, **waits}}
        self._forget(turn, said)
        return await self._output(pause, ticket.decision)

    async def _ticket(self, pause: pauses.Pause, id: str) -> model.Ticket:
        request = pauses.request(pause, self._common, id=id, event=_EVENT)
        with contextlib.suppress(errors.NotFound):
            found = await self._desk.get(id)
            # of this very call, though the program may ask with another policy by now
            if found.request.metadata.get("claude") == request.metadata["claude"]:
                return found
        return await self._desk.open(request)

    async def _output(self, pause: pauses.Pause, decision: model.Decision) -> dict[str, object]:
        decision = await uses.use(self._desk, decision, uses.TOGETHER if pause.tool in _HARMLESS else None)
        if not decision.allowed and decision.outcome != "answered":
            why = f"{decision.model_text} {_AGAIN}" if decision.used_at else decision.model_text
            return forms.deny(_EVENT, why, stop=decision.stop)
        allowed = pauses.approved_input(pause, decision)
        if self._people is not None:
            # some tools are asked about by the callback, too, whatever a hook said
            self._people.settle(pause, decision)
        edited = digest.canonical(allowed) != digest.canonical(pause.input)
        told = decision.model_text if edited or decision.reason else None
        return forms.allow(_EVENT, decision.model_text, input=allowed, context=told)

    def _forget(self, turn: tuple[str, str | None], said: dict[str, Any]) -> None:
        if self._deferred.get(turn) == said.get("tool_use_id"):
            del self._deferred[turn]


async def _bare(desk: asker.Asker, options: types.ClaudeAgentOptions, waiting: str) -> AsyncIterator[types.Message]:
    stop = False
    # a request that is not there any more is asked again by the hook
    with contextlib.suppress(errors.NotFound):
        stop = (await desk.wait(ticket_id(str(options.resume), waiting))).stop
    # no prompt: with one, a call that is deferred again would be lost; and stdin stays open for the hook's answer
    async with claude_agent_sdk.ClaudeSDKClient(options) as client:
        async for message in client.receive_response():
            if stop and isinstance(message, types.UserMessage):
                # the denial is on record; a resumed run goes on although the hook says that it must not
                await client.interrupt()
            yield message


def _pause(said: dict[str, Any]) -> pauses.Pause:
    return pauses.Pause(
        tool=said["tool_name"],
        input=said["tool_input"],
        tool_use_id=said["tool_use_id"],
        session=said["session_id"],
        folder=said.get("cwd"),
        agent_id=said.get("agent_id"),
        agent_type=said.get("agent_type"),
    )


def _state(session: str, options: types.ClaudeAgentOptions) -> tuple[bool, str | None]:
    """Whether Claude Code knows the session, and which of its calls is deferred."""
    try:
        uuid.UUID(session)
    except ValueError as error:
        raise errors.InvalidSettings("a session is named by a UUID", field="session", hint="uuid.uuid4()") from error
    known = {**os.environ, **options.env}
    home = Path(known.get("CLAUDE_CONFIG_DIR") or Path(known.get("HOME", Path.home())) / ".claude")
    for transcript in home.glob(f"projects/*/{session}.jsonl"):
        return True, _waiting(transcript.read_text(encoding="utf-8", errors="replace").splitlines())
    return False, None


def _waiting(lines: Iterable[str]) -> str | None:
    waiting: str | None = None
    for line in lines:
        try:
            entry: dict[str, Any] = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the last line of a process that was killed
        if entry.get("type") == "attachment" and entry["attachment"].get("type") == "hook_deferred_tool":
            waiting = entry["attachment"]["toolUseID"]
        elif entry.get("type") == "user":
            waiting = None
    return waiting
