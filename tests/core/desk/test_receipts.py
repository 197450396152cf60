"""An allow carries a receipt, whoever gave it; it is good once, and only while the allow is."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

import sayso
import sayso_signing
from sayso import errors, machine, model
from sayso.cards import tokens
from sayso.content import digest
from sayso.desk import Desk, Setup, keys
from sayso.desk.admission import receipting
from sayso.desk.upkeep import stopping
from sayso.machine import events, people
from sayso.stores import memory
from sayso.testing import tickets
from sayso.testing.clock import ManualClock

ANN = people.Actor(account="chat:T/ann", name="Ann", member=True)
CALL: dict[str, Any] = {"tool": "deploy", "input": {"version": "1.4.2"}}
KEY = sayso_signing.new_key()


@pytest.fixture
def now() -> ManualClock:
    return ManualClock()


@pytest.fixture
def desk(now: ManualClock) -> Desk:
    setup = Setup(route=("web",), audience="sayso", address="https://sayso.example.com")
    made = Desk(memory.MemoryStore(), tokens.TokenMaker(b"for tests only, never for people"), setup, now)
    made.issuer = sayso_signing.Keyring.from_text(KEY)
    return made


async def allowed(desk: Desk, id: str = "r1", **answer: Any) -> model.Ticket:
    await desk.open(sayso.Permission(**CALL, id=id))
    return await desk.answer(id, sayso.Answer(verdict="allow", **answer), ANN)


def receipt_of(ticket: model.Ticket) -> str:
    assert ticket.decision is not None
    assert ticket.decision.receipt is not None
    return ticket.decision.receipt


def verify(desk: Desk, ticket: model.Ticket, **more: Any) -> sayso.Receipt:
    assert desk.issuer is not None
    given: dict[str, Any] = {**CALL, "at": desk.clock.now(), **more}
    return sayso.verify_receipt(receipt_of(ticket), desk.issuer.jwks, **given)


async def test_an_allow_carries_a_receipt_for_exactly_what_may_run(desk: Desk) -> None:
    ticket = await allowed(desk)
    said = verify(desk, ticket)
    assert (said.request, said.agent, said.issuer) == ("r1", "local", "https://sayso.example.com")
    assert [(person.name, person.via) for person in said.people] == [("Ann", "chat:T/ann")]
    assert (await desk.store.load("r1")) == ticket
    assert (await desk.wait("r1")).receipt == receipt_of(ticket)
    edited = await allowed(desk, "r2", input={"version": "1.4.3"})
    assert verify(desk, edited, input={"version": "1.4.3"})
    with pytest.raises(errors.DigestMismatch):
        verify(desk, edited)


@pytest.mark.parametrize("answer", [sayso.Answer(verdict="deny"), None])
async def test_nothing_else_carries_one(desk: Desk, answer: sayso.Answer | None) -> None:
    await desk.open(sayso.Permission(**CALL, id="r1"))
    ticket = await desk.answer("r1", answer, ANN) if answer else await desk.cancel("r1")
    assert ticket.decision is not None
    assert ticket.decision.receipt is None
    await desk.open(sayso.Question("Which?", id="q"))
    question = await desk.answer("q", sayso.Answer(text="x"), ANN)
    assert question.decision is not None
    assert question.decision.receipt is None


async def test_without_an_issuer_or_an_audience_there_is_none(desk: Desk) -> None:
    desk.issuer, issuer = None, desk.issuer
    assert (await allowed(desk)).decision.receipt is None  # type: ignore[union-attr]
    with pytest.raises(errors.InvalidToken, match="no receipts are made here"):
        await desk.redeem("x")
    desk.issuer = issuer
    desk.setup = Setup(route=("web",))
    assert (await allowed(desk, "r2")).decision.receipt is None  # type: ignore[union-attr]


async def test_an_allow_of_before_decisions_named_their_end_can_be_looked_at_still(desk: Desk) -> None:
    audience = desk.setup.audience
    desk.setup = replace(desk.setup, audience=None)
    old = await allowed(desk)
    assert old.decision is not None
    before = old.decision.model_copy(update={"valid_until": None})
    stored = old.model_copy(update={"decision": before, "version": old.version + 1})
    await desk.store.commit(machine.Step(stored), tickets.opened())
    desk.setup = replace(desk.setup, audience=audience)
    assert (await desk.let_time_act("r1")).decision == before


async def test_a_receipt_is_used_once_and_the_allow_with_it(desk: Desk) -> None:
    shown = receipt_of(await allowed(desk))
    used = await desk.redeem(shown)
    assert (used.redeemed_at, used.used_at, used.version) == (desk.clock.now(), desk.clock.now(), 3)
    assert receipt_of(used) == shown
    with pytest.raises(errors.AlreadyUsed):
        await desk.redeem(shown)
    with pytest.raises(errors.AlreadyUsed):
        await desk.use("r1")
    used_at, *tried = [row.entry for row in await desk.store.log("r1")][2:]
    assert used_at == events.Redeemed(at=desk.clock.now(), audience="sayso")
    # both are in the log, and by whom
    assert [(one.type, one.by, one.code, one.receipt) for one in tried if isinstance(one, events.UseRefused)] == [
        ("use_refused", "sayso", "already_used", True),
        ("use_refused", "local", "already_used", False),
    ]


async def test_whoever_used_the_allow_may_show_its_receipt_once(desk: Desk, now: ManualClock) -> None:
    shown = receipt_of(await allowed(desk))
    used = await desk.use("r1", attempt="mine")
    now.advance(5)
    redeemed = await desk.redeem(shown)
    assert (redeemed.used_at, redeemed.used_for) == (used.used_at, "mine")
    with pytest.raises(errors.AlreadyUsed, match="12:00:05"):
        await desk.redeem(shown)


async def test_of_many_at_once_one_gets_it(desk: Desk) -> None:
    shown = receipt_of(await allowed(desk))
    done = await asyncio.gather(*(desk.redeem(shown) for _ in range(20)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["AlreadyUsed"] * 19 + ["Ticket"]


async def test_what_is_void_held_stopped_or_of_a_dead_key_is_refused(desk: Desk, now: ManualClock) -> None:
    secret = await keys.Keys(desk.store).add("bot", "agent", now.now())
    caller = (await keys.Keys(desk.store).find(secret)).caller
    await desk.open(sayso.Permission(**CALL, id="k"), caller)
    dead = receipt_of(await desk.answer("k", sayso.Answer(verdict="allow"), ANN))
    await keys.Keys(desk.store).revoke("bot")
    with pytest.raises(errors.Unauthorized):
        await desk.redeem(dead)
    stopped = receipt_of(await allowed(desk, "s"))
    who = stopping.Who("ann", "Ann", "terminal:ann")
    await stopping.stop(desk, who)
    with pytest.raises((errors.NotUsable, errors.Refused)):
        await desk.redeem(stopped)
    await stopping.resume(desk, who)
    late = receipt_of(await allowed(desk, "v"))
    now.advance(901)
    with pytest.raises(errors.InvalidToken, match="over"):
        await desk.redeem(late)


async def test_a_receipt_of_another_service_with_the_same_key_is_refused(desk: Desk, now: ManualClock) -> None:
    other = Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), Setup(route=("web",), audience="sayso"), now)
    other.issuer = desk.issuer
    shown = receipt_of(await allowed(other))
    with pytest.raises(errors.NotFound):
        await desk.redeem(shown)
    await allowed(desk)
    with pytest.raises(errors.InvalidToken, match="not of a request"):
        await desk.redeem(shown)


async def test_an_altered_ticket_is_not_redeemed(desk: Desk) -> None:
    ticket = await allowed(desk)
    shown = receipt_of(ticket)
    assert ticket.decision is not None
    wrong = ticket.decision.model_copy(update={"input": {"version": "6.6.6"}})
    await desk.store.commit(
        machine.Step(ticket.model_copy(update={"decision": wrong, "version": 3})), events.Held(at=desk.clock.now())
    )
    with pytest.raises(errors.Altered):
        await desk.redeem(shown)


async def test_a_receipt_of_a_large_input_is_small(desk: Desk) -> None:
    call: dict[str, Any] = {"tool": "deploy", "input": {"text": "x" * 500_000}}
    await desk.open(sayso.Permission(**call, id="big"))
    ticket = await desk.answer("big", sayso.Answer(verdict="allow"), ANN)
    assert len(receipt_of(ticket)) < 1_500
    assert verify(desk, ticket, **call).input_digest == digest.of_call("deploy", call["input"])


class Broken:
    """An issuer that says nothing true."""

    jwks: Mapping[str, Any] = {"keys": []}

    def issue(self, claims: Mapping[str, Any]) -> str:
        return "x"

    def read(self, token: str, at: datetime) -> Mapping[str, Any]:
        return {"sub": "r1", "jti": "rcp_x", "digest": "sha256:x", "aud": "sayso"}


async def test_claims_are_held_to_what_is_stored(desk: Desk) -> None:
    await allowed(desk)
    desk.issuer = Broken()
    with pytest.raises(errors.InvalidToken):
        await desk.redeem("x")
    assert receipting.attach(desk, machine.Step(await desk.store.load("r1"))).ticket == await desk.store.load("r1")


async def test_under_a_stop_no_receipt_is_used_not_even_of_an_allow_that_was(desk: Desk, now: ManualClock) -> None:
    first, second = receipt_of(await allowed(desk)), receipt_of(await allowed(desk, "r2"))
    await desk.use("r1")
    ann = stopping.Who("ann", "Ann", "chat:T/ann")
    await stopping.stop(desk, ann)
    for shown in (first, second):
        with pytest.raises(errors.NotUsable, match="Ann has stopped everything"):
            await desk.redeem(shown)
    now.advance(60)
    await stopping.resume(desk, ann)
    for shown in (first, second):
        assert (await desk.redeem(shown)).redeemed_at == now.now()
