"""Settings that were taken up, one after the other: what they said about people, policies and rules, when, and by whom.

The rule: only these parts are kept, with whatever may be a secret masked; the newest of them, and no more.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sayso import errors, model
from sayso.content import masks
from sayso.rules import written
from sayso.stores import Record, Store
from sayso.stores.record_kinds import VERSION

MOST = 200
# Bytes of one. Of larger settings only that they were taken up is kept.
_LARGEST = 512 * 1024
_SHORTEST_DIGEST = 6


@dataclass(frozen=True, slots=True)
class Version:
    """Settings as they were taken up."""

    number: int
    digest: str
    """Of all settings, as the log has it for each request."""
    at: datetime
    by: str
    """Who or what took them up."""
    said: model.JsonObject | None
    """What they said, masked; None if it was too much to keep."""

    @property
    def text(self) -> str:
        """What they said, as TOML."""
        return written.tables(self.said or {})


async def keep(store: Store, digest: str, said: model.JsonObject, by: str, at: datetime, cover: masks.Masks) -> bool:
    """Keep settings that were taken up; whether they are others than those before."""
    while True:
        known = await store.scan(VERSION)
        if known and known[-1].value["digest"] == digest:
            return False
        shown = cover.value(said)
        small = len(written.tables(shown).encode()) <= _LARGEST
        value = {"digest": digest, "at": at.isoformat(), "by": by, "said": shown if small else None}
        number = int(known[-1].name) + 1 if known else 1
        try:
            await store.put(Record(VERSION, f"{number:08}", value))
        except errors.Conflict:
            continue  # another copy took some up at the same moment
        for old in known[: max(0, len(known) + 1 - MOST)]:
            await store.remove(VERSION, old.name)
        return True


async def listed(store: Store) -> Sequence[Version]:
    """All that are kept, the newest first."""
    return [_version(record) for record in reversed(await store.scan(VERSION))]


async def find(store: Store, wanted: str) -> Version:
    """The newest with this number, or whose digest begins so. Raises `NotFound`."""
    for one in await listed(store):
        short = wanted.removeprefix("sha256:")
        if wanted == str(one.number) or (
            len(short) >= _SHORTEST_DIGEST and one.digest.removeprefix("sha256:").startswith(short)
        ):
            return one
    hint = "sayso policy versions lists them: a number, or six signs and more of the digest"
    raise errors.NotFound(f"no settings {wanted!r} are kept", field="version", hint=hint)


def difference(before: Version, after: Version) -> str:
    """What changed from one to another, line by line; empty if nothing of what is kept did."""
    lines = difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), lineterm="", n=1)
    return "\n".join(line for line in lines if line[:3] not in ("---", "+++"))


def _version(record: Record) -> Version:
    value = record.value
    at = datetime.fromisoformat(value["at"])
    return Version(int(record.name), value["digest"], at, value["by"], value["said"])
