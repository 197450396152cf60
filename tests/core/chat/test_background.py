"""What nobody asks for again is tried again, for as long as that may help, and no longer."""

import asyncio
import functools
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sayso import errors
from sayso.chat import background
from sayso.testing.clock import ManualClock

PAUSES = (1.0, 5.0, 25.0)
AWAY = errors.StoreUnavailable("the store is away")
FAILED = errors.ChannelError("Slack failed: status 503", unsure=True)


class Trying:
    """Something that fails in turn as it is told, at which moment of the clock."""

    def __init__(self, *failures: errors.SaysoError) -> None:
        self.clock = ManualClock()
        self.began = self.clock.now()
        self.tried = list[float]()
        self._failures = list(failures)

    async def act(self) -> str:
        self.tried.append((self.clock.now() - self.began).total_seconds())
        if self._failures:
            raise self._failures.pop(0)
        return "done"

    async def run(self, seconds: int = 200, until: datetime | None = None) -> str:
        going = asyncio.ensure_future(background.persist(self.act, "not done yet", PAUSES, self.clock, until=until))
        for _ in range(seconds):
            for _ in range(9):
                await asyncio.sleep(0)
            self.clock.advance(1)
        return await going


@pytest.mark.parametrize("error", [AWAY, FAILED])
async def test_what_may_pass_is_tried_again_after_each_pause(error: errors.SaysoError) -> None:
    trying = Trying(error, error)
    assert await trying.run() == "done"
    assert trying.tried == [0, 1, 6]


async def test_behind_the_last_pause_it_is_tried_a_last_time() -> None:
    trying = Trying(*[FAILED] * 9)
    with pytest.raises(errors.ChannelError):
        await trying.run()
    assert trying.tried == [0, 1, 6, 31]


async def test_what_is_refused_for_good_is_not_tried_again() -> None:
    trying = Trying(errors.ChannelError("Slack refused: channel_not_found", final=True))
    with pytest.raises(errors.ChannelError):
        await trying.run()
    assert trying.tried == [0]


async def test_a_platform_that_says_when_is_asked_then() -> None:
    trying = Trying(
        errors.NotYet("Slack asks to wait", 0.5), errors.ChannelError("Discord asks to wait", retry_after=9)
    )
    assert await trying.run() == "done"
    assert trying.tried == [0, 1, 10]


async def test_nothing_is_tried_when_it_is_of_no_use_any_more() -> None:
    trying = Trying(*[FAILED] * 9)
    with pytest.raises(errors.ChannelError):
        await trying.run(until=trying.began + timedelta(seconds=20))
    assert trying.tried == [0, 1, 6]


def test_no_adapter_has_a_loop_of_its_own_for_this() -> None:
    roots = [Path(__file__).parents[3] / root for root in ("core", "adapters", "bots")]
    own = re.compile(r"for \w*(pause|tries|attempt)\w* in \(?\*?_")
    assert [str(file) for root in roots for file in root.rglob("*.py") if own.search(file.read_text())] == []


async def test_what_is_cut_short_by_the_end_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "_CLOSE_WITHIN", 0.0)
    caplog.set_level(logging.WARNING)
    running: Callable[[], Awaitable[object]] = asyncio.Event().wait
    work = background.Background()

    async def wait() -> None:
        await running()

    work.start(wait())
    await work.close()
    assert [(one.message, getattr(one, "count", None)) for one in caplog.records] == [("follow-ups cut short", 1)]


async def test_the_same_work_is_begun_once_until_it_is_done_and_other_work_beside_it() -> None:
    work, may_end, began = background.Background(), asyncio.Event(), list[str]()

    async def act(name: str) -> None:
        began.append(name)
        await may_end.wait()

    def begin(*names: str) -> None:
        for name in names:
            work.start_once(name, functools.partial(act, name))

    begin("a", "a", "b", "a", "b")
    await asyncio.sleep(0)
    assert began == ["a", "b"]
    may_end.set()
    await work.close()
    begin("a")
    await work.close()
    assert began == ["a", "b", "a"]
