"""An agent whose gated tools take more than yes or no: an input that a person edited, or a person's own answer.

The rule: the tool's own signature has the last word on an edited input; what does not fit it runs nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, overload

import ai
import pydantic

from sayso_ai import hooks


class Agent(ai.Agent):
    """An `ai.Agent`, to be used in its place: on the cards of its gated tools people may also edit and answer.

    The SDK's `ToolApproval` has no room for that, so its gates wait for more, which everything that knows a
    `ToolApproval` can resolve as well.
    """

    @overload
    def resolve(self, tool_part: ai.messages.ToolCallPart) -> ai.ToolCall: ...
    @overload
    def resolve(self, tool_part: Sequence[ai.messages.ToolCallPart]) -> list[ai.ToolCall]: ...
    def resolve(
        self, tool_part: ai.messages.ToolCallPart | Sequence[ai.messages.ToolCallPart]
    ) -> ai.ToolCall | list[ai.ToolCall]:
        """As `ai.Agent.resolve`, with our gate in front of the tools that require approval."""
        if not isinstance(tool_part, ai.messages.ToolCallPart):
            return [self.resolve(part) for part in tool_part]
        found = super().resolve(tool_part)
        tool = next((tool for tool in self.tools if tool.name == tool_part.tool_name), None)
        return _Gate(found, tool_part, tool) if tool is not None and tool.require_approval else found


class _Gate:
    """A call of a tool that waits for people first."""

    def __init__(self, plain: ai.ToolCall, part: ai.messages.ToolCallPart, tool: ai.AgentTool) -> None:
        self._plain = plain
        self._call = ai.agents.BoundToolCall(part, tool)
        self._tool = tool

    @property
    def id(self) -> str:
        return self._call.id

    @property
    def name(self) -> str:
        return self._call.name

    @property
    def fn(self) -> Callable[..., Awaitable[Any]]:
        return self._call.fn

    @property
    def kwargs(self) -> dict[str, Any]:
        return self._call.kwargs

    async def __call__(self) -> ai.events.ToolCallResult:
        try:
            kwargs = self.kwargs
        except Exception:
            # arguments that fit nothing: the model is told, and nobody is asked
            return await self._plain()
        try:
            approval = await ai.hook(
                f"approve_{self.id}",
                payload=hooks.ToolApproval,
                metadata={"tool": self.name, "kwargs": kwargs, hooks.TAKES_EDITS: True, hooks.SCHEMA: self._schema()},
                tool_call_id=self.id,
            )
        except ai.HookDeferredException as deferred:
            return ai.deferred_tool_result(deferred.hook, tool_call_id=self.id, tool_name=self.name)
        return await self._settle(approval)

    async def _settle(self, approval: hooks.ToolApproval) -> ai.events.ToolCallResult:
        if approval.instead is not None:
            return self._result(approval.instead)
        if not approval.granted:
            return self._result(f"Rejected: {approval.reason}", is_error=True)
        if approval.kwargs is None:
            return await self._call()
        try:
            return await self._call(**self._fit(approval.kwargs))
        except Exception as error:
            # the tool's own errors are results already; an exception from here would hang the run
            return self._result(f"Not run: a person edited the input, and it does not fit: {error}", is_error=True)

    def _fit(self, edited: dict[str, Any]) -> dict[str, Any]:
        """All arguments, as the tool takes them; what the edit left out has its default again."""
        known = self.kwargs
        if unknown := set(edited) - set(known):
            raise ValueError(f"{self.name} has no argument {', '.join(sorted(unknown))}")
        if self._tool.validator is None:
            return {**known, **edited}
        checked: pydantic.BaseModel = self._tool.validator.model_validate(edited)
        return {name: getattr(checked, name) for name in type(checked).model_fields}

    def _schema(self) -> dict[str, Any]:
        """What people may edit the arguments to."""
        spec = self._tool.tool.spec
        return {**spec.params, "additionalProperties": False} if spec else {}

    def _result(self, result: str, *, is_error: bool = False) -> ai.events.ToolCallResult:
        return ai.tool_result(tool_call_id=self.id, tool_name=self.name, result=result, is_error=is_error)
