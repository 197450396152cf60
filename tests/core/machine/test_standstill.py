"""What a stop means for one request: nothing is allowed or used, no time runs, and it goes on as it was."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso import asking, calendars, errors, machine, model
from sayso.cards import card, draw
from sayso.content import binding
from sayso.machine import events
from sayso.testing import samples
from sayso.testing.samples import NOW, after, opened, permission, said

MINUTE = timedelta(minutes=1)
STOP = model.Stop(by="ann", name="Ann", via="chat:T/ann", at=NOW + MINUTE, reason="leak <!channel>")


def stopped(ticket: model.Ticket, stop: model.Stop = STOP) -> model.Ticket:
    return after(ticket, events.Stopped(at=stop.at, stop=stop))


def late(minutes: float, verdict: str = "allow") -> events.Answered:
    answer = model.Answer.model_validate({"verdict": verdict})
    return events.Answered(at=NOW + minutes * MINUTE, by=samples.person(), answer=answer)


def test_it_can_be_denied_and_nothing_else() -> None:
    ticket = stopped(opened(asking.Permission(tool="Bash", verdicts=["respond", "stop"])))
    for verdict in ("allow", "respond"):
        with pytest.raises(errors.Refused, match="Ann has stopped everything: it can only be denied now"):
            machine.step(ticket, late(2, verdict))
    for verdict in ("deny", "stop"):
        decision = machine.step(ticket, late(2, verdict)).ticket.decision
        assert decision is not None
        assert decision.outcome == "denied"
    question = stopped(opened(asking.Question("Which?")))
    answer = events.Answered(at=NOW + 2 * MINUTE, by=samples.person(), answer=model.Answer(text="Acme"))
    with pytest.raises(errors.Refused, match="stopped everything"):
        machine.step(question, answer)


def test_a_denial_in_words_counts_at_once_and_after_the_old_deadline() -> None:
    ticket = stopped(opened())
    end = ticket.expires_at + MINUTE
    no = events.Answered(at=end, by=samples.person(), answer=model.Answer(verdict="deny"), grace=10.0)
    assert machine.step(ticket, no).ticket.decision is not None


def test_no_time_runs_and_the_deadline_is_as_far_away_as_it_was() -> None:
    ticket = stopped(opened())
    assert machine.next_wake(ticket) is None
    assert machine.step(ticket, events.Ticked(at=ticket.expires_at + MINUTE)).ticket == ticket
    on = after(ticket, events.Resumed(at=NOW + 31 * MINUTE))
    assert on.stopped is None
    assert on.expires_at == ticket.expires_at + 30 * MINUTE
    assert machine.next_wake(on) == on.expires_at
    # what was shown is still what is decided
    binding.check(on)
    with pytest.raises(errors.Altered):
        binding.check(on.model_copy(update={"bound_until": None}))
    again = after(stopped(on, STOP.model_copy(update={"at": NOW + 40 * MINUTE})), events.Resumed(at=NOW + 45 * MINUTE))
    assert again.expires_at == ticket.expires_at + 35 * MINUTE
    allowed = after(again, late(80)).decision
    assert allowed is not None
    assert allowed.allowed


def test_a_stop_from_before_the_request_counts_from_the_request_on() -> None:
    ticket = stopped(opened(), STOP.model_copy(update={"at": NOW - 60 * MINUTE}))
    assert after(ticket, events.Resumed(at=NOW + MINUTE)).expires_at == ticket.expires_at + MINUTE


def test_one_stop_after_the_other_is_one_standstill() -> None:
    ticket = stopped(opened())
    own = STOP.model_copy(update={"at": NOW + 3 * MINUTE, "agent": "agent"})
    both = stopped(ticket, own)
    assert both.stopped is not None
    assert (both.stopped.stop, both.stopped.since) == (own, NOW + MINUTE)
    assert after(both, events.Resumed(at=NOW + 5 * MINUTE)).expires_at == ticket.expires_at + 4 * MINUTE
    with pytest.raises(errors.Refused, match="Ann has stopped the agent agent"):
        machine.step(both, late(4))


def test_words_that_were_taken_are_dropped_and_may_be_said_again() -> None:
    ticket = after(opened(), said(verdict="allow").model_copy(update={"grace": 60.0}))
    assert ticket.taken is not None
    halted = stopped(ticket)
    assert halted.taken is None
    assert machine.step(halted, events.Settled(at=NOW + 9 * MINUTE)).ticket == halted
    lost = after(opened(route=("chat:#ops",)), said(verdict="allow").model_copy(update={"grace": 60.0}))
    lost = after(lost, events.Undelivered(at=NOW, place="chat:#ops", reason="gone"))
    decision = stopped(lost).decision
    assert decision is not None
    assert decision.outcome == "undeliverable"


def test_an_allow_is_not_used_meanwhile_and_gets_no_older_for_it() -> None:
    allowed = after(opened(), said(verdict="allow"))
    halted = stopped(allowed)
    use = events.Used(at=NOW + 2 * MINUTE, by="agent")
    with pytest.raises(
        errors.NotUsable, match="Ann has stopped everything: the allow of request r1 cannot be used now"
    ):
        machine.step(halted, use)
    on = after(halted, events.Resumed(at=NOW + 2 * MINUTE))
    assert (on.expires_at, on.bound_until) == (allowed.expires_at, None)
    assert machine.step(on, use).ticket.used_at == use.at
    with pytest.raises(errors.NotUsable, match="void"):
        machine.step(on, use.model_copy(update={"at": NOW + 16 * MINUTE}))


@pytest.mark.parametrize("closed", [said(verdict="deny"), events.Cancelled(at=NOW, by="agent")])
def test_what_is_over_is_left_alone(closed: events.Event) -> None:
    ticket = after(opened(), closed)
    assert stopped(ticket) == ticket
    assert machine.in_line(ticket, STOP, NOW) is None
    used = after(opened(), said(verdict="allow"), events.Used(at=NOW, by="agent"))
    assert stopped(used) == used
    assert after(opened(), events.Resumed(at=NOW)) == opened()
    assert stopped(stopped(opened())) == stopped(opened())


def test_what_happens_first_is_what_brings_it_in_line() -> None:
    ticket, at = opened(), NOW + 2 * MINUTE
    assert machine.in_line(ticket, None, at) is None
    assert machine.in_line(ticket, STOP, at) == events.Stopped(at=at, stop=STOP)
    halted = stopped(ticket)
    assert machine.in_line(halted, STOP, at) is None
    assert machine.in_line(halted, None, at) == events.Resumed(at=at)


@pytest.mark.parametrize("agent", [None, "agent"])
def test_a_card_says_who_stopped_it_and_only_lets_it_be_denied(agent: str | None) -> None:
    request = asking.Permission(tool="Bash", input={"command": "make"}, grants=("session",), verdicts=["stop"])
    ticket = stopped(opened(request), STOP.model_copy(update={"agent": agent}))
    drawn = draw.card_of(ticket, samples.MINT)
    words = ["".join(card.pieces(part)) for part in drawn.parts]
    assert words[1].startswith("This agent was stopped by Ann" if agent else "Everything was stopped by Ann")
    assert words[1].endswith(": leak <!channel>")
    assert any(one.startswith("Expires 59 min after the stop is lifted · ") for one in words)
    assert [one.action for one in drawn.controls if isinstance(one, card.Button)] == [
        "deny",
        "reason",
        "askback",
        "stop",
    ]
    assert drawn.summary.endswith(" · stopped")
    assert "stopped" not in draw.card_of(after(ticket, late(2, "deny")), samples.MINT).summary


def test_open_time_stands_still_only_where_it_would_have_run() -> None:
    office = calendars.Calendar(
        name="office",
        zone="UTC",
        days=("mon", "tue", "wed", "thu", "fri"),
        hours=(calendars.Hours(opens=540, closes=1080),),
    )
    friday = datetime(2026, 3, 6, 16, 0, tzinfo=UTC)
    policy = model.Policy(clock=office, expires_in=4 * 3_600.0)

    def lifted_on_monday(request: model.Request) -> datetime:
        terms = machine.Terms("agent", policy, ("web",))
        ticket = machine.open_ticket(request, terms, id="r1", ref="r" * 22, at=friday).ticket
        stop = STOP.model_copy(update={"at": friday + timedelta(hours=1)})
        return after(stopped(ticket, stop), events.Resumed(at=friday + timedelta(days=2, hours=18))).expires_at

    request = model.Request(kind="permission", tool="Bash")
    # one hour before the stop, Friday's last one and Monday's first one under it, and three hours from ten on
    assert lifted_on_monday(request) == datetime(2026, 3, 9, 13, 0, tzinfo=UTC)
    # what an agent can wait is real time
    own = request.model_copy(update={"expires_in": 7_200.0})
    assert lifted_on_monday(own) == friday + timedelta(hours=2) + timedelta(days=2, hours=17)


SECONDS = st.integers(0, 7_200)
STEPS = st.one_of(
    st.builds(lambda verdict: ("answer", verdict), st.sampled_from(("allow", "deny"))),
    st.sampled_from((("stop", None), ("stop", "agent"), ("resume", None), ("tick", None), ("use", None))),
)


@given(st.lists(st.tuples(SECONDS, STEPS), max_size=14))
def test_under_a_stop_nothing_is_allowed_used_or_over_in_any_order_of_events(
    happened: list[tuple[int, tuple[str, str | None]]],
) -> None:
    ticket, at, stop, still = opened(permission(expires_in=3_600)), NOW, None, timedelta()
    for seconds, (what, more) in happened:
        at += timedelta(seconds=seconds)
        still += timedelta(seconds=seconds) if ticket.stopped else timedelta()
        # a shell brings a ticket in line before anything else happens to it
        if what in ("stop", "resume"):
            stop = STOP.model_copy(update={"at": at, "agent": more}) if what == "stop" else None
        if line := machine.in_line(ticket, stop, at):
            ticket = machine.step(ticket, line).ticket
        before = ticket
        said_now = model.Answer(verdict="deny" if more == "deny" else "allow")
        answer = events.Answered(at=at, by=samples.person(), answer=said_now)
        others: dict[str, events.Event] = {"answer": answer, "use": events.Used(at=at, by="agent")}
        event = others.get(what, events.Ticked(at=at))
        with contextlib.suppress(errors.Refused, errors.NotUsable, errors.AlreadyUsed):
            ticket = machine.step(ticket, machine.first(ticket, event)).ticket
        if stop is not None:
            assert ticket.used_at == before.used_at
            assert ticket.decision == before.decision or (ticket.decision and ticket.decision.outcome == "denied")
        if ticket.decision is None and ticket.stopped is None:
            assert ticket.expires_at == NOW + timedelta(hours=1) + still
            binding.check(ticket)
