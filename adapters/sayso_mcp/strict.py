"""A tool that refuses what it would not read, in our words. The SDK passes over arguments that it does not know."""

from __future__ import annotations

from typing import Any

import pydantic
from mcp.server.mcpserver import tools
from mcp.server.mcpserver.exceptions import ToolError

from sayso import errors, model
from sayso.content import requests

# Of the name of an argument, which a model wrote, and of all that it is told.
_SHOWN, _LONGEST = 60, 1_000


class Tool(tools.Tool):
    """A tool of the SDK that reads each of its arguments."""

    def model_post_init(self, context: Any, /) -> None:
        """Tell clients, and through them models, what `run` refuses."""
        self.parameters["additionalProperties"] = False

    async def run(self, arguments: dict[str, Any], context: Any, convert_result: bool = False) -> Any:
        """Run it. Raises `ToolError`, which a model reads."""
        known = self.parameters["properties"]
        for name in arguments:
            if name not in known:
                shown = name[:_SHOWN]
                raise in_words(
                    errors.InvalidRequest(f"{self.name} has no argument {shown!r}", hint=requests.meant(shown, known))
                )
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as error:
            why = error.__cause__
            if isinstance(why, pydantic.ValidationError):
                raise in_words(requests.invalid(why, self.fn_metadata.arg_model)) from error
            if type(why) is ToolError:
                # a model reads what we say, and not what the SDK puts before it
                raise why from None
            raise


def in_words(error: errors.SaysoError) -> ToolError:
    """An error of ours as the tool's, with what to do about it."""
    field = f" ({error.field})" if error.field and error.field not in error.message else ""
    hint = f"; {error.hint}" if error.hint else ""
    # an id or a name in it may be as long as the call
    said = model.cut(f"{error.message}{field}{hint}", _LONGEST)
    return ToolError(f"{said}{'' if said.endswith('?') else '.'} Nobody has allowed or answered anything.")
