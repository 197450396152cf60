"""Reads who wants to see a list or a request: the Home tab, the command, the shortcut, the buttons of a list. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sayso.chat import orders
from sayso.chat.received import get, items, text
from sayso_slack import lists, parse

COMMAND = "/sayso"
SHORTCUT = "sayso_answer"
EVENT = "app_home_opened"


_PRESSES: Mapping[str, Literal["open", "end", "order"]] = {
    lists.OPEN: "open",
    lists.END: "end",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody wants to see a list, or one request."""

    who: parse.Who
    what: Literal["home", "command", "turn", "open", "answer", "end", "order"]
    trigger: str = ""
    response_url: str = field(default="", repr=False)
    about: str = ""
    """The words after the command, the page, or what a row is about."""
    spots: tuple[parse.Spot, ...] = ()
    """The message and the one that its thread hangs on."""
    in_home: bool = False
    order: orders.Order | None = None


def read(payload: Any) -> Look | None:
    """What somebody wants to see; None if it is something else."""
    kind = text(payload, "type")
    if text(payload, "command") == COMMAND:
        who = parse.Who(text(payload, "user_id"), text(payload, "team_id") or None, text(payload, "user_name"))
        url, said = text(payload, "response_url"), text(payload, "text").strip()
        return Look(who, "command", "", url, said.lower(), order=orders.read(said)) if who.user else None
    if kind == "event_callback" and text(payload, "event", "type") == EVENT:
        user, tab = text(payload, "event", "user"), text(payload, "event", "tab")
        return Look(parse.Who(user), "home", in_home=True) if user and tab == "home" else None
    if kind == "message_action" and text(payload, "callback_id") == SHORTCUT:
        return _read_shortcut(payload)
    return _read_press(payload) if kind == "block_actions" else None


def _read_shortcut(payload: Any) -> Look | None:
    who, channel = parse.read_who(payload), text(payload, "channel", "id")
    stamps = (text(payload, "message_ts"), text(payload, "message", "thread_ts"))
    spots = tuple(parse.Spot(channel, stamp) for stamp in stamps if channel and stamp)
    url = text(payload, "response_url")
    return None if who is None else Look(who, "answer", text(payload, "trigger_id"), url, spots=spots)


def _read_press(payload: Any) -> Look | None:
    action = next(iter(items(payload, "actions")), None)
    action_id = text(action, "action_id")
    what: Literal["open", "end", "order", "turn"] | None = _PRESSES.get(action_id)
    if action_id.startswith(lists.TURN):
        what = "turn"
    if action_id.startswith(lists.ORDER):
        what = "order"
    # most presses are on a card
    if what is None or (who := parse.read_who(payload)) is None:
        return None
    at_home = get(payload, "view", "type") == "home"
    url = text(payload, "response_url")
    said = text(action, "value") or text(action, "selected_option", "value")
    order = orders.read(said) if what == "order" else None
    return Look(who, what, text(payload, "trigger_id"), url, said, in_home=at_home, order=order)
