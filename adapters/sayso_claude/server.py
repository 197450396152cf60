"""`POST /claude/hooks`: Claude Code waits on the open connection, and whatever goes wrong, a gate stays closed."""

from __future__ import annotations

import logging
import math
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from sayso import errors, model
from sayso.content import wording
from sayso.desk import Desk, callers, keys
from sayso_claude import calls, elicitation, forms, hooks, passes, presence, relay, settings, steps, uses

log = logging.getLogger(__name__)

# A call this large is refused as a request, by name; a larger one is refused unread.
MOST_BYTES = 16 * model.MAX_REQUEST_BYTES
# What is read of somebody without a key; Claude Code writes the name of the event before the tool's input.
_STRANGERS = 65_536
# Seconds between our last word and the caller's limit; of short limits a quarter.
_MARGIN = 10.0
_LONGEST = float(model.MAX_SECONDS)
# Callers who waited for a decision here, and may come back for it.
_MOST_WAITERS = 10_000


def add_routes(
    app: web.Application,
    desk: Desk,
    *,
    authenticate: keys.Authenticate[web.Request],
    policy: str | None = None,
    route: Sequence[model.Place] = (),
) -> None:
    """Serve Claude Code's hooks, for agent keys; requests go out under *policy* and to *route*, or to the defaults.

    The query `policy` names another policy. The headers, all optional: `Sayso-Timeout`, the caller's limit in seconds
    (600 without); `Sayso-Patience`, how many of them people have; `Idempotency-Key`, by which a caller who was cut off
    finds its request again. With the last errors come with their status; without it with 200, because Claude Code reads
    no other answer. Errors about events that decide nothing are raised, for a middleware.
    """
    there, told = presence.Presence(desk), relay.Relay(desk)
    door = _Door(desk, authenticate, there, told, policy, tuple(route))
    app.router.add_post(settings.PATH, door.handle)
    app.on_startup.append(there.start)
    app.on_shutdown.append(there.stop)
    app.on_cleanup.append(there.close)
    app.on_cleanup.append(told.close)


@dataclass(frozen=True, slots=True)
class _HookCaller:
    """One hook call: the connection it is held on, who it is from, and how long it may take."""

    request: web.Request
    key: keys.Key
    limit: float
    patience: float
    """How long people are asked, so that the caller hears from us before its own limit."""

    @property
    def attempt(self) -> str | None:
        """The same for a caller who comes back; None if it cannot."""
        return self.request.headers.get("Idempotency-Key")


