"""Figures for Prometheus, read from the log when they are scraped; labels are our own words, never an agent's.

Every process reports the whole store: take the maximum over replicas, not the sum.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
from typing import assert_never, get_args

import prometheus_client
from aiohttp import web

from sayso import answers, errors, model
from sayso.desk import Desk
from sayso.machine import events
from sayso.stores import Query, Row, Summary, whole_log
from sayso_http.server import decided, gauges, probes

# A scrape looks at no more than this; what is left is counted by the next ones.
_MOST_ROWS = 5_000
_MOST_PENDING = 1_000
_CHUNK = 500
# Seconds that one scrape may read; what is left is counted by the next ones, too.
_PATIENCE = 1.0
# Seconds from question to decision: people answer within moments, or within hours.
_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600)

_Deciding = (
    events.Answered
    | events.TakenBack
    | events.Settled
    | events.Cancelled
    | events.Superseded
    | events.Undelivered
    | events.Lost
    | events.Ticked
)
"""What may have decided a request. Every other kind of entry is named in `_count`."""


class Metrics:
    """`GET /metrics`, with a registry of its own: counts since the first scrape of this process."""

    def __init__(self, desk: Desk, probing: probes.Probes) -> None:
        self._store = desk.store
        self._number: int | None = None
        self._turn = asyncio.Lock()
        self._registry = prometheus_client.CollectorRegistry()
        counter = functools.partial(prometheus_client.Counter, registry=self._registry)
        self._opened = counter("sayso_requests_opened", "Requests asked", ["kind"])
        self._decided = counter("sayso_requests_decided", "Requests decided", ["kind", "outcome"])
        self._refused = counter("sayso_answers_refused", "Answers that were not taken", ["code"])
        self._unused = counter("sayso_uses_refused", "Uses of an allow or a receipt that were refused", ["code"])
        self._lost = counter("sayso_undelivered", "Places that were given up", ["channel"])
        self._delivered = counter("sayso_deliveries", "Cards posted, decisions handed over", ["channel"])
        self._waited = prometheus_client.Histogram(
            "sayso_waiting_seconds",
            "From question to decision",
            ["outcome"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        histogram = functools.partial(prometheus_client.Histogram, buckets=_BUCKETS, registry=self._registry)
        self._viewed = histogram(
            "sayso_first_view_seconds", "From question to its first view in the inbox, or in a window on a card"
        )
        self._answered = histogram("sayso_first_answer_seconds", "From question to the first answer of a person")
        self._quick = counter("sayso_quick_allows", f"Allows within {answers.QUICK:g} seconds of the question")
        self._ruled = counter("sayso_rulings", "What rules and grants came to", ["rule", "effect"])
        self._watched = counter("sayso_rules_observed", "What a rule that only observes would have decided", ["rule"])
        self._people = decided.Decided(self._registry)
        # what has not happened yet is 0 and not absent: otherwise the first time would be no increase
        for kind, outcome in itertools.product(get_args(model.Kind), get_args(model.Outcome)):
            self._decided.labels(kind, outcome)
        self._refused.labels("not_allowed")
        self._unused.labels("already_used")
        pending = f"Requests that wait for an answer, counted up to {_MOST_PENDING}"
        self._pending = prometheus_client.Gauge("sayso_requests_pending", pending, registry=self._registry)
        self._gauges = gauges.Gauges(desk, probing, self._registry)

    async def serve(self, _: web.Request) -> web.Response:
        """Answer with all figures in the text format of Prometheus."""
        async with self._turn:
            await self._gauges.read_ready()
            # a database that is away is told of by what is ready, and not by silence
            with contextlib.suppress(errors.StoreUnavailable):
                await self._catch_up()
                self._pending.set(await self._store.count(Query(state="pending", limit=_MOST_PENDING)))
                for channel in await self._gauges.read():
                    self._lost.labels(channel)
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
            if not rows:
                return

    async def _count(self, row: Row) -> None:
        entry = row.entry
        if isinstance(entry, events.Undelivered):
            self._lost.labels(model.channel_of(entry.place)).inc()
        if isinstance(entry, events.Answered):
            self._people.count_answer(entry)
            await self._count_answer(row, entry)
        if isinstance(entry, _Deciding):
            await self._count_if_decided(row)
            return
        match entry:
            case events.Delivered(place=place):
                self._delivered.labels(model.channel_of(place)).inc()
            case events.AnswerRefused(code=code):
                self._refused.labels(code).inc()
            case events.UseRefused(code=code):
                self._unused.labels(code).inc()
            case events.Opened():
                found = await self._store.summary(row.ticket_id)
                self._opened.labels(found.kind).inc()
                self._count_rules(entry.ruled)
                if entry.ruled is not None and entry.ruled.effect != "ask" and found.outcome is not None:
                    # by a rule: nobody waited
                    self._decided.labels(found.kind, found.outcome).inc()
            case events.Due() | events.Passed() | events.Reminded() | events.Redeemed() | events.Erased():
                pass
            case events.Used() | events.Held() | events.Released() | events.Revoked():
                pass
            case events.Stopped() | events.Resumed() | events.GrantEnded() | events.Delayed() | events.Reached():
                pass
            case events.Viewed():
                found = await self._store.summary(row.ticket_id)
                self._viewed.observe((entry.at - found.created_at).total_seconds())
            case events.Claimed() | events.Snoozed() | events.Revealed():
                pass
            case _:
                assert_never(entry)

    def _count_rules(self, ruled: model.Ruled | None) -> None:
        if ruled is not None and ruled.rule is not None:
            # a grant has a name of its own each time, with a blank that no rule has
            self._ruled.labels(ruled.rule.partition(" ")[0], ruled.effect).inc()
        for name in ruled.watched if ruled else ():
            self._watched.labels(name).inc()

    async def _count_answer(self, row: Row, entry: events.Answered) -> None:
        found = await self._store.summary(row.ticket_id)
        took = (entry.at - found.created_at).total_seconds()
        async for one in whole_log(self._store, row.ticket_id):
            if isinstance(one.entry, events.Answered):
                if one.number == row.number:
                    self._answered.observe(took)
                break
        if entry.answer.is_quick(found.created_at, entry.at):
            self._quick.inc()

    async def _count_if_decided(self, row: Row) -> None:
        found = await self._store.summary(row.ticket_id)
        if found.outcome is None or found.decided_at is None or not await self._is_decision(row, found):
            return
        self._decided.labels(found.kind, found.outcome).inc()
        waited = found.decided_at - found.created_at
        self._waited.labels(found.outcome).observe(waited.total_seconds())
        await self._people.count_decision(found.outcome, whole_log(self._store, row.ticket_id))

    async def _is_decision(self, row: Row, found: Summary) -> bool:
        """Whether it was this row that decided its ticket."""
        if found.decided_at != row.entry.at:
            return False
        if found.version == row.version:
            return True
        # the ticket has changed since: its allow was used, for example; of answers at one moment the last one decided
        last = 0
        async for one in whole_log(self._store, row.ticket_id):
            if isinstance(one.entry, _Deciding) and one.entry.at == found.decided_at:
                last = max(last, one.version)
        return row.version == last
