"""Claude Agent SDK: whatever its agents would ask their user is asked at the desk, and people's decisions go back.

The callback never raises: an error there would reach the model as the CLI's own words. Everything that fails is a
denial that says why.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Unpack, cast

from sayso import asking, errors, model
from sayso.content import digest
from sayso.desk import asker
from sayso_claude import calls, forms, hooks, pauses, uses

try:
    from claude_agent_sdk import types
except ImportError as error:
    raise ImportError("the Claude Agent SDK is not installed: in a clone of sayso, pip install '.[claude]'") from error

log = logging.getLogger(__name__)

# Calls that were seen and not asked about. One that comes back after this many others has less on its card.
_MOST = 1000
# Seconds that a hook may wait. The CLI keeps milliseconds in 31 bits, so no limit may be longer than 24 days.
LONGEST = 20 * 86_400.0

Own = Callable[[str, model.JsonObject], Sequence[types.PermissionUpdate]]
"""The developer's own suggestions for a tool and its input."""


def ask_people(desk: asker.Asker, *, also: Own | None = None, **common: Unpack[asking.Common]) -> types.CanUseTool:
    """A `can_use_tool` that asks people; *common* are keys of every request (`policy`, `route`, `expires_in` …).

    *also* gives further updates of Claude Code's rules, each offered with a button of its own beside those that it
    suggests. What asks by itself stays unasked: `allowed_tools`, modes and rules of the settings come first.
    """
    return People(desk, also, common)


def options(
    desk: asker.Asker,
    given: types.ClaudeAgentOptions | None = None,
    *,
    also: Own | None = None,
    **common: Unpack[asking.Common],
) -> types.ClaudeAgentOptions:
    """*given*, with people to ask: as `ask_people`, and every card says which session, folder and subagent asks.

    People are asked about shell commands in skills, too.

    Raises:
        InvalidSettings: it has a `can_use_tool` already.
    """
    chosen = given or types.ClaudeAgentOptions()
    if chosen.can_use_tool is not None:
        hint = "give options without one"
        raise errors.InvalidSettings("there is a can_use_tool already", field="can_use_tool", hint=hint)
    people = People(desk, also, common)
    seen = with_hook(dataclasses.replace(chosen, can_use_tool=people), types.HookMatcher(hooks=[people.saw]))
    return with_skills(seen, people)


def with_hook(
    given: types.ClaudeAgentOptions, matcher: types.HookMatcher, event: types.HookEvent = "PreToolUse"
) -> types.ClaudeAgentOptions:
    """*given*, with one more hook, before tools; what fails in it blocks them."""
    before = {**(given.hooks or {})}
    before[event] = [*before.get(event, []), dataclasses.replace(matcher, on_failure="block")]
    return dataclasses.replace(given, hooks=before)


def with_skills(given: types.ClaudeAgentOptions, people: People) -> types.ClaudeAgentOptions:
    """*given*, with people asked about shell commands in skills, too, which are not tool calls."""
    # the SDK hands on events that its types do not name; an older Claude Code passes them over
    event = cast("types.HookEvent", forms.SKILL_SHELL)
    return with_hook(given, types.HookMatcher(hooks=[people.loads], timeout=LONGEST), event)


