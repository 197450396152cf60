"""What somebody outside said: asked once by many, kept for a minute, and never longer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sayso import errors
from sayso.desk.admission import fresh
from sayso.testing.clock import ManualClock


class Outside:
    """Somebody who counts the questions, and answers when they are let."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.fails = False

    @property
    def ask(self) -> Callable[[], Awaitable[int]]:
        async def answer() -> int:
            self.asked += 1
            number = self.asked
            await self.may_answer.wait()
            if self.fails:
                raise errors.ChannelError("no")
            return number

        return answer


async def test_an_answer_is_kept_for_less_than_a_minute_and_asked_anew_after_it() -> None:
    clock, outside = ManualClock(), Outside()
    kept: fresh.Fresh[int] = fresh.Fresh(clock)
    assert [await kept.get("a", outside.ask), await kept.get("a", outside.ask)] == [1, 1]
    clock.advance(59)
    assert await kept.get("a", outside.ask) == 1
    clock.advance(1)
    assert await kept.get("a", outside.ask) == 2


async def test_a_clock_that_was_set_back_keeps_nothing() -> None:
    clock, outside = ManualClock(), Outside()
    kept: fresh.Fresh[int] = fresh.Fresh(clock)
    await kept.get("a", outside.ask)
    clock.advance(-1)
    assert await kept.get("a", outside.ask) == 2


async def test_many_who_ask_at_once_are_one_question_and_one_who_leaves_ends_it_for_nobody() -> None:
    outside = Outside()
    outside.may_answer.clear()
    kept: fresh.Fresh[int] = fresh.Fresh(ManualClock())
    waiting = [asyncio.ensure_future(kept.get("a", outside.ask)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    outside.may_answer.set()
    assert await asyncio.gather(*waiting[1:]) == [1, 1]
    assert waiting[0].cancelled()
    assert outside.asked == 1


async def test_a_failure_is_not_kept() -> None:
    outside = Outside()
    outside.fails = True
    kept: fresh.Fresh[int] = fresh.Fresh(ManualClock())
    with pytest.raises(errors.ChannelError):
        await kept.get("a", outside.ask)
    outside.fails = False
    assert await kept.get("a", outside.ask) == 2


async def test_an_answer_is_as_old_as_its_question() -> None:
    clock, outside = ManualClock(), Outside()
    outside.may_answer.clear()
    kept: fresh.Fresh[int] = fresh.Fresh(clock)
    waiting = asyncio.ensure_future(kept.get("a", outside.ask))
    await asyncio.sleep(0)
    clock.advance(60)
    outside.may_answer.set()
    assert await waiting == 1
    assert await kept.get("a", outside.ask) == 2


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "_MOST_KEPT", 2)
    outside = Outside()
    kept: fresh.Fresh[int] = fresh.Fresh(ManualClock())
    for name in "abc":
        await kept.get(name, outside.ask)
    assert await kept.get("a", outside.ask) == 4


async def test_at_the_end_open_questions_are_given_up() -> None:
    outside = Outside()
    outside.may_answer.clear()
    kept: fresh.Fresh[int] = fresh.Fresh(ManualClock())
    waiting = asyncio.ensure_future(kept.get("a", outside.ask))
    await asyncio.sleep(0)
    await kept.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
