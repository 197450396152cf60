"""What time does while nobody answers: reminders, escalations and the end, each once, whoever runs and restarts."""

import asyncio
import zoneinfo
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sayso import calendars, errors, model, stores
from sayso.cards import card, naming
from sayso.desk import Desk, Setup, channel, courier
from sayso.machine import events, people, progress
from sayso.testing import oracle
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, permission
from tests.core.desk.idling import idle
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
OFFICE = calendars.Calendar(
    name="office",
    zone="Europe/Berlin",
    days=("mon", "tue", "wed", "thu", "fri"),
    hours=(calendars.Hours(opens=540, closes=1080),),
)
NAMES = ("ann", "bob", "carl", "dora")
DIRECTORY = people.Directory(
    {name: people.Profile(frozenset({f"chat:T/{name}"})) for name in NAMES},
    {"release": people.Group(frozenset({"ann", "bob"})), "leads": people.Group(frozenset({"carl", "dora"}))},
)
CHANGE = model.Policy(
    approvers=("group:release",),
    quorum=2,
    clock=OFFICE,
    expires_in=8 * 3600.0,
    remind=(1800.0, 7200.0),
    escalate=(model.Escalation(after=3 * 3600.0, add=("group:leads",), route=("chat:#leads",)),),
)


Said = tuple[str, str, str, tuple[str, ...]]


@dataclass
class Seen:
    """A chat that remembers what was said when, and to whom."""

    clock: ManualClock
    board: Board = field(default_factory=Board)
    said: list[Said] = field(default_factory=list[Said])
    failures: int = 0
    final: bool = False

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        if self.failures:
            self.failures -= 1
            raise errors.ChannelError("503", final=self.final)
        words = "".join(card.words_of(span) for span in said.text)
        names = tuple(account.rpartition("/")[2] for account in called.accounts)
        self.said.append((f"{self.clock.now().astimezone(BERLIN):%a %H:%M}", posted.place, words, names))
        return f"m{number}"


@dataclass
class Copies:
    """Copies of a service on one database; each does all that is due, at the same time as the others."""

    url: str
    clock: ManualClock
    seen: Seen
    policy: model.Policy
    desks: list[Desk] = field(default_factory=list[Desk])
    couriers: list[courier.Courier] = field(default_factory=list[courier.Courier])

    async def start(self) -> None:
        for _ in range(1 if self.url == "memory://" else 2):
            store = await stores.connect(self.url)
            setup = Setup({"default": self.policy}, DIRECTORY, ("chat:#ops",), channels={"chat", "web"})
            desk = Desk(store, MINT, setup, self.clock)
            desk.platforms["chat"] = channel.Platform(self.seen.board, reminder=self.seen)
            self.desks.append(desk)
            self.couriers.append(courier.Courier(desk, [self.seen.board]))

    async def stop(self) -> None:
        for desk in self.desks:
            await desk.store.close()
        self.desks, self.couriers = [], []

    async def work(self) -> None:
        """All copies look at the clock, and send out what is due."""
        for id in await self.desks[0].store.due(self.clock.now()):
            await asyncio.gather(*(desk.let_time_act(id) for desk in self.desks))
        while any(await asyncio.gather(*(one.deliver() for one in self.couriers))):
            pass

    async def until(self, when: str, step: int = 15) -> None:
        """Time goes on, in steps of minutes."""
        end = datetime.fromisoformat(when).replace(tzinfo=BERLIN)
        while self.clock.now() < end:
            await idle(self.desks[0].store, self.clock, step * 60.0, end)
            self.clock.advance(min(step * 60.0, (end - self.clock.now()).total_seconds()))
            await self.work()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> str:
    return f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else pg_tables


@pytest.fixture
async def copies(url: str) -> AsyncIterator[Copies]:
    async for made in opened(url, CHANGE):
        yield made


@pytest.fixture
async def one() -> AsyncIterator[Copies]:
    async for made in opened("memory://", CHANGE):
        yield made


