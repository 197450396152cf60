"""What time does to a request: its deadline, reminders and escalations, in open time if its policy has a clock. Pure.

The rule: what is to come stands on the ticket, so that nobody keeps a second schedule; what has happened is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from sayso import attention, errors, model, policies
from sayso.content import wording
from sayso.machine import awaiting, escalation, events, open_time, outcomes, rounds, silence

Does = Literal["remind", "escalate", "expire", "turn", "open"]

# Used where neither the request nor its policy says how long to wait, in seconds.
DEFAULT_EXPIRES_IN = 3600.0
after = open_time.after
_SHORTER = "make it shorter, or expires_in longer"


def deadline(request: model.Request, policy: model.Policy, at: datetime) -> datetime:
    """When a request that is asked now expires.

    Raises:
        InvalidRequest: the calendar of its policy is not open for so long any more.
    """
    # what an agent can wait is real time; what people get is open time
    asked = [] if request.expires_in is None else [at + timedelta(seconds=request.expires_in)]
    if asked and _limit(policy) is None:
        return asked[0]
    ends = after(policy, at, lives(policy))
    if ends is None:
        hint = "its operator gives it open hours, or another clock"
        raise errors.InvalidRequest("nobody is there: the clock of its policy stands still", field="policy", hint=hint)
    return min([*asked, ends])


def lives(policy: model.Policy) -> float:
    """The seconds until a request of this policy expires, in the time of its clock."""
    return _limit(policy) or DEFAULT_EXPIRES_IN


def _limit(policy: model.Policy) -> float | None:
    """What the policy says of it: its own limit, and that of all its stages together."""
    each = [stage.expires_in for stage in policy.stages]
    told = [sum(one for one in each if one)] if each and all(each) else []
    return min([*told, *([policy.expires_in] if policy.expires_in else [])], default=None)


def put_off(ticket: model.Ticket, moment: datetime, since: datetime, until: datetime) -> datetime:
    """A moment of the ticket's time, later by as much as its time stood still between *since* and *until*."""
    request, bound = ticket.request, ticket.bound_until or ticket.expires_at
    # the agent's own limit is real time
    if request.expires_in is not None and bound == ticket.created_at + timedelta(seconds=request.expires_in):
        return moment + (until - since)
    return _later(ticket.policy, moment, since, until)


def plan_later(ticket: model.Ticket, since: datetime, until: datetime) -> tuple[policies.Planned, ...]:
    """What is planned, later by as much as time stood still between *since* and *until*."""
    later = (_later(ticket.policy, one.at, since, until) for one in ticket.plan)
    return tuple(one.model_copy(update={"at": at}) for one, at in zip(ticket.plan, later, strict=True))


def plan(
    policy: model.Policy, at: datetime, ends: datetime, reach: attention.Reach | None = None
) -> tuple[policies.Planned, ...]:
    """What time does to a request that is asked now, until it expires."""
    if not (policy.remind or policy.escalate or policy.stages or policy.quiet or reach):
        return ()
    reminders = _planned(policy, at, "remind", policy.remind)
    escalations = _planned(policy, at, "escalate", [one.after for one in policy.escalate])
    attended = (*rounds.planned(policy, reach, at), *silence.opening(policy, reach, (reach and reach.shown_at) or at))
    return _in_order([*escalations, *reminders, *attended, *_of_stage(policy, 0, at)], ends)


def turned(ticket: model.Ticket, stage: int, at: datetime) -> tuple[policies.Planned, ...]:
    """What is planned once another stage is open: its own times, in place of those of the one before."""
    kept = [one for one in ticket.plan if one.stage is None]
    return _in_order([*kept, *_of_stage(ticket.policy, stage, at)], ticket.expires_at)


def ends(ticket: model.Ticket) -> datetime:
    """When it expires: at its own deadline, or at that of the stage that is open."""
    return min([ticket.expires_at, *(one.at for one in ticket.plan if one.does == "expire")])


def half_way(ticket: model.Ticket, at: datetime) -> datetime | None:
    """When half of the time is over that is left now, in the time of its policy's clock; None if it stands still."""
    clock, until = ticket.policy.clock, ends(ticket)
    return at + (until - at) / 2 if clock is None else clock.add(at, clock.between(at, until) / 2)


def next_wake(ticket: model.Ticket | awaiting.Awaited) -> datetime | None:
    """When time alone changes this ticket; None once it is closed."""
    if ticket.decision is not None or ticket.stopped is not None:
        return None
    if ticket.taken is not None:
        return ticket.taken.until
    return min([ticket.expires_at, *(one.at for one in ticket.plan[:1])])


