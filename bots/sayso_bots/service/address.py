"""Where the service over a database is reached: a command that prints a link to it runs in another process.

The rule: the last one that started has said so. Its port may be no setting: `sayso serve --port 9000`.
"""

from __future__ import annotations

import contextlib

from sayso import errors
from sayso.stores import Record, Store

_KIND, _NAME = "address", "service"


async def keep(store: Store, url: str) -> None:
    """Remember that the service is reached there."""
    known = await store.get(_KIND, _NAME)
    if known is None or known.value.get("url") != url:
        # another copy says the same at this moment
        with contextlib.suppress(errors.Conflict):
            await store.put(Record(_KIND, _NAME, {"url": url}, version=known.version if known else 0))


async def find(store: Store) -> str | None:
    """Where the last service over this database is or was reached; None if there was none."""
    known = await store.get(_KIND, _NAME)
    return str(known.value["url"]) if known else None
