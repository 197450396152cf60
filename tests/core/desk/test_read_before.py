"""An answer, a use and a withdrawal count for the request as it is, whatever was read of it a moment before."""

from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.desk import Caller, Desk, Setup
from sayso.machine import events
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor

ALLOW = model.Answer(verdict="allow")
DENY = model.Answer(verdict="deny")


def desk_of(**policy: Any) -> Desk:
    return Desk(memory.MemoryStore(), MINT, Setup({"default": model.Policy(**policy)}), ManualClock())


async def ask(desk: Desk) -> model.Ticket:
    return await desk.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}))


async def refusals(desk: Desk, id: str) -> int:
    return sum(isinstance(row.entry, events.AnswerRefused) for row in await desk.store.log(id))


async def test_whose_turn_has_come_meanwhile_is_not_told_that_it_has_not() -> None:
    stages = (model.Stage(approvers=("chat:T/ann",)), model.Stage(approvers=("chat:T/bob",)))
    desk = desk_of(stages=stages)
    read = await ask(desk)
    await desk.answer(read.id, ALLOW, actor("ann"))
    allowed = await desk.answer(read.id, ALLOW, actor("bob"), loaded=read)
    assert allowed.decision is not None
    assert (allowed.decision.outcome, await refusals(desk, read.id)) == ("allowed", 0)


async def test_an_answer_that_was_taken_back_meanwhile_is_in_nobodys_way() -> None:
    desk = desk_of(approvers=("anyone",))
    ticket = await ask(desk)
    read = await desk.answer(ticket.id, ALLOW, actor("ann"), grace=timedelta(seconds=30))
    await desk.take_back(ticket.id, actor("ann"))
    denied = await desk.answer(ticket.id, DENY, actor("bob"), loaded=read)
    assert denied.decision is not None
    assert (denied.decision.outcome, await refusals(desk, ticket.id)) == ("denied", 0)


async def test_what_is_refused_as_it_is_now_is_refused_once() -> None:
    desk = desk_of(approvers=("chat:T/ann",))
    read = await ask(desk)
    with pytest.raises(errors.NotAllowed):
        await desk.answer(read.id, ALLOW, actor("bob"), loaded=read)
    assert await refusals(desk, read.id) == 1


async def test_an_answer_that_changes_nothing_is_told_what_is_there_now() -> None:
    desk = desk_of(approvers=("anyone",), quorum=3)
    ticket = await ask(desk)
    read = await desk.answer(ticket.id, ALLOW, actor("ann"))
    await desk.answer(ticket.id, ALLOW, actor("bob"))
    again = await desk.answer(ticket.id, ALLOW, actor("ann"), loaded=read)
    assert [given.person for given in again.answers] == ["chat:T/ann", "chat:T/bob"]


async def test_an_allow_that_was_used_meanwhile_is_not_used_again() -> None:
    desk = desk_of(approvers=("anyone",))
    ticket = await ask(desk)
    with pytest.raises(errors.NotUsable):
        await desk.use(ticket.id, loaded=ticket)
    read = await desk.answer(ticket.id, ALLOW, actor("ann"))
    # it was not decided yet when it was read
    used = await desk.use(ticket.id, attempt="a1", loaded=ticket)
    assert used.used_at is not None
    with pytest.raises(errors.AlreadyUsed):
        await desk.use(ticket.id, attempt="a2", loaded=read)


async def test_what_was_decided_meanwhile_is_not_withdrawn() -> None:
    desk = desk_of(approvers=("anyone",))
    read = await ask(desk)
    decided = await desk.answer(read.id, ALLOW, actor("ann"))
    assert await desk.cancel(read.id, loaded=read) == decided


async def test_what_was_read_of_another_callers_request_is_neither_used_nor_withdrawn() -> None:
    desk = desk_of(approvers=("anyone",))
    other = Caller(owner="other")
    read = await ask(desk)
    allowed = await desk.answer(read.id, ALLOW, actor("ann"))
    for call in (desk.use(read.id, other, loaded=allowed), desk.cancel(read.id, other, loaded=read)):
        with pytest.raises(errors.NotFound):
            await call
