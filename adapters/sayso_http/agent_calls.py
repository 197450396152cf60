"""What agents do over HTTP beside asking: tell people what they do, and take calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sayso import model
from sayso.desk import asker
from sayso_http import calls, routes, session_notes, webhooks


class AgentCalls:
    """The part of a `RemoteDesk` for agents that report and wait for calls."""

    _calls: calls.Calls

    async def note(self, session: str, said: str) -> Sequence[str]:
        """Tell people what the agent of a session is doing (Markdown); where it was told.

        Raises:
            InvalidRequest: there is nothing to tell, too much, or nowhere to tell it.
            StoreUnavailable: whether it was told is not known; it is not sent twice.
        """
        body = json.dumps({"text": said}).encode()
        return calls.read(await self._calls.send(routes.NOTE, session, body=body, once=True), session_notes.Told).places

    async def make_webhook(self, wanted: model.JsonObject) -> asker.WebhookAddress:
        """Make an address that takes one call. Raises as `sayso.create_webhook`."""
        body = json.dumps({name: value for name, value in wanted.items() if value is not None}).encode()
        made = calls.read(await self._calls.send(routes.MAKE_WEBHOOK, body=body), webhooks.Made)
        return asker.WebhookAddress(made.id, self._calls.address(made.path), made.expires_at)

    async def respond_webhook(self, id: str, body: Any) -> None:
        """Answer the held call of a webhook. Raises as `sayso.create_webhook`'s `respond`."""
        await self._calls.send(routes.REPLY_TO_WEBHOOK, id, body=json.dumps(body).encode(), once=True)
