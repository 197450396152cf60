"""Whoever allowed something and lost their account before the last place was filled does not count any more."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.cards import card, draw, telling
from sayso.desk import Desk, Setup, channel, keys
from sayso.desk.answering import closed_accounts
from sayso.desk.upkeep import stopping
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor

ALLOW = model.Answer(verdict="allow")


class Known:
    """A platform that says who is still there."""

    def __init__(self, says: Callable[[str], bool]) -> None:
        self.says, self.asked = says, list[str]()

    async def is_in(self, group: str, account: str) -> bool:
        return False

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        return ()

    async def account_of(self, email: str) -> str | None:
        return None

    async def is_open(self, account: str) -> bool:
        self.asked.append(account)
        return self.says(account)


def desk_of(says: Callable[[str], bool] = lambda account: True, **policy: Any) -> tuple[Desk, Known]:
    written: dict[str, Any] = {"approvers": ("anyone",), "quorum": 2, **policy}
    desk = Desk(memory.MemoryStore(), MINT, Setup({"default": model.Policy(**written)}), ManualClock())
    known = Known(says)
    desk.platforms["chat"] = channel.Platform(Board("chat"), membership=known)
    return desk, known


def unclear(account: str) -> bool:
    raise errors.ChannelError("the chat is down")


async def ask(desk: Desk) -> model.Ticket:
    return await desk.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}))


async def test_an_account_that_was_closed_meanwhile_does_not_fill_a_place() -> None:
    desk, known = desk_of(lambda account: account != "chat:T/ann")
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    assert known.asked == []
    open_still = await desk.answer(ticket.id, ALLOW, actor("bob"))
    assert (open_still.decision, open_still.gone) == (None, ("chat:T/ann",))
    line = "".join(map(card.words_of, draw.card_of(open_still, MINT).parts[2].inlines()))
    assert line.startswith("1 of 2 people has allowed this: Bob · account closed since: Ann")
    decided = await desk.answer(ticket.id, ALLOW, actor("cid"))
    assert decided.decision is not None
    assert [one.person for one in decided.decision.by] == ["chat:T/bob", "chat:T/cid"]


async def test_it_is_asked_of_the_request_as_it_is_when_the_answer_counts_and_not_as_it_was_read_before() -> None:
    desk, known = desk_of(lambda account: account != "chat:T/ann", quorum=3)
    ticket = await ask(desk)
    read = await desk.answer(ticket.id, ALLOW, actor("ann"))
    # bob and cid press at the same moment: by what both of them read, neither fills the last place
    await desk.answer(ticket.id, ALLOW, actor("bob"), loaded=read)
    open_still = await desk.answer(ticket.id, ALLOW, actor("cid"), loaded=read)
    assert (open_still.decision, open_still.gone) == (None, ("chat:T/ann",))
    assert set(known.asked) == {"chat:T/ann", "chat:T/bob"}


async def test_whoever_comes_back_counts_again() -> None:
    closed = {"chat:T/ann"}
    desk, _ = desk_of(lambda account: account not in closed)
    ticket = await ask(desk)
    for name in ("ann", "bob"):
        await desk.answer(ticket.id, ALLOW, actor(name))
    closed.clear()
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    decision = (await desk.get(ticket.id)).decision
    assert decision is not None
    assert {one.person for one in decision.by} == {"chat:T/ann", "chat:T/bob"}


async def test_where_nobody_can_find_out_nothing_is_decided_and_it_is_said() -> None:
    desk, _ = desk_of(unclear)
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    with pytest.raises(errors.MembershipUnknown, match="account of chat:T/ann, who allowed this before, is still open"):
        await desk.answer(ticket.id, ALLOW, actor("bob"))
    assert len((await desk.get(ticket.id)).answers) == 1
    assert (await desk.answer(ticket.id, model.Answer(verdict="deny"), actor("bob"))).decision is not None


async def test_a_platform_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, known = desk_of()

    async def never(account: str) -> bool:
        return await asyncio.Future[bool]()

    monkeypatch.setattr(known, "is_open", never)
    monkeypatch.setattr(closed_accounts, "_WITHIN", 0.0)
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    with pytest.raises(errors.MembershipUnknown):
        await desk.answer(ticket.id, ALLOW, actor("bob"))


async def test_nobody_is_asked_for_one_place_or_for_an_answer_that_is_refused() -> None:
    alone, asked_alone = desk_of(unclear, quorum=1)
    assert (await alone.answer((await ask(alone)).id, ALLOW, actor("ann"))).decision is not None
    desk, known = desk_of(unclear, approvers=("chat:T/ann", "chat:T/bob"))
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    with pytest.raises(errors.NotAllowed):
        await desk.answer(ticket.id, ALLOW, actor("cid"))
    assert asked_alone.asked + known.asked == []


async def test_a_key_that_was_revoked_does_not_fill_a_place() -> None:
    desk, _ = desk_of()
    found = keys.Keys(desk.store)
    secrets = [await found.add(name, "approver", desk.clock.now()) for name in ("ann", "bob")]
    ann, bob = [(await found.find(secret)).actor for secret in secrets]
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, ann)
    await found.revoke("ann", desk.clock.now())
    left = await desk.answer(ticket.id, ALLOW, bob)
    assert (left.decision, left.gone) == (None, ("key:ann",))


@pytest.mark.parametrize("together", [False, True])
async def test_a_key_that_is_revoked_while_the_others_are_looked_up_decides_nothing(together: bool) -> None:
    desk, known = desk_of()
    found = keys.Keys(desk.store)
    key = await found.find(await found.add("bob", "approver", desk.clock.now()))
    bob = replace(actor("bob"), key=key.actor.key)
    named = model.Batch(id="t1", size=2, whole=True) if together else None
    asked = [sayso.Permission(tool="Bash", input={"command": f"make {it}"}, batch=named) for it in ("a", "b")]
    tickets = [await desk.open(one) for one in asked]
    shown = {one.id for one in tickets}
    await desk.answer(tickets[0].id, ALLOW, actor("ann"), shown=shown)

    async def says(account: str) -> bool:
        with contextlib.suppress(errors.NotFound):  # the second time, where two are decided together
            await found.revoke("bob", desk.clock.now())
        return True

    known.is_open = says  # type: ignore[method-assign]
    with pytest.raises(errors.Unauthorized):
        await desk.answer(tickets[0].id, ALLOW, bob, shown=shown)
    assert [(await desk.store.load(one.id)).decision for one in tickets] == [None, None]


async def test_a_stop_while_the_others_are_looked_up_holds_the_answer() -> None:
    desk, known = desk_of()
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))

    async def says(account: str) -> bool:
        # its walk through what is open has not come here yet
        await stopping.stop(desk, stopping.Who("dan", "Dan", "chat:T/dan"), follow=False)
        return True

    known.is_open = says  # type: ignore[method-assign]
    with pytest.raises(errors.Refused):
        await desk.answer(ticket.id, ALLOW, actor("bob"))
    assert (await desk.store.load(ticket.id)).decision is None


async def test_a_place_of_an_earlier_stage_becomes_free_again() -> None:
    stages = (model.Stage(approvers=("anyone",)), model.Stage(approvers=("anyone",)))
    desk, _ = desk_of(lambda account: account != "chat:T/ann", quorum=1, approvers=(), stages=stages)
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    back = await desk.answer(ticket.id, ALLOW, actor("bob"))
    assert (back.decision, back.stage) == (None, 0)


TWO_ACCOUNTS = people.Directory({"ann": people.Profile(frozenset({"chat:T/ann", "other:ann"}))})
THERE = replace(actor("ann"), account="other:ann")


def on_two_platforms(closed: set[str]) -> tuple[Desk, Known]:
    """Ann has an account on both."""
    desk, _ = desk_of(lambda account: account not in closed)
    other = Known(lambda account: account not in closed)
    desk.platforms["other"] = channel.Platform(Board("other"), membership=other)
    desk.setup = replace(desk.setup, directory=TWO_ACCOUNTS)
    return desk, other


@pytest.mark.parametrize("closed", ["chat:T/ann", "other:ann"])
async def test_whoever_answered_from_two_accounts_does_not_count_once_one_is_closed(closed: str) -> None:
    desk, _ = on_two_platforms({closed})
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    await desk.answer(ticket.id, ALLOW, THERE)
    left = await desk.answer(ticket.id, ALLOW, actor("bob"))
    assert (left.decision, left.gone) == (None, (closed,))
    line = "".join(map(card.words_of, draw.card_of(left, MINT, TWO_ACCOUNTS).parts[2].inlines()))
    assert line.startswith("1 of 2 people has allowed this: Bob · account closed since: Ann")
    decided = await desk.answer(ticket.id, ALLOW, actor("cid"))
    assert decided.decision is not None
    assert [one.person for one in decided.decision.by] == ["chat:T/bob", "chat:T/cid"]


async def test_whoever_fills_the_last_place_from_another_account_is_looked_up_by_the_first_one_too() -> None:
    closed = set[str]()
    desk, _ = on_two_platforms(closed)
    ticket = (await ask(desk)).id
    await desk.answer(ticket, ALLOW, actor("ann"))
    closed.add("chat:T/ann")
    assert (await desk.answer(ticket, ALLOW, actor("bob"))).gone == ("chat:T/ann",)
    before = await desk.get(ticket)
    again = await desk.answer(ticket, ALLOW, THERE)
    assert again.decision is None
    told = telling.tally(again, before, THERE.account)
    assert told is not None
    assert "an account from which you answered this before was closed" in "".join(map(card.words_of, told.text))
    closed.clear()
    back = await desk.answer(ticket, ALLOW, actor("ann"))
    assert back.decision is not None


async def test_an_account_from_which_nobody_answered_this_is_not_looked_up() -> None:
    desk, other = on_two_platforms({"other:ann"})
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    assert (await desk.answer(ticket.id, ALLOW, actor("bob"))).decision is not None
    assert other.asked == []


async def test_an_account_from_which_somebody_answered_long_before_is_looked_up_too() -> None:
    desk, _ = on_two_platforms({"chat:T/ann"})
    ticket = await ask(desk)
    await desk.answer(ticket.id, ALLOW, actor("ann"))
    for number in range(12):
        await desk.answer(ticket.id, model.Answer(verdict="allow", reason=f"again {number}"), THERE)
    assert len((await desk.get(ticket.id)).answers) < 12
    left = await desk.answer(ticket.id, ALLOW, actor("bob"))
    assert (left.decision, left.gone) == (None, ("chat:T/ann",))
