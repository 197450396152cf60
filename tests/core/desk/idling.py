"""Time in which there is nothing to do passes at once: what takes three days is looked at when something happens."""

from datetime import datetime, timedelta

from sayso.stores import Store
from sayso.testing.clock import ManualClock


async def idle(store: Store, clock: ManualClock, step: float, end: datetime) -> None:
    """Let steps pass before which a store has nothing to do, but not the last: what comes too early is seen there."""
    wakes = (await store.next_due(), await store.next_job(["chat"]), end)
    wake = min(at for at in wakes if at is not None)
    while clock.now() + timedelta(seconds=2 * step) < wake:
        clock.advance(step)
