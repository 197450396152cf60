"""Figures of this moment for Prometheus: whether the service can work, what waits, when it was sealed last."""

from __future__ import annotations

import functools
import importlib.metadata
import json
from collections.abc import Collection
from datetime import datetime

import prometheus_client

from sayso.desk import Desk
from sayso.desk.upkeep import stops, watching
from sayso.machine import events
from sayso_http.server import probes

# Lanes that belong to no chat.
_OTHERS = (events.CALLBACK, events.PUSH)


@functools.cache  # all of the package's page on PyPI is parsed to find it
def _version() -> str:
    return importlib.metadata.version("sayso")


class Gauges:
    """The figures of one process, in *registry*; `read` brings them up to date."""

    def __init__(self, desk: Desk, probing: probes.Probes, registry: prometheus_client.CollectorRegistry) -> None:
        self._desk = desk
        self._probes = probing
        gauge = functools.partial(prometheus_client.Gauge, registry=registry)
        self._ready = gauge("sayso_ready", "1 if a check of /readyz holds", ["check"])
        lag = "How long the oldest effect that is due has waited to be taken"
        self._lag = gauge("sayso_delivery_lag_seconds", lag, ["channel"])
        self._seal = gauge("sayso_seal_age_seconds", "Time since the log was sealed; 0 if nothing came since")
        self._stops = gauge("sayso_stops", "Stops that stand, of everything or of one agent")
        self._failures = prometheus_client.Counter(
            "sayso_delivery_failures", "Tries to deliver that failed, in this process", ["channel"], registry=registry
        )
        version = prometheus_client.Info("sayso_build", "What runs", registry=registry)
        version.info({"version": _version()})
        prometheus_client.ProcessCollector(registry=registry)
        desk.watched.add_to_deliveries(self)

    def delivered(self, delivery: watching.Delivery) -> None:
        """Count a failure."""
        if delivery.error is not None:
            self._failures.labels(delivery.channel).inc()

    async def read_ready(self) -> None:
        """Look at the checks; they hold no database that has to answer."""
        for name, holds in (await self._probes.look()).items():
            self._ready.labels(name).set(holds)

    async def read(self) -> Collection[str]:
        """Look at the rest, and return the channels. Raises `StoreUnavailable`."""
        now, store = self._desk.clock.now(), self._desk.store
        channels = (*self._desk.platforms, *_OTHERS)
        for channel in channels:
            self._failures.labels(channel)
            due = await store.next_job([channel])
            self._lag.labels(channel).set(max(0.0, (now - due).total_seconds()) if due else 0.0)
        self._stops.set(len((await stops.standing(store)).all))
        if (seal := await store.last_seal()) is not None:
            at = datetime.fromisoformat(json.loads(seal.document)["at"])
            fresh = seal.last_row >= await store.last_row()
            self._seal.set(0.0 if fresh else max(0.0, (now - at).total_seconds()))
        return channels