def due(ticket: model.Ticket, at: datetime) -> events.Due:
    """What was planned until now, as an event."""
    come = [one for one in ticket.plan if one.at <= at]
    steps = [ticket.policy.escalate[one.number] for one in come if one.does == "escalate"]
    turns = [rounds.following(ticket, one.need, at) or "" for one in come if one.does == "turn"]
    turn = ", ".join(one or "everybody" for one in turns) if len(turns) > 1 else next(iter(turns), None)
    return events.Due(at=at, to=tuple(name for one in steps for name in (*one.brings_in, *one.route)), turn=turn)


def act(ticket: model.Ticket, at: datetime) -> tuple[model.Ticket, tuple[events.Effect, ...]] | None:
    """The ticket after what was planned until now, and what must be done; None if nothing was."""
    due = [one for one in ticket.plan if one.at <= at]
    if not due:
        return None
    numbers = [one.number for one in due if one.does == "escalate"]
    # who was not there for a while is told once of all that was due meanwhile
    facts = {"plan": ticket.plan[len(due) :], "reminded": ticket.reminded + 1, "version": ticket.version + 1}
    changed = ticket.model_copy(update=facts)
    changed = escalation.happens(changed, numbers, policies.Escalated(at=at, number=0, stage=ticket.stage))
    for one in due:
        if one.does == "turn":
            changed = rounds.handed_over(changed, at, one.need)
    alone: dict[str, events.Why] = {one.to: _WHY_ALONE[one.does] for one in due if one.to is not None}
    changed = _told(changed, at, due)
    everybody = effects(ticket, changed, _why(due), at) if len(alone) < len(due) else _shown(ticket, changed)
    opens = {one.at for one in due if one.does == "open"}
    # a card that waited for this moment mentions its reader itself
    everybody = (one for one in everybody if not (isinstance(one, events.Remind) and _waited(ticket, one.place, opens)))
    mentions = (one for name, why in alone.items() for one in _to_one(ticket, changed, name, why))
    # on their devices others hear of it now
    pushes = outcomes.pushes(changed) if any(one.to or one.does in ("open", "turn") for one in due) else ()
    return changed, (*everybody, *mentions, *pushes)


def _waited(ticket: model.Ticket, place: model.Place, until: Collection[datetime]) -> bool:
    """Whether a direct message that was to be written in quiet hours is written at their end only, at that moment."""
    _, is_direct, reader = place.partition(":@")
    if not until or not is_direct:
        return False
    since = [one.at for one in ticket.escalated if place in one.places]
    if ticket.stage_at is not None and place in (place for some in ticket.stage_routes[1:] for place in some):
        since.append(ticket.stage_at)
    return any(silence.until(ticket, reader, one) in until for one in since)


_WHY_ALONE: Mapping[Does, events.Why] = {"remind": "later", "open": "opened"}


_WHY: Mapping[Does, events.Why] = {"escalate": "escalated", "turn": "next", "open": "opened"}


def _why(due: Sequence[policies.Planned]) -> events.Why:
    """Why everybody is told: the most that happened."""
    done = {one.does for one in due if one.to is None}
    for does, why in _WHY.items():
        if does in done:
            return why
    return "missing"


def _told(ticket: model.Ticket, at: datetime, due: Sequence[policies.Planned]) -> model.Ticket:
    """The ticket once these things are told: direct messages that may be written now, and who hears of it later."""
    changed = silence.over(ticket, [one.to for one in due if one.to is not None])
    opened = (place for one in due if one.does == "open" for place in rounds.written_to(changed, one.to, at))
    escalated = (place for one in changed.escalated if one.at == at for place in one.places)
    later = heard_later(changed, at, escalated)
    return later.model_copy(update={"route": tuple(dict.fromkeys((*changed.route, *opened)))})


def _shown(before: model.Ticket, after: model.Ticket) -> Iterator[events.Effect]:
    """A card at each new place; the others are brought up to date."""
    for place in after.route:
        if place != events.INBOX and place not in after.undelivered:
            yield events.Redraw(place=place) if place in before.route else events.Announce(place=place)


def _to_one(before: model.Ticket, after: model.Ticket, person: str, why: events.Why) -> Iterator[events.Effect]:
    """A mention of one person: in their direct message if they have one, else wherever it stands."""
    own = [place for place in after.route if place.endswith(f":@{person}")]
    for place in own or after.route:
        # a card that is only posted now mentions them itself
        if place != events.INBOX and place not in after.undelivered and place in before.route:
            yield events.Remind(place=place, number=after.reminded, why=why, to=person)


