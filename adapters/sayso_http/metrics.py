"""Figures for Prometheus, read from the log when they are scraped; labels are our own words, never an agent's.

Every process reports the whole store: take the maximum over replicas, not the sum.
"""

from __future__ import annotations

import asyncio
import contextlib

import prometheus_client
from aiohttp import web

from sayso import errors
from sayso.desk import Desk
from sayso.machine import events
from sayso.stores import Query, Row

# A scrape looks at no more than this; what is left is counted by the next ones.
_MOST_ROWS = 5_000
_MOST_PENDING = 1_000
_CHUNK = 500
# Seconds that one scrape may read; what is left is counted by the next ones, too.
_PATIENCE = 1.0
# Seconds from question to decision: people answer within moments, or within hours.
_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600)


class Metrics:
    """`GET /metrics`, with a registry of its own: counts since the first scrape of this process."""

    def __init__(self, front: Desk) -> None:
        self._store = front.store
        self._number: int | None = None
        self._turn = asyncio.Lock()
        self._registry = prometheus_client.CollectorRegistry()
        counter, kept = prometheus_client.Counter, self._registry
        self._opened = counter("sayso_requests_opened", "Requests asked", ["kind"], registry=kept)
        self._decided = counter("sayso_requests_decided", "Requests decided", ["kind", "outcome"], registry=kept)
        self._refused = counter("sayso_answers_refused", "Answers that were not taken", ["code"], registry=kept)
        self._delivered = counter("sayso_deliveries", "Cards posted, decisions handed over", ["channel"], registry=kept)
        self._waited = prometheus_client.Histogram(
            "sayso_waiting_seconds", "From question to decision", ["outcome"], buckets=_BUCKETS, registry=kept
        )
        self._pending = prometheus_client.Gauge(
            "sayso_requests_pending", f"Requests that wait for an answer, counted up to {_MOST_PENDING}", registry=kept
        )

    async def serve(self, _: web.Request) -> web.Response:
        """All figures in the text format of Prometheus."""
        async with self._turn:
            await self._catch_up()
            self._pending.set(await self._store.count(Query(state="pending", limit=_MOST_PENDING)))
            body = prometheus_client.generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})

    async def _catch_up(self) -> None:
        if self._number is None:
            self._number = await self._store.last_row()
        end = asyncio.get_running_loop().time() + _PATIENCE
        for _ in range(_MOST_ROWS // _CHUNK):
            if asyncio.get_running_loop().time() > end:
                return
            rows = await self._store.log_after(self._number, _CHUNK)
            for row in rows:
                # one damaged request must not end all counting
                with contextlib.suppress(errors.NotFound, errors.StoreUnavailable):
                    await self._count(row)
                self._number = row.number
            if len(rows) < _CHUNK:
                return

    async def _count(self, row: Row) -> None:
        match row.entry:
            case events.Delivered(place=place):
                self._delivered.labels(place.partition(":")[0]).inc()
            case events.Turned(code=code):
                self._refused.labels(code).inc()
            case events.Opened():
                self._opened.labels((await self._store.summary(row.ticket_id)).kind).inc()
            case _:
                await self._count_decision(row)

    async def _count_decision(self, row: Row) -> None:
        found = await self._store.summary(row.ticket_id)
        if found.outcome is not None and found.decided_at is not None and found.version == row.version:
            self._decided.labels(found.kind, found.outcome).inc()
            waited = found.decided_at - found.created_at
            self._waited.labels(found.outcome).observe(waited.total_seconds())
