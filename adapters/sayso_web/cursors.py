"""The ends of pages, as they stand in an address: the moment and the id of the last request on a page. Pure."""

from __future__ import annotations

from datetime import datetime

from sayso import errors


def read(given: str | None) -> tuple[datetime, str] | None:
    """Where a page goes on; None for the first one. Raises `NotFound`."""
    if not given:
        return None
    at, _, id = given.partition(",")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise errors.NotFound("there is no such page", hint="start again from the inbox")
    return moment, id


def write(last: tuple[datetime, str] | None) -> str | None:
    """The same for an address."""
    return last and f"{last[0].isoformat()},{last[1]}"
