"""Keys and secrets are changed while the service is used: for a while the old ones count as well, and then no more."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

import sayso
from sayso import errors
from sayso.cards import tokens
from sayso.desk import authority, keys, token_secret
from sayso.stores import memory
from sayso.testing.clock import ManualClock

DAY = timedelta(days=1)
OLD, NEW = "the secret of last year, 32 signs", "the secret of this year, 32 signs"


@pytest.fixture
async def store() -> AsyncIterator[memory.MemoryStore]:
    opened = memory.MemoryStore()
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def refused(held: keys.Keys, secret: str) -> bool:
    try:
        await held.find(secret)
    except errors.Unauthorized:
        return True
    return False


async def test_both_secrets_of_a_key_are_good_for_a_while_and_then_the_newer_one(
    store: memory.MemoryStore, clock: ManualClock
) -> None:
    held = keys.Keys(store, clock)
    old = await held.add("bot", "agent", clock.now(), "ann", policy="p", route=("web",))
    new = await held.rotate("bot", DAY)
    first, second = await held.find(old), await held.find(new)
    # one caller, with the same bounds
    assert (first.caller.owner, first.policy, first.route, first.person) == ("bot", "p", ("web",), "ann")
    assert (second.caller.owner, second.policy, second.route, second.person) == ("bot", "p", ("web",), "ann")
    assert (first.until, second.until, first.created_at) == (clock.now() + DAY, None, second.created_at)
    clock.advance(DAY.total_seconds())
    assert (await refused(held, old), await refused(held, new)) == (True, False)


async def test_a_second_rotation_makes_no_old_secret_live_longer(store: memory.MemoryStore, clock: ManualClock) -> None:
    held = keys.Keys(store, clock)
    oldest = await held.add("bot", "agent", clock.now())
    old = await held.rotate("bot", DAY)
    await held.rotate("bot", 30 * DAY)
    clock.advance(DAY.total_seconds())
    assert (await refused(held, oldest), await refused(held, old)) == (True, False)
    await held.rotate("bot", timedelta(0))
    assert await refused(held, old)


async def test_what_was_asked_with_the_old_secret_stays_and_a_revocation_ends_all_of_them(
    store: memory.MemoryStore, clock: ManualClock
) -> None:
    held, desk = keys.Keys(store, clock), sayso.Desk(store, tokens.TokenMaker(b"x" * 32), clock=clock)
    old = await held.add("bot", "agent", clock.now())
    early = await desk.open(sayso.Question("Early?"), (await held.find(old)).caller)
    new = await held.rotate("bot", timedelta(0))
    late = await desk.open(sayso.Question("Late?"), (await held.find(new)).caller)
    # a decision on what was asked before is still handed over
    assert await authority.holds(store, early.key)
    assert {(await store.load(one.id)).state for one in (early, late)} == {"pending"}
    assert await held.revoke("bot") == 2
    assert (await refused(held, new), await held.list()) == (True, [])
    assert not await authority.holds(store, early.key)


async def test_no_key_no_rotation(store: memory.MemoryStore) -> None:
    with pytest.raises(errors.NotFound):
        await keys.Keys(store).rotate("bot", DAY)


async def test_a_button_of_before_counts_while_its_secret_is_named(
    store: memory.MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYSO_SECRET", OLD)
    before = await token_secret.mint(store)
    tickets = [await sayso.Desk(store, before).open(sayso.Permission(tool="deploy")) for _ in range(2)]
    buttons = [before.token(ticket, "deny") for ticket in tickets]
    monkeypatch.setenv("SAYSO_SECRET", NEW)
    monkeypatch.setenv("SAYSO_SECRET_OLD", OLD)
    between = await token_secret.mint(store)
    # nothing new is made by the old one
    assert between.token(tickets[0], "deny") != buttons[0]
    between.check(tokens.read(buttons[0]), tickets[0])
    monkeypatch.delenv("SAYSO_SECRET_OLD")
    with pytest.raises(errors.InvalidToken):
        (await token_secret.mint(store)).check(tokens.read(buttons[1]), tickets[1])


async def test_the_secret_in_the_database_is_changed_and_the_old_one_counts_for_a_while(
    store: memory.MemoryStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await token_secret.mint(store, clock)
    await token_secret.rotate(store, DAY, clock.now())
    between = await token_secret.mint(store, clock)
    assert (between.secret != before.secret, between.older) == (True, (before.secret,))
    clock.advance(DAY.total_seconds())
    assert (await token_secret.mint(store, clock)) == tokens.TokenMaker(between.secret)
    # from the database to the environment, with the same overlap
    monkeypatch.setenv("SAYSO_SECRET", NEW)
    await token_secret.rotate(store, DAY, clock.now())
    assert await token_secret.mint(store, clock) == tokens.TokenMaker(NEW.encode(), (between.secret,))
    clock.advance(DAY.total_seconds())
    assert await token_secret.mint(store, clock) == tokens.TokenMaker(NEW.encode())


@pytest.mark.parametrize(("secret", "old"), [("", OLD), (NEW, "short")])
async def test_an_old_secret_that_makes_no_sense_stops_the_start(
    secret: str, old: str, store: memory.MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYSO_SECRET", secret)
    monkeypatch.setenv("SAYSO_SECRET_OLD", old)
    with pytest.raises(errors.InvalidSettings) as wrong:
        await token_secret.mint(store)
    assert wrong.value.field == "SAYSO_SECRET_OLD"