async def opened(url: str, policy: model.Policy) -> AsyncIterator[Copies]:
    clock = ManualClock(datetime(2026, 6, 12, 14, 30, tzinfo=UTC))
    made = Copies(url, clock, Seen(clock), policy)
    await made.start()
    yield made
    await made.stop()


async def answer(there: Copies, id: str, name: str, verdict: str = "allow") -> model.Ticket:
    who = people.Actor(f"chat:T/{name}", name, member=True)
    return await there.desks[-1].answer(id, model.Answer.model_validate({"verdict": verdict}), who)


def moments(there: Copies) -> list[tuple[str, tuple[str, ...]]]:
    return [(when, names) for when, _, _, names in there.seen.said]


RING_RELEASE = ("ann", "bob")
RING_ALL = ("ann", "bob", "carl", "dora")


async def test_asked_on_friday_afternoon_everything_happens_once_in_working_time(copies: Copies) -> None:
    ticket = await copies.desks[0].open(permission(id="r1"))
    await copies.work()
    await copies.until("2026-06-12 20:00")
    await copies.stop()
    await copies.start()
    await copies.until("2026-06-15 10:15")
    assert moments(copies) == [("Fri 17:00", RING_RELEASE), ("Mon 09:30", RING_RELEASE)]
    await copies.stop()
    await copies.start()
    await copies.until("2026-06-15 16:00")
    assert moments(copies)[2:] == [("Mon 10:30", RING_ALL)]
    assert "Escalated to leads: this waits for an answer" in copies.seen.said[-1][2]
    closed = await copies.desks[0].get(ticket.id)
    assert closed.decision is not None
    assert closed.decision.outcome == "expired"
    assert closed.decision.decided_at == datetime(2026, 6, 15, 13, 30, tzinfo=UTC)
    assert closed.route == ("chat:#ops", "chat:#leads")
    assert [pinned.drawn.tone for pinned in copies.seen.board.pinned.values()] == ["gone", "gone"]
    rows = [row.entry for row in await copies.desks[0].store.log(ticket.id)]
    assert [type(one).__name__ for one in rows if not isinstance(one, events.Delivered)] == [
        "Opened", "Due", "Reminded", "Due", "Reminded", "Due", "Reminded", "Ticked",
    ]  # fmt: skip
    seen = oracle.Witnessed({ticket.id: ticket.digest})
    assert oracle.violations(seen, await oracle.read(copies.desks[0].store)) == []


async def test_an_answer_stops_the_chain(copies: Copies) -> None:
    ticket = await copies.desks[0].open(permission(id="r1"))
    await copies.work()
    await copies.until("2026-06-12 17:15")
    await answer(copies, ticket.id, "ann", "deny")
    await copies.until("2026-06-16 12:00", step=60)
    assert moments(copies) == [("Fri 17:00", RING_RELEASE)]
    assert (await copies.desks[0].get(ticket.id)).plan == ()


async def test_only_those_are_reminded_who_are_missing(one: Copies) -> None:
    ticket = await one.desks[0].open(permission(id="r1"))
    await one.work()
    await answer(one, ticket.id, "ann")
    await one.until("2026-06-15 11:00")
    assert moments(one) == [("Fri 17:00", ("bob",)), ("Mon 09:30", ("bob",)), ("Mon 10:30", ("bob", "carl", "dora"))]
    assert "1 of 2 people has allowed this: ann · missing: bob" in one.seen.said[0][2]
    assert (await answer(one, ticket.id, "carl")).decision is not None


async def test_who_comes_later_may_answer_only_then(one: Copies) -> None:
    ticket = await one.desks[0].open(permission(id="r1"))
    await one.until("2026-06-15 10:29", step=600)
    with pytest.raises(errors.NotAllowed):
        await answer(one, ticket.id, "carl")
    # nobody has looked at the clock yet: the answer itself lets time act first
    one.clock.advance(60)
    await answer(one, ticket.id, "carl")
    assert (await answer(one, ticket.id, "dora")).decision is not None


