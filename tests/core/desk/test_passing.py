"""Whoever may answer asks somebody else: in a window with those who can, once each, with a mention below the card."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sayso import errors, model
from sayso.cards import card, dialog, telling
from sayso.desk.answering import passing_on
from sayso.machine import events, people
from sayso.testing import oracle
from sayso.testing.samples import permission
from tests.core.desk.test_reminders import DIRECTORY, Copies, lines_of, opened, use
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

POLICY = model.Policy(approvers=("group:release", "group:leads"), expires_in=3600.0, notify=())
LIMITS = dialog.WindowLimits(content=5_000, inputs=10, typed=2_000)


@pytest.fixture
async def there() -> AsyncIterator[Copies]:
    async for made in opened("memory://", POLICY):
        yield made


def actor(name: str) -> people.Actor:
    return people.Actor(f"chat:T/{name}", name.title(), member=True)


async def press(there: Copies, name: str, draft: dialog.Draft | None = None) -> model.Ticket | dialog.Dialog:
    token = there.seen.board.token("1", "Ask someone else…")
    return await there.desks[0].press(token, actor(name), LIMITS, None, draft)


def offered(shown: model.Ticket | dialog.Dialog) -> list[str]:
    assert isinstance(shown, dialog.Dialog)
    return [option.text for one in shown.inputs for option in one.options]


async def test_somebody_who_is_chosen_is_mentioned_below_the_card(there: Copies) -> None:
    before = await there.desks[0].open(permission(id="r1"))
    await there.work()
    assert offered(await press(there, "ann")) == ["bob", "carl", "dora"]
    after = await press(there, "ann", {"f0": [1]})
    assert isinstance(after, model.Ticket)
    told = telling.tally(after, before, "chat:T/ann")
    assert told is not None
    assert "".join(map(card.words_of, told.text)) == "carl is asked now. You can still answer."
    await there.work()
    (said,) = there.seen.said
    assert said[1:] == ("chat:#ops", "Ann asks you to answer this · expires 2026-06-12 15:30 UTC", ("carl",))
    assert "Ann asked carl to answer this" in lines_of(there)
    # who was asked is offered no more, and anybody else can go on
    assert offered(await press(there, "bob")) == ["ann", "dora"]
    await press(there, "bob", {"f0": [1]})
    await press(there, "ann", {"f0": [0]})
    await there.work()
    assert sorted(one[3] for one in there.seen.said) == [("bob",), ("carl",), ("dora",)]
    assert "Ann asked carl, bob to answer this" in lines_of(there)
    assert oracle.violations(oracle.Witnessed(), await oracle.read(there.desks[0].store)) == []


async def test_two_who_are_asked_at_the_same_moment_are_both_mentioned(there: Copies) -> None:
    await there.desks[0].open(permission(id="r1"))
    await there.work()
    for name in ("bob", "carl"):
        await passing_on.pass_on(there.desks[0], "r1", name, actor("ann"))
    await there.work()
    assert sorted(one[3] for one in there.seen.said) == [("bob",), ("carl",)]


async def test_who_has_answered_meanwhile_or_after_the_decision_is_not_bothered(there: Copies) -> None:
    use(there, POLICY.model_copy(update={"quorum": 2}))
    await there.desks[0].open(permission(id="r1"))
    await there.work()
    await passing_on.pass_on(there.desks[0], "r1", "bob", actor("ann"))
    await there.desks[0].answer("r1", model.Answer(verdict="allow"), actor("bob"))
    await there.work()
    assert there.seen.said == []
    await passing_on.pass_on(there.desks[0], "r1", "carl", actor("ann"))
    await there.desks[0].answer("r1", model.Answer(verdict="deny"), actor("ann"))
    await there.work()
    assert there.seen.said == []


async def test_who_was_reached_by_direct_message_asks_somebody_who_gets_one_too(there: Copies) -> None:
    use(there, POLICY.model_copy(update={"approvers": ("ann", "bob")}))
    await there.desks[0].open(permission(id="r1", route=("chat:@ann",)))
    await there.work()
    await passing_on.pass_on(there.desks[0], "r1", "bob", actor("ann"))
    await there.work()
    assert [one.place for one in await there.desks[0].store.cards("r1")] == ["chat:@ann", "chat:@bob"]
    assert there.seen.said == []


@pytest.mark.parametrize(
    ("by", "to", "error", "said"),
    [
        ("eve", "bob", errors.NotAllowed, "may not answer"),
        ("ann", "ann", errors.Refused, "cannot ask yourself"),
        ("ann", "eve", errors.Refused, "eve may not answer this, has answered it, or it is not their turn"),
    ],
)
async def test_nobody_is_asked_who_may_not_answer_and_by_nobody_who_may_not(
    there: Copies, by: str, to: str, error: type[errors.Refused], said: str
) -> None:
    await there.desks[0].open(permission(id="r1"))
    with pytest.raises(error, match=said):
        await passing_on.pass_on(there.desks[0], "r1", to, actor(by))
    (refused,) = [row.entry for row in await there.desks[0].store.log("r1") if row.entry.type == "refused"]
    assert isinstance(refused, events.AnswerRefused)
    assert refused.by.account == f"chat:T/{by}"


async def test_a_person_is_asked_once_and_at_most_twenty_are(there: Copies) -> None:
    many = {f"p{n}": people.Profile(frozenset({f"chat:T/p{n}"})) for n in range(22)}
    directory = people.Directory(many)
    policy = model.Policy(approvers=tuple(many), expires_in=3600.0)
    there.desks[0].setup = type(there.desks[0].setup)({"default": policy}, directory, ("chat:#ops",))
    await there.desks[0].open(permission(id="r1"))
    await passing_on.pass_on(there.desks[0], "r1", "p1", actor("p0"))
    with pytest.raises(errors.Refused, match="p1 was asked to answer this already"):
        await passing_on.pass_on(there.desks[0], "r1", "p1", actor("p0"))
    for n in range(2, 21):
        await passing_on.pass_on(there.desks[0], "r1", f"p{n}", actor("p0"))
    with pytest.raises(errors.Refused, match="nobody else is asked"):
        await passing_on.pass_on(there.desks[0], "r1", "p21", actor("p0"))


async def test_a_press_that_chooses_nobody_or_comes_too_late_is_refused(there: Copies) -> None:
    await there.desks[0].open(permission(id="r1"))
    await there.work()
    nobody, unread = "choose somebody to ask", "choose among the options"
    drafts: list[tuple[dict[str, Any], str]] = [({}, nobody), ({"f0": [7]}, nobody)]
    for draft, words in (*drafts, ({"f0": "x"}, unread), ({"f0": [-1]}, unread)):
        with pytest.raises(errors.InvalidAnswer, match=words):
            await press(there, "ann", draft)
    token = there.seen.board.token("1", "Ask someone else…")
    await there.desks[0].answer("r1", model.Answer(verdict="deny"), actor("bob"))
    for late in (None, {"f0": [0]}):
        with pytest.raises(errors.AlreadyDecided):
            await there.desks[0].press(token, actor("ann"), LIMITS, None, late)


async def test_where_nobody_else_can_be_asked_the_window_says_so(there: Copies) -> None:
    use(there, POLICY.model_copy(update={"approvers": ("ann", "group:nobody")}))
    there.desks[0].setup = type(there.desks[0].setup)(
        {"default": POLICY.model_copy(update={"approvers": ("ann", "group:empty")})}, DIRECTORY, ("chat:#ops",)
    )
    await there.desks[0].open(permission(id="r1"))
    await there.work()
    shown = await press(there, "ann")
    assert isinstance(shown, dialog.Dialog)
    assert (shown.inputs, shown.submit) == ((), None)