class People:
    """The people behind a desk, as a `can_use_tool`."""

    def __init__(self, desk: asker.Asker, also: Own | None, common: Mapping[str, Any]) -> None:
        pauses.check(common)
        self._desk = desk
        self._also = also
        self._common = common
        self._seen: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._used = calls.Remembered(pauses.EVENT)
        self._once = uses.Once()

    async def __call__(
        self, tool: str, input: dict[str, Any], context: types.ToolPermissionContext
    ) -> types.PermissionResult:
        """What the SDK calls. It is cancelled when Claude Code asks no more, which withdraws the request."""
        try:
            pause, settled = self._pause(tool, input, context)
            decision, shown = (settled, None) if settled else await self._decision(pause)
            if not decision.allowed and decision.outcome != "answered":
                return types.PermissionResultDeny(message=decision.model_text, interrupt=decision.stop)
            changed, added = pauses.approved_input(pause, decision), hooks.update(shown, decision) if shown else None
            if not settled:
                decision = await uses.use(self._desk, decision, self._once.attempt(decision.id))
                pauses.approved_input(pause, decision)
        except Exception as error:
            told = {"tool": tool, "reason": str(error)}
            log.warning("call denied", extra=told, exc_info=not pauses.is_expected(error))
            return types.PermissionResultDeny(message=pauses.failure(error))
        updates = [types.PermissionUpdate.from_dict(added)] if added else None
        return types.PermissionResultAllow(updated_input=changed, updated_permissions=updates)

    async def saw(self, input: types.HookInput, tool_use_id: str | None, _: types.HookContext) -> types.HookJSONOutput:
        """A hook before tools that decides nothing: it remembers whose call this is."""
        said = cast("Mapping[str, Any]", input)
        known = {"session": "session_id", "folder": "cwd", "mode": "permission_mode", "agent_type": "agent_type"}
        self.remember(tool_use_id, **{name: said.get(key) for name, key in known.items()})
        return {}

    async def loads(self, input: types.HookInput, _: str | None, __: types.HookContext) -> types.HookJSONOutput:
        """A skill is loaded that runs a shell command: people decide on it."""
        try:
            output = await self._decide_on_skill(hooks.Call.model_validate(input))
        except Exception as error:
            log.warning("skill denied", extra={"reason": str(error)}, exc_info=not pauses.is_expected(error))
            output = forms.deny(forms.SKILL_SHELL, pauses.failure(error))
        return cast("types.HookJSONOutput", output)

    async def _decide_on_skill(self, call: hooks.Call) -> dict[str, object]:
        pause = pauses.Pause(
            tool=call.tool_name,
            input=call.tool_input,
            session=call.session_id,
            folder=call.cwd,
            mode=call.permission_mode,
            agent_id=call.agent_id,
            title=hooks.skill_title(call),
            editable=False,
            facts=hooks.skill_facts(call),
        )
        request = pauses.request(pause, self._common, event=forms.SKILL_SHELL)
        decision = await uses.use(self._desk, await asker.held(self._desk, request), None)
        if not decision.allowed:
            return forms.deny(forms.SKILL_SHELL, decision.model_text, stop=decision.stop)
        pauses.approved_input(pause, decision)
        return forms.allow(forms.SKILL_SHELL, decision.model_text)

    def remember(self, tool_use_id: str | None, **known: Any) -> None:
        """Keep what is known of a call until it is asked about; names are those of `pauses.Pause`."""
        if tool_use_id is None:
            return
        self._seen[tool_use_id] = {**self._seen.pop(tool_use_id, {}), **known}
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    def settle(self, pause: pauses.Pause, decision: model.Decision) -> None:
        """People decided on this very call already, at a hook before it."""
        self.remember(pause.tool_use_id, settled=(digest.of_call(pause.tool, pause.input), decision))

    def _pause(
        self, tool: str, input: dict[str, Any], context: types.ToolPermissionContext
    ) -> tuple[pauses.Pause, model.Decision | None]:
        own = self._also(tool, input) if self._also else ()
        seen = self._seen.pop(context.tool_use_id or "", {})
        call, settled = seen.pop("settled", (None, None))
        made = pauses.Pause(
            tool=tool,
            input=input,
            tool_use_id=context.tool_use_id,
            agent_id=context.agent_id,
            title=context.title,
            description=context.description,
            reason=context.decision_reason,
            path=context.blocked_path,
            suggestions=tuple(_sendable([*context.suggestions, *own])),
            **seen,
        )
        return made, settled if call == digest.of_call(tool, input) else None

    async def _decision(self, pause: pauses.Pause) -> tuple[model.Decision, model.Request]:
        """The decision, and what people saw."""
        ticket, decision = await asker.while_waited(self._desk, self._open(pause))
        return decision, ticket.request

    async def _open(self, pause: pauses.Pause) -> model.Ticket:
        if pause.shared_call is None:
            return await self._desk.open(pauses.request(pause, self._common))
        # a hook of the settings may ask about the same call at the same moment; then there is one card for both
        return await calls.open_shared(
            self._desk,
            self._used,
            pause.shared_call,
            lambda id: pauses.request(pause, self._common, id=id),
            pause.tool_use_id or "",
            datetime.now(UTC),
        )


def _sendable(updates: Sequence[types.PermissionUpdate]) -> list[model.JsonObject]:
    made: list[model.JsonObject] = []
    for update in updates:
        # one that cannot be sent would make the SDK send none
        with contextlib.suppress(ValueError):
            made.append(update.to_dict())
    return made
