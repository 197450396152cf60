"""Events in, a new ticket and effects out. No I/O, no clock, no platform.

Every rule lives here, or in the pure files it calls: `approvers` (who may answer), `fitting` (what an answer must be),
`binding` (what a digest binds), `schedule` (when time acts), `outcomes` (what a decision says), `holding` (what an
older copy means), `standstill` (what a stop means), `using` (when an allow is used) and `opened` (how it begins). Time
is an event. `step` is pure, so a caller that meets a conflict loads the ticket and steps again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sayso import errors, model
from sayso.content import binding
from sayso.machine import (
    approvers,
    delivery,
    demands,
    erasing,
    events,
    fitting,
    glass,
    holding,
    noticing,
    opened,
    outcomes,
    places,
    schedule,
    stages,
    standstill,
    taking_on,
    using,
)

# An agent waits no longer than this for words that were taken.
_LONGEST_GRACE = timedelta(minutes=1)
_BY_PEOPLE = events.Answered | events.TakenBack | events.Passed | events.Claimed | events.Snoozed


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from an event. `ticket.version` is one more than before, or the same where nothing changed."""

    ticket: model.Ticket
    effects: tuple[events.Effect, ...] = ()


def open_ticket(
    request: model.Request, terms: binding.Terms, *, id: str, ref: str, at: datetime, salt: str | None = None
) -> Step:
    """A new ticket, and its announcement to every place of its route."""
    ticket = opened.ticket(request, terms, id, ref, at, salt)
    if ticket.decision is not None:
        # nobody is asked, so there is no card: whoever waits gets it at once
        return Step(ticket, outcomes.resumes(ticket))
    after = ticket.reach.shown_at if ticket.reach else None
    shown = (events.Announce(place=place, after=after) for place in ticket.route if place != events.INBOX)
    return Step(ticket, (*shown, *outcomes.pushes(ticket)))


def step(ticket: model.Ticket, event: events.Event) -> Step:
    """The ticket after *event*.

    Raises:
        AlreadyDecided: the ticket is closed. A tick, a cancel or a lost place after that changes nothing.
        AlreadyTaken: the answer of somebody else was taken.
        Altered: its content does not give its digest; it can be neither answered nor used.
        AlreadyUsed, NotUsable: there is no allow to use.
        NotAllowed: this person may not answer this request.
        InvalidAnswer: the answer does not fit the request, or nothing can be made of it.
    """
    try:
        return _stepped(ticket, event)
    except errors.SaysoError:
        raise
    except Exception as error:
        if not isinstance(event, events.Answered):
            raise
        # the request stays open, and can still be denied or withdrawn
        raise errors.Unworkable(type(error).__name__) from error


def _stepped(ticket: model.Ticket, event: events.Event) -> Step:
    if isinstance(event, events.Answered):
        if ticket.decision is not None:
            raise errors.AlreadyDecided(ticket)
        return _answered(ticket, event)
    if isinstance(event, events.Used):
        return Step(using.used(ticket, event))
    if isinstance(event, events.Redeemed):
        return Step(using.redeemed(ticket, event))
    if isinstance(event, events.Erased):
        return Step(erasing.erased(ticket, event))
    if isinstance(event, events.Held):
        return _changed(ticket, holding.held(ticket))
    if isinstance(event, events.Stopped):
        return _in_line(ticket, standstill.stopped(ticket, event), event.at)
    if isinstance(event, events.Resumed):
        return _in_line(ticket, standstill.resumed(ticket, event), event.at)
    if ticket.decision is not None:
        if isinstance(event, _BY_PEOPLE):
            raise errors.AlreadyDecided(ticket)
        return Step(ticket)
    match event:
        case events.TakenBack():
            return _taken_back(ticket, event)
        case events.Released():
            return _changed(ticket, holding.released(ticket))
        case events.Settled():
            return _settled(ticket, event.at)
        case events.Cancelled():
            return _close(ticket, "cancelled", event.at, reason=event.reason)
        case events.Superseded():
            return _close(ticket, "superseded", event.at)
        case events.Undelivered():
            return _undelivered(ticket, event)
        case events.Ticked():
            return _expired(ticket, event.at)
        case _:
            return Step(*noticing.noticed(ticket, event))


