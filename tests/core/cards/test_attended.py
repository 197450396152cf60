"""What is said of who looks after a request, and the window of a snooze."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sayso import attention, errors, model
from sayso.cards import attended, card, snoozing, telling
from sayso.machine import events
from sayso.testing import samples
from tests.tables import each

TURNS = attention.Attending(asked=(attention.Asked(at=samples.NOW, person="ann"),))


def claimed(name: str = "ann") -> events.Claimed:
    return events.Claimed(at=samples.NOW, by=samples.person(name))


def snoozed(name: str = "ann") -> events.Snoozed:
    return events.Snoozed(at=samples.NOW, by=samples.person(name), until=samples.NOW + timedelta(minutes=10))


def test_a_list_says_to_whom_it_was_put_who_has_taken_it_on_and_who_has_put_it_off() -> None:
    ticket = samples.opened()
    assert attended.words(ticket) == ""
    put_to = ticket.model_copy(update={"attending": TURNS})
    assert attended.words(put_to) == "put to ann"
    assert attended.words(samples.after(put_to, snoozed("bob"))) == "put to ann, put off by bob"
    taken = samples.after(put_to, claimed("bob"), snoozed("carl"))
    assert attended.words(taken) == "taken on by bob, put off by carl"
    assert attended.words(samples.after(ticket, snoozed())) == "put off by ann"
    done = samples.after(taken, samples.said(verdict="allow"))
    assert (attended.words(done), [*attended.lines(done)]) == ("", [])


def test_whoever_has_just_done_so_is_told_and_nobody_else() -> None:
    before = samples.opened()
    taken = samples.after(before, claimed())
    off = samples.after(taken, snoozed())

    def told(ticket: model.Ticket, since: model.Ticket | None, account: str = "chat:T/ann") -> str | None:
        line = telling.tally(ticket, since, account)
        return None if line is None else "".join(card.pieces(line))

    assert told(taken, before) == "You have taken this on. Others see that, and can still answer."
    assert told(off, taken) == "You are not reminded of this before 2026-01-01 12:10 UTC."
    assert [told(taken, before, "chat:T/bob"), told(off, off), told(off, None)] == [None, None, None]


def test_the_window_of_a_snooze_offers_what_ends_before_the_deadline() -> None:
    some = snoozing.window("t", timedelta(hours=2))
    assert [str(one.text) for one in some.inputs[0].options] == ["15 minutes", "1 hour"]
    assert snoozing.window("t", timedelta(minutes=10)).inputs == ()
    assert snoozing.chosen({snoozing.NAME: (1,)}) == 3600.0


def test_a_snooze_for_no_time_that_is_offered_is_refused() -> None:
    for row in each([None, (), "1", (6,), (-1,)]):
        with row as given, pytest.raises(errors.InvalidAnswer):
            snoozing.chosen({snoozing.NAME: given})
