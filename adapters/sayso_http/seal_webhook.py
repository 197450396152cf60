"""Hands seals of the log to an address of the operator's choice, signed as callbacks are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence

import standardwebhooks

from sayso import errors
from sayso.clock import Clock
from sayso.stores.auditing import StoredSeal
from sayso_http import callback, outbound


class WebhookKeeper:
    """Posts each seal to *url*, signed with each of *secrets*; *allow* as for callbacks."""

    def __init__(self, url: str, secrets: Sequence[bytes], *, allow: Collection[str], clock: Clock) -> None:
        self._url = url
        self._hooks = [standardwebhooks.Webhook(secret) for secret in secrets]
        self._poster = outbound.Poster(allow)
        self._clock = clock
        # not the address itself, which may hold a secret
        self.name = f"webhook {hashlib.sha256(url.encode()).hexdigest()[:16]}"

    async def keep(self, seal: StoredSeal) -> None:
        """Post it; the receiver knows a repeated one by its `webhook-id`. Raises `ChannelError`."""
        text = json.dumps({"type": "log.sealed", "data": {"number": seal.number, "seal": seal.document}})
        name = f"seal_{hashlib.sha256(seal.document.encode()).hexdigest()[:32]}"
        headers = callback.headers_of(self._hooks, name, self._clock.now(), text)
        reply = await self._poster.post(self._url, text.encode(), headers)
        if not 200 <= reply.status < 300:
            raise errors.ChannelError(f"the receiver of seals answers with {reply.status}", hint="see audit.webhook")
