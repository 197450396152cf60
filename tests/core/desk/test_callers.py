"""The desk as one caller reaches it: every verb of an `Asker`, and nothing of what others asked."""

from __future__ import annotations

import pytest

import sayso
from sayso.cards import tokens
from sayso.desk import Caller, Desk, Setup, asker, callers
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock

ANN = people.Actor("chat:ann", "ann", member=True)


@pytest.fixture
def desk() -> Desk:
    return Desk(memory.MemoryStore(), tokens.TokenMaker(b"s" * 32), Setup(), ManualClock())


async def test_a_caller_asks_waits_and_uses_as_at_any_desk(desk: Desk) -> None:
    bot: sayso.Asker = callers.CallersDesk(desk, Caller(owner="bot"))
    handle = await bot.ask(sayso.Permission(tool="Bash", id="r1"), wait=False)
    await desk.answer("r1", sayso.Answer(verdict="allow"), ANN)
    assert (await handle).allowed
    # the same request again finds the decision
    assert (await bot.ask(sayso.Permission(tool="Bash", id="r1"))).allowed
    assert (await handle.use()).used_at
    assert (await bot.get("r1")).owner == "bot"


async def test_a_caller_reaches_nothing_of_others(desk: Desk) -> None:
    await callers.CallersDesk(desk, Caller(owner="bot")).open(sayso.Question("Who?", id="r1"))
    other = callers.CallersDesk(desk, Caller(owner="other"))
    for call in (other.get("r1"), other.wait("r1"), other.cancel("r1"), other.use("r1")):
        with pytest.raises(sayso.NotFound):
            await call


async def test_without_a_caller_all_that_is_stored_is_reached(desk: Desk) -> None:
    await callers.CallersDesk(desk, Caller(owner="bot")).open(sayso.Question("Who?", id="r1"))
    here = callers.CallersDesk(desk)
    assert (await here.cancel("r1", reason="never mind")).decision
    assert (await here.wait("r1")).outcome == "cancelled"


async def test_a_note_goes_where_the_desk_tells_notes(desk: Desk) -> None:
    with pytest.raises(sayso.InvalidRequest):
        await callers.CallersDesk(desk, Caller(owner="bot")).note("s1", "half done")


def test_who_only_asks_answers_nothing_and_makes_no_webhooks(desk: Desk) -> None:
    bot = callers.CallersDesk(desk, Caller(owner="bot"))
    assert not isinstance(bot, asker.Answerer | asker.WebhookMaker)
