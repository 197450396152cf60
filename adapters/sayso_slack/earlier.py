"""Finds what was posted and is on no record, since posting it was cut short: the metadata of a message says what it is.

The rule: the metadata holds only ids, since any app of the workspace can read it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sayso import errors
from sayso.chat.received import Json
from sayso_slack.api import Api, next_page

log = logging.getLogger(__name__)


def metadata(kind: str, **ids: Any) -> Json:
    """What a message is about."""
    return {"event_type": kind, "event_payload": ids}


async def find(api: Api, method: str, query: Mapping[str, Any], about: Json, pages: int = 1) -> list[str]:
    """The messages of the app with this metadata, as *method* lists messages. Raises `ChannelError`.

    Without the scope to read them none is found: then a second one is possible.
    """
    cursor, found = "", list[str]()
    for _ in range(pages):
        try:
            page = await api.get(method, **query, cursor=cursor, include_all_metadata=True)
        except errors.ChannelError as error:
            if not error.final:
                raise
            log.warning("cannot look for an earlier message", extra={"hint": error.hint, "error": error.message})
            break
        found += [str(one["ts"]) for one in page["messages"] if one.get("user") == api.bot_user and _is(one, about)]
        cursor = next_page(page)
        if not cursor:
            break
    return found


def _is(message: Json, about: Json) -> bool:
    said: Json = message.get("metadata") or {}
    return all(said.get(name) == value for name, value in about.items())
