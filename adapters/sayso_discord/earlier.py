"""Finds what was posted and is on no record, since posting it was cut short: a message's number says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sayso import errors
from sayso_discord import parse
from sayso_discord.api import Api


async def find(api: Api, conversation: str, query: Mapping[str, Any], mark: int) -> list[str]:
    """The messages of the bot with this number (`render.mark`), the oldest last. Raises `ChannelError`.

    Without the right to read them none is found: then a second one is possible.
    """
    try:
        page: list[Any] = await api.get("/channels/{channel_id}/messages", query, channel_id=conversation)
    except errors.ChannelError as error:
        if not error.final:
            raise
        return []
    return [str(one["id"]) for one in page if parse.author(one) == api.bot_user and _mark_of(one) == mark]


def _mark_of(message: Any) -> object:
    parts: list[Any] = message.get("components") or [{}]
    return parts[0].get("id")