def first(ticket: model.Ticket, event: events.Event) -> events.Event:
    """What happens to the ticket first: *event*, or what time has done to it by then."""
    wake = schedule.next_wake(ticket)
    if wake is None or event.at < wake or isinstance(event, events.Held):
        return event
    if ticket.taken:
        return events.Settled(at=event.at)
    if event.at < schedule.ends(ticket):
        return schedule.due(ticket, event.at)
    return events.Ticked(at=event.at) if isinstance(event, _BY_PEOPLE) else event


def _answered(ticket: model.Ticket, event: events.Answered) -> Step:
    if ticket.stopped is None and event.at >= schedule.ends(ticket):
        raise errors.Refused("the time for this request is over", hint="ask again")
    breaks = event.answer.break_glass
    refused = glass.refused(ticket, event.by) if breaks else approvers.refused(ticket, event.by, event.answer.verdict)
    if refused:
        if event.answer.verdict == "allow" and glass.may_break(ticket, event.by):
            refused.hint = refused.hint or glass.HINT
        raise refused
    holding.check(ticket)
    standstill.check(ticket, event.answer)
    if ticket.taken and ticket.taken.given.person != event.by.id:
        raise errors.AlreadyTaken(ticket)
    binding.check(ticket)
    if breaks:
        glass.check(event.answer)
    answer = fitting.fit(ticket, event.answer)
    demands.check(ticket, event, answer)
    if breaks:
        ticket = ticket.model_copy(update={"review": event.review})
    before, ticket = ticket, approvers.without_closed(ticket, event)
    given = approvers.given(ticket, event, answer)
    # whoever has their account again says it anew
    if ticket.taken is None and ticket.gone == before.gone and _counts_already(ticket, given):
        return Step(ticket)
    # where no time runs, a grace would never end
    if event.grace > 0 and ticket.stopped is None:
        return _taken(ticket, given, timedelta(seconds=event.grace))
    return _given(ticket, given, event.at)


def _counts_already(ticket: model.Ticket, given: model.Given) -> bool:
    """Whether this person said it before, from the same account; from another one it says where they are, too."""
    mine = [old for old in ticket.answers if old.person == given.person]
    # whoever had no place in an earlier stage may fill one in this
    stands = bool(mine) and mine[-1].stage == given.stage and fitting.alike(mine[-1].answer, given.answer)
    return stands and any(old.via == given.via and fitting.alike(old.answer, given.answer) for old in mine)


def said_before(ticket: model.Ticket, by: model.Person, meant: model.Answer) -> model.Answer | None:
    """The answer that counts already of whoever means the same once more: what came along is not asked for again."""
    mine = [one for one in ticket.answers if one.person == by.id]
    if not mine or mine[-1].via != by.account or by.account in ticket.gone:
        return None
    stands = mine[-1].stage == ticket.stage or (meant.verdict == "allow" and approvers.sits(ticket, by.id))
    bare = mine[-1].answer.model_copy(update={"reason": None, "confirm": None})
    return mine[-1].answer if stands and fitting.alike(bare, meant) else None


def _given(ticket: model.Ticket, given: model.Given, at: datetime) -> Step:
    facts = {"answers": approvers.joined(ticket.answers, given), "taken": None, "version": ticket.version + 1}
    return _weighed(ticket, ticket.model_copy(update=facts), at)


def _taken(ticket: model.Ticket, given: model.Given, grace: timedelta) -> Step:
    if ticket.taken and fitting.alike(ticket.taken.given.answer, given.answer):
        return Step(ticket)
    # what could not be delivered is refused now, while who gave it is there
    _given(ticket, given, given.at)
    # an answer that is given in time counts, so the grace ends with the time for the request at the latest
    until = min(given.at + min(grace, _LONGEST_GRACE), schedule.ends(ticket))
    facts = {"taken": model.Taken(given=given, until=until), "version": ticket.version + 1}
    changed = ticket.model_copy(update=facts)
    return Step(changed, outcomes.redraws(changed))


