"""Handlers of receipts. Whoever was shown a receipt may use it: it is signed, good once, and decides nothing."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso_http import receipts
from sayso_http.server import reading, responses

# A key that is taken out of use is asked for again within this many seconds.
_FRESH = 300


class Receipts:
    """`POST /v1/receipts/use` and the public keys."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def use(self, request: web.Request) -> web.Response:
        """Use a receipt, once."""
        shown = await reading.body(request, receipts.Use)
        ticket = await self._desk.redeem(shown.receipt)
        decision = ticket.decision
        assert decision is not None  # or it was refused
        assert ticket.redeemed_at is not None
        used = receipts.Used(
            id=ticket.id,
            tool=ticket.request.tool,
            input_digest=decision.input_digest,
            used_at=ticket.redeemed_at,
            by=decision.by,
        )
        return responses.write(used)

    async def keys(self, _: web.Request) -> web.Response:
        """Show the public keys; none if this service signs nothing."""
        issuer = self._desk.issuer
        found = issuer.jwks["keys"] if issuer else ()
        response = responses.write(receipts.KeySet(keys=tuple(found)))
        response.headers["Cache-Control"] = f"public, max-age={_FRESH}"
        return response
