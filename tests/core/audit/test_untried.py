"""Whoever knows all but a short secret cannot find it out by trying: not from digests, hashes or rows."""

import json

from sayso import asking, model
from sayso.audit import checking, exporting, gathering
from sayso.cards import masked
from sayso.content import binding, digest
from sayso.desk import Desk, Setup
from sayso.desk.admission import granting
from sayso.machine import events, people
from sayso.stores import chain, record_kinds
from sayso.stores.memory import MemoryStore
from sayso.testing import clock, samples

ANN = people.Actor("chat:T/ann", name="Ann", person="ann", member=True)
DIRECTORY = people.Directory({"ann": people.Profile(accounts=frozenset({"chat:T/ann"}))})
CALL = asking.Permission(tool="Bash", input={"command": "mysql --password=hunter7 shop"}, id="r1")


def desk_of(store: MemoryStore) -> Desk:
    setup = Setup({"default": model.Policy(approvers=("ann",))}, DIRECTORY)
    return Desk(store, samples.MINT, setup, clock.ManualClock(samples.NOW))


def tried(ticket: model.Ticket) -> set[str]:
    """All that somebody who guessed the secret can compute."""
    terms = binding.Terms(ticket.owner, ticket.policy, ticket.route, ticket.requester)
    whole = binding.digest_of(ticket.request, terms, ticket.id, ticket.expires_at)
    edited = ticket.decision.input if ticket.decision else None
    calls = [digest.of_call("Bash", one) for one in (ticket.request.input, edited) if one]
    return {one.removeprefix("sha256:") for one in (whole, *calls)}


async def exported(store: MemoryStore) -> list[str]:
    lines = exporting.Lines(masks=samples.MINT.masks)
    written = [lines.head(samples.NOW)]
    written += [lines.line(item) async for item in gathering.everything(store)]
    return [*written, lines.end()]


async def answered(desk: Desk) -> model.Ticket:
    await desk.open(CALL)
    edited = {"command": "mysql --password=hunter8 shop"}
    return await desk.answer("r1", model.Answer(verdict="allow", input=edited), ANN)


async def test_no_digest_on_a_shown_ticket_can_be_tried() -> None:
    ticket = await answered(desk_of(MemoryStore()))
    shown = masked.of(ticket, samples.MINT).model_dump_json()
    assert ticket.digest in shown
    assert not any(one in shown for one in tried(ticket))


async def test_a_digest_that_the_agents_side_noted_is_covered_where_there_are_secrets() -> None:
    call = digest.of_call("Bash", CALL.input or {})
    desk = desk_of(MemoryStore())
    noted = CALL.model_copy(update={"metadata": {"claude": {"call": call}}, "id": "r2"})
    shown = masked.of(await desk.open(noted), samples.MINT).request.metadata
    assert call not in str(shown)
    plain = asking.Permission(tool="Bash", input={"command": "make"}, metadata={"claude": {"call": call}})
    assert masked.of(await desk.open(plain), samples.MINT).request.metadata == {"claude": {"call": call}}


async def test_nothing_of_a_grant_says_what_was_asked() -> None:
    store = MemoryStore()
    policy = model.Policy(approvers=("ann",), grants=3_600.0)
    desk = Desk(store, samples.MINT, Setup({"default": policy}, DIRECTORY), clock.ManualClock(samples.NOW))
    ticket = await desk.open(asking.Permission(tool="pay", input={"amount": 5, "password": "hunter7"}))
    await desk.answer(ticket.id, model.Answer(verdict="allow", standing="pattern", free=("amount",)), ANN)
    (kept,) = await store.scan(record_kinds.GRANT)
    (listed,) = await granting.listed(store, samples.NOW)
    assert listed.id not in kept.name
    assert kept.value["like"]["fixed"] not in listed.model_dump_json()
    again = await desk.open(asking.Permission(tool="pay", input={"amount": 3, "password": "hunter7"}))
    assert again.ruled is not None
    assert again.ruled.rule == f"grant {listed.id}"


async def test_a_receipt_is_shown_to_nobody_else_and_is_no_secret_of_the_request() -> None:
    ticket = samples.after(samples.opened(), samples.said(verdict="allow"))
    assert ticket.decision is not None
    signed = ticket.decision.model_copy(update={"receipt": f"eyJhbGciOiJFZERTQSJ9.{'eyJqdGkiOiI' * 4}.{'A' * 86}"})
    shown = masked.of(ticket.model_copy(update={"decision": signed}), samples.MINT)
    assert shown == ticket
    assert not isinstance(shown, masked.Covered)


async def test_no_hash_of_an_export_can_be_tried_and_it_can_still_be_checked() -> None:
    store = MemoryStore()
    ticket = await answered(desk_of(store))
    written = await exported(store)
    text = "".join(written)
    rows = [row.entry for row in await store.log("r1") if isinstance(row.entry, events.Answered)]
    bare = [events.entry_codec.dump_json(row.model_copy(update={"salt": None})).decode() for row in rows]
    bare += [
        json.dumps({k: v for k, v in json.loads(one).items() if k != "salt"}, separators=(",", ":")) for one in bare
    ]
    guesses = tried(ticket) | {chain.sha256(one) for one in bare}
    assert not any(one in text for one in guesses)
    for kept in (ticket.salt, rows[0].salt, ticket.ref):
        assert kept
        assert kept not in text
    checker = checking.Checker(lambda *_: True, ())
    exporting.check_lines(iter(written), checker)
    assert checker.finish().findings == []


async def test_the_salt_of_a_row_is_shown_to_nobody() -> None:
    store = MemoryStore()
    await answered(desk_of(store))
    rows = [row.entry for row in await store.log("r1") if isinstance(row.entry, events.Answered)]
    shown = masked.entry_of(rows[0], samples.MINT)
    assert isinstance(shown, events.Answered)
    assert shown.salt is None


async def test_a_button_alone_needs_no_salt() -> None:
    store = MemoryStore()
    desk = desk_of(store)
    await desk.open(CALL)
    await desk.answer("r1", model.Answer(verdict="deny"), ANN)
    assert [row.entry.salt for row in await store.log("r1") if isinstance(row.entry, events.Answered)] == [None]


async def test_a_request_of_an_older_version_keeps_its_digest() -> None:
    older = samples.opened()
    assert older.salt is None
    binding.check(older)
