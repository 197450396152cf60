"""The review that follows by itself when somebody broke the glass: a request of the service, to others.

The rule: it is stored together with the allow, so that there is none without a review.
"""

from __future__ import annotations

import json

from sayso import machine, model
from sayso.cards import naming, tokens
from sayso.content import masks, requests
from sayso.machine import events
from sayso.stores import Commit

JUSTIFIED, NOT_JUSTIFIED = "It was justified", "It was not justified"


def commit_of(before: model.Ticket, after: model.Ticket) -> Commit | None:
    """The review that this change asks for; None if nobody broke the glass."""
    glass, decision = after.policy.break_glass, after.decision
    if glass is None or after.review is None or before.review is not None or decision is None:
        return None
    by = decision.by[0]
    terms = machine.Terms(
        owner=naming.SERVICE,
        policy=model.Policy(approvers=glass.review, expires_in=glass.review_in),
        # the inbox cannot be lost: a review is not closed because no chat could be reached
        route=tuple(dict.fromkeys((*(glass.tell or after.route), machine.INBOX))),
        # whoever broke it does not review it
        requester=by.person,
        reviews=after.id,
    )
    request = requests.checked(requests.plain(_request(after, decision)))
    names = {"id": after.review, "ref": tokens.new_ref(), "salt": tokens.new_salt()}
    opened = machine.open_ticket(request, terms, **names, at=decision.decided_at)
    ticket = opened.ticket
    return opened, events.Opened(at=ticket.created_at, by=ticket.owner, digest=ticket.digest)


def _request(ticket: model.Ticket, decision: model.Decision) -> model.Request:
    by = decision.by[0]
    # whoever may see its secrets reads them on the request itself
    allowed = masks.GONE.value(decision.input or {})
    shown = json.dumps(allowed, indent=2, ensure_ascii=False)
    facts = {
        "Who": model.fact_of(f"{by.name} ({by.person}, {by.via})"),
        "Why": model.fact_of(masks.GONE.text(decision.reason or "")),
        "Tool": ticket.request.tool or "",
        "Asked by": ticket.owner,
        "Request": ticket.id,
    }
    return model.Request(
        kind="choice",
        title="The glass was broken: this was allowed by one person, at once. Was that right?",
        options=(model.Option(label=JUSTIFIED), model.Option(label=NOT_JUSTIFIED)),
        other=True,
        context=facts,
        attachments=(model.Attachment(name="What was allowed", text=shown),),
    )
