"""A rota kept in a calendar: fetched anew after a minute, and read where it can do no harm.

The rule: a calendar that cannot be fetched or read says nothing about anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from sayso import errors
from sayso.clock import Clock
from sayso.desk.admission import fresh, rotas

# Seconds to read a calendar. One that repeats every second since the year 1 would take for ever.
_READ_WITHIN = 5.0
# As a file: it needs nothing else of ours, and starts in a fraction of the time.
_READER = Path(__file__).with_name("reading.py")
_AT_ONCE = asyncio.Semaphore(2)


class CalendarRota:
    """Whoever stands in the event of this moment."""

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._shifts: fresh.Fresh[rotas.Shift] = fresh.Fresh(clock)

    async def on_call(self) -> rotas.Shift:
        """Who is on call. Raises `ChannelError` if the calendar cannot be fetched or read."""
        return await self._shifts.get("", self._read)

    async def _read(self) -> rotas.Shift:
        body = await self._fetch()
        async with _AT_ONCE:
            found = await _in_process(body, self._clock.now().isoformat())
        return rotas.Shift(frozenset(found["names"]), frozenset(found["emails"]))


async def _in_process(body: bytes, at: str) -> dict[str, list[str]]:
    # what a calendar makes a library do ends with its process
    reading = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", str(_READER), at),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_READ_WITHIN):
            said, _ = await reading.communicate(body)
    except TimeoutError as error:
        hint = "publish a calendar with fewer years in it"
        raise errors.ChannelError("the calendar takes too long to read", hint=hint) from error
    finally:
        if reading.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                reading.kill()
            await reading.wait()
    if reading.returncode != 0:
        hint = "it must give iCalendar (.ics): open it in a browser without being signed in, and look"
        raise errors.ChannelError("its address gives no calendar that can be read", hint=hint)
    found: dict[str, list[str]] = json.loads(said)
    return found
