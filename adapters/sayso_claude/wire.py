"""What Claude Code says about a call and the Python SDK drops: that one press is not enough, that no rule fits.

The SDK's own transport, listened to; a module of its own, since that transport is private to the SDK and may move.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sayso import errors
from sayso_claude import sdk

# below ours, which says what to install if it is missing
from claude_agent_sdk import types  # isort: skip
from claude_agent_sdk._internal.transport import subprocess_cli  # isort: skip


class Wire(subprocess_cli.SubprocessCLITransport):
    """The `transport` for a `query()` or a client with these *options*, which `sdk.options` or `ask_people` made.

    As with any transport that is given, the SDK resumes no session from a `session_store` by itself.

    Raises:
        InvalidSettings: nobody would hear what is said here.
    """

    def __init__(self, options: types.ClaudeAgentOptions) -> None:
        people = options.can_use_tool
        if not isinstance(people, sdk.People):
            hint = "give the options that sdk.options() made"
            raise errors.InvalidSettings("these options ask no people", field="can_use_tool", hint=hint)
        self._people = people
        # what the SDK does to the options of a transport that it makes itself
        super().__init__(prompt="", options=dataclasses.replace(options, permission_prompt_tool_name="stdio"))

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """As the SDK's; what it drops is kept for the callback, which comes after."""
        async for message in super().read_messages():
            heard(self._people, message)
            yield message


def heard(people: sdk.People, message: Mapping[str, Any]) -> None:
    """Note what a message from Claude Code says about the call that it asks about, if it does."""
    request = message.get("request", {})
    if message.get("type") != "control_request" or request.get("subtype") != "can_use_tool":
        return
    careful = request.get("default_to_no") or request.get("requires_user_interaction")
    no_rules = request.get("suppress_always_allow_rule")
    people.remember(request.get("tool_use_id"), confirm=bool(careful), no_rules=bool(no_rules))
