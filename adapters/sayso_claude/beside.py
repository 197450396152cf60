"""The prompt tool (`--permission-prompt-tool`) asks at the same moment as a hook of the settings: one card for both."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from sayso import model
from sayso.content import digest
from sayso.desk import asker
from sayso_claude import calls, uses

EVENT = "PermissionPrompt"
"""What requests of the prompt tool have as their event; see `calls`."""


class Beside:
    """The calls of one session that its prompt tool asks about."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._once = uses.Once()
        self._used = calls.Remembered(EVENT)

    def attempt(self, id: str) -> str | None:
        """The hook and the prompt tool use an allow together, each of them once."""
        return self._once.attempt(id)

    async def open(
        self,
        desk: asker.Asker,
        tool: str,
        input: model.JsonObject,
        tool_use_id: str | None,
        request: Callable[[str], model.Request],
    ) -> model.Ticket:
        """The ticket of this call: the hook's, or a new one. Raises `InvalidRequest`."""
        traced = {"event": EVENT, "call": digest.of_call(tool, input), "tool_use_id": tool_use_id}

        def with_id(id: str) -> model.Request:
            asked = request(id)
            known = {name: value for name, value in traced.items() if value}
            return asked.model_copy(update={"metadata": {**asked.metadata, "claude": known}})

        call = calls.SharedCall(self._session, tool, input)
        attempt = tool_use_id or secrets.token_hex()
        return await calls.open_shared(desk, self._used, call, with_id, attempt, datetime.now(UTC))