async def test_who_is_replaced_may_not_answer_any_more_and_what_they_said_counts(one: Copies) -> None:
    step = model.Escalation(after=600.0, replace=("carl",))
    one.desks[0].setup = Setup({"default": CHANGE.model_copy(update={"escalate": (step,)})}, DIRECTORY, ("chat:#ops",))
    ticket = await one.desks[0].open(permission(id="r1"))
    await answer(one, ticket.id, "ann")
    one.clock.advance(600)
    with pytest.raises(errors.NotAllowed, match="it is for carl"):
        await answer(one, ticket.id, "bob")
    assert (await answer(one, ticket.id, "carl")).decision is not None


async def test_who_was_away_for_long_is_told_once_of_all_that_was_due(one: Copies) -> None:
    await one.desks[0].open(permission(id="r1"))
    await one.work()
    one.clock.advance(timedelta(days=2, hours=20).total_seconds())
    await one.work()
    assert moments(one) == [("Mon 12:30", RING_ALL)]


@pytest.mark.parametrize("why", ["held", "taken", "stopped"])
async def test_nobody_is_reminded_of_what_cannot_be_answered(one: Copies, why: str) -> None:
    ticket = await one.desks[0].open(permission(id="r1"))
    await one.work()
    one.clock.advance(1800)
    await one.desks[0].let_time_act(ticket.id)
    if why == "held":
        await one.desks[0].step(ticket.id, lambda: events.Held(at=one.clock.now()))
    elif why == "stopped":
        stop = model.Stop(by="ann", name="ann", via="chat:T/ann", at=one.clock.now())
        await one.desks[0].step(ticket.id, lambda: events.Stopped(at=one.clock.now(), stop=stop))
    else:
        who = people.Actor("chat:T/ann", "ann", member=True)
        said = model.Answer(verdict="allow")
        await one.desks[0].answer(ticket.id, said, who, grace=timedelta(seconds=10))
    await one.work()
    assert one.seen.said == []


async def test_a_reminder_that_failed_is_sent_later_and_one_that_can_never_be_sent_is_given_up(one: Copies) -> None:
    ticket = await one.desks[0].open(permission(id="r1"))
    await one.work()
    one.seen.failures = 1
    await one.until("2026-06-12 17:00")
    assert one.seen.said == []
    await one.until("2026-06-12 17:01", step=1)
    assert moments(one) == [("Fri 17:01", RING_RELEASE)]
    one.seen.failures, one.seen.final = 1, True
    await one.until("2026-06-15 09:45")
    assert len(one.seen.said) == 1
    assert (await one.desks[0].get(ticket.id)).undelivered == ()
    assert await one.desks[0].store.next_job(["chat"]) is None


async def test_a_direct_message_reminds_only_the_one_who_reads_it(one: Copies) -> None:
    asked = permission(id="r1", route=("approvers",))
    ticket = await one.desks[0].open(asked)
    await one.work()
    await answer(one, ticket.id, "ann")
    await one.until("2026-06-12 17:00")
    assert [(place, names) for _, place, _, names in one.seen.said] == [("chat:@bob", ("bob",))]


async def test_escalation_reaches_people_by_direct_messages(one: Copies) -> None:
    step = model.Escalation(after=600.0, add=("group:leads",), route=("approvers",))
    one.desks[0].setup = Setup(
        {"default": CHANGE.model_copy(update={"escalate": (step,)})}, DIRECTORY, ("chat:#ops",), channels={"chat"}
    )
    ticket = await one.desks[0].open(permission(id="r1"))
    one.clock.advance(600)
    ticket = await one.desks[0].let_time_act(ticket.id)
    assert ticket.route == ("chat:#ops", "chat:@carl", "chat:@dora")
    await one.work()
    assert sorted(pinned.place for pinned in await one.desks[0].store.cards(ticket.id)) == sorted(ticket.route)


