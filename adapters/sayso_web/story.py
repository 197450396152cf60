"""The log of a request in sentences. What others wrote in it stays foreign text."""

from __future__ import annotations

from collections.abc import Iterable

from sayso import card, events, model, store, text

T = text.Trusted


def told(row: store.Row) -> tuple[card.Inline, ...]:
    """One row of the log as a sentence."""
    entry = row.entry
    match entry:
        case events.Opened():
            return (T("Asked with the key "), text.line(entry.by))
        case events.Delivered():
            return (T("Shown at "), text.line(entry.place))
        case events.Undelivered():
            return (T("Could not be shown at "), text.line(entry.place), T(": "), text.line(entry.reason))
        case events.Lost():
            return (T("Taken away at "), text.line(entry.place), T(", and shown again where it is still needed"))
        case events.Answered():
            return tuple(_answered(entry))
        case events.TakenBack():
            return (*_person(entry.by), T(" took the answer back"))
        case events.Settled():
            return (T("The answer counted: the time to take it back was over"),)
        case events.Turned():
            return (*_person(entry.by), T(" was turned away: "), text.line(entry.message))
        case events.Cancelled():
            because: tuple[card.Inline, ...] = (T(": "), text.line(entry.reason)) if entry.reason else ()
            return (T("Withdrawn with the key "), text.line(entry.by), *because)
        case events.Superseded():
            return (T("Replaced by the request "), text.line(entry.by))
        case events.Used():
            return (T("Used with the key "), text.line(entry.by))
        case events.Revoked():
            return (T("The key "), text.line(entry.key), T(" was revoked"))
        case events.Held():
            return (T("An older copy of the database was put back, so it was held"),)
        case events.Released():
            return (T("Let go on by "), text.line(entry.by))
        case events.Ticked():
            return (T("Time ran out"),)


def _answered(entry: events.Answered) -> Iterable[card.Inline]:
    yield from _person(entry.by)
    answer = entry.answer
    if answer.verdict is None:
        yield T(" answered")
        if entry.grace:
            yield T(f", and could take it back for {entry.grace:g} seconds")
        return
    yield T(" allowed it" if answer.verdict == "allow" else " denied it")
    if answer.input is not None:
        yield T(", with an edited input")
    if answer.grant:
        yield T(", for the session" if answer.grant == "session" else ", always")
    if answer.reason:
        yield from (T(": "), text.line(answer.reason))


def _person(by: model.Person) -> Iterable[card.Inline]:
    return (text.line(by.id), T(" by way of "), text.line(by.account))
