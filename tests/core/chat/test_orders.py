"""The words of a stop in a chat: what they mean, and what whoever ordered it is told."""

from __future__ import annotations

import pytest

from sayso import asking, errors
from sayso.cards import card
from sayso.chat import orders
from sayso.chat.orders import Order
from sayso.desk import Caller, Desk, Setup
from sayso.desk.upkeep import stops
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from tests.tables import each

ANN = samples.actor()


@pytest.fixture
def desk() -> Desk:
    setup = Setup(stoppers=("chat:T/ann",))
    return Desk(memory.MemoryStore(), samples.MINT, setup, ManualClock(samples.NOW))


async def told(desk: Desk, words: str) -> str:
    order = orders.read(words)
    assert order is not None
    return "".join(card.pieces(await orders.obey(desk, order, ANN)))


ORDERS: list[tuple[str, Order | None]] = [
    ("stop", Order("stop")),
    ("  STOP  ", Order("stop")),
    ("stop a key leaked", Order("stop", None, "a key leaked")),
    ("stop agent release-bot", Order("stop", "release-bot")),
    ("stop Agent Release-Bot it  loops", Order("stop", "Release-Bot", "it  loops")),
    ("stop agent", Order("stop", "")),
    ("resume", Order("resume")),
    ("resume agent release-bot", Order("resume", "release-bot")),
    # whoever names one agent must not let all of them go
    ("resume release-bot", None),
    ("resume agent release-bot now", None),
    ("stopp", None),
    ("pending", None),
    ("", None),
]


def test_words_are_an_order_or_none() -> None:
    for row in each(ORDERS):
        with row as (words, order):
            assert orders.read(words) == order


async def test_whoever_ordered_it_reads_what_is_stopped(desk: Desk) -> None:
    await desk.open(asking.Permission(tool="Bash"), Caller("bot"))
    all_of_it = "Everything was stopped by chat:T/ann at 2026-01-01 12:00:00 UTC"
    bot = "The agent bot was stopped by chat:T/ann at 2026-01-01 12:00:00 UTC"
    assert await told(desk, "stop <!channel> leak") == f"{all_of_it}: <!channel> leak"
    assert await told(desk, "stop agent bot") == f"{bot}. {all_of_it}: <!channel> leak"
    lifted = await told(desk, "resume")
    assert lifted == f"Lifted. What was open goes on, with as much time as it had. {bot}."
    assert (await told(desk, "resume agent bot")).endswith("as much time as it had.")
    assert await told(desk, "resume") == "There is no stop of everything. Stopped now: nothing."
    assert (await told(desk, "stop agent bto")).startswith("There is no agent 'bto'.")


async def test_somebody_else_is_refused_and_nothing_is_stopped(desk: Desk) -> None:
    with pytest.raises(errors.NotAllowed, match="you may not stop agents"):
        await orders.obey(desk, Order("stop"), samples.actor("bob"))
    assert (await stops.standing(desk.store)).all == ()
