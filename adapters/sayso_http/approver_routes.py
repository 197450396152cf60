"""What an approver does with a request beside answering it: rows of the table of routes."""

from __future__ import annotations

from sayso_http import operations, tickets

Keyed = operations.Keyed

PASS_ON = Keyed(
    method="post",
    path="/v1/requests/{id}/pass",
    summary="Ask somebody else who may answer it, with the key of an approver.",
    who="who answers",
    handler=lambda on: on.requests.pass_on,
    reads=tickets.PassOn,
    writes={200: tickets.Document},
    fails=(403, 404, 409, *operations.READ_FAILS),
)
CLAIM = Keyed(
    method="post",
    path="/v1/requests/{id}/claim",
    summary="Take a request on, with the key of an approver: others see it, and are not reminded any more.",
    who="who answers",
    handler=lambda on: on.requests.claim,
    writes={200: tickets.Document},
    fails=(403, 404, 409, *operations.READ_FAILS),
)
REVEAL = Keyed(
    method="post",
    path="/v1/requests/{id}/reveal",
    summary="Read a request with its secrets: for people whom its policy names, and operators. It is on record.",
    who="anybody with a key",
    handler=lambda on: on.requests.reveal,
    writes={200: tickets.Document},
    fails=(403, 404, *operations.READ_FAILS),
)
SNOOZE = Keyed(
    method="post",
    path="/v1/requests/{id}/snooze",
    summary="Put a request off for whoever the key of an approver belongs to; its deadline stays.",
    who="who answers",
    handler=lambda on: on.requests.snooze,
    reads=tickets.Snooze,
    writes={200: tickets.Document},
    fails=(403, 404, 409, *operations.READ_FAILS),
)
