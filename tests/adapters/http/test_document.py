"""What of a ticket crosses the wire: every field is on one of two lists, and those of the first arrive."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

from sayso import attention, model, policies
from sayso.stores import Row
from sayso.testing import samples
from sayso_http import log_rows, tickets

AT = samples.NOW
ANN = model.Given(person="ann", name="Ann", via="web:ann", at=AT, answer=model.Answer(verdict="allow"))
FULL = model.Ticket(
    id="r1",
    ref="r" * 22,
    version=7,
    request=model.Request(id="r1", kind="permission", tool="Bash", input={"command": "ls"}, metadata={"a": [1, None]}),
    policy=model.Policy(approvers=("ann", "bob"), quorum=2),
    owner="bot",
    requester="carl",
    key="k1",
    route=("web", "chat:#ops"),
    digest="sha256:0",
    salt="00" * 16,
    created_at=AT,
    expires_at=AT + timedelta(hours=1),
    answers=(ANN,),
    taken=model.Taken(given=ANN, until=AT + timedelta(seconds=5)),
    undelivered=("chat:#ops",),
    decision=model.Decision(id="r1", outcome="allowed", digest="sha256:0", decided_at=AT, model_text="Allowed."),
    used_at=AT + timedelta(minutes=1),
    used_for="first",
    redeemed_at=AT + timedelta(minutes=2),
    held=True,
    minted=2,
    tell=("chat:@carl",),
    push=True,
    asked_back=model.AskedBack(id="r0", name="Ann", question="Which?", at=AT),
    stopped=model.Standstill(stop=model.Stop(by="ann", name="Ann", via="slack:T1/U1", at=AT), since=AT),
    bound_until=AT + timedelta(minutes=59),
    erased_at=AT,
    policy_name="production",
    stage=1,
    stage_at=AT,
    gone=("slack:T1/U9",),
    review="r2",
    reviews="r0",
    stage_routes=((), ("chat:@ann",)),
    plan=(policies.Planned(at=AT + timedelta(minutes=30), does="remind", number=1),),
    escalated=(policies.Escalated(at=AT + timedelta(minutes=20), number=0, places=("chat:#leads",)),),
    reminded=1,
    passed=(policies.PassedOn(at=AT, by="ann", name="Ann", via="slack:T1/U1", to="bob"),),
    delayed=(attention.Trouble(place="chat:#ops", at=AT, reason="503"),),
    fallback=(("web",),),
    attending=attention.Attending(asked=(attention.Asked(at=AT, person="ann"),)),
    reach=attention.Reach(turns=("ann", "bob")),
    fell_back=(attention.FellBack(at=AT, places=("web",)),),
    remembered=model.Remembered(allowed=1, last="allowed", by="Ann", at=AT),
    viewed_at=AT,
    trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ruled=model.Ruled(rule="reads", watched=("npm",)),
)
"""A ticket of which nothing is as it was when it was asked."""


def test_every_field_of_a_ticket_crosses_the_wire_or_is_left_out_for_a_reason() -> None:
    assert tickets.unplaced(model.Ticket) == set()
    assert set(tickets.LEFT_OUT) <= set(model.Ticket.model_fields) - set(tickets.Document.model_fields)
    assert all(tickets.LEFT_OUT.values())


def test_a_field_that_is_on_neither_list_is_found() -> None:
    class WithReminders(model.Ticket):
        reminded_at: datetime | None = None

    assert tickets.unplaced(WithReminders) == {"reminded_at"}


def test_the_client_gets_every_field_that_is_not_left_out() -> None:
    # what still has its default would arrive by itself
    assert [name for name, field in model.Ticket.model_fields.items() if getattr(FULL, name) == field.default] == []
    sent = tickets.to_document(FULL).model_dump_json()
    arrived = tickets.to_ticket(tickets.Document.model_validate_json(sent))
    hidden = {"used_for": None, "minted": 0, "tell": (), "push": False, "bound_until": None, "stage_routes": ()}
    hidden |= {"fallback": (), "reach": None, "trace": None, "salt": None}
    assert arrived == FULL.model_copy(update={"ref": "", **hidden})


def test_every_part_of_a_log_row_crosses_the_wire() -> None:
    parts = {part.name for part in dataclasses.fields(Row)}
    # the ticket is called by what it is to a caller: a request
    assert parts - {"ticket_id"} | {"request"} == set(log_rows.LogRow.model_fields)


def test_the_wire_form_keeps_its_order() -> None:
    sent = tickets.to_document(FULL, [model.PostedCard("r1", "chat:#ops", "chat", "C1", "m1")]).model_dump(mode="json")
    assert list(sent) == [
        *("id", "kind", "state", "digest", "created_at", "expires_at", "answers", "taken", "decision", "cards"),
        *("version", "held", "owner", "key", "requester", "policy", "policy_name", "stage", "stage_at", "gone"),
        *("review", "reviews", "route", "undelivered", "used_at", "redeemed_at", "erased_at", "asked_back"),
        *("remembered", "stopped", "ruled", "plan", "escalated", "reminded", "passed"),
        *("delayed", "fell_back", "attending", "progress", "viewed_at", "request"),
    ]
    assert (sent["kind"], sent["state"]) == ("permission", "decided")
    assert sent["cards"] == [{"place": "chat:#ops", "ref": "C1/m1"}]