def heard_later(ticket: model.Ticket, at: datetime, new: Iterable[model.Place] = ()) -> model.Ticket:
    """The ticket on which it is planned when those hear of this moment who may not hear of it now.

    Whoever is written to at a *new* place has that message then.
    """
    written = {place.partition(":@")[2] for place in new}
    planned = (*ticket.plan, *silence.later(ticket, at))
    plan = _in_order([one for one in planned if one.does != "open" or one.to not in written], ticket.expires_at)
    return ticket.model_copy(update={"plan": plan})


def effects(before: model.Ticket, after: model.Ticket, why: events.Why, at: datetime) -> Iterator[events.Effect]:
    """A card at each new place; the others are brought up to date, and a reminder is put below them.

    In their quiet hours nobody gets a direct message: it is written at the end of these.
    """
    for place in after.route:
        if place == events.INBOX or place in after.undelivered:
            continue
        if place not in before.route:
            _, is_direct, reader = place.partition(":@")
            yield events.Announce(place=place, after=silence.until(after, reader, at) if is_direct else None)
        else:
            yield from (events.Redraw(place=place), events.Remind(place=place, number=after.reminded, why=why))


def check(policy: model.Policy, name: str, at: datetime) -> None:
    """Refuse a policy whose times can never come.

    Raises:
        InvalidSettings: `field` is the key of the policy.
    """
    longest = lives(policy)
    if policy.clock is not None and after(policy, at, longest) is None:
        key = f"policies.{name}.clock"
        lasts = wording.time(longest)
        message = f"{key}: the calendar {policy.clock.name!r} is not open for the {lasts} of a request"
        raise errors.InvalidSettings(message, field=key, hint="give it more days, hours or dates")
    for number, seconds in enumerate(policy.remind):
        _check_in_time(seconds, longest, f"policies.{name}.remind.{number}")
    for number, stage in enumerate(policy.stages):
        key = f"policies.{name}.stages.{number}"
        if stage.expires_in and policy.expires_in and stage.expires_in > policy.expires_in:
            message = f"{key}.expires_in is longer than the request may wait in all"
            raise errors.InvalidSettings(message, field=f"{key}.expires_in", hint=_SHORTER)
        for which, seconds in enumerate(stage.remind):
            _check_in_time(seconds, stage.expires_in or longest, f"{key}.remind.{which}")
    for number, step in enumerate(policy.escalate):
        key = f"policies.{name}.escalate.{number}"
        _check_in_time(step.after, longest, f"{key}.after")
        if step.add and step.replace:
            message = f"{key} has both add and replace"
            raise errors.InvalidSettings(message, field=f"{key}.replace", hint="replace those who are to go, or add")
        if not (step.add or step.replace or step.route):
            raise errors.InvalidSettings(f"{key} does nothing", field=key, hint="give it add, replace or route")


def _later(policy: model.Policy, moment: datetime, since: datetime, until: datetime) -> datetime:
    # open time stood still only while it would have run
    passed = None if policy.clock is None else policy.clock.add(moment, policy.clock.between(since, until))
    return moment + (until - since) if passed is None else passed


def _check_in_time(seconds: float, lives: float, key: str) -> None:
    if seconds >= lives:
        raise errors.InvalidSettings(f"{key}: {too_late(seconds, lives)}", field=key, hint=_SHORTER)


def too_late(seconds: float, lives: float) -> str:
    """What is wrong with a time that ends no sooner than the request does."""
    return f"{wording.time(seconds)} is over only once the request has expired, after {wording.time(lives)}"


def _of_stage(policy: model.Policy, number: int, at: datetime) -> Iterator[policies.Planned]:
    """What one stage plans when it is opened."""
    if number >= len(policy.stages):
        return
    stage = policy.stages[number]
    yield from _planned(policy, at, "remind", stage.remind, stage=number)
    yield from _planned(policy, at, "expire", [stage.expires_in] if stage.expires_in else [], stage=number)


def _planned(
    policy: model.Policy, at: datetime, does: Does, times: Iterable[float], stage: int | None = None
) -> Iterator[policies.Planned]:
    for number, seconds in enumerate(times):
        due = after(policy, at, seconds)
        if does == "remind":
            due = silence.after(policy, due)
        if due is not None:
            yield policies.Planned(at=due, does=does, number=number, stage=stage)


def _in_order(planned: Iterable[policies.Planned], ends: datetime) -> tuple[policies.Planned, ...]:
    return tuple(sorted((one for one in planned if one.at < ends), key=lambda one: one.at))
