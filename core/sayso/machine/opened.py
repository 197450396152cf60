"""How a ticket begins: open, or decided by the operator's rules. Pure."""

from __future__ import annotations

from datetime import datetime

from sayso import model
from sayso.content import binding
from sayso.machine import outcomes, rounds, schedule


def ticket(
    request: model.Request, terms: binding.Terms, id: str, ref: str, at: datetime, salt: str | None = None
) -> model.Ticket:
    """A new ticket, under its terms."""
    expires_at = schedule.deadline(request, terms.policy, at)
    made = model.Ticket(
        id=id,
        ref=ref,
        version=1,
        request=request,
        policy=terms.policy,
        owner=terms.owner,
        requester=terms.requester,
        key=terms.key,
        route=terms.route,
        fallback=terms.fallback,
        tell=terms.tell,
        push=terms.push,
        policy_name=terms.policy_name,
        stage_routes=terms.stage_routes,
        reviews=terms.reviews,
        digest=binding.digest_of(request, terms, id, expires_at, salt),
        salt=salt,
        created_at=at,
        expires_at=expires_at,
        asked_back=terms.asked_back,
        remembered=terms.remembered,
        ruled=terms.ruled,
        attending=rounds.begun(terms.reach, at),
        reach=terms.reach,
        plan=schedule.plan(terms.policy, at, expires_at, terms.reach),
    )
    decision = outcomes.ruled(made, at)
    return made.model_copy(update={"decision": decision, "plan": ()}) if decision else made