class _Door:
    def __init__(
        self,
        desk: Desk,
        authenticate: keys.Authenticate[web.Request],
        there: presence.Presence,
        told: relay.Relay,
        policy: str | None,
        route: tuple[model.Place, ...],
    ) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._presence = there
        self._relay = told
        self._passes = passes.Passes()
        self._waited: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._used = calls.Stored("PermissionRequest", desk.store)
        self._common: dict[str, Any] = {"policy": policy, "route": route}

    async def handle(self, request: web.Request) -> web.Response:
        event: str | None = None
        try:
            try:
                key = await self._authenticate(request)
            except errors.Unauthorized:
                # a stranger is answered in the words of its event, for which a little is read and no more
                event = hooks.event_in(await _head(request))
                raise
            raw = await request.clone(client_max_size=MOST_BYTES).read()
            event = hooks.event_of(raw)
            if key.role != "agent":
                raise errors.NotAllowed(f"a key of role {key.role} cannot ask", hint="use an agent's key in SAYSO_KEY")
            return _respond(event, await self._decide(event, raw, _caller(request, key)))
        except presence.Gone:
            return web.Response(status=499)  # nobody reads it
        except Exception as error:
            if event is not None and event not in forms.GATES and event != forms.NOTIFICATION:
                raise
            return _refuse(request, event or "PreToolUse", error)

    async def _decide(self, event: str | None, raw: bytes, caller: _HookCaller) -> model.JsonObject:
        hooks.check(raw)
        if event == forms.NOTIFICATION:
            self._relay.notification(raw, caller.key.caller)
        if event == forms.NOTIFICATION or event in forms.HARMLESS:
            return {}
        if event == forms.ELICITATION:
            return await self._elicit(elicitation.parse(raw), caller)
        if event in forms.TOOLS:
            return await self._decide_call(hooks.parse(raw), caller)
        if event in forms.GATES:
            step = steps.parse(raw)
            asked = steps.request(step, **self._terms(caller, hooks.attempt_id(step.session_id, *_name_of(caller))))
            return steps.answer(step, await self._ask(asked, caller))
        hint = f"events that are: {', '.join(sorted(forms.GATES))}; see: sayso init claude-code"
        raise errors.InvalidRequest(f"{event!r} is not decided here", field="hook_event_name", hint=hint)

    async def _elicit(self, asked: elicitation.Elicitation, caller: _HookCaller) -> model.JsonObject:
        terms = self._terms(caller, hooks.attempt_id(asked.session_id, *_name_of(caller)))
        try:
            request = elicitation.request(asked, **terms)
            return elicitation.answer(asked, await self._ask(request, caller))
        except errors.InvalidRequest as error:
            said = f"The tool server {asked.mcp_server_name!r} asked for something that nobody can fill in: {error}"
            self._relay.tell(asked.session_id, said, caller.key.caller)
            raise

    async def _decide_call(self, call: hooks.Call, caller: _HookCaller) -> model.JsonObject:
        # by its record: a key of the same name that was made since has no pass
        now, owner = self._desk.clock.now(), caller.key.record or caller.key.name
        passed = self._passes.use(owner, call, now)
        if passed:
            return hooks.answer(call, passed)
        if call.hook_event_name != "PermissionRequest":
            asked = hooks.request(call, **self._terms(caller, hooks.request_id(call, *_name_of(caller))))
            decision = await self._ask(asked, caller)
            self._passes.keep(owner, call, decision, self._desk.clock.now())
            return hooks.answer(call, decision)
        return await self._decide_permission(call, caller)

    async def _decide_permission(self, call: hooks.Call, caller: _HookCaller) -> model.JsonObject:
        """A permission request, which the SDK's callback may ask about at the same time."""
        made = list[str]()

        def asked(id: str) -> model.Request:
            made.append(id)
            return hooks.request(call, **self._terms(caller, id))

        opening, attempt = presence.Opening(self._desk, caller.key.caller), caller.attempt or secrets.token_hex()
        now = self._desk.clock.now()
        ticket = await calls.open_shared(opening, self._used, call.shared_call, asked, attempt, now)
        turn = 0 if ticket.id in made else await self._presence.arrived(ticket.id)
        # each source uses a number once, so all who come to this ticket ask about one call
        decision = await self._hold(ticket, turn, caller, uses.TOGETHER, opening.waiter)
        return hooks.answer(call, decision, ticket.request)

    async def _ask(self, asked: model.Request, caller: _HookCaller) -> model.Decision:
        turn = await self._presence.arrived(asked.id) if asked.id else 0
        opening = presence.Opening(self._desk, caller.key.caller)
        ticket = await opening.open(asked)
        return await self._hold(ticket, turn, caller, self._attempt(ticket, caller), opening.waiter)

    async def _hold(
        self, ticket: model.Ticket, turn: int, caller: _HookCaller, attempt: str | None, waiter: str | None
    ) -> model.Decision:
        # the request itself expires before, but one that the SDK opened may live on
        until = self._desk.clock.now() + timedelta(seconds=(caller.patience + caller.limit) / 2)
        try:
            decision = await self._presence.hold(caller.request, ticket, turn, until, waiter)
        except presence.Stopping:
            if not caller.attempt:
                # nobody can come back for it
                await self._desk.cancel(ticket.id, caller.key.caller, "the service stopped")
            raise
        if decision is None:
            raise presence.Late("nobody decided within the limit of the hook")
        await self._still(caller)
        return await uses.use(callers.CallersDesk(self._desk, caller.key.caller), decision, attempt)

    def _attempt(self, ticket: model.Ticket, caller: _HookCaller) -> str | None:
        """Who waits before there is a decision uses it together, also one who was cut off then and comes back."""
        waiter = (ticket.id, caller.attempt or "")
        if ticket.decision is not None and waiter not in self._waited:
            return caller.attempt
        if caller.attempt:
            self._waited[waiter] = None
        if len(self._waited) > _MOST_WAITERS:
            self._waited.popitem(last=False)
        return uses.TOGETHER

    async def _still(self, caller: _HookCaller) -> None:
        """Whether the key counts at the end of the wait, too. Raises `Unauthorized`."""
        key = await self._authenticate(caller.request)
        if (key.name, key.role) != (caller.key.name, caller.key.role):
            raise errors.Unauthorized("this key was replaced meanwhile", hint="ask again")

    def _terms(self, caller: _HookCaller, id: str | None) -> dict[str, Any]:
        given: dict[str, Any] = {"id": id, "expires_in": caller.patience, **self._common}
        # what the operator bound to the key comes before what the door says for all; the desk refuses another one
        given |= {name: value for name, value in (*_bound(caller.key).items(), *_policy_in(caller.request)) if value}
        return {name: value for name, value in given.items() if value}


