"""Somebody breaks the glass: an allow alone and at once, by its own list, with a reason; others review it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import sayso
from sayso import errors, model, stores
from sayso.cards import dialog, draw
from sayso.desk import Caller, Desk, Setup
from sayso.machine import events, glass, people, staffing
from sayso.stores import Query, Store
from sayso.testing import oracle
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT
from tests.tables import each

ROOM = dialog.WindowLimits(content=2000, inputs=5, typed=2000)
GLASS = model.BreakGlass(who=("group:sre",), tell=("chat:#security",), review=("group:security",), review_in=3600.0)
DIRECTORY = people.Directory(
    {name: people.Profile(frozenset({f"chat:T/{name}"})) for name in ("ann", "bob", "sam", "sue")},
    {
        "security": people.Group(frozenset({"ann", "bob", "sam"})),
        "sre": people.Group(frozenset({"sam", "sue"})),
    },
)
DEPLOY = sayso.Permission(tool="Bash", input={"command": "make rollback"})
BREAK = model.Answer(verdict="allow", break_glass=True, reason="the site is down")


def actor(name: str) -> people.Actor:
    return people.Actor(f"chat:T/{name}", name.title(), member=True)


def desk_over(store: Store, **policy: Any) -> Desk:
    written: dict[str, Any] = {"approvers": ("group:security",), "quorum": 2, "break_glass": GLASS, **policy}
    setup = Setup({"default": model.Policy(**written)}, DIRECTORY, ("chat:#ops",), ("chat",))
    return Desk(store, MINT, setup, ManualClock())


@pytest.fixture(params=["memory://", "sqlite:///{}/sayso.db"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await stores.connect(request.param.format(tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
def desk(store: Store) -> Desk:
    return desk_over(store)


async def review_of(desk: Desk, ticket: model.Ticket) -> model.Ticket:
    assert ticket.review is not None
    return await desk.store.load(ticket.review)


async def test_it_is_allowed_at_once_and_the_review_is_there_with_it(desk: Desk) -> None:
    ticket = await desk.open(DEPLOY)
    broken = await desk.answer(ticket.id, BREAK, actor("sue"))
    decision = broken.decision
    assert decision is not None
    assert (decision.outcome, decision.break_glass, decision.reason) == ("allowed", True, "the site is down")
    assert decision.model_text == (
        "The tool call was allowed by sue, who broke the glass; others review it. Reason: the site is down"
    )
    review = await review_of(desk, broken)
    assert (review.request.kind, review.owner, review.requester) == ("choice", "sayso/review", "sue")
    assert (review.reviews, review.route, review.policy.approvers) == (
        ticket.id,
        ("chat:#security", "web"),
        GLASS.review,
    )
    assert review.expires_at == review.created_at + timedelta(hours=1)
    assert review.request.context["Why"] == "the site is down"
    assert '"make rollback"' in (review.request.attachments[0].text or "")
    jobs = await desk.store.take(["chat"], desk.clock.now(), 30.0)
    assert [job.effect for job in jobs if job.ticket_id == review.id] == [events.Announce(place="chat:#security")]
    assert await oracle_says(desk.store) == []


async def test_the_review_holds_no_secret_of_what_was_allowed(desk: Desk) -> None:
    given = {"command": "make rollback", "env": [{"name": "DB_PASSWORD", "value": "hunter7"}]}
    ticket = await desk.open(DEPLOY.model_copy(update={"input": given}))
    broken = await desk.answer(
        ticket.id, BREAK.model_copy(update={"reason": "the token=a1b2c3d4e5 ran out"}), actor("sue")
    )
    stored = (await review_of(desk, broken)).request.model_dump_json()
    assert "make rollback" in stored
    assert "hunter7" not in stored
    assert "a1b2c3d4e5" not in stored


async def oracle_says(store: Store) -> list[str]:
    return oracle.violations(oracle.Witnessed(), await oracle.read(store))


async def test_a_review_stays_open_in_the_inbox_if_no_chat_can_be_reached(desk: Desk) -> None:
    ticket = await desk.open(DEPLOY)
    review = await review_of(desk, await desk.answer(ticket.id, BREAK, actor("sue")))
    lost = await desk.place_lost(review.id, "chat:#security", "the channel is archived")
    assert (lost.undelivered, lost.decision) == (("chat:#security",), None)


async def test_the_review_is_given_by_others(desk: Desk) -> None:
    ticket = await desk.open(DEPLOY)
    review = await review_of(desk, await desk.answer(ticket.id, BREAK, actor("sam")))
    with pytest.raises(errors.NotAllowed, match="you cannot review what you allowed yourself"):
        await desk.answer(review.id, model.Answer(choice="It was justified"), actor("sam"))
    given = await desk.answer(review.id, model.Answer(choice="It was not justified"), actor("ann"))
    assert given.decision is not None
    assert given.decision.choices == ("It was not justified",)
    # no agent reaches it, whatever its key is called
    with pytest.raises(errors.NotFound):
        await desk.cancel(review.id, Caller("local"))
    headline = draw.card_of(review, MINT, DIRECTORY).parts[0]
    assert [str(one) for one in headline.inlines()] == ["Sayso", " asks others to review what ", "sam", " allowed"]


@pytest.mark.parametrize(
    ("who", "answer", "why"),
    [
        ("ann", BREAK, "you may not break the glass; it is for the group sre"),
        ("sue", model.Answer(verdict="allow", break_glass=True), "whoever breaks the glass says why"),
        ("sue", model.Answer(verdict="allow", break_glass=True, reason=" "), "whoever breaks the glass says why"),
        ("sue", model.Answer(verdict="deny", break_glass=True, reason="x"), "only an allow breaks the glass"),
        ("sue", BREAK.model_copy(update={"input": {"command": "ls"}}), "takes no input"),
        ("sue", BREAK.model_copy(update={"grant": "session"}), "takes no grant"),
        ("sue", model.Answer(verdict="allow"), "you may not answer this request"),
    ],
)
async def test_nobody_else_and_nothing_more(desk: Desk, who: str, answer: model.Answer, why: str) -> None:
    ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": "x"}, grants=["session"]))
    with pytest.raises(errors.Refused, match=why):
        await desk.answer(ticket.id, answer, actor(who))
    assert (await desk.get(ticket.id)).decision is None
    assert len(await desk.store.list(Query())) == 1


async def test_whoever_may_break_it_and_allows_it_as_others_do_is_told_how(desk: Desk) -> None:
    ticket = await desk.open(DEPLOY)
    for answer, hint in ((model.Answer(verdict="allow"), glass.HINT), (model.Answer(verdict="deny"), None)):
        with pytest.raises(errors.NotAllowed, match="you may not answer this request") as why:
            await desk.answer(ticket.id, answer, actor("sue"))
        assert why.value.hint == hint


async def test_a_policy_without_it_refuses_it(store: Store) -> None:
    desk = desk_over(store, break_glass=None)
    ticket = await desk.open(DEPLOY)
    with pytest.raises(errors.InvalidAnswer, match="has no glass to break") as why:
        await desk.answer(ticket.id, BREAK, actor("sue"))
    assert why.value.field == "break_glass"


async def test_nobody_breaks_it_for_their_own_agent_or_in_place_of_somebody(desk: Desk) -> None:
    own = await desk.open(DEPLOY, Caller("bot", requester="sue"))
    with pytest.raises(errors.NotAllowed, match="on your own behalf"):
        await desk.answer(own.id, BREAK, actor("sue"))
    until = desk.clock.now() + timedelta(days=1)
    away = people.Delegation("ann", frozenset({"sue"}), until)
    desk.setup = Setup(
        desk.setup.policies,
        people.Directory(DIRECTORY.people, DIRECTORY.groups, (away,)),
        desk.setup.route,
        desk.setup.channels,
    )
    ticket = await desk.open(DEPLOY)
    with pytest.raises(errors.NotAllowed, match="nobody breaks the glass in place of ann"):
        await desk.answer(ticket.id, BREAK, actor("sue"))


async def test_a_press_on_allow_opens_the_window_for_whoever_may_and_only_then(desk: Desk) -> None:
    ticket = await desk.open(DEPLOY)
    allow = MINT.token(ticket, "allow")
    opened = await desk.press(allow, actor("sue"), ROOM, None)
    assert isinstance(opened, dialog.Dialog)
    assert (opened.title, [one.name for one in opened.inputs]) == ("Break the glass", ["reason"])
    # sam is an approver as well: the first press counts, the next one may do more
    counted = await desk.press(allow, actor("sam"), ROOM, None)
    assert isinstance(counted, model.Ticket)
    assert [one.person for one in counted.answers] == ["sam"]
    again = await desk.press(allow, actor("sam"), ROOM, None)
    assert isinstance(again, dialog.Dialog)
    for other in ("ann", "bob"):
        assert (await desk.get(ticket.id)).decision is None or other == "bob"
    with pytest.raises(errors.NotAllowed, match="you may not break the glass"):
        await desk.press(MINT.token(ticket, "glass"), actor("ann"), ROOM, None)
    done = await desk.press(opened.token, actor("sue"), ROOM, None, {"reason": "the site is down"})
    assert isinstance(done, model.Ticket)
    assert done.decision is not None
    assert [one.person for one in done.decision.by] == ["sue"]
    lines = [" ".join(map(str, part.inlines())) for part in draw.card_of(done, MINT, DIRECTORY).parts]
    assert any("Glass broken and allowed" in line for line in lines)


async def test_whoever_may_only_break_it_reads_it_and_cannot_deny_it(desk: Desk) -> None:
    ticket = await desk.open(DEPLOY)
    review = await desk.press(MINT.token(ticket, "review"), actor("sue"), ROOM, None)
    assert isinstance(review, dialog.Dialog)
    with pytest.raises(errors.NotAllowed):
        await desk.press(MINT.token(ticket, "deny"), actor("sue"), ROOM, None)


def test_a_glass_that_nobody_could_review_stops_the_start() -> None:
    for row in each(
        [
            (model.BreakGlass(who=("nobody-known",), review=("ann",)), "who"),
            (model.BreakGlass(who=("group:sre",), review=("group:none",)), "review"),
            (model.BreakGlass(who=("requester",), review=("ann",)), "who"),
            (model.BreakGlass(who=("sue",), review=("sue",)), "review"),
        ]
    ):
        with row as (glass, key):
            with pytest.raises(errors.InvalidSettings) as why:
                staffing.check(DIRECTORY, model.Policy(approvers=("ann",), break_glass=glass), "p")
            assert why.value.field == f"policies.p.break_glass.{key}"


def test_a_glass_that_others_can_review_is_fine() -> None:
    for review in (("ann",), ("group:security",), ("anyone",)):
        glass = model.BreakGlass(who=("sue",), review=review)
        staffing.check(DIRECTORY, model.Policy(approvers=("ann",), break_glass=glass), "p")
