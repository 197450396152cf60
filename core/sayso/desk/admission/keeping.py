"""What is kept of decisions, and of whose turn it is: records that are written together with the steps."""

from __future__ import annotations

from collections.abc import Sequence

from sayso import model
from sayso.cards import naming
from sayso.desk.admission import granting, learned, remembering, turning
from sayso.desk.setup import Setup
from sayso.stores import Record, Store


async def records(store: Store, setup: Setup, *changed: tuple[model.Ticket, model.Ticket]) -> Sequence[Record]:
    """What is written with these tickets, of each as it was and is."""
    kept: list[Record] = []
    if decided := [after for before, after in changed if decides(before, after)]:
        kept += await remembering.records(*decided)
    for after in decided:
        kept += await granting.records(store, after, setup.directory.people)
        if after.owner == naming.SERVICE:
            kept += await learned.records(store, after, setup.directory.people)
    for before, after in changed:
        if before.attending != after.attending:
            kept += await turning.records(store, before, after)
    return kept


def decides(before: model.Ticket, after: model.Ticket) -> bool:
    """Whether this is the step that decides it."""
    return before.decision is None and after.decision is not None
