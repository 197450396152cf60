"""The log of a request in sentences. What others wrote in it stays foreign text."""

from __future__ import annotations

from collections.abc import Iterable

from sayso import model
from sayso.cards import card, history
from sayso.content import text, wording
from sayso.machine import events
from sayso.stores import Row

Trusted = text.Trusted


def tell(row: Row, request: model.Request) -> tuple[card.Inline, ...]:
    """One row of the log of a request as a sentence."""
    entry = row.entry
    match entry:
        case events.Opened():
            return (Trusted("Asked with the key "), text.line(entry.by), *_tell_ruled(entry.ruled))
        case events.Delivered():
            return (Trusted("Shown at "), text.line(entry.place))
        case events.Undelivered():
            return (Trusted("Could not be shown at "), text.line(entry.place), Trusted(": "), text.line(entry.reason))
        case events.Lost() | events.Delayed() | events.Reached() | events.Viewed():
            return _tell_noticed(entry)
        case events.Passed() | events.Claimed() | events.Snoozed() | events.Revealed():
            return _tell_attending(entry)
        case events.Answered():
            return tuple(_tell_answer(request, entry))
        case events.TakenBack():
            return (*history.tell_person(entry.by), Trusted(" took the answer back"))
        case events.Settled():
            return (Trusted("The answer counted: the time to take it back was over"),)
        case events.AnswerRefused():
            return (*history.tell_person(entry.by), Trusted(" was turned away: "), text.line(entry.message))
        case events.Cancelled():
            because: tuple[card.Inline, ...] = (Trusted(": "), text.line(entry.reason)) if entry.reason else ()
            return (Trusted("Withdrawn with the key "), text.line(entry.by), *because)
        case events.Superseded():
            return (Trusted("Replaced by the request "), text.line(entry.by))
        case events.Used() | events.Redeemed() | events.UseRefused():
            return _tell_use(entry)
        case events.Erased() | events.Revoked() | events.Held() | events.Released():
            return _tell_rare(entry)
        case events.GrantEnded():
            return (Trusted("What was allowed for a while was ended by "), text.line(entry.by))
        case events.Stopped(stop=stop):
            return _tell_stop(stop)
        case events.Resumed():
            return (Trusted("Goes on: the stop was lifted"),)
        case events.Due(to=()):
            return _tell_due(entry)
        case events.Due(to=to):
            return (Trusted("Escalated to "), text.line(", ".join(one.removeprefix("group:") for one in to)))
        case events.Reminded():
            whom = ", ".join(one.removeprefix("group:") for one in entry.people) or "nobody by name"
            return (Trusted("Reminded at "), text.line(entry.place), Trusted(": "), text.line(whom))
        case events.Ticked():
            return (Trusted("Time ran out"),)


def _tell_due(entry: events.Due) -> tuple[card.Inline, ...]:
    if entry.turn is None:
        return (Trusted("Those who are missing were to be reminded"),)
    return (Trusted("Nobody had taken it on, so it was put to "), text.line(entry.turn or "everybody"))


def _tell_noticed(
    entry: events.Lost | events.Delayed | events.Reached | events.Viewed,
) -> tuple[card.Inline, ...]:
    """Whether it stands where it should, and is seen there."""
    match entry:
        case events.Lost():
            again = Trusted(", and shown again if it is still needed")
            return (Trusted("Taken away at "), text.line(entry.place), again)
        case events.Delayed():
            because = (Trusted(": "), text.line(entry.reason))
            if entry.until:
                turn = (Trusted("; its turn is "), card.Moment(entry.until))
                return (Trusted("Waits to be shown at "), text.line(entry.place), *because, *turn)
            return (Trusted("Not shown so far at "), text.line(entry.place), *because, Trusted("; tried again"))
        case events.Reached():
            return (Trusted("Reached after all: "), text.line(entry.place))
        case events.Viewed():
            return (*history.tell_person(entry.by), Trusted(" was the first to open it"))


def _tell_attending(
    entry: events.Passed | events.Claimed | events.Snoozed | events.Revealed,
) -> tuple[card.Inline, ...]:
    """Who looks after it."""
    match entry:
        case events.Passed():
            return (*history.tell_person(entry.by), Trusted(" asked "), text.line(entry.to.id), Trusted(" to answer"))
        case events.Revealed():
            return (*history.tell_person(entry.by), Trusted(" was shown what masks cover"))
        case events.Claimed():
            return (*history.tell_person(entry.by), Trusted(" took it on"))
        case events.Snoozed():
            return (*history.tell_person(entry.by), Trusted(" put it off until "), card.Moment(entry.until))


def _tell_use(entry: events.Used | events.Redeemed | events.UseRefused) -> tuple[card.Inline, ...]:
    """Whether what was allowed went on to run."""
    match entry:
        case events.Used():
            return (Trusted("Used with the key "), text.line(entry.by))
        case events.Redeemed():
            return (Trusted("Its receipt was used, which was for "), text.line(entry.audience))
        case events.UseRefused(receipt=True):
            said = (Trusted("A use of its receipt was refused, which was for "), text.line(entry.by), Trusted(": "))
            return (*said, text.line(entry.message))
        case events.UseRefused():
            said = (Trusted("A use with the key "), text.line(entry.by), Trusted(" was refused: "))
            return (*said, text.line(entry.message))


def _tell_rare(
    entry: events.Erased | events.Revoked | events.Held | events.Released,
) -> tuple[card.Inline, ...]:
    """What happens to few requests."""
    match entry:
        case events.Erased():
            return (Trusted("Its content was erased by "), text.line(entry.by))
        case events.Revoked():
            return (Trusted("The key "), text.line(entry.key), Trusted(" was revoked"))
        case events.Held():
            return (Trusted("An older copy of the database was put back, so it was held"),)
        case events.Released():
            return (Trusted("Let go on by "), text.line(entry.by))


def _tell_stop(stop: model.Stop) -> tuple[card.Inline, ...]:
    because = (Trusted(": "), text.line(stop.reason)) if stop.reason else ()
    return (Trusted("Stopped by "), text.line(stop.name), Trusted(" ("), text.line(stop.via), Trusted(")"), *because)


def _tell_ruled(ruled: model.Ruled | None) -> Iterable[card.Inline]:
    """What the rules came to, and what those that are only watched would have done."""
    if ruled is None:
        return
    done = {"allow": "; allowed by the rule ", "deny": "; denied by the rule ", "ask": "; asked by the rule "}
    if ruled.rule is not None:
        yield from (Trusted(done[ruled.effect]), text.line(ruled.rule))
    for name in ruled.watched:
        yield from (Trusted("; matched by the rule "), text.line(name), Trusted(", which is only watched"))


def _tell_answer(request: model.Request, entry: events.Answered) -> Iterable[card.Inline]:
    yield from history.tell_answer(request, entry.answer, entry.by)
    if entry.grace:
        yield Trusted(f", and could be taken back for {wording.counted(entry.grace, 'second')}")
