"""Puts the routes of the table on an application, each behind the check of its key. It decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from sayso.desk import Desk
from sayso.desk.keys import Authenticate
from sayso_http import health, routes
from sayso_http.server import (
    access,
    description,
    event_stream,
    grant_calls,
    held_polls,
    metrics,
    notes,
    one_time,
    overview_calls,
    probes,
    reading,
    redeeming,
    requests,
    statistics,
    stop_calls,
    waits,
    webhook_calls,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What answers the routes; each row of the table names one method of one of these."""

    requests: requests.Requests
    one_time: one_time.OneTimeAddresses
    webhooks: webhook_calls.Webhooks
    notes: notes.Notes
    stops: stop_calls.Stops
    events: event_stream.EventStream
    probes: probes.Probes
    metrics: metrics.Metrics
    receipts: redeeming.Receipts
    stats: statistics.Statistics
    grants: grant_calls.Grants
    overview: overview_calls.Overview
    description: description.Description


def add_routes(
    app: web.Application,
    desk: Desk,
    *,
    authenticate: Authenticate[web.Request],
    ready: Mapping[str, health.Check] | None = None,
    alive: Mapping[str, health.Check] | None = None,
    check_callback: Callable[[str], object] | None = None,
) -> None:
    """Add the API to *app*, which brings the middlewares `responses.errors_as_json` and `hosts.known_hosts`.

    *ready* are the checks of `/readyz` by name, beside the store's own; *alive* those of `/healthz`. *check_callback*
    refuses a callback address (`callback_urls.check_callback_url`).
    """
    held = waits.Waits()
    app.on_shutdown.append(held.stop)
    polls = held_polls.HeldPolls(desk, held)
    app.on_cleanup.append(polls.close)
    streams = event_stream.EventStream(desk, authenticate)
    app.on_shutdown.append(streams.stop)
    probing = probes.Probes(desk, ready or {}, alive)
    handlers = Handlers(
        requests=requests.Requests(desk, authenticate, held, polls, check_callback),
        one_time=one_time.OneTimeAddresses(desk, authenticate),
        webhooks=webhook_calls.Webhooks(desk, authenticate, held),
        notes=notes.Notes(desk, authenticate),
        stops=stop_calls.Stops(desk, authenticate),
        events=streams,
        probes=probing,
        metrics=metrics.Metrics(desk, probing),
        receipts=redeeming.Receipts(desk),
        stats=statistics.Statistics(desk),
        grants=grant_calls.Grants(desk),
        overview=overview_calls.Overview(desk),
        description=description.Description(),
    )
    for operation in routes.OPERATIONS:
        _register(app, operation, handlers, desk, authenticate)


def _register(
    app: web.Application,
    operation: routes.Open | routes.Keyed,
    handlers: Handlers,
    desk: Desk,
    authenticate: Authenticate[web.Request],
) -> None:
    match operation:
        case routes.Open():
            handler = operation.handler(handlers)
        case routes.Keyed():
            handler = _behind_key(operation, handlers, desk, authenticate)
    if operation.method == "get":
        app.router.add_get(operation.path, handler, allow_head=operation.head)
    else:
        app.router.add_post(operation.path, handler)


def _behind_key(
    operation: routes.Keyed, handlers: Handlers, desk: Desk, authenticate: Authenticate[web.Request]
) -> Handler:
    handler = operation.handler(handlers)

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = access.HttpCaller(desk, await authenticate(request))
        caller.check(operation.who)
        reading.check_query(request, operation.query)
        return await handler(request, caller)

    return handle
