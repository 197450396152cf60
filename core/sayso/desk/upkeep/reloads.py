"""A change of the settings while a service runs: asked for by one record, and told by one record of each copy.

The rule: what is in force is what a copy took up whole. A file that is refused changes nothing, and everybody is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sayso import errors
from sayso.desk.upkeep import processes
from sayso.stores import Record, Store

_ASKED, _COPY = "reload", "copy"
_EVERY = "every copy"
LASTS = timedelta(seconds=90)
"""For how long a copy that says nothing more counts as running."""


@dataclass(frozen=True, slots=True)
class Stand:
    """How one copy of the service stands to its settings."""

    copy: str
    """Machine and process."""
    since: datetime
    """When it took up those that are in force."""
    digest: str
    """Of those that are in force."""
    heard: int = 0
    """The last change that it was asked for."""
    refused: str = ""
    """Why the settings on disk were refused, if they were."""
    changed: tuple[str, ...] = ()
    """The keys that the last change changed."""
    restart: tuple[str, ...] = ()
    """The keys that changed on disk and need a new start."""

    @property
    def warning(self) -> str:
        """That something on disk is not in force, in words; empty if all of it is."""
        if self.refused:
            return f"the settings on disk are refused: {self.refused}; those of {_moment(self.since)} are in force"
        if self.restart:
            return f"these settings changed on disk and need a new start of the service: {', '.join(self.restart)}"
        return ""


async def ask(store: Store, by: str = "") -> int:
    """Ask every copy to read its settings again; the number of this change, which each one tells with its stand."""
    while True:
        found = await store.get(_ASKED, _EVERY)
        number = (found.value["number"] if found else 0) + 1
        with contextlib.suppress(errors.Conflict):
            await store.put(Record(_ASKED, _EVERY, {"number": number, "by": by}, version=found.version if found else 0))
            return number


async def asked(store: Store) -> int:
    """The number of the last change that was asked for."""
    found = await store.get(_ASKED, _EVERY)
    return int(found.value["number"]) if found else 0


async def asker(store: Store) -> str:
    """Who asked for the last change."""
    found = await store.get(_ASKED, _EVERY)
    return str(found.value.get("by") or "") if found else ""


async def tell(store: Store, stand: Stand, at: datetime) -> None:
    """Tell how this copy stands, until it says so again."""
    found = await store.get(_COPY, stand.copy)
    value = {**asdict(stand), "since": stand.since.isoformat(), **processes.introduce(stand.copy)}
    await store.put(Record(_COPY, stand.copy, value, at + LASTS, found.version if found else 0))


async def leave(store: Store, copy: str) -> None:
    """Know that a copy ends."""
    await store.remove(_COPY, copy)


async def stands(store: Store, at: datetime) -> Sequence[Stand]:
    """Every copy that runs, as it last told."""
    return [_stand(one) for one in await store.scan(_COPY) if _runs(one, at)]


def warnings(found: Iterable[Stand]) -> list[str]:
    """What is to be said about them, each thing once."""
    return list(dict.fromkeys(one.warning for one in found if one.warning))


def _runs(record: Record, at: datetime) -> bool:
    return record.expires_at is not None and at < record.expires_at and not processes.has_ended(record.value)


def _stand(record: Record) -> Stand:
    value = record.value
    return Stand(
        copy=value["copy"],
        since=datetime.fromisoformat(value["since"]),
        digest=value["digest"],
        heard=value["heard"],
        refused=value["refused"],
        changed=tuple(value["changed"]),
        restart=tuple(value["restart"]),
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
