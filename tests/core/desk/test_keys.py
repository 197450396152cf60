"""Keys and people: who may ask, who may answer, and what an operator can configure wrongly."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sayso
from sayso import errors, model
from sayso.desk import keys, token_secret
from sayso.machine import people, staffing
from sayso.stores import memory
from tests.tables import each

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store() -> AsyncIterator[memory.MemoryStore]:
    opened = memory.MemoryStore()
    yield opened
    await opened.close()


async def test_a_key_is_shown_once_and_stored_as_a_hash(store: memory.MemoryStore) -> None:
    held = keys.Keys(store)
    secret = await held.add("ann", "approver", AT)
    stored = await store.scan("key")
    assert secret not in str(stored)
    assert (await held.find(secret)).actor.person == "ann"
    assert [key.name for key in await held.list()] == ["ann"]


async def test_an_agents_key_never_answers(store: memory.MemoryStore) -> None:
    held = keys.Keys(store)
    for role in ("agent", "operator"):
        key = await held.find(await held.add(role, role, AT, person="ann"))
        assert (key.caller.requester, key.caller.operator) == ("ann", role == "operator")
        with pytest.raises(errors.NotAllowed):
            _ = key.actor


async def test_a_revoked_key_is_dead_at_once(store: memory.MemoryStore) -> None:
    held = keys.Keys(store)
    secret = await held.add("bot", "agent", AT)
    await held.revoke("bot")
    with pytest.raises(errors.Unauthorized):
        await held.find(secret)
    with pytest.raises(errors.NotFound):
        await held.revoke("bot")


@pytest.mark.parametrize(
    ("name", "role", "field"), [("a b", "agent", "name"), ("", "agent", "name"), ("a", "boss", "role")]
)
async def test_a_wrong_name_or_role_is_refused(store: memory.MemoryStore, name: str, role: str, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await keys.Keys(store).add(name, role, AT)
    assert refused.value.field == field


async def test_a_name_is_used_once(store: memory.MemoryStore) -> None:
    held = keys.Keys(store)
    await held.add("bot", "agent", AT)
    with pytest.raises(errors.InvalidRequest, match="already"):
        await held.add("bot", "agent", AT)


DIRECTORY = people.Directory(
    {"ann": people.Profile(frozenset({"chat:T/1"})), "bob": people.Profile()},
    {"release": people.Group(frozenset({"bob"}), frozenset({"chat:S1"})), "empty": people.Group()},
)


def test_accounts_become_people_with_the_groups_of_this_moment() -> None:
    ann = DIRECTORY.identify(people.Actor("chat:T/1", "Ann", member=True, groups=frozenset({"chat:S1"})))
    assert (ann.id, ann.groups, ann.member) == ("ann", ("release",), True)
    assert DIRECTORY.identify(people.Actor("chat:T/1")).groups == ()
    assert DIRECTORY.identify(people.Actor("web:x", person="bob")).groups == ("release",)
    assert DIRECTORY.identify(people.Actor("chat:T/2", "Ann")).id == "chat:T/2"


def test_a_policy_that_cannot_be_met_stops_the_start() -> None:
    for row in each(
        [
            (model.Policy(approvers=("carl",)), "policies.p.approvers"),
            (model.Policy(approvers=("group:none",)), "policies.p.approvers"),
            (model.Policy(approvers=("ann",), quorum=2), "policies.p.quorum"),
            (model.Policy(approvers=("ann", "requester"), quorum=3), "policies.p.quorum"),
        ]
    ):
        with row as (policy, field):
            with pytest.raises(errors.InvalidSettings) as refused:
                staffing.check(DIRECTORY, policy, "p")
            assert refused.value.field == field


def test_a_policy_that_can_be_met_is_fine() -> None:
    for approvers in ((), ("anyone",), ("group:release",), ("ann", "bob")):
        staffing.check(DIRECTORY, model.Policy(approvers=approvers, quorum=2 if approvers else 1), "p")


async def test_the_token_secret_survives_and_a_short_one_is_refused(
    store: memory.MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await token_secret.mint(store)).secret == (await token_secret.mint(store)).secret
    monkeypatch.setenv("SAYSO_SECRET", "short")
    with pytest.raises(errors.InvalidSettings) as refused:
        await token_secret.mint(store)
    assert refused.value.field == "SAYSO_SECRET"
    monkeypatch.setenv("SAYSO_SECRET", "x" * 32)
    assert (await token_secret.mint(store)).secret == b"x" * 32


async def test_opening_names_the_setting_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        async with sayso.open("gopher://x"):
            pass
    assert refused.value.field == "SAYSO_URL"
    async with sayso.open(database=f"sqlite:///{tmp_path}/a.db") as desk:
        assert (await desk.open(sayso.Question("Why?"))).state == "pending"
