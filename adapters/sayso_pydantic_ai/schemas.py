"""What the tools of an agent take, so that an edit is measured before it is allowed, and once more as the tool will."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pydantic
import pydantic_ai

from sayso.content import complaints

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tools:
    """The validators and JSON schemas of tools, by name."""

    validators: Mapping[str, Any]
    schemas: Mapping[str, Json]

    def unfit(self, tool: str, input: Json | None) -> str | None:
        """Why a tool would not take this input; None if it would, or if only the tool itself knows."""
        if tool not in self.validators:
            return None
        try:
            self.validators[tool].validate_python(input or {})
        except pydantic.ValidationError as error:
            return ": ".join(complaints.first(error, "input"))
        return None


def of_run(tools: Mapping[str, Any] | None) -> Tools:
    """The tools that a run has now, of all its toolsets."""
    known = tools or {}
    validators = {name: tool.args_validator for name, tool in known.items()}
    return Tools(validators, {name: tool.tool_def.parameters_json_schema for name, tool in known.items()})


def of_agent(agent: pydantic_ai.Agent[Any, Any]) -> Tools:
    """An agent's own functions; of another toolset the tool itself refuses what it cannot take."""
    known: dict[str, Any] = {}

    def visit(toolset: Any) -> None:
        known.update(getattr(toolset, "tools", {}))

    for toolset in agent.toolsets:
        toolset.apply(visit)
    own = {name: tool.function_schema for name, tool in known.items() if hasattr(tool, "function_schema")}
    validators = {name: found.validator for name, found in own.items()}
    return Tools(validators, {name: found.json_schema for name, found in own.items()})
