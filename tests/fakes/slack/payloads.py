"""The payloads Slack sends to an app, as its payload reference describes them.

Rule: pure; ids, triggers and addresses are handed in.
"""

import html
import re

from tests.fakes.slack import chat
from tests.fakes.slack import state as slack_state
from tests.fakes.slack.controls import Json
from tests.fakes.slack.state import Entered
from tests.fakes.slack.world import APP, BOT_USER, TEAM, Channel, Message, User, echoed


def interaction(kind: str, user: User, trigger_id: str) -> Json:
    """The part common to clicks, submissions and shortcuts."""
    who: Json = {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id}
    team: Json = {"id": TEAM, "domain": "fake"}
    app: Json = {"api_app_id": APP, "token": "never-trust-me", "enterprise": None, "is_enterprise_install": False}
    return {"type": kind, "team": team, "user": who, **app, "trigger_id": trigger_id}


def command(user: User, channel: Channel, typed: tuple[str, str], response_url: str, trigger_id: str) -> Json:
    """A slash command, whose fields are all texts: over HTTP they come as a form."""
    where: Json = {"team_id": TEAM, "team_domain": "fake", "channel_id": channel.id, "channel_name": channel.name}
    who: Json = {"user_id": user.id, "user_name": user.name, "api_app_id": APP, "token": "never-trust-me"}
    words: Json = {"command": typed[0], "text": typed[1], "is_enterprise_install": "false"}
    return {**where, **who, **words, "response_url": response_url, "trigger_id": trigger_id}


def on_message(message: Message, channel: Channel, entered: Entered, response_url: str) -> Json:
    """Where a click happened, for a message; an ephemeral one does not come along."""
    hidden = message.only_for is not None
    container: Json = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
    container["is_ephemeral"] = hidden
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    state: Json = {"values": echoed(slack_state.values(list(message.blocks), entered))}
    where: Json = {"id": channel.id, "name": "directmessage" if channel.dm_with else channel.name}
    found: Json = {"container": container, "channel": where, "state": state, "response_url": response_url}
    return found if hidden else {**found, "message": chat.echo(message)}


def on_view(view: Json) -> Json:
    """Where a click happened, for a modal or Home tab."""
    return {"container": {"type": "view", "view_id": view["id"]}, "view": view}


def action(block: Json, element: Json, leaf: Json, at: str) -> Json:
    """One entry of `actions`: the element without its looks, with its value."""
    kept: Json = {k: element[k] for k in ("type", "action_id", "value", "text", "style", "url") if k in element}
    return {**echoed({**kept, **leaf}), "block_id": block["block_id"], "action_ts": at}


def event(inner: Json, event_id: str, at: float) -> Json:
    """The outer envelope of an event."""
    authorization: Json = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
    ids: Json = {"team_id": TEAM, "api_app_id": APP, "token": "never-trust-me", "context_team_id": TEAM}
    times: Json = {"event_id": event_id, "event_time": int(at), "is_ext_shared_channel": False}
    return {"type": "event_callback", **ids, **times, "authorizations": [authorization], "event": inner}


def written(user: User, channel: Channel, message: Message, parent: str | None) -> Json:
    """The `message` event for something a person wrote."""
    where: Json = {"channel": channel.id, "channel_type": _kind(channel), "event_ts": message.ts}
    who: Json = {"user": user.id, "team": user.team_id, "user_team": user.team_id}
    thread: Json = {"thread_ts": message.thread_ts, "parent_user_id": parent} if message.thread_ts else {}
    line: Json = {"type": "rich_text_section", "elements": [{"type": "text", "text": message.text}]}
    blocks: list[Json] = [{"type": "rich_text", "block_id": "typed", "elements": [line]}]
    words: Json = {"type": "message", "text": message.text, "ts": message.ts, "blocks": blocks}
    return {**words, **where, **who, **thread, "client_msg_id": f"typed-{message.ts}"}


def typed(text: str) -> str:
    """Text as it comes back after a person typed it: entities escaped, addresses wrapped."""
    return re.sub(r"(https?://[^\s<>]+)", r"<\1>", html.escape(text, quote=False))


def _kind(channel: Channel) -> str:
    if channel.dm_with:
        return "im"
    return "group" if channel.is_private else "channel"