def _taken_back(ticket: model.Ticket, event: events.TakenBack) -> Step:
    if ticket.taken is None or event.at >= ticket.taken.until:
        raise errors.Refused("there is no answer here that could be taken back")
    if ticket.taken.given.person != event.by.id:
        raise errors.NotAllowed("only who gave this answer can take it back")
    changed = ticket.model_copy(update={"taken": None, "version": ticket.version + 1})
    return _shown_somewhere(Step(changed, outcomes.redraws(changed)), event.at)


def _settled(ticket: model.Ticket, at: datetime) -> Step:
    if ticket.taken is None or at < ticket.taken.until:
        return Step(ticket)
    if not binding.is_sound(ticket):
        return _close(ticket, "cancelled", at, reason="its content is not what was asked any more")
    return _shown_somewhere(_given(ticket, ticket.taken.given, at), at)


def _shown_somewhere(step: Step, at: datetime) -> Step:
    """A ticket whose last place was lost while an answer was taken stayed open for that answer only."""
    ticket = step.ticket
    if ticket.decision is not None or not delivery.is_nowhere(ticket):
        return step
    return _decide(ticket, "undeliverable", at, ())


def _weighed(before: model.Ticket, ticket: model.Ticket, at: datetime) -> Step:
    last = ticket.answers[-1]
    if ticket.request.kind != "permission":
        return _decide(ticket, "denied" if last.answer.verdict else "answered", at, (last,))
    against = approvers.against(ticket)
    if len(against) >= ticket.policy.veto:
        return _decide(ticket, "answered" if last.answer.verdict == "respond" else "denied", at, against)
    if last.answer.break_glass:
        return _decide(ticket, "allowed", at, (last,))
    board = places.board(ticket)
    if board.is_full:
        return _decide(ticket, "allowed", at, board.by)
    turned = stages.turned(ticket, board.open, at)
    if turned.stage == ticket.stage:
        return Step(*taking_on.answered(before, ticket, last.person))
    return Step(turned, tuple(schedule.effects(ticket, turned, "turned", at)))


def _changed(before: model.Ticket, after: model.Ticket | None) -> Step:
    return Step(before) if after is None else Step(after, outcomes.redraws(after))


def _in_line(before: model.Ticket, after: model.Ticket | None, at: datetime) -> Step:
    if after is None or after.decision is not None:
        # nobody presses on the card of a decided one
        return Step(after or before)
    return _shown_somewhere(Step(after, outcomes.redraws(after)), at)


def _undelivered(ticket: model.Ticket, event: events.Undelivered) -> Step:
    changed = delivery.lost(ticket, event)
    if changed is None:
        return Step(ticket)
    if delivery.is_nowhere(changed) and ticket.taken is None:
        changed = changed.model_copy(update={"version": ticket.version})
        return _close(changed, "undeliverable", event.at, reason=event.reason)
    return Step(changed, delivery.effects(ticket, changed))


def _expired(ticket: model.Ticket, at: datetime) -> Step:
    if ticket.stopped:
        return Step(ticket)
    if ticket.taken:
        return _settled(ticket, at)
    return _close(ticket, "expired", at) if at >= schedule.ends(ticket) else Step(ticket)


def _close(ticket: model.Ticket, outcome: model.Outcome, at: datetime, *, reason: str | None = None) -> Step:
    # nobody waits for an answer that was taken and not delivered
    changed = ticket.model_copy(update={"version": ticket.version + 1, "taken": None})
    return _decide(changed, outcome, at, (), reason=reason)


def _decide(
    ticket: model.Ticket,
    outcome: model.Outcome,
    at: datetime,
    by: tuple[model.Given, ...],
    *,
    reason: str | None = None,
) -> Step:
    closed = ticket.model_copy(update={"decision": outcomes.decided(ticket, outcome, at, by, reason), "plan": ()})
    return Step(closed, (*outcomes.redraws(closed), *outcomes.resumes(closed), *outcomes.tells(closed)))
