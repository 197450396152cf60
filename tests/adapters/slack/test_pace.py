"""Many cards at once go to Slack as fast as it allows, in order, and none is left behind. Time is simulated."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import aside, errors, model
from sayso.desk import courier
from sayso.desk.posting import lanes
from sayso.testing.clock import ManualClock
from sayso_slack import pace
from sayso_slack.settings import NAME
from tests.adapters.slack_scene import Scene, scene

# More than a lane takes at once.
MANY = lanes.AT_ONCE + 4


def asked(number: int, *route: str) -> sayso.Permission:
    command = {"command": f"make {number}"}
    # each of a session of its own: like requests would share a card
    source = model.Source(session=f"s{number}" if number else None)
    lasting = 29 * 86_400.0
    return sayso.Permission(id=f"r{number}", tool="Bash", input=command, expires_in=lasting, route=route, source=source)


@asynccontextmanager
async def delivering(there: Scene) -> AsyncGenerator[None]:
    """The courier at work, as in a service."""
    running = asyncio.create_task(there.courier.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def quiet(there: Scene) -> None:
    """Return once nothing more is due at this moment of the simulated time, and all that waits its turn waits."""
    still = 0
    while still < 5:
        before = (len(there.slack.calls), await there.front.store.next_job([NAME]))
        # turns of the loop and of the threads beside it, and not time: a busy machine makes few of them in a moment
        await aside.run(int)
        for _ in range(8):
            await asyncio.sleep(0)
        still = still + 1 if before == (len(there.slack.calls), await there.front.store.next_job([NAME])) else 0


async def seconds_until(there: Scene, true: Callable[[], bool], step: float = 1, most: int = 2_000) -> float:
    began = there.clock.now()
    for _ in range(most):
        await quiet(there)
        if true():
            break
        there.clock.advance(step)
    return (there.clock.now() - began).total_seconds()


def count(there: Scene, method: str) -> int:
    return [call.method for call in there.slack.calls].count(method)


async def test_a_burst_is_posted_in_order_and_waiting_is_no_failed_try(caplog: pytest.LogCaptureFixture) -> None:
    async with scene() as there:
        there.slack.per_minute["conversations.history"] = 0
        for number in range(MANY):
            await there.front.open(asked(number))
        async with delivering(there):
            took = await seconds_until(there, lambda: len(there.cards()) == MANY)
        # one a second; time is moved on too early now and then while a busy disk keeps what is next
        assert took <= 1.5 * MANY
        assert count(there, "conversations.history") == 0
        order = [message.metadata["event_payload"]["request_id"] for message in there.cards() if message.metadata]
        assert len(set(order)) == MANY
        assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def test_what_waits_for_one_channel_stops_no_other() -> None:
    async with scene() as there:
        there.slack.channel("C2", name="other")
        there.slack.fail_next("chat.postMessage", "429", retry_after=600)
        for number in range(MANY):
            await there.front.open(asked(number, "slack:C1"))
        async with delivering(there):
            await quiet(there)
            await there.front.open(asked(99, "slack:C2"))
            took = await seconds_until(there, lambda: len(there.cards("C2")) == 1, most=30)
            assert took <= pace.LONGEST_WAIT
            assert len(there.cards()) < 10
            await seconds_until(there, lambda: len(there.cards()) == MANY, step=5)
        assert len(there.cards()) == MANY


async def test_all_cards_of_many_lose_their_buttons_within_what_slack_allows() -> None:
    async with scene() as there:
        most = there.slack.per_minute["chat.update"] = 50
        count = most + 6
        for number in range(count):
            await there.front.open(asked(number))
        async with delivering(there):
            await seconds_until(there, lambda: len(there.cards()) == count, step=5)
            there.clock.advance(120)
            for number in range(count):
                await there.front.cancel(f"r{number}")

            def closed() -> bool:
                # the last one is closed last
                return not any("Allow" in there.slack.controls(one) for one in reversed(there.cards()))

            took = await seconds_until(there, closed)
        assert closed()
        assert took <= 1.2 * count + 10
        assert [method for method, _ in there.slack.refusals if method == "chat.update"] == []


async def test_a_card_is_not_given_up_however_often_slack_asks_to_wait() -> None:
    async with scene() as there:
        await there.ask(asked(0))
        often = courier._MOST_REDRAWS + 4  # pyright: ignore[reportPrivateUsage]
        there.slack.fail_next("chat.update", "429", times=often, retry_after=2)
        await there.front.cancel("r0")
        async with delivering(there):
            await seconds_until(there, lambda: there.slack.controls(there.card) == [])
        assert there.slack.controls(there.card) == []
        assert count(there, "chat.update") == often + 1


@pytest.mark.parametrize("count", [1, 2, 4])
async def test_copies_together_do_what_slack_allows_and_each_of_them_as_much(count: int) -> None:
    clock, copies = ManualClock(), [1]
    paces = [pace.Pace(clock, 1.0, 4, 40, copies=lambda: copies[0]) for _ in range(count)]
    copies[0], sent = count, [0] * count

    async def post(number: int) -> None:
        while True:
            with contextlib.suppress(errors.ChannelError):
                await paces[number].turn("C1", f"next of {number}")
                sent[number] += 1
            await clock.within(clock.now() + timedelta(seconds=0.1), asyncio.Event().wait())

    posting = [asyncio.create_task(post(number)) for number in range(count)]
    for _ in range(60 * 10):
        clock.advance(0.1)
        for _ in range(8):
            await asyncio.sleep(0)
    for task in posting:
        task.cancel()
    assert 30 <= sum(sent) <= 40
    assert max(sent) - min(sent) <= 2


async def test_while_slack_wants_to_be_left_alone_nothing_is_taken_and_then_the_oldest_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene() as there:
        there.slack.fail_next("chat.postMessage", "429", retry_after=600)
        for number in range(30):
            await there.front.open(asked(number))
            there.clock.advance(0.001)
        store, taken = there.front.store, [0]
        take = store.take

        async def counted(*given: Any) -> Any:
            taken[0] += 1
            return await take(*given)

        monkeypatch.setattr(store, "take", counted)
        async with delivering(there):
            # each of them is told once when its turn is
            await seconds_until(there, lambda: False, step=5, most=12)
            before, burst = taken[0], len(there.cards())
            assert burst < 30  # those that were on their way before Slack had said so
            await seconds_until(there, lambda: False, step=10, most=50)
            assert (taken[0], len(there.cards())) == (before, burst)
            await seconds_until(there, lambda: len(there.cards()) == 30, step=2)
        shown = [message.metadata["event_payload"]["request_id"] for message in there.cards() if message.metadata]
        waited = [f"r{number}" for number in range(30) if f"r{number}" not in shown[:burst]]
        assert shown[burst:] == waited
