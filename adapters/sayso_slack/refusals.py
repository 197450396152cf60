"""What Slack refuses: its own codes, and what each means for a card and for the person who set the app up.

The rule: a refusal that is not known to pass is final, so that the agent is told at once instead of waiting in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from slack_sdk.errors import SlackApiError

from sayso import errors
from sayso.chat import received
from sayso.chat.received import Json

_PASSING = {
    "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable",
    "request_timeout", "team_added_to_org", "accesslimited",
}  # fmt: skip
# these may mean "partly done", so the message may be there
_UNSURE = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}

# a message that can be edited no more, or its channel
_GONE = {
    "message_not_found", "thread_not_found", "channel_not_found", "is_archived", "is_inactive", "not_in_channel",
    "cant_update_message", "edit_window_closed",
}  # fmt: skip

_INVITE = "invite the app in that channel: /invite @sayso"
_INSTALL = "install the app to the workspace again, and set SLACK_BOT_TOKEN to its Bot User OAuth Token"
_HINTS: Mapping[str, str] = {
    # of a private channel Slack says the same to an app that is not in it
    "channel_not_found": f"copy the id again (channel details > About); of a private channel, {_INVITE}",
    "not_in_channel": _INVITE,
    "is_inactive": "unarchive the channel, or route to another one",
    "is_archived": "unarchive the channel, or route to another one",
    "restricted_action": "an admin must let apps post in this channel",
    "restricted_action_read_only_channel": "an admin must let apps post in this channel",
    "restricted_action_thread_only_channel": "an admin must let apps post in this channel",
    "messages_tab_disabled": "turn on App Home > Messages Tab in the app's settings",
    "user_not_found": "use the member id from that person's profile: slack:@U…",
    "cannot_dm_bot": "route to a person or a channel",
    "user_disabled": "route to somebody who is still here",
    "invalid_auth": _INSTALL,
    "not_authed": _INSTALL,
    "account_inactive": _INSTALL,
    "token_revoked": _INSTALL,
    "token_expired": _INSTALL,
    "not_allowed_token_type": "a bot token begins with xoxb-, an app token with xapp-",
}


# A code of Slack, such as invalid_blocks.
_LONGEST_WORD = 60


class SlackRefused(errors.ChannelError):
    """Slack refused; `word` is its own code."""

    def __init__(self, word: str, more: str = "", hint: str | None = None) -> None:
        super().__init__(f"Slack refused: {word}{more}", final=True, gone=word in _GONE, hint=hint)
        self.word = word


def of_error(error: SlackApiError) -> errors.ChannelError:
    """The error that says whether to try again and, if not, what to click."""
    response: Any = error.response
    data: Any = getattr(response, "data", None)
    said = cast(Json, data) if isinstance(data, Mapping) else {}
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    code = str(said.get("error") or "")[:_LONGEST_WORD]
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return errors.NotYet("Slack asks to wait", _seconds(getattr(response, "headers", {})))
    if not code or code in _PASSING:
        unsure = not code or code in _UNSURE
        return errors.ChannelError(f"Slack failed: {code or f'status {status}'}", unsure=unsure)
    hint = _HINTS.get(code)
    if code == "missing_scope":
        needed = str(said.get("needed") or "?")[:_LONGEST_WORD]
        hint = f"add the bot scope {needed} under OAuth & Permissions, then reinstall the app"
        return SlackRefused(code, f" {needed}", hint)
    return SlackRefused(code, received.where_wrong(_complaints(said)), hint)


def _complaints(said: Json) -> Iterator[tuple[str, str]]:
    """Where something is wrong and what, as Slack says it: `[ERROR] must be text [json-pointer:/blocks/0]`."""
    for message in received.items(said, "response_metadata", "messages"):
        if isinstance(message, str) and not message.startswith("[WARN]"):
            # what it quotes may have such a place, too
            what, _, where = message.removeprefix("[ERROR]").strip().rpartition("[json-pointer:")
            yield (where.rstrip("]"), what.strip()) if what else ("", where)


def word_of(error: errors.ChannelError) -> str:
    """Slack's own code; empty if it did not refuse."""
    return error.word if isinstance(error, SlackRefused) else ""


def is_of_token(error: errors.ChannelError) -> bool:
    """Whether the token is not good any more: nothing can be posted or edited."""
    return error.final and error.hint == _INSTALL


def of_response(status: int, headers: Mapping[str, str], word: str = "") -> errors.ChannelError:
    """The same for what was said through a response_url."""
    if status == 429:
        return errors.NotYet("Slack asks to wait", _seconds(headers))
    if status >= 500:
        return errors.ChannelError(f"Slack failed: status {status}", unsure=True)
    return errors.ChannelError(f"Slack refused a response: {word[:_LONGEST_WORD] or f'status {status}'}", final=True)


def _seconds(headers: Mapping[str, str]) -> float:
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return max(1.0, float(given)) if given.isascii() and given.isdigit() else 1.0
