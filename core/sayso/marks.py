"""How far the messages of a place were judged, kept in the store: what was judged once is never judged again.

The rule: a mark only ever rises, whoever raises it.
"""

from __future__ import annotations

from sayso import errors, store


class Marks:
    """The marks of one channel, by place; ids of messages are compared by length and then by their signs."""

    def __init__(self, records: store.Store, channel: str) -> None:
        self._store = records
        self._channel = channel
        self._kind = f"{channel}-mark"

    async def of(self, place: str) -> str:
        """The last message of a place that was judged; empty where there is none."""
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
                await self._store.put(store.Record(self._kind, place, {"message": message}, None, version))
            except errors.Conflict:
                continue
            return


def later(message: str, other: str) -> bool:
    """Whether one message was written after another one of the same place."""
    return (len(message), message) > (len(other), other)
