"""Hands effects on in the process that writes them: leased in the same transaction, so that nobody looks for them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import TypeAlias

from sayso.stores.outbox import Job, Taker

Handed: TypeAlias = "tuple[Taker, Job]"
"""A job, and who has its lease."""


class Takers:
    """Who takes on the effects of which channel in one process."""

    def __init__(self) -> None:
        self._takers: dict[str, list[Taker]] = {}

    @contextlib.asynccontextmanager
    async def taking(self, channel: str, taker: Taker) -> AsyncGenerator[None]:
        """Until the block ends, effects of this channel may be leased to *taker*."""
        there = self._takers.setdefault(channel, [])
        there.append(taker)
        try:
            yield
        finally:
            there.remove(taker)

    def lease(self, channel: str) -> tuple[Taker, datetime] | None:
        """Who takes one more effect of this channel, and until when; None if nobody does."""
        for taker in self._takers.get(channel, ()):
            if until := taker.lease():
                return taker, until
        return None


def hand_on(handed: Sequence[Handed]) -> None:
    """Let everybody have their jobs, once these are durable."""
    for taker, job in handed:
        taker.receive(job)
