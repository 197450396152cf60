"""How far the messages of a place were judged: the store keeps it, and nothing is judged twice.

The rule: a mark only ever rises, no matter which process raises it.
"""

from __future__ import annotations

from typing import Any

from sayso import errors
from sayso.stores import Record, Store

# Of one place; all messages that are older were judged.
_LISTED = 200


class Marks:
    """The marks of one channel, by place; ids of messages are compared by length and then by their signs."""

    def __init__(self, store: Store, channel: str) -> None:
        self._store = store
        self._channel = channel
        self._kind = f"{channel}-mark"

    async def of(self, place: str) -> str:
        """The last message of a place that was judged; empty if there is none."""
        found = await self._store.get(self._kind, place)
        return str(found.value["message"]) if found else ""

    async def raise_to(self, place: str, message: str) -> None:
        """Know that this message, and all before it, were judged."""
        while True:
            found = await self._store.get(self._kind, place)
            if found is not None and not later(message, str(found.value["message"])):
                return
            try:
                version = found.version if found else 0
                await self._store.put(Record(self._kind, place, {"message": message}, None, version))
            except errors.Conflict:
                continue
            return


class Judged:
    """Which messages of a place were judged, one by one, for a platform that delivers them in any order."""

    def __init__(self, store: Store, channel: str) -> None:
        self._store = store
        self._kind = f"{channel}-judged"

    async def has(self, place: str, message: str) -> bool:
        """Whether this message was judged; very old messages count as judged."""
        found = await self._store.get(self._kind, place)
        return found is not None and _is_among(found.value, message)

    async def add(self, place: str, message: str) -> None:
        """Know that this message was judged."""
        while True:
            found = await self._store.get(self._kind, place)
            value: dict[str, Any] = found.value if found else {"before": "", "messages": []}
            if _is_among(value, message):
                return
            listed: list[str] = sorted([*value["messages"], message], key=_age)
            before = listed[-_LISTED - 1] if len(listed) > _LISTED else value["before"]
            changed = {"before": before, "messages": listed[-_LISTED:]}
            try:
                await self._store.put(Record(self._kind, place, changed, None, found.version if found else 0))
            except errors.Conflict:
                continue
            return


def later(message: str, other: str) -> bool:
    """Whether one message was written after another one of the same place."""
    return _age(message) > _age(other)


def _age(message: str) -> tuple[int, str]:
    return len(message), message


def _is_among(value: dict[str, Any], message: str) -> bool:
    return message in value["messages"] or bool(value["before"] and not later(message, value["before"]))
