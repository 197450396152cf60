"""What Discord refuses: its own numbers, and what each means for a card and for the person who set the bot up.

The rule: a refusal that is not known to pass is final, so that the agent is told at once instead of waiting in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import discord

from sayso import errors
from sayso.chat import received
from sayso_discord import pace

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, ARCHIVED, THREAD_EXISTS, LOCKED = 10003, 10008, 50083, 160004, 160005
ANSWERED = 40060
_UNAUTHORIZED, _NO_ACCESS, _NO_DIRECT_MESSAGES, _NO_PERMISSION, _WRONG_KIND = 40001, 50001, 50007, 50013, 50024
_NO_HISTORY, _TOO_MANY_THREADS = 160002, 160006
# No thread can be begun here: no right to, too many of them, or not this kind of channel.
NO_THREAD = (_NO_ACCESS, _NO_PERMISSION, _TOO_MANY_THREADS, _WRONG_KIND)
# Discord knows no such user, or has none of that id in the server.
NO_MEMBER = (10007, 10013)
_LARGEST_CODE = 10_000_000
# In the library's text; names of keys and numbers.
_FIELD = re.compile(r"\nIn ([\w.]{1,160}): ", re.ASCII)
GONE = (UNKNOWN_CHANNEL, UNKNOWN_MESSAGE)
# A thread that answers like this takes no more messages.
CLOSED = (UNKNOWN_CHANNEL, ARCHIVED, LOCKED)
# A thread that answers like this may be locked.
SHUT = (_NO_PERMISSION, ARCHIVED, LOCKED)
_TOKEN = "copy the bot's token again: Developer Portal > Bot > Reset Token, and set DISCORD_BOT_TOKEN"
_ALLOW = "let the sayso role do it: channel settings > Permissions; the link of `sayso init discord` asks for all"
_HINTS: Mapping[int, str] = {
    UNKNOWN_CHANNEL: "copy the channel's id again: user settings > Advanced > Developer Mode, then Copy Channel ID",
    _NO_ACCESS: (
        "let the sayso role view that channel: channel settings > Permissions, and invite the bot to the server"
    ),
    _NO_DIRECT_MESSAGES: "this person takes no direct messages from the server's members; route to a channel",
    _NO_PERMISSION: _ALLOW,
    _NO_HISTORY: _ALLOW,
    _WRONG_KIND: "forums, voice channels and categories take no cards: choose a text channel",
    _TOO_MANY_THREADS: "the server has too many open threads: close some",
    _UNAUTHORIZED: _TOKEN,
}


class DiscordRefused(errors.ChannelError):
    """Discord refused; `number` is its own code, or 0."""

    def __init__(self, message: str, number: int, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.number = number


def is_of_token(error: errors.ChannelError) -> bool:
    """Whether the token is not good any more: nothing can be posted or edited."""
    return error.final and error.hint == _TOKEN


def of_error(error: discord.HTTPException) -> errors.ChannelError:
    """The error that says whether to try again and, if not, what to click."""
    if error.status == 429:
        return errors.ChannelError("Discord asks to wait", retry_after=pace.UNKNOWN_WAIT)
    if error.status >= 500:
        return errors.ChannelError(f"Discord failed: status {error.status}", unsure=True)
    given = cast(object, error.code)  # what a platform sends
    code = given if isinstance(given, int) and 0 <= given <= _LARGEST_CODE else 0
    hint = _TOKEN if error.status == 401 else _HINTS.get(code)
    # without a code it is a page of something between
    known = _complaints(error.text) if code and not hint else ()
    said = f"Discord refused: {error.status} {code}{received.where_wrong(known)}"
    return DiscordRefused(said, code, final=True, hint=hint)


def _complaints(told: object) -> Iterator[tuple[str, str]]:
    """Where something is wrong and what, from the library's text: `In components.0.content: Must be 4000 or fewer`."""
    # what is quoted may have lines of its own
    whole, *fields = _FIELD.split(told) if isinstance(told, str) else [""]
    yield from zip(fields[::2], fields[1::2], strict=True)
    if whole and not fields:
        yield "", whole
