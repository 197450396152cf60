"""Reads who wants to see a list or a request: the command, the menu of a message, the buttons of a list. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sayso.chat import orders
from sayso.chat.received import get, items, text
from sayso_discord import batches, custom_ids, parse
from sayso_discord.components import COMMAND as COMMAND_TYPE
from sayso_discord.components import MESSAGE_MENU

COMMAND, ANSWER = "sayso", "Answer this"
_COMMANDED = 2


_PRESSES: Mapping[custom_ids.How, Literal["open", "turn", "end"]] = {"open": "open", "turn": "turn", "end": "end"}


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody wants to see a list, or one request."""

    who: parse.Who
    interaction: parse.Interaction
    what: Literal["command", "turn", "open", "end", "answer"]
    about: str = ""
    """The list or the page, or what a row is about."""
    spots: tuple[parse.Spot, ...] = ()
    """The message and the one that it replies to."""
    order: orders.Order | None = None
    words: str = ""
    """What is looked for in a list."""


def read(payload: Any) -> Look | None:
    """What somebody wants to see; None if it is something else."""
    who, interaction = parse.read_who(payload), parse.read_interaction(payload)
    if who is None or interaction is None:
        return None
    kind, data = get(payload, "type"), get(payload, "data")
    if kind == parse.PRESSED:
        carried = custom_ids.read(text(data, "custom_id"))
        what = _PRESSES.get(carried.how) if carried else None
        if carried is None or what is None:
            return None
        # a menu on the card of several requests: what was chosen is the reference of one of them
        chosen = next(iter(items(data, "values")), None) if carried.token == batches.MENU else carried.token
        return Look(who, interaction, what, chosen) if isinstance(chosen, str) else None
    if kind != _COMMANDED:
        return None
    if get(data, "type") == COMMAND_TYPE and text(data, "name") == COMMAND:
        below = next(iter(items(data, "options")), None)
        words = next((text(one, "value") for one in items(below, "options") if text(one, "name") == orders.SEARCH), "")
        return Look(who, interaction, "command", text(below, "name"), order=_order(below), words=words.strip())
    if get(data, "type") == MESSAGE_MENU and text(data, "name") == ANSWER:
        return Look(who, interaction, "answer", spots=_spots(payload, data))
    return None


def _order(below: Any) -> orders.Order | None:
    """What is ordered by the subcommand; None for one that lists."""
    given = {text(one, "name"): text(one, "value") for one in items(below, "options")}
    agent, reason = given.get(orders.AGENT), given.get(orders.REASON)
    match text(below, "name"):
        case "stop":
            return orders.Order("stop", agent, reason)
        case "resume":
            return orders.Order("resume", agent)
        case _:
            return None


def is_command(payload: Any) -> bool:
    """Whether it is no press on a component, and so cannot be answered by silence."""
    return bool(get(payload, "type") == _COMMANDED)


def _spots(payload: Any, data: Any) -> tuple[parse.Spot, ...]:
    channel, target = text(payload, "channel_id") or text(payload, "channel", "id"), text(data, "target_id")
    replied_to = text(data, "resolved", "messages", target, "message_reference", "message_id")
    return tuple(parse.Spot(channel, message) for message in (target, replied_to) if channel and message)