async def _head(request: web.Request) -> bytes:
    """The first bytes of a body."""
    read = bytearray()
    async for chunk in request.content.iter_any():
        read += chunk
        if len(read) >= _STRANGERS:
            break
    return bytes(read[:_STRANGERS])


def _bound(key: keys.Key) -> dict[str, Any]:
    return {"policy": key.policy, "route": key.route}


def _policy_in(request: web.Request) -> list[tuple[str, str]]:
    """The policy that the hook's address names."""
    for name in request.query:
        if name != "policy":
            said = f"this address has no query parameter {name[:60]!r}"
            raise errors.InvalidRequest(said, field=name[:60], hint="?policy=NAME")
    if len(request.query) > 1:
        raise errors.InvalidRequest("policy is given twice", field="policy", hint="?policy=NAME")
    return list(request.query.items())


def _name_of(caller: _HookCaller) -> tuple[str, str | None]:
    return caller.key.name, caller.attempt


def _caller(request: web.Request, key: keys.Key) -> _HookCaller:
    limit = _seconds(request, "Sayso-Timeout", settings.DEFAULT_TIMEOUT)
    patience = _seconds(request, "Sayso-Patience", limit - min(_MARGIN, limit / 4))
    if patience >= limit and "Sayso-Patience" in request.headers:
        hint = "less than Sayso-Timeout"
        raise errors.InvalidRequest("Sayso-Patience leaves no time to answer", field="Sayso-Patience", hint=hint)
    return _HookCaller(request, key, limit, patience)


def _seconds(request: web.Request, name: str, default: float) -> float:
    given = request.headers.get(name)
    if given is None:
        return default
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= _LONGEST:
        raise errors.InvalidRequest(f"{name} is not a time", field=name, hint="seconds, 1 or more")
    return seconds


def _respond(event: str | None, body: model.JsonObject) -> web.Response:
    # whatever is said before compacting becomes an instruction to the model that compacts
    if event == "PreCompact" and body == forms.GO_ON:
        return web.Response(content_type="application/json")
    return web.json_response(body)


def _refuse(request: web.Request, event: str, error: Exception) -> web.Response:
    """A failure, spelt out in the words that keep this gate closed: somebody waits for us."""
    failure = _failure_of(error)
    if event == forms.NOTIFICATION:
        log.warning("note not told", extra={"code": failure.code}, exc_info=failure is not error)
        return web.json_response({})
    log.warning("hook denied", extra={"event": event, "code": failure.code}, exc_info=failure is not error)
    told = wording.could_not_ask(failure)
    status = failure.status if "Idempotency-Key" in request.headers else 200
    return web.json_response(forms.no_decision(event, told), status=status)


def _failure_of(error: Exception) -> errors.SaysoError:
    """The failure as it may be told; of one that is not ours nothing from the inside."""
    if isinstance(error, presence.Stopping | errors.Refused):
        return error
    if isinstance(error, errors.SaysoError) and error.status < 500:
        return error
    if isinstance(error, errors.StoreUnavailable):
        return errors.StoreUnavailable("the database cannot be used now", hint="try again")
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return errors.InvalidRequest("the call is too large", hint="split it")
    return errors.SaysoError("the service failed", hint="see its log")