async def test_a_place_that_no_channel_reaches_is_refused_when_it_is_asked(one: Copies) -> None:
    step = model.Escalation(after=600.0, route=("fax:1",))
    one.desks[0].setup = Setup(
        {"default": CHANGE.model_copy(update={"escalate": (step,)})}, DIRECTORY, ("chat:#ops",), channels={"chat"}
    )
    with pytest.raises(errors.InvalidRequest, match="no channel for 'fax:1'"):
        await one.desks[0].open(permission())


async def test_a_platform_that_cannot_remind_says_so_in_the_log(one: Copies, caplog: pytest.LogCaptureFixture) -> None:
    one.desks[0].platforms["chat"] = channel.Platform(one.seen.board)
    await one.desks[0].open(permission(id="r1"))
    await one.work()
    one.clock.advance(1800)
    await one.work()
    assert "nobody is reminded there" in caplog.messages


def lines_of(there: Copies) -> Sequence[str]:
    drawn = there.seen.board.pinned["1"].drawn
    return ["".join(map(card.words_of, part.text)) for part in drawn.parts if isinstance(part, card.Line)]


async def test_who_waits_is_told_what_goes_on(one: Copies) -> None:
    ticket = await one.desks[0].open(permission(id="r1"))
    assert progress.said(ticket) == (
        "waits for an answer; 0 of 2 have allowed it; next reminder at 2026-06-12 15:00 UTC; "
        "next escalation at 2026-06-15 08:30 UTC; expires at 2026-06-15 13:30 UTC"
    )
    await one.until("2026-06-15 10:30")
    ticket = await answer(one, ticket.id, "ann")
    went = "escalated to leads at 2026-06-15 08:30 UTC"
    assert progress.said(ticket) == (
        f"waits for an answer; 1 of 2 has allowed it; {went}; expires at 2026-06-15 13:30 UTC"
    )
    stop = model.Stop(by="ann", name="ann", via="chat:T/ann", at=one.clock.now())
    stopped = await one.desks[0].step(ticket.id, lambda: events.Stopped(at=one.clock.now(), stop=stop))
    assert (progress.said(stopped) or "").endswith("stopped, so that nothing is allowed and no time runs")
    await one.desks[0].step(ticket.id, lambda: events.Resumed(at=one.clock.now()))
    await one.until("2026-06-15 15:30")
    decision = await one.desks[0].wait(ticket.id)
    said = f"The tool call was not allowed by enough people in time, although it was {went}."
    assert decision.model_text.startswith(said)
    assert progress.said(await one.desks[0].get(ticket.id)) is None


async def test_the_card_says_what_comes_next(one: Copies) -> None:
    ticket = await one.desks[0].open(permission(id="r1"))
    await one.work()
    due = "Next reminder 2026-06-12 15:00 UTC · goes to leads 2026-06-15 08:30 UTC"
    assert due in lines_of(one)
    await one.until("2026-06-15 09:30")
    assert "Goes to leads 2026-06-15 08:30 UTC" in lines_of(one)
    await one.until("2026-06-15 10:30")
    assert "Escalated to leads · 2026-06-15 08:30 UTC" in lines_of(one)
    assert one.seen.board.pinned["2"].drawn.notify == ("group:leads",)
    who = naming.who_may(await one.desks[0].get(ticket.id), DIRECTORY)
    assert "".join(map(card.words_of, who)) == "release (ann, bob), leads (carl, dora)"


PAYOUT = model.Policy(
    stages=(
        model.Stage(approvers=("group:release",), expires_in=3600.0, remind=(900.0,)),
        model.Stage(approvers=("group:leads",), expires_in=8 * 3600.0, remind=(3600.0, 4 * 3600.0)),
    )
)


