"""A key that is revoked while somebody waits with it gets nothing more; what it is bound to, it cannot choose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sayso import errors, model, stores
from sayso.desk import Desk, Setup, authority, courier, keys, setup
from sayso.machine import events
from sayso.stores import Query, Record, Store, record_kinds, sqlite
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import BOUND
from tests.core.stores.tampering import tamper
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

ANN = actor("ann")
POLICIES = {"default": model.Policy(), "production": model.Policy(approvers=("ann",))}
HOUSE = Setup(POLICIES, route=("chat:#ops",), channels={"chat", "web"}, callbacks=True)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> AsyncIterator[Store]:
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/a.db", "postgres": pg_tables}
    opened = await stores.connect(urls[request.param])
    yield opened
    await opened.close()


@pytest.fixture
def front(store: Store) -> Desk:
    return Desk(store, MINT, HOUSE, ManualClock())


async def made(front: Desk, name: str = "bot", role: str = "agent", **bound: object) -> keys.Key:
    chain = keys.Keys(front.store)
    return await chain.find(await chain.add(name, role, front.clock.now(), **bound))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def test_revoking_a_key_withdraws_what_it_asked_and_says_why(front: Desk) -> None:
    bot, other = await made(front), await made(front, "other")
    asked = [await front.open(permission(id=f"r{n}"), bot.caller) for n in range(3)]
    await front.answer("r0", model.Answer(verdict="allow"), ANN)
    theirs = await front.open(permission(id="theirs"), other.caller)
    assert await keys.Keys(front.store).revoke("bot", front.clock.now()) == 2
    closed = [await front.get(ticket.id) for ticket in asked]
    assert [one.decision and one.decision.outcome for one in closed] == ["allowed", "cancelled", "cancelled"]
    assert closed[1].decision is not None
    assert closed[1].decision.reason == "the key bot was revoked"
    assert (await front.get(theirs.id)).state == "pending"
    assert await front.store.scan("revoking") == []


async def test_who_waits_with_a_revoked_key_is_refused_at_the_end_of_the_wait(front: Desk) -> None:
    bot = await made(front)
    ticket = await front.open(permission(), bot.caller)
    waiting = asyncio.create_task(front.wait(ticket.id))
    await asyncio.sleep(0)
    await keys.Keys(front.store).revoke("bot", front.clock.now())
    with pytest.raises(errors.Unauthorized):
        await asyncio.wait_for(waiting, BOUND)


async def test_a_yes_that_came_before_the_revocation_is_not_told_after_it(front: Desk) -> None:
    bot = await made(front)
    ticket = await front.open(permission(), bot.caller)
    await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    await keys.Keys(front.store).revoke("bot", front.clock.now())
    for caller in (None, bot.caller):
        with pytest.raises(errors.Unauthorized):
            await front.wait(ticket.id, caller)


async def test_what_is_asked_while_the_key_dies_is_withdrawn(front: Desk) -> None:
    bot = await made(front)
    await keys.Keys(front.store).revoke("bot", front.clock.now())
    with pytest.raises(errors.Unauthorized):
        await front.open(permission(id="late"), bot.caller)
    late = await front.get("late")
    assert late.decision is not None
    assert late.decision.outcome == "cancelled"


async def test_a_stop_that_cannot_be_read_keeps_no_key_alive_and_neither_does_another_key(front: Desk) -> None:
    bot = await made(front)
    await keys.Keys(front.store).revoke("bot", front.clock.now())
    await front.store.put(Record(record_kinds.STOP, "of a newer version", {"by": 1}))
    await front.store.put(Record(record_kinds.KEY, f"{bot.record}0", {"name": "other"}))
    with pytest.raises(errors.Unauthorized):
        await front.open(permission(id="late"), bot.caller)
    assert (await front.get("late")).state == "decided"


async def test_a_key_that_cannot_be_read_was_not_revoked(tmp_path: Path) -> None:
    front = Desk(await sqlite.SqliteStore.open(str(tmp_path / "a.db")), MINT, HOUSE, ManualClock())
    bot = await made(front)
    await front.open(permission(id="before"), bot.caller)
    assert isinstance(front.store, sqlite.SqliteStore)
    await tamper(front.store, "update records set value = 'damaged' where kind = 'key'")
    with pytest.raises(errors.Unreadable):
        await front.open(permission(id="late"), bot.caller)
    assert {(await front.get(id)).state for id in ("before", "late")} == {"pending"}
    await front.store.close()


async def test_an_approver_whose_key_is_revoked_while_the_answer_comes_decides_nothing(front: Desk) -> None:
    ann = await made(front, "ann", "approver")
    ticket = await front.open(permission())
    held = ann.actor
    await keys.Keys(front.store).revoke("ann", front.clock.now())
    with pytest.raises(errors.Unauthorized):
        await front.answer(ticket.id, model.Answer(verdict="allow"), held)
    assert (await front.get(ticket.id)).state == "pending"


async def test_with_a_revoked_key_nothing_happens_whatever_was_read_of_the_request_before(front: Desk) -> None:
    ann = await made(front, "ann", "approver")
    ticket = await front.open(permission())
    await front.card_lost(ticket.id, "chat:#ops")
    await keys.Keys(front.store).revoke("ann", front.clock.now())
    for loaded in (ticket, None):
        with pytest.raises(errors.Unauthorized):
            await front.answer(ticket.id, model.Answer(verdict="allow"), ann.actor, loaded=loaded)
    said = events.Undelivered(at=front.clock.now(), place="chat:#ops", reason="gone")
    with pytest.raises(errors.Unauthorized):
        await front.step(ticket.id, lambda: said, key=ann.record)
    assert (await front.get(ticket.id)).undelivered == ()


async def test_a_new_key_of_the_same_name_does_not_suffer_for_the_old_one(front: Desk) -> None:
    old = await made(front)
    await front.open(permission(id="old"), old.caller)
    await keys.Keys(front.store).revoke("bot", front.clock.now())
    new = await made(front)
    ticket = await front.open(permission(id="new"), new.caller)
    assert await authority.withdraw(front.store, "bot", old.record, front.clock.now()) == (0, True)
    await front.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    assert (await front.wait(ticket.id, new.caller)).allowed


async def test_a_revocation_that_its_process_did_not_live_to_finish_is_finished(front: Desk) -> None:
    bot = await made(front)
    ticket = await front.open(permission(), bot.caller)
    # the process dies right after the note that it begins
    await front.store.put(Record("revoking", "bot", {"key": bot.record, "reason": None}))
    watching = asyncio.create_task(authority.watch(front.store, front.clock))
    changes = front.store.changes()
    async with asyncio.timeout(BOUND):
        while (await front.get(ticket.id)).decision is None or await front.store.scan("revoking"):
            await anext(changes)
            await asyncio.sleep(0.01)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert await front.store.get("key", str(bot.record)) is None


async def test_a_revocation_that_an_older_version_began_says_no_key_and_is_finished_all_the_same(front: Desk) -> None:
    await front.store.put(Record("revoking", "bot", {"key": None}))
    watching = asyncio.create_task(authority.watch(front.store, front.clock))
    async with asyncio.timeout(BOUND):
        while await front.store.scan("revoking"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def test_nobody_is_called_back_for_a_revoked_key(front: Desk) -> None:
    told: list[str] = []

    class Tells:
        async def resume(self, ticket: model.Ticket) -> bool:
            told.append(ticket.id)
            return True

        def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
            return 1.0

    bot, other = await made(front), await made(front, "other")
    for key in (bot, other):
        asked = permission(id=f"of-{key.name}", callback_url="https://agent.example.com/x", route=["web"])
        await front.open(asked, key.caller)
        await front.answer(f"of-{key.name}", model.Answer(verdict="allow"), ANN)
    await keys.Keys(front.store).revoke("bot", front.clock.now())
    deliver = courier.Courier(front, [], Tells())
    while await deliver.deliver():
        pass
    assert told == ["of-other"]


async def test_the_log_says_that_a_key_was_revoked(front: Desk) -> None:
    await made(front)
    await keys.Keys(front.store).revoke("bot", front.clock.now())
    [row] = await front.store.log_after(0)
    assert (row.ticket_id, row.entry) == ("", events.Revoked(at=front.clock.now(), key="bot"))


async def test_many_requests_are_withdrawn_page_by_page(tmp_path: Path) -> None:
    store = await sqlite.SqliteStore.open(str(tmp_path / "a.db"))
    front = Desk(store, MINT, HOUSE, ManualClock())
    bot = await made(front)
    await asyncio.gather(*(front.open(permission(id=f"r{n}"), bot.caller) for n in range(250)))
    assert await keys.Keys(store).revoke("bot", front.clock.now()) == 250
    assert await store.list(Query("pending")) == []
    await store.close()


@pytest.mark.parametrize(
    ("wanted", "field"),
    [({"policy": "default"}, "policy"), ({"route": ["web"]}, "route"), ({"route": ["chat:#prod", "web"]}, "route")],
)
async def test_a_key_that_is_bound_cannot_choose_its_judge(front: Desk, wanted: dict[str, object], field: str) -> None:
    bot = await made(front, policy="production", route=["chat:#prod"])
    with pytest.raises(errors.InvalidRequest) as refused:
        await front.open(permission(**wanted), bot.caller)
    assert (refused.value.field, refused.value.status) == (field, 422)


@pytest.mark.parametrize("wanted", [{}, {"policy": "production"}, {"route": ["chat:#prod"]}])
async def test_a_key_that_is_bound_asks_as_it_is_bound(front: Desk, wanted: dict[str, object]) -> None:
    bot = await made(front, policy="production", route=["chat:#prod"])
    ticket = await front.open(permission(**wanted), bot.caller)
    assert (ticket.policy, ticket.route) == (POLICIES["production"], ("chat:#prod",))


async def test_a_bound_key_asks_the_same_again_with_and_without_naming_its_policy(front: Desk) -> None:
    bot = await made(front, policy="production")
    first = await front.open(permission(id="r1", policy="production"), bot.caller)
    assert await front.open(permission(id="r1", policy="production"), bot.caller) == first


async def test_a_policy_that_is_gone_refuses_and_does_not_fall_back(front: Desk) -> None:
    bot = await made(front, policy="gone")
    with pytest.raises(errors.InvalidRequest) as refused:
        await front.open(permission(), bot.caller)
    assert refused.value.field == "policy"


async def test_the_service_names_the_policy_of_those_who_name_none(store: Store) -> None:
    front = Desk(store, MINT, setup.Setup(POLICIES, policy="production"), ManualClock())
    assert (await front.open(permission())).policy == POLICIES["production"]
    assert (await front.open(permission(policy="default"))).policy == POLICIES["default"]


@pytest.mark.parametrize(
    ("role", "bound", "field"),
    [("approver", {"policy": "production"}, "policy"), ("agent", {"route": ["#ops"]}, "route")],
)
async def test_a_key_cannot_be_bound_to_what_means_nothing(
    front: Desk, role: str, bound: dict[str, object], field: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await made(front, "x", role, **bound)
    assert refused.value.field == field
