"""Where a request could not be shown, for now or for good, and where it is shown instead. Pure.

The rule: whoever waits is told. Only where no place of the route works is the next fallback tried, one after the other.
"""

from __future__ import annotations

from datetime import datetime

from sayso import attention, model
from sayso.machine import events, outcomes, rounds


def lost(ticket: model.Ticket, event: events.Undelivered) -> model.Ticket | None:
    """The ticket once a place can never be reached; None where that changes nothing."""
    if event.place == events.INBOX or not _is_awaited(ticket, event.place):
        return None
    gone = (*ticket.undelivered, event.place)
    changed = _next(ticket, {"undelivered": gone, "delayed": _without(ticket, event.place)})
    return _fallen_back(changed, event.at)


def delayed(ticket: model.Ticket, event: events.Delayed) -> model.Ticket | None:
    """The ticket while a place is not reached; None where that changes nothing."""
    if event.place in _places_in_trouble(ticket) or not _is_awaited(ticket, event.place):
        return None
    known = next((one for one in ticket.delayed if one.place == event.place), None)
    if event.until and known and known.until and event.at < known.until:
        return None
    trouble = attention.Trouble(place=event.place, at=event.at, reason=event.reason, until=event.until)
    changed = _next(ticket, {"delayed": (*_without(ticket, event.place), trouble)})
    # whoever only waits for its turn will be shown
    return changed if event.until else _fallen_back(changed, event.at)


def reached(ticket: model.Ticket, event: events.Reached) -> model.Ticket | None:
    """The ticket once a place was reached after all; None where that is no news."""
    if all(one.place != event.place for one in ticket.delayed):
        return None
    return _next(ticket, {"delayed": _without(ticket, event.place)})


def taken_away(ticket: model.Ticket, event: events.Lost) -> tuple[model.Ticket, tuple[events.Effect, ...]]:
    """The ticket once somebody took its card away, and what must be done: whoever redraws it posts it anew."""
    if not _is_awaited(ticket, event.place):
        return ticket, ()
    return _next(ticket, {}), (events.Redraw(place=event.place),)


def is_nowhere(ticket: model.Ticket) -> bool:
    """Whether no place is left at which it could ever be shown."""
    return bool(ticket.undelivered) and set(ticket.undelivered) >= set(ticket.route)


def effects(before: model.Ticket, after: model.Ticket) -> tuple[events.Effect, ...]:
    """A card at each new place; what stands elsewhere is brought up to date if a place was lost."""
    new = [place for place in after.route if place not in before.route and place != events.INBOX]
    shown = tuple(events.Announce(place=place) for place in new)
    if len(after.undelivered) == len(before.undelivered):
        return shown
    redraws = (one for one in outcomes.redraws(after) if one.place not in new)
    return (*shown, *redraws)


def _fallen_back(ticket: model.Ticket, at: datetime) -> model.Ticket:
    """The ticket, put to the next one or shown at its next fallback as well, if it is shown nowhere else."""
    while not _is_shown(ticket) and (waiting := rounds.waiting(ticket)):
        for need in waiting:
            ticket = rounds.handed_over(ticket, at, need)
    if _is_shown(ticket):
        return ticket
    route, done = ticket.route, list(ticket.fell_back)
    for places in ticket.fallback[len(done) :]:
        new = tuple(place for place in places if place not in route)
        done.append(attention.FellBack(at=at, places=new))
        route += new
        if new:
            break
    return ticket.model_copy(update={"route": route, "fell_back": tuple(done)})


def _is_shown(ticket: model.Ticket) -> bool:
    failing = {*ticket.undelivered, *_places_in_trouble(ticket), events.INBOX}
    return any(place not in failing for place in ticket.route)


def _is_awaited(ticket: model.Ticket, place: model.Place) -> bool:
    return place in ticket.route and place not in ticket.undelivered


def _places_in_trouble(ticket: model.Ticket) -> set[model.Place]:
    return {one.place for one in ticket.delayed if one.until is None}


def _without(ticket: model.Ticket, place: model.Place) -> tuple[attention.Trouble, ...]:
    return tuple(one for one in ticket.delayed if one.place != place)


def _next(ticket: model.Ticket, facts: dict[str, object]) -> model.Ticket:
    return ticket.model_copy(update={**facts, "version": ticket.version + 1})
