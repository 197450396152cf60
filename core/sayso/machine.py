"""Events in, a new ticket and effects out. No I/O, no clock, no platform.

Every rule lives here, or in the two pure files it calls: `approvers` (who may answer) and `fitting` (what an answer
must be). Time is an event. `step` is pure, so a caller that meets a conflict loads the ticket and steps again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from sayso import approvers, digest, errors, events, fields, fitting, model, wording

# Used where neither the request nor its policy says how long to wait, in seconds.
DEFAULT_EXPIRES_IN = 3600.0

# The inbox shows what is stored, so nothing is ever posted to it, and it cannot be lost.
INBOX: model.Place = "web"

# The rules that every digest names.
_FIRST_RULES = {"approvers", "quorum", "veto", "self_approval", "expires_in", "on_timeout"}

may_answer = approvers.may_answer
refusal = approvers.refusal
allows_by = approvers.allows_by


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator decides about a request: who asked, under which policy, where it goes."""

    owner: str
    policy: model.Policy
    route: tuple[model.Place, ...]
    requester: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from an event. `ticket.version` is one more than before, or the same where nothing changed."""

    ticket: model.Ticket
    effects: tuple[events.Effect, ...] = ()


def open_ticket(request: model.Request, terms: Terms, *, id: str, ref: str, at: datetime) -> Step:
    """A new ticket, and its announcement to every place of its route."""
    wanted = [seconds for seconds in (request.expires_in, terms.policy.expires_in) if seconds is not None]
    expires_at = at + timedelta(seconds=min(wanted, default=DEFAULT_EXPIRES_IN))
    ticket = model.Ticket(
        id=id,
        ref=ref,
        version=1,
        request=request,
        policy=terms.policy,
        owner=terms.owner,
        requester=terms.requester,
        key=terms.key,
        route=terms.route,
        digest=_digest(request, terms, id, expires_at),
        created_at=at,
        expires_at=expires_at,
    )
    return Step(ticket, tuple(events.Announce(place=place) for place in ticket.route if place != INBOX))


def step(ticket: model.Ticket, event: events.Event) -> Step:
    """The ticket after *event*.

    Raises:
        AlreadyDecided: the ticket is closed. A tick, a cancel or a lost place after that changes nothing.
        AlreadyUsed, NotUsable: there is no allow to use.
        NotAllowed: this person may not answer this request.
        InvalidAnswer: the answer does not fit the request.
    """
    if isinstance(event, events.Used):
        return _used(ticket, event)
    if ticket.decision is not None:
        if isinstance(event, events.Answered):
            raise errors.AlreadyDecided(ticket)
        return Step(ticket)
    match event:
        case events.Answered():
            return _answered(ticket, event)
        case events.Cancelled():
            return _close(ticket, "cancelled", event.at, reason=event.reason)
        case events.Superseded():
            return _close(ticket, "superseded", event.at)
        case events.Undelivered():
            return _undelivered(ticket, event)
        case events.Lost():
            return _lost(ticket, event)
        case events.Ticked():
            return _expired(ticket, event.at)
        case _:
            assert_never(event)


def next_wake(ticket: model.Ticket) -> datetime | None:
    """When time alone changes this ticket; None once it is closed."""
    return ticket.expires_at if ticket.decision is None else None


def read(ticket: model.Ticket, at: datetime) -> model.Ticket:
    """The ticket as it reads at this moment: an allow that was not used in time is void."""
    decision = ticket.decision
    if decision is None or not decision.allowed or at < valid_until(ticket, decision):
        return ticket
    void = decision.model_copy(update={"void": True})
    return ticket.model_copy(update={"decision": _told(ticket, void)})


def valid_until(ticket: model.Ticket, decision: model.Decision) -> datetime:
    """When an allow becomes void if nobody used it."""
    return decision.decided_at + timedelta(seconds=ticket.policy.valid_for)


def _digest(request: model.Request, terms: Terms, id: str, expires_at: datetime) -> str:
    bound = {
        "id": id,
        "request": request.model_dump(mode="json", exclude_defaults=True),
        "policy": _bound_policy(terms.policy),
        "owner": terms.owner,
        "requester": terms.requester,
        "expires_at": expires_at.isoformat(),
    }
    return digest.digest(bound, "request")


def _bound_policy(policy: model.Policy) -> model.JsonObject:
    # what a policy can say since then counts where it is said: older tickets keep their digest
    first = policy.model_dump(mode="json", include=_FIRST_RULES)
    return first | policy.model_dump(mode="json", exclude_defaults=True)


def _answered(ticket: model.Ticket, event: events.Answered) -> Step:
    if event.at >= ticket.expires_at:
        raise errors.Refused("the time for this request is over", hint="ask again")
    if not may_answer(ticket, event.by):
        raise refusal(ticket, event.by)
    answer = fitting.fitted(ticket, event.answer)
    given = model.Given(person=event.by.id, name=event.by.name, via=event.by.account, at=event.at, answer=answer)
    if any(old.person == given.person and fitting.alike(old.answer, answer) for old in approvers.latest(ticket)):
        return Step(ticket)
    changed = ticket.model_copy(update={"answers": (*ticket.answers, given), "version": ticket.version + 1})
    return _weighed(changed, event.at)


def _weighed(ticket: model.Ticket, at: datetime) -> Step:
    last = ticket.answers[-1]
    if ticket.request.kind != "permission":
        return _decide(ticket, "denied" if last.answer.verdict else "answered", at, (last,))
    against = approvers.against(ticket)
    if len(against) >= ticket.policy.veto:
        return _decide(ticket, "answered" if last.answer.verdict == "respond" else "denied", at, against)
    if len(allows_by(ticket)) >= ticket.policy.quorum:
        return _decide(ticket, "allowed", at, allows_by(ticket))
    return Step(ticket, _redraws(ticket))


def _used(ticket: model.Ticket, event: events.Used) -> Step:
    decision = ticket.decision
    if ticket.used_at is not None:
        if event.attempt is not None and event.attempt == ticket.used_for:
            return Step(ticket)
        raise errors.AlreadyUsed(ticket)
    if decision is None:
        raise errors.NotUsable(f"request {ticket.id} is not decided yet", field="id", hint="wait for the decision")
    if decision.outcome != "allowed":
        raise errors.NotUsable(f"request {ticket.id} was not allowed: it is {decision.outcome}", field="id")
    ends = valid_until(ticket, decision)
    if event.at >= ends:
        message = f"the allow of request {ticket.id} is void: it was not used before {ends:%Y-%m-%d %H:%M:%S} UTC"
        raise errors.NotUsable(message, field="id", hint="ask again under a new id")
    used = _told(ticket, decision.model_copy(update={"used_at": event.at}))
    facts = {"decision": used, "used_at": event.at, "used_for": event.attempt, "version": ticket.version + 1}
    return Step(ticket.model_copy(update=facts))


def _told(ticket: model.Ticket, decision: model.Decision) -> model.Decision:
    return decision.model_copy(update={"model_text": wording.for_model(ticket, decision)})


def _undelivered(ticket: model.Ticket, event: events.Undelivered) -> Step:
    if event.place in (*ticket.undelivered, INBOX) or event.place not in ticket.route:
        return Step(ticket)
    lost = (*ticket.undelivered, event.place)
    changed = ticket.model_copy(update={"undelivered": lost, "version": ticket.version + 1})
    if set(lost) >= set(ticket.route):
        return _close(ticket.model_copy(update={"undelivered": lost}), "undeliverable", event.at, reason=event.reason)
    return Step(changed, _redraws(changed))


def _lost(ticket: model.Ticket, event: events.Lost) -> Step:
    if event.place in ticket.undelivered or event.place not in ticket.route:
        return Step(ticket)
    # whoever redraws it finds that it is gone, and posts it anew
    changed = ticket.model_copy(update={"version": ticket.version + 1})
    return Step(changed, (events.Redraw(place=event.place),))


def _expired(ticket: model.Ticket, at: datetime) -> Step:
    return _close(ticket, "expired", at) if at >= ticket.expires_at else Step(ticket)


def _close(ticket: model.Ticket, outcome: model.Outcome, at: datetime, *, reason: str | None = None) -> Step:
    changed = ticket.model_copy(update={"version": ticket.version + 1})
    return _decide(changed, outcome, at, (), reason=reason)


def _decide(
    ticket: model.Ticket,
    outcome: model.Outcome,
    at: datetime,
    by: tuple[model.Given, ...],
    *,
    reason: str | None = None,
) -> Step:
    decision = model.Decision(
        id=ticket.id,
        outcome=outcome,
        digest=ticket.digest,
        by=tuple(model.By(person=one.person, name=one.name, via=one.via, at=one.at) for one in by),
        decided_at=at,
        model_text="",
        **_content(ticket, outcome, by, reason),
    )
    if outcome == "allowed":
        decision = decision.model_copy(update={"valid_until": valid_until(ticket, decision)})
    closed = ticket.model_copy(update={"decision": _told(ticket, decision)})
    return Step(closed, (*_redraws(closed), *_resumes(closed)))


def _content(
    ticket: model.Ticket, outcome: model.Outcome, by: tuple[model.Given, ...], reason: str | None
) -> model.JsonObject:
    request, last = ticket.request, ticket.answers[-1].answer if by else model.Answer()
    reasons = [one.answer.reason for one in by if one.answer.reason]
    content: model.JsonObject = {"reason": "; ".join(reasons) or reason}
    if outcome == "denied":
        return content | {"stop": any(one.answer.verdict == "stop" for one in by)}
    if outcome == "answered" and request.kind == "permission":
        return content | {"text": last.text}
    if outcome == "allowed":
        used = last.input if last.input is not None else request.input or {}
        content |= {"input": used, "input_digest": digest.of_call(request.tool or "", used)}
        # a wider grant needs everybody who allowed to have given it
        content["grant"] = last.grant if all(one.answer.grant == last.grant for one in by) else None
    value: Any = (last.values or {}).get(fields.ANSWER)
    if request.kind == "question":
        content["text"] = value
    elif request.kind == "choice" and value is not None:
        content["choices"] = tuple(value) if request.multiple else (value,)
    elif request.kind == "form":
        content["values"] = last.values
    return content


def _redraws(ticket: model.Ticket) -> tuple[events.Redraw, ...]:
    kept = (place for place in ticket.route if place != INBOX and place not in ticket.undelivered)
    return tuple(events.Redraw(place=place) for place in kept)


def _resumes(ticket: model.Ticket) -> tuple[events.Resume, ...]:
    return (events.Resume(),) if ticket.request.callback_url else ()
