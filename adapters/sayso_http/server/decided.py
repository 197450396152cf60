"""Figures of what people decided: from where they answered, how many it took, and where it was shown.

The rule: they are read from the log, and no request is read for them. A label is a kind of place or a word of ours;
nobody's name, no room, and no word of an agent.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Mapping

import prometheus_client

from sayso import model
from sayso.machine import events
from sayso.stores import Row

_PEOPLE = (1, 2, 3, 5, 10)
_SAID: Mapping[str, tuple[str | None, ...]] = {
    "allowed": ("allow",),
    "denied": ("deny", "stop"),
    "answered": (None, "respond"),
}
"""The verdicts behind an outcome; every other outcome is nobody's."""


class Decided:
    """Counts answers, and decisions of people, as they are read from the log."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        counter = functools.partial(prometheus_client.Counter, registry=registry)
        self._answers = counter("sayso_answers", "Answers of people", ["channel", "verdict"])
        self._at = counter("sayso_decided_at", "Decisions of people on what was shown there", ["channel", "outcome"])
        self._approvers = prometheus_client.Histogram(
            "sayso_approvers", "People behind a decision", ["outcome"], buckets=_PEOPLE, registry=registry
        )

    def count_answer(self, entry: events.Answered) -> None:
        """Count an answer by the kind of place from which it came."""
        self._answers.labels(model.channel_of(entry.by.account), entry.answer.verdict or "words").inc()

    async def count_decision(self, outcome: str, rows: AsyncIterator[Row]) -> None:
        """Count a decision by the log of its request, if people made it."""
        last = dict[str, str | None]()
        shown = {events.INBOX}
        async for row in rows:
            if isinstance(row.entry, events.Answered):
                last[row.entry.by.id] = row.entry.answer.verdict
            elif isinstance(row.entry, events.TakenBack):
                last.pop(row.entry.by.id, None)
            elif isinstance(row.entry, events.Delivered):
                shown.add(model.channel_of(row.entry.place))
        people = sum(verdict in _SAID.get(outcome, ()) for verdict in last.values())
        if not people:
            return
        self._approvers.labels(outcome).observe(people)
        # the inbox shows everything, and nothing is delivered to it
        for channel in sorted(shown):
            self._at.labels(channel, outcome).inc()
