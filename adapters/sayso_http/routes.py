"""Every route of the API, in one table: who may call it, what it takes and gives, and what answers it.

The server registers its routes from this table, the client takes its paths from it, and the OpenAPI document describes
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from sayso import model
from sayso.content import images
from sayso_http import (
    approver_routes,
    finding,
    health,
    log_rows,
    operations,
    operator_routes,
    overview_routes,
    receipts,
    resume,
    session_notes,
    tickets,
    webhooks,
)

# Bytes. Escapes and white space may double a request on the wire.
BODY_LIMIT = 2 * model.MAX_REQUEST_BYTES
# The same of a request with images, which says beforehand how long it is.
ASK_LIMIT = BODY_LIMIT + images.MAX_TOGETHER * 4 // 3
# Seconds a long poll may last; proxies commonly cut a silent connection soon after.
LONGEST_WAIT = 60.0
LAST_ROW = log_rows.LAST_ROW
# Requests on one page.
LARGEST_PAGE = 200
# Characters of an Idempotency-Key, and of the key that calls.
LONGEST_RETRY_KEY = 255
CALLER_KEY = r"[\x21-\x7e]{1,512}"

Operation = operations.Operation
Open = operations.Open
Keyed = operations.Keyed
Shape = operations.Shape
Schema = operations.Schema
Who = operations.Who

ROW_NUMBER = log_rows.NUMBER
ASK = Keyed(
    method="post",
    path="/v1/requests",
    summary="Ask. The same id and content again finds the same ticket.",
    who="who asks",
    handler=lambda on: on.requests.create,
    reads=model.Request,
    writes={201: tickets.Document, 200: tickets.Document},
    fails=(403, 404, 409, 429, *operations.READ_FAILS),
    headers={"Idempotency-Key": "Gives a request without an id one that a repeated call finds again"},
    query={"held": {"type": "boolean", "default": False, "description": "Withdrawn if nobody waits with `held`"}},
)
LIST = Keyed(
    method="get",
    path="/v1/requests",
    summary="Requests that the key may see, newest first.",
    handler=lambda on: on.requests.list,
    writes={200: tickets.Page},
    fails=(404, 422),
    query={
        "state": {"enum": [*get_args(model.State)]},
        "limit": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 50},
        "before": {"type": "string", "description": "The id of the last request already seen"},
        "session": {"type": "string", "description": "Only those of this agent session"},
        "prefix": {"type": "string", "description": "Only those whose id begins so"},
        **finding.SCHEMAS,
    },
)
READ = Keyed(
    method="get",
    path="/v1/requests/{id}",
    summary=(
        "One request; with `wait` once it is decided, or after so many seconds; `held`: withdrawn with its caller."
    ),
    handler=lambda on: on.requests.read,
    writes={200: tickets.Document},
    fails=(404, 422),
    query={
        "wait": {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0},
        "held": {"type": "boolean", "default": False},
    },
)
ANSWER = Keyed(
    method="post",
    path="/v1/requests/{id}/answers",
    summary="Answer, with the key of an approver.",
    who="who answers",
    handler=lambda on: on.requests.answer,
    reads=model.Answer,
    writes={200: tickets.Document},
    fails=(403, 404, 409, *operations.READ_FAILS),
    query={"shown": {"type": "string", "description": "Of all or none: the ids of those that were shown, by commas"}},
)
PASS_ON, CLAIM, SNOOZE = approver_routes.PASS_ON, approver_routes.CLAIM, approver_routes.SNOOZE
REVEAL = approver_routes.REVEAL
CANCEL = Keyed(
    method="post",
    path="/v1/requests/{id}/cancel",
    summary="Withdraw a request; a decided one stays as it is.",
    who="who cancels",
    handler=lambda on: on.requests.cancel,
    reads=tickets.Cancel,
    body_required=False,
    writes={200: tickets.Document},
    fails=(403, 404, *operations.READ_FAILS),
)
USE = Keyed(
    method="post",
    path="/v1/requests/{id}/use",
    summary="Use an allow, with the key that asked, immediately before what was allowed runs. It is good once.",
    who="who asks",
    handler=lambda on: on.requests.use,
    reads=tickets.Use,
    body_required=False,
    writes={200: tickets.Document},
    fails=(403, 404, 409, *operations.READ_FAILS),
)
USE_RECEIPT = Open(
    method="post",
    path="/v1/receipts/use",
    summary="Use the receipt of an allow, immediately before what was allowed runs. It is good once.",
    handler=lambda on: on.receipts.use,
    reads=receipts.Use,
    writes={200: receipts.Used},
    fails=(401, 403, 404, 409, *operations.READ_FAILS),
)
KEYS = Open(
    method="get",
    path="/.well-known/jwks.json",
    summary="The public keys by which receipts and seals of the log are checked.",
    handler=lambda on: on.receipts.keys,
    writes={200: receipts.KeySet},
)
NOTE = Keyed(
    method="post",
    path="/v1/sessions/{session}/notes",
    summary="Tell people what an agent is doing, in the thread of its session.",
    who="who asks",
    handler=lambda on: on.notes.tell,
    reads=session_notes.Note,
    writes={200: session_notes.Told},
    fails=(403, 502, *operations.READ_FAILS),
)
LOG = Keyed(
    method="get",
    path="/v1/requests/{id}/log",
    summary="What happened to a request, in order.",
    handler=lambda on: on.requests.log,
    writes={200: log_rows.Log},
    fails=(404, 422),
    query=log_rows.QUERY,
)
MAKE_RESUME = Keyed(
    method="post",
    path="/v1/requests/{id}/resume",
    summary="Make a one-time address with which another system answers in the name of this key's person.",
    who="who answers",
    handler=lambda on: on.one_time.make,
    reads=resume.Wanted,
    writes={201: resume.Address},
    fails=(403, 404, 409, *operations.READ_FAILS),
)
RESUME = Open(
    method="post",
    path="/resume/{token}",
    summary="Answer one request, once, by a one-time address.",
    handler=lambda on: on.one_time.use,
    reads=model.Answer,
    writes={200: resume.Resumed},
    fails=(403, 404, 409, *operations.READ_FAILS),
)
MAKE_WEBHOOK = Keyed(
    method="post",
    path="/v1/webhooks",
    summary=(
        "Make an address that takes one call, for the agent that makes it. The same name and content is the same one."
    ),
    who="who asks",
    handler=lambda on: on.webhooks.make,
    reads=webhooks.Wanted,
    writes={201: webhooks.Made, 200: webhooks.Made},
    fails=(403, 409, 429, *operations.READ_FAILS),
)
REPLY_TO_WEBHOOK = Keyed(
    method="post",
    path="/v1/webhooks/{id}/reply",
    summary="What the call to a webhook that is held is answered with.",
    who="who asks",
    handler=lambda on: on.webhooks.reply,
    reads=webhooks.AnyJson,
    writes={202: webhooks.Accepted},
    fails=(403, 404, 409, *operations.READ_FAILS),
)
CALL_WEBHOOK = Open(
    method="post",
    path="/webhook/{token}",
    summary="Call a webhook, once: any JSON, or what its schema says.",
    handler=lambda on: on.webhooks.take,
    reads=webhooks.AnyJson,
    writes={202: webhooks.Accepted, 200: webhooks.AnyJson},
    fails=(403, 404, *operations.READ_FAILS),
)
STOP = operator_routes.STOP
LIFT = operator_routes.LIFT
STOPS = operator_routes.STOPS
GRANTS = operator_routes.GRANTS
END_GRANT = operator_routes.END_GRANT
STATS = operator_routes.STATS
PEOPLE, POLICIES = overview_routes.PEOPLE, overview_routes.POLICIES

EVENTS = Keyed(
    method="get",
    path="/v1/events",
    summary="The log as server-sent events; each `data` is a LogRow, each `id` its number.",
    handler=lambda on: on.events.serve,
    # a stream never ends, so there is nothing that only a head could say
    head=False,
    writes={200: "text/event-stream"},
    fails=(422,),
    query={"after": {**ROW_NUMBER, "description": "Start after this row; without it, from now on"}},
    headers={"Last-Event-ID": "As `after`; sent by a client that lost its connection"},
)
DESCRIPTION = Open(
    method="get",
    path="/v1/openapi.json",
    summary="This document.",
    handler=lambda on: on.description.serve,
    writes={200: "application/json"},
)
ALIVE = Open(
    method="get",
    path="/healthz",
    summary="The process answers, and nothing in it ended for good.",
    handler=lambda on: on.probes.alive,
    writes={200: health.Health, 503: health.Health},
)
READY = Open(
    method="get",
    path="/readyz",
    summary="It can do its work.",
    handler=lambda on: on.probes.ready,
    writes={200: health.Health, 503: health.Health},
)
METRICS = Open(
    method="get",
    path="/metrics",
    summary="Figures for Prometheus.",
    handler=lambda on: on.metrics.serve,
    writes={200: "text/plain"},
)

OPERATIONS: Sequence[Open | Keyed] = (
    *(
        ASK,
        LIST,
        READ,
        ANSWER,
        PASS_ON,
        CLAIM,
        REVEAL,
        SNOOZE,
        CANCEL,
        USE,
        NOTE,
        LOG,
        MAKE_RESUME,
        RESUME,
        MAKE_WEBHOOK,
        REPLY_TO_WEBHOOK,
    ),
    *(
        STOP,
        LIFT,
        STOPS,
        CALL_WEBHOOK,
        USE_RECEIPT,
        KEYS,
        GRANTS,
        END_GRANT,
        STATS,
        PEOPLE,
        POLICIES,
        EVENTS,
        DESCRIPTION,
        ALIVE,
        READY,
        METRICS,
    ),
)
