"""A rota kept by PagerDuty: whoever is on call on one schedule, its overrides counted, known by their address there.

The rule: the library says more of the token than anybody should read, so its words go nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NoReturn

import httpx2
import pagerduty

from sayso import errors
from sayso.clock import Clock
from sayso.desk.admission import fresh, rotas

API_URL = "https://api.pagerduty.com"
# Seconds for one call. Whoever pressed is told before that, and the answer is there for their next press.
_PATIENCE = 5
# Bytes. A schedule with hundreds of people has less.
_LARGEST = 1_000_000
_HINT = "see: sayso doctor"


class ScheduleRota:
    """Whoever is on call on a schedule."""

    def __init__(self, schedule: str, token: str, clock: Clock, url: str = API_URL) -> None:
        self._schedule = schedule
        self._token = token
        self._url = url
        self._clock = clock
        self._shifts: fresh.Fresh[rotas.Shift] = fresh.Fresh(clock)

    async def on_call(self) -> rotas.Shift:
        """Who is on call. Raises `ChannelError` if PagerDuty does not say."""
        return await self._shifts.get("", lambda: asyncio.to_thread(self._ask))

    def _ask(self) -> rotas.Shift:
        now = self._clock.now()
        # of two shifts that meet in this moment both would count, so it is short
        span = {"since": now.isoformat(), "until": (now + timedelta(seconds=1)).isoformat()}
        double = httpx2.URL(self._url) if self._url.startswith("http://") else None
        base = API_URL if double else self._url
        with pagerduty.RestApiV2Client(self._token, base_url=base, transport=_Bounded(double)) as client:
            # the library would wait and try again for longer than anybody looks on
            client.max_network_attempts, client.retry, client.sleep_timer = 0, {429: 1}, 0.2
            client.timeout = _PATIENCE
            try:
                response = client.get(f"/schedules/{self._schedule}/users", params=span)
            except (pagerduty.Error, httpx2.HTTPError, OSError) as error:
                _refuse(getattr(getattr(error, "response", None), "status_code", None), self._schedule)
            if response.status_code != 200:
                _refuse(response.status_code, self._schedule)
            return _shift_of(response, self._schedule)


def _shift_of(response: Any, schedule: str) -> rotas.Shift:
    try:
        listed: list[dict[str, Any]] = response.json()["users"]
        emails = frozenset(str(one["email"]) for one in listed if one.get("email"))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise errors.ChannelError(f"PagerDuty did not say who is on call on {schedule}", hint=_HINT) from error
    return rotas.Shift(emails=emails)


def _refuse(status: int | None, schedule: str) -> NoReturn:
    if status == 401:
        hint = "make a read-only key: Integrations > API Access Keys, or set PAGERDUTY_API_URL for the EU"
        raise errors.ChannelError("PagerDuty does not take PAGERDUTY_TOKEN", hint=hint)
    if status == 404:
        raise errors.ChannelError(f"PagerDuty has no schedule {schedule}", hint="its id is at the end of its address")
    said = "cannot be reached" if status is None else f"failed: status {status}"
    raise errors.ChannelError(f"PagerDuty {said}", hint=_HINT)


class _Bounded(httpx2.HTTPTransport):
    """Reads as much as a schedule can be, and no more. A *double* on this machine is reached without TLS."""

    def __init__(self, double: httpx2.URL | None) -> None:
        super().__init__()
        self._double = double

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask once."""
        if self._double is not None:
            # the library knows https addresses only
            there = self._double
            request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        response = super().handle_request(request)
        response.stream = _Counted(response.stream)
        return response


class _Counted(httpx2.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        left = _LARGEST
        for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError("more than a schedule can be")
            yield chunk

    def close(self) -> None:
        self._inner.close()
