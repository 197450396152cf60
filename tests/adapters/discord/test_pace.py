"""Discord's limits: a long window is used while there is room in it, and answers to people never wait."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import sayso
import sayso_discord
from sayso import model
from sayso.desk import Desk, Setup, courier
from sayso.desk.posting import leases
from sayso.stores import memory
from sayso_discord import pace
from tests.adapters.discord_scene import ANN, DIRECTORY, MINT, OPS, QUICK, Scene, scene
from tests.fakes.discord import FakeDiscord, Person


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene(threads="session") as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann")


def question(number: int) -> model.Request:
    return sayso.Question(f"Question {number}?", source=model.Source(session=f"s-{number}"))


async def test_a_long_window_with_room_in_it_is_used(there: Scene) -> None:
    there.discord.rates["create_thread_from_message"] = (5, 219.0)
    for number in range(3):
        await there.ask(question(number))
    assert len(there.discord.threads(OPS)) == 3


async def test_the_last_call_of_a_window_is_answered_at_once_and_the_next_waits_for_the_courier(
    there: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    there.discord.rates["create_thread_from_message"] = (1, 219.0)
    async with asyncio.timeout(5):
        await there.ask(question(0))
        waits = await there.ask(question(1))
    assert len(there.discord.threads(OPS)) == 1
    due = await there.front.store.next_job(["discord"])
    assert due is not None
    assert (due - there.clock.now()).total_seconds() > 200
    assert "delivery failed" not in caplog.text
    there.discord.rates.clear()
    assert (await there.front.get(waits.id)).decision is None


async def test_an_answer_to_a_press_does_not_wait_for_the_limits_of_the_bot(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": "x"}))
    there.discord.fail_next("create_message", "429 global", retry_after=60)
    await there.front.open(sayso.Permission(tool="Bash", input={"command": "y"}))
    waiting = asyncio.create_task(there.courier.deliver())
    await there.discord.until(lambda: there.discord.refusals)
    assert (await ann.press(there.card, "Allow")).acked
    assert (await there.front.get(ticket.id)).decision is not None
    waiting.cancel()


async def test_a_call_that_is_given_up_in_a_limit_of_the_bot_does_not_stop_it_for_ever(
    there: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "CALL_WITHIN", 0.05)
    monkeypatch.setattr(pace, "_OVER_AFTER", 0.0)
    there.discord.fail_next("create_message", "429 global", retry_after=60)
    await there.front.open(sayso.Permission(tool="Bash", input={"command": "y"}))
    await there.deliver()
    monkeypatch.undo()
    there.clock.advance(60)
    await there.deliver()
    assert len(there.cards()) == 1


def test_every_wait_ends_before_the_lease_of_the_courier() -> None:
    assert pace.LONGEST_WAIT < pace.CALL_WITHIN < pace.EFFECT_WITHIN < leases.LEASE


async def test_many_cards_at_once_wait_their_turn_without_a_failed_attempt(caplog: pytest.LogCaptureFixture) -> None:
    setup = Setup({"default": model.Policy()}, DIRECTORY, (f"discord:{OPS}",), ("discord",))
    front = Desk(memory.MemoryStore(), MINT, setup)
    async with FakeDiscord() as discord:
        discord.channel(OPS, name="ops")
        settings = sayso_discord.Settings(
            discord.bot_token, None, OPS, "off", discord.api_url, discord.gateway_url
        )  # fmt: skip
        async with sayso_discord.connect(front, settings, QUICK) as link:
            await link.caught_up()
            before = len(discord.calls)
            discord.rates["create_message"] = (3, 0.2)
            running = asyncio.create_task(courier.Courier(front, [link.channel]).run())
            for number in range(10):
                await front.open(sayso.Question("Which?", id=f"r{number}"))
            await discord.until(lambda: len(discord.messages(OPS)) == 10, within=10)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        made = {one.operation for one in discord.calls[before:] if "command" not in one.operation}
        assert made == {"create_message"}
        assert "delivery failed" not in caplog.text
