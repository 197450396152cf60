"""`POST /claude/hooks`: Claude Code waits on the open connection, and whatever goes wrong, a gate is told to deny."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from sayso import desk as desks
from sayso import errors, keys, model
from sayso_claude import forms, hooks, passes, presence, settings

log = logging.getLogger(__name__)

# A call this large is refused as a request, by name; a larger one is refused unread.
_MOST_BYTES = 16 * 1024**2
# Seconds between our last word and the caller's limit; of short limits a quarter.
_MARGIN = 10.0
_LONGEST = 30 * 86_400.0

Authenticate = Callable[[web.Request], Awaitable[keys.Key]]


def add_routes(
    app: web.Application,
    desk: desks.Desk,
    *,
    authenticate: Authenticate,
    policy: str | None = None,
    route: Sequence[model.Place] = (),
) -> None:
    """Serve Claude Code's hooks, for agent keys; requests go out under *policy* and to *route*, or to the defaults.

    The headers, both optional: `Sayso-Timeout`, the caller's limit in seconds (600 without), and `Idempotency-Key`, by
    which a caller who was cut off finds its request again. With it errors come with their status; without it with 200,
    because Claude Code reads no other answer. Errors about events that decide nothing are raised, for a middleware.
    """
    there = presence.Presence(desk)
    door = _Door(desk, authenticate, there, policy, tuple(route))
    app.router.add_post(settings.PATH, door.handle)
    app.on_shutdown.append(there.stop)
    app.on_cleanup.append(there.close)


class _Door:
    def __init__(
        self,
        desk: desks.Desk,
        authenticate: Authenticate,
        there: presence.Presence,
        policy: str | None,
        route: tuple[model.Place, ...],
    ) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._presence = there
        self._passes = passes.Passes()
        self._policy = policy
        self._route = route

    async def handle(self, request: web.Request) -> web.Response:
        event: str | None = None
        try:
            raw = await request.clone(client_max_size=_MOST_BYTES).read()
            event = hooks.event_of(raw)
            key = await self._authenticate(request)
            return web.json_response(await self._decide(request, key, hooks.parse(raw)))
        except presence.Gone:
            return web.Response(status=499)  # nobody reads it
        except Exception as error:
            if event is not None and event not in forms.GATES:
                raise
            return _closed(request, event or "PreToolUse", error)

    async def _decide(self, request: web.Request, key: keys.Key, call: hooks.Call | None) -> model.JsonObject:
        if key.role != "agent":
            raise errors.NotAllowed(f"a key of role {key.role} cannot ask", hint="use an agent's key in SAYSO_KEY")
        if call is None:
            return {}
        now = self._desk.clock.now()
        decision = self._passes.use(key.name, call, now) or await self._ask(request, key, call)
        self._passes.keep(key.name, call, decision, self._desk.clock.now())
        return hooks.answer(call, decision)

    async def _ask(self, request: web.Request, key: keys.Key, call: hooks.Call) -> model.Decision:
        again = request.headers.get("Idempotency-Key")
        id = hooks.request_id(call, key.name, again)
        asked = hooks.request(call, id=id, expires_in=_patience(request), policy=self._policy, route=self._route)
        turn = await self._presence.arrived(id) if id else 0
        ticket = await self._desk.open(asked, key.caller)
        try:
            return await self._presence.hold(request, ticket, turn)
        except presence.Stopping:
            if not again:
                # nobody can come back for it
                await self._desk.cancel(ticket.id, key.caller, "the service stopped")
            raise


def _patience(request: web.Request) -> float:
    """How long a request may stay open, so that the caller hears from us before its own limit."""
    given = request.headers.get("Sayso-Timeout", str(settings.DEFAULT_TIMEOUT))
    try:
        limit = float(given)
    except ValueError:
        limit = math.nan
    if not 1 <= limit <= _LONGEST:
        raise errors.InvalidRequest("Sayso-Timeout is no time", field="Sayso-Timeout", hint="seconds, 1 or more")
    return limit - min(_MARGIN, limit / 4)


def _closed(request: web.Request, event: str, error: Exception) -> web.Response:
    """A failure, spelt out as a denial: a tool waits for us."""
    failure = _known(error)
    log.warning("hook denied", extra={"event": event, "code": failure.code}, exc_info=failure is not error)
    hint = f" ({failure.hint})" if failure.hint else ""
    told = f"sayso could not ask anybody: {failure}{hint}. Nobody has allowed this; do not work around it."
    status = failure.status if "Idempotency-Key" in request.headers else 200
    return web.json_response(forms.deny(event, told), status=status)


def _known(error: Exception) -> errors.SaysoError:
    """The failure as it may be told; of one that is not ours nothing from the inside."""
    if isinstance(error, presence.Stopping) or (isinstance(error, errors.SaysoError) and error.status < 500):
        return error
    if isinstance(error, errors.StoreUnavailable):
        return errors.StoreUnavailable("the database cannot be used now", hint="try again")
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return errors.InvalidRequest("the call is too large", hint="split it")
    return errors.SaysoError("the service failed", hint="see its log")
