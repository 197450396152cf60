"""The rules, one by one, and that no order of events breaks them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso import asking, errors, machine, model
from sayso.content import digest
from sayso.machine import approvers, events, people
from sayso.testing.samples import DEPLOY, NOW, after, opened, permission, person, said
from tests.tables import each

REDRAWN = (events.Redraw(place="chat:#ops"),)


def decided(ticket: model.Ticket) -> model.Decision:
    assert ticket.decision is not None
    return ticket.decision


def test_a_new_ticket_is_announced_at_every_place_of_its_route() -> None:
    terms = machine.Terms(owner="agent", policy=model.Policy(), route=("chat:#a", "chat:#b"))
    step = machine.open_ticket(permission(), terms, id="r1", ref="x", at=NOW)
    assert step.effects == (events.Announce(place="chat:#a"), events.Announce(place="chat:#b"))
    assert (step.ticket.version, step.ticket.state) == (1, "pending")


def test_a_request_may_ask_for_less_time_than_its_policy_but_never_for_more() -> None:
    for row in each([(None, None, 3600), (60, None, 60), (None, 90, 90), (600, 90, 90), (60, 90, 60)]):
        with row as (asked, policy, seconds):
            ticket = opened(permission(expires_in=asked), expires_in=policy)
            assert ticket.expires_at == NOW + timedelta(seconds=seconds)
            assert machine.next_wake(ticket) == ticket.expires_at


def test_one_allow_decides_and_hands_out_exactly_the_input_that_was_shown() -> None:
    step = machine.step(opened(), said("ann", verdict="allow"))
    decision = decided(step.ticket)
    assert (decision.outcome, decision.input) == ("allowed", DEPLOY)
    assert decision.input_digest == digest.of_call("Bash", DEPLOY)
    assert decision.digest == opened().model_copy(update={"ref": step.ticket.ref}).digest
    assert [one.person for one in decision.by] == ["ann"]
    assert step.effects == REDRAWN
    assert machine.next_wake(step.ticket) is None


def test_a_denial_carries_its_reason_to_the_model() -> None:
    decision = decided(after(opened(), said("ann", verdict="deny", reason="not on a Friday")))
    assert decision.outcome == "denied"
    assert not decision.allowed
    assert "not on a Friday" in decision.model_text


def test_an_edited_input_is_the_one_that_may_run() -> None:
    edited = {"command": "make deploy-staging"}
    decision = decided(after(opened(), said("ann", verdict="allow", input=edited)))
    assert decision.input == edited
    assert decision.input_digest == digest.of_call("Bash", edited)
    assert "edited" in decision.model_text


def test_sending_the_shown_input_back_is_no_edit() -> None:
    ticket = after(opened(), said("ann", verdict="allow", input=dict(DEPLOY)))
    assert ticket.answers[0].answer.input is None
    assert "edited" not in decided(ticket).model_text


def test_a_quorum_needs_different_people() -> None:
    ticket = after(opened(quorum=2), said("ann", verdict="allow"), said("ann", verdict="allow", reason="again"))
    assert ticket.state == "pending"
    assert machine.step(ticket, said("bob", verdict="allow")).ticket.state == "decided"


def test_the_same_answer_twice_changes_nothing() -> None:
    once = after(opened(quorum=2), said("ann", verdict="allow"))
    assert machine.step(once, said("ann", after=2, verdict="allow")) == machine.Step(once)


def test_a_first_allow_of_two_redraws_the_cards() -> None:
    assert machine.step(opened(quorum=2), said("ann", verdict="allow")).effects == REDRAWN


def test_one_deny_is_a_veto_even_by_somebody_who_allowed_before() -> None:
    ticket = after(opened(quorum=2), said("ann", verdict="allow"), said("ann", verdict="deny"))
    assert decided(ticket).outcome == "denied"


def test_a_policy_may_need_more_than_one_deny() -> None:
    ticket = after(opened(veto=2), said("ann", verdict="deny"))
    assert ticket.state == "pending"
    assert decided(after(ticket, said("bob", verdict="deny"))).outcome == "denied"


def test_what_several_must_allow_cannot_be_edited() -> None:
    with pytest.raises(errors.InvalidAnswer) as refused:
        machine.step(opened(quorum=2), said("ann", verdict="allow", input={"command": "rm"}))
    assert refused.value.field == "input"


def test_nobody_allows_what_was_asked_on_their_own_behalf() -> None:
    ticket = opened(requester="ann")
    with pytest.raises(errors.NotAllowed, match="own behalf"):
        machine.step(ticket, said("ann", verdict="allow"))
    assert after(ticket, said("bob", verdict="allow")).state == "decided"
    assert after(opened(requester="ann", self_approval=True), said("ann", verdict="allow")).state == "decided"


ALLOWED_TO: list[tuple[tuple[str, ...], model.Person, bool]] = [
    ((), person(), False),
    (("anyone",), person(), True),
    (("anyone",), person(member=False), False),
    (("ann",), person("ann", member=False), True),
    (("ann",), person("bob"), False),
    (("group:release",), person("bob", "release"), True),
    (("group:release",), person("bob", "other"), False),
    (("requester",), person("carl"), True),
    (("requester",), person("bob"), False),
]


def test_only_those_whom_the_policy_names_may_answer() -> None:
    for row in each(ALLOWED_TO):
        with row as (approvers, who, may):
            ticket = opened(approvers=approvers, requester="carl", self_approval=True)
            assert machine.may_answer(ticket, who) is may
            # lists are read by the audience, with what was asked for somebody: whoever may answer finds it
            assert machine.concerns(machine.audience(ticket), who) or who.id == "carl" or not may
            if not may:
                with pytest.raises(errors.NotAllowed):
                    machine.step(ticket, said(who, verdict="allow"))


def test_a_question_may_be_answered_by_the_person_it_is_asked_for() -> None:
    ticket = opened(asking.Question("Which one?"), approvers=("requester",), requester="ann")
    assert decided(after(ticket, said("ann", text="this one"))).text == "this one"


def test_a_late_answer_is_told_what_closed_the_request() -> None:
    closed = after(opened(), said("ann", verdict="deny"))
    with pytest.raises(errors.AlreadyDecided) as late:
        machine.step(closed, said("bob", verdict="allow"))
    assert late.value.ticket is closed


def test_an_answer_at_the_deadline_is_too_late() -> None:
    with pytest.raises(errors.Refused, match="time"):
        machine.step(opened(), said("ann", after=3600, verdict="allow"))
    assert after(opened(), said("ann", after=3599.999, verdict="allow")).state == "decided"


def test_time_alone_expires_a_request_and_that_is_not_consent() -> None:
    ticket = opened()
    assert machine.step(ticket, events.Ticked(at=NOW)) == machine.Step(ticket)
    decision = decided(after(ticket, events.Ticked(at=ticket.expires_at)))
    assert (decision.outcome, decision.allowed, decision.model_dump()["input"]) == ("expired", False, None)
    assert "not consent" in decision.model_text


def test_a_withdrawn_request_says_why() -> None:
    decision = decided(after(opened(), events.Cancelled(at=NOW, by="agent", reason="changed my mind")))
    assert (decision.outcome, decision.reason) == ("cancelled", "changed my mind")


def test_a_superseded_request_is_closed() -> None:
    assert decided(after(opened(), events.Superseded(at=NOW, by="r2"))).outcome == "superseded"


def test_a_request_is_undeliverable_once_every_place_is_lost() -> None:
    ticket = opened(route=("chat:#a", "chat:#b"))
    one = after(ticket, events.Undelivered(at=NOW, place="chat:#a", reason="no such channel"))
    assert (one.state, one.undelivered) == ("pending", ("chat:#a",))
    assert machine.step(one, events.Undelivered(at=NOW, place="chat:#a", reason="again")) == machine.Step(one)
    assert machine.step(one, events.Undelivered(at=NOW, place="chat:#else", reason="not ours")) == machine.Step(one)
    decision = decided(after(one, events.Undelivered(at=NOW, place="chat:#b", reason="gone")))
    assert (decision.outcome, decision.reason) == ("undeliverable", "gone")


def test_the_inbox_is_never_posted_to_and_never_lost() -> None:
    ticket = opened(route=("chat:#a", "web"))
    assert machine.step(ticket, events.Undelivered(at=NOW, place="web", reason="x")) == machine.Step(ticket)
    assert after(ticket, events.Undelivered(at=NOW, place="chat:#a", reason="x")).state == "pending"
    terms = machine.Terms(owner="agent", policy=model.Policy(), route=("web",))
    step = machine.open_ticket(permission(), terms, id="r1", ref="x", at=NOW)
    assert step.effects == ()


def test_a_lost_place_is_not_redrawn() -> None:
    ticket = opened(route=("chat:#a", "chat:#b"))
    step = machine.step(ticket, events.Undelivered(at=NOW, place="chat:#a", reason="gone"))
    assert step.effects == (events.Redraw(place="chat:#b"),)


def test_a_decision_is_sent_to_the_callback_address() -> None:
    ticket = opened(permission(callback_url="https://agent.example/done"))
    assert events.Resume() in machine.step(ticket, said("ann", verdict="allow")).effects


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({}, "verdict"),
    ({"text": "yes"}, "verdict"),
    ({"verdict": "allow", "text": "yes"}, "text"),
    ({"verdict": "stop"}, "verdict"),
    ({"verdict": "respond", "text": "42"}, "verdict"),
    ({"verdict": "deny", "input": {}}, "input"),
    ({"verdict": "deny", "grant": "session"}, "grant"),
    ({"verdict": "allow", "grant": "session"}, "grant"),
    ({"verdict": "allow", "input": {"command": "\ud800"}}, "input"),
]


def test_an_answer_that_does_not_fit_a_permission_names_its_field() -> None:
    for row in each(UNFIT):
        with row as (answer, field):
            with pytest.raises(errors.InvalidAnswer) as refused:
                machine.step(
                    opened(), events.Answered(at=NOW, by=person(), answer=model.Answer.model_construct(**answer))
                )
            assert refused.value.field == field


def test_a_grant_counts_only_where_everybody_gave_it() -> None:
    ticket = opened(permission(grants=("session",)), quorum=2)
    both = after(ticket, said("ann", verdict="allow", grant="session"), said("bob", verdict="allow", grant="session"))
    one = after(ticket, said("ann", verdict="allow"), said("bob", verdict="allow", grant="session"))
    assert (decided(both).grant, decided(one).grant) == ("session", None)


UNFIT_ELSEWHERE: list[tuple[model.Request, dict[str, Any], str]] = [
    (asking.Question("Why?"), {"choice": "x"}, "text"),
    (asking.Question("Why?"), {"text": "x", "reason": "y"}, "text"),
    (asking.Choice("Which?", ["A", "B"]), {"choice": "C"}, "answer"),
    (asking.Choice("Which?", ["A", "B"]), {"choices": ("A", "B")}, "choices"),
    (asking.Choice("Which?", ["A", "B"], multiple=True), {"choices": ("A", "A")}, "answer"),
    (asking.Choice("Which?", ["A", "B"], multiple=True), {"choices": ()}, "answer"),
    (asking.Form("Fill", [model.Field(name="n", label="N", kind="integer")]), {"values": {"n": "x"}}, "n"),
    (asking.Form("Fill", [model.Field(name="n", label="N", kind="integer")]), {"values": {"m": 1}}, "m"),
    (asking.Form("Fill", [model.Field(name="n", label="N", kind="integer")]), {"values": {}}, "n"),
]


def test_an_answer_that_does_not_fit_its_question_names_its_field() -> None:
    for row in each(UNFIT_ELSEWHERE):
        with row as (request_, answer, field):
            with pytest.raises(errors.InvalidAnswer) as refused:
                machine.step(opened(request_), said("ann", **answer))
            assert refused.value.field == field


def test_a_choice_comes_back_as_labels() -> None:
    rows: list[tuple[model.Request, dict[str, Any], tuple[str, ...]]] = [
        (asking.Choice("Which?", ["A", "B"]), {"choice": "B"}, ("B",)),
        (asking.Choice("Which?", ["A", "B"]), {"choices": ("B",)}, ("B",)),
        (asking.Choice("Which?", ["A", "B"], other=True), {"choice": "neither"}, ("neither",)),
        (asking.Choice("Which?", ["A", "B"], multiple=True), {"choices": ("B", "A")}, ("B", "A")),
        (asking.Choice("Which?", ["A", "B"], multiple=True), {"choice": "A"}, ("A",)),
    ]
    for row in each(rows):
        with row as (request_, answer, choices):
            decision = decided(after(opened(request_), said("ann", **answer)))
            assert (decision.choices, decision.choice) == (choices, choices[0])


def test_the_digest_changes_with_everything_that_was_shown_or_bound() -> None:
    variants = [
        opened(),
        opened(permission(input={"command": "make deploy "})),
        opened(permission(tool="bash")),
        opened(permission(body="see above")),
        opened(quorum=2),
        opened(requester="ann"),
        opened(permission(expires_in=60)),
    ]
    assert len({ticket.digest for ticket in variants}) == len(variants)


PEOPLE = ("ann", "bob", "carl", "dora")
HAPPENED = st.one_of(
    st.builds(
        lambda who, verdict, after: said(who, verdict=verdict, after=after),
        st.sampled_from(PEOPLE),
        st.sampled_from(("allow", "deny")),
        st.floats(0, 4000),
    ),
    st.builds(lambda s: events.Ticked(at=NOW + timedelta(seconds=s)), st.floats(0, 4000)),
    st.just(events.Cancelled(at=NOW, by="agent")),
    st.builds(lambda place: events.Undelivered(at=NOW, place=place, reason="x"), st.sampled_from(("chat:#ops", "web"))),
)


@given(st.lists(HAPPENED, max_size=12), st.integers(1, 4), st.sampled_from((None, "ann")))
def test_any_order_of_events_gives_at_most_one_decision_and_allows_only_with_the_quorum(
    happened: list[events.Event], quorum: int, requester: str | None
) -> None:
    ticket = opened(permission(callback_url="https://x.example/"), quorum=quorum, requester=requester)
    resumed = 0
    for event in happened:
        before = ticket
        try:
            step = machine.step(ticket, event)
        except errors.Refused:
            continue
        ticket = step.ticket
        resumed += sum(isinstance(effect, events.Resume) for effect in step.effects)
        assert ticket.version in (before.version, before.version + 1)
        if before.decision is not None:
            assert step == machine.Step(before)
    assert resumed == (ticket.decision is not None)
    if ticket.decision is not None and ticket.decision.allowed:
        allowed = {given.person for given in ticket.answers if given.answer.verdict == "allow"}
        assert len(allowed) >= quorum
        assert requester not in allowed
        assert not any(given.answer.verdict == "deny" for given in ticket.answers)


DIFFERENT: list[tuple[list[tuple[str, str]], bool]] = [
    ([("ann", "chat:1"), ("bob", "web:bob")], True),
    ([("chat:1", "chat:1"), ("chat:2", "chat:2")], True),
    ([("ann", "chat:1"), ("chat:2", "chat:2")], True),
    ([("chat:2", "chat:2"), ("bob", "web:bob")], False),
    ([("chat:2", "chat:2"), ("talk:2", "talk:2")], False),
    ([("chat:2", "chat:2"), ("bob", "web:bob"), ("chat:3", "chat:3")], True),
    ([("ann", "chat:1"), ("ann", "web:ann")], False),
    ([("ann", "talk:1"), ("ann", "chat:1"), ("chat:2", "chat:2")], True),
    ([("ann", "chat:1"), ("ann", "talk:1"), ("chat:2", "chat:2")], True),
    ([("ann", "talk:1"), ("chat:2", "chat:2")], False),
]


def test_a_quorum_counts_those_who_are_surely_different_people() -> None:
    for row in each(DIFFERENT):
        with row as (accounts, allowed):
            ticket = opened(quorum=2)
            for name, account in accounts:
                who = model.Person(id=name, name=name, account=account, member=True)
                ticket = machine.step(
                    ticket, events.Answered(at=NOW, by=who, answer=model.Answer(verdict="allow"))
                ).ticket
            assert (ticket.decision is not None) == allowed


BESIDE: list[tuple[list[str], bool]] = [
    (["web:ann", "chat:9"], True),
    (["key:ann", "chat:9"], True),
    (["talk:1", "chat:9"], True),
    (["chat:9", "talk:1"], True),
    (["web:ann", "web:bob"], True),
    (["talk:9", "web:ann"], True),
    # Bob's account on this platform is not known: it may be this one
    (["talk:9", "chat:2"], False),
    (["talk:9", "web:bob"], False),
    (["talk:9", "chat:9"], False),
    (["web:ann", "chat:1"], False),
    # Cleo is known, and none of her accounts are
    (["web:cleo", "chat:9"], False),
]


def test_somebody_elses_account_counts_beside_a_person_whose_account_there_is_known() -> None:
    for row in each(BESIDE):
        with row as (accounts, allowed):
            known = {"ann": frozenset({"chat:1", "talk:1"}), "bob": frozenset({"chat:2"}), "cleo": frozenset[str]()}
            directory = people.Directory({name: people.Profile(theirs) for name, theirs in known.items()})
            ticket = opened(quorum=2)
            for account in accounts:
                platform, _, user = account.partition(":")
                signed_in = user if platform in ("web", "key") else None
                who = directory.identify(people.Actor(account, member=True, person=signed_in))
                ticket = machine.step(
                    ticket, events.Answered(at=NOW, by=who, answer=model.Answer(verdict="allow"))
                ).ticket
            assert (ticket.decision is not None) == allowed


def test_a_person_who_goes_to_and_fro_does_not_make_the_ticket_grow() -> None:
    ticket = opened(quorum=3, veto=3)
    for number in range(40):
        ticket = after(ticket, said("ann", verdict="allow", reason=f"reason {number}"))
    ticket = after(ticket, said("bob", verdict="allow"))
    assert len(ticket.answers) == 11
    assert [given.answer.reason for given in ticket.answers][-2:] == ["reason 39", None]
    assert {given.person for given in approvers.allows_by(ticket)} == {"ann", "bob"}