def use(there: Copies, policy: model.Policy) -> None:
    for desk in there.desks:
        desk.setup = Setup({"default": policy}, DIRECTORY, ("chat:#ops",), channels={"chat", "web"})


async def test_each_stage_has_its_own_times_and_begins_with_a_mention(copies: Copies) -> None:
    use(copies, PAYOUT)
    ticket = await copies.desks[0].open(permission(id="r1"))
    await copies.work()
    await copies.until("2026-06-12 16:50", step=5)
    await answer(copies, ticket.id, "ann")
    await copies.until("2026-06-13 02:00", step=10)
    assert moments(copies) == [
        ("Fri 16:45", RING_RELEASE),
        ("Fri 17:00", ("carl", "dora")),
        ("Fri 17:50", ("carl", "dora")),
        ("Fri 20:50", ("carl", "dora")),
    ]
    assert copies.seen.said[1][2].startswith("It is your turn: this waits for an answer · Stage 2 of 2: leads 0 of 1")
    closed = await copies.desks[0].get(ticket.id)
    assert closed.decision is not None
    assert (closed.decision.outcome, closed.decision.decided_at) == (
        "expired",
        datetime(2026, 6, 12, 22, 50, tzinfo=UTC),
    )
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desks[0].store)) == []


async def test_nobody_at_a_stage_in_its_time_is_the_end(one: Copies) -> None:
    use(one, PAYOUT)
    ticket = await one.desks[0].open(permission(id="r1"))
    assert ticket.expires_at == datetime(2026, 6, 12, 23, 30, tzinfo=UTC)
    await one.work()
    drawn = "".join(lines_of(one))
    assert "Expires 2026-06-12 15:30 UTC" in drawn
    assert "Next reminder 2026-06-12 14:45 UTC" in drawn
    assert one.seen.board.pinned["1"].drawn.summary.endswith("until 2026-06-12 15:30 UTC")
    one.clock.advance(3600)
    with pytest.raises(errors.AlreadyDecided):
        await answer(one, ticket.id, "ann")


async def test_an_escalation_concerns_the_stage_at_which_it_happens(one: Copies) -> None:
    step = model.Escalation(after=600.0, replace=("carl",))
    use(one, PAYOUT.model_copy(update={"escalate": (step,)}))
    ticket = await one.desks[0].open(permission(id="r1"))
    one.clock.advance(600)
    with pytest.raises(errors.NotAllowed):
        await answer(one, ticket.id, "ann")
    later = await answer(one, ticket.id, "carl")
    assert "at stage 2 of 2" in (progress.said(later) or "")
    assert (await answer(one, ticket.id, "dora")).decision is not None


async def test_in_a_role_mix_whoever_is_brought_in_may_fill_any_place(one: Copies) -> None:
    needs = (model.Need(who=("ann",)), model.Need(who=("bob",)))
    use(one, model.Policy(needs=needs, escalate=(model.Escalation(after=600.0, add=("group:leads",)),)))
    ticket = await one.desks[0].open(permission(id="r1"))
    await one.work()
    await answer(one, ticket.id, "ann")
    await one.work()
    await one.until("2026-06-12 16:40", step=10)
    assert moments(one) == [("Fri 16:40", ("bob", "carl", "dora"))]
    assert (await answer(one, ticket.id, "dora")).decision is not None


async def test_a_stop_puts_off_what_is_planned(one: Copies) -> None:
    ticket = await one.desks[0].open(permission(id="r1"))
    stop = model.Stop(by="ann", name="ann", via="chat:T/ann", at=one.clock.now())
    stopped = await one.desks[0].step(ticket.id, lambda: events.Stopped(at=one.clock.now(), stop=stop))
    one.clock.advance(1200)
    resumed = await one.desks[0].step(ticket.id, lambda: events.Resumed(at=one.clock.now()))
    assert [b.at - a.at for a, b in zip(stopped.plan, resumed.plan, strict=True)] == [timedelta(minutes=20)] * 3
