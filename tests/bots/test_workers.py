"""A worker that crashes stops the service; one that lost its database waits for it, and says so."""

import asyncio
import os
import signal

import pytest

from sayso import errors
from sayso_bots.service import lifetime, workers
from tests.conftest import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PAUSE", 0.01)


async def is_well(crew: workers.Workers) -> bool:
    try:
        await crew.well()
    except (errors.StoreUnavailable, RuntimeError):
        return False
    return True


async def test_a_crash_is_told_to_the_service_and_to_readyz(caplog: pytest.LogCaptureFixture) -> None:
    async def crash() -> None:
        raise RuntimeError("a bug")

    crew = workers.Workers()
    crew.start("courier", crash)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(asyncio.shield(crew.failed), 5)
    assert not await is_well(crew)
    assert "worker crashed" in caplog.text
    with pytest.raises(errors.SaysoError, match="a background worker crashed: RuntimeError"):
        await lifetime.wait_for_stop(asyncio.get_running_loop().create_future(), crew.failed)
    await crew.stop()


async def test_a_lost_database_makes_a_worker_unready_until_it_is_back() -> None:
    there, seen = asyncio.Event(), [0]

    async def work() -> None:
        seen[0] += 1
        if not there.is_set():
            raise errors.StoreUnavailable("the database is away")
        await asyncio.Future()

    crew = workers.Workers()
    crew.start("clock", work)
    await until(lambda: seen[0] > 2)
    assert not await is_well(crew)
    there.set()
    async with asyncio.timeout(5):
        while not await is_well(crew):  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert not crew.failed.done()
    await crew.stop()


async def test_stopping_ends_every_worker() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Future()
        finally:
            ended.append("ended")

    crew = workers.Workers()
    crew.start("one", work)
    crew.start("two", work)
    await asyncio.sleep(0)
    await crew.stop()
    assert ended == ["ended", "ended"]


async def test_two_signals_to_stop_at_the_same_moment_are_one(caplog: pytest.LogCaptureFixture) -> None:
    before = signal.getsignal(signal.SIGINT)
    stopped = lifetime.watch_signals()
    try:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await stopped
            # the loop has its handlers back once both were heard
            await until(lambda: signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
            await asyncio.sleep(0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert caplog.text == ""
