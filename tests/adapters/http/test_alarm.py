"""An alarm rings when it was set to last, whatever it was set to before."""

import asyncio

from sayso_http.server.alarm import Alarm
from tests.conftest import until


async def passed(seconds: float) -> None:
    """Until a timer that is set now has rung, and all that were to ring before it."""
    rung = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, rung.set)
    await rung.wait()


async def test_an_alarm_rings_at_the_time_to_which_it_was_set_last() -> None:
    alarm, rung = Alarm(), list[str]()
    alarm.set(0.01, lambda: rung.append("early"))
    alarm.set(60, lambda: rung.append("late"))
    await passed(0.02)
    assert rung == []
    alarm.set(0.01, lambda: rung.append("now"))
    await until(lambda: rung)
    await passed(0.02)
    assert rung == ["now"]


async def test_an_alarm_that_was_put_off_a_little_rings_all_the_same() -> None:
    alarm, rung = Alarm(), list[str]()
    alarm.set(0.01, lambda: rung.append("early"))
    alarm.set(0.02, lambda: rung.append("late"))
    await until(lambda: rung)
    assert rung == ["late"]


async def test_an_alarm_that_was_stopped_does_not_ring_and_can_be_set_again() -> None:
    alarm, rung = Alarm(), list[str]()
    for stop in (alarm.stop, alarm.end):
        alarm.set(0.01, lambda: rung.append("stopped"))
        stop()
        await passed(0.02)
        assert rung == []
    alarm.set(0.01, lambda: rung.append("again"))
    await until(lambda: rung)
    assert rung == ["again"]
