"""The ways in beside cards: `/sayso pending`, and *Answer this* in the menu of a message.

The rule: who asks is known from their own act, and sees only what they may answer. An answer is a press like any.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from sayso import errors
from sayso.cards import telling
from sayso.chat import listing, named_lists, orders
from sayso.chat.received import Json, items, text
from sayso.desk import Desk
from sayso.desk.admission import granted
from sayso.machine import people
from sayso_discord import components, lists, looks, render, threads
from sayso_discord.api import Api
from sayso_discord.members import Members
from sayso_discord.settings import NAME

log = logging.getLogger(__name__)

# In servers, and in the direct messages of the bot; installed to servers only.
_WHERE: Json = {"contexts": [0, 1], "integration_types": [0]}
# A subcommand, and a text that may be left out.
_BELOW, _TEXT = 1, 3
_LONGEST = 200


def _said(name: str) -> Json:
    return {"name": name, "description": orders.SAID[name]}


def _words(name: str) -> Json:
    return {"type": _TEXT, **_said(name), "required": False, "max_length": _LONGEST}


def _searched(name: named_lists.Name) -> Json:
    return {"options": [_words(orders.SEARCH)]} if name in named_lists.SEARCHED else {}


COMMANDS: Sequence[Json] = (
    {
        "name": looks.COMMAND,
        "type": components.COMMAND,
        "description": "What agents ask",
        "options": [
            *(
                {"type": _BELOW, "name": name, "description": f"{said}, to you alone", **_searched(name)}
                for name, said in named_lists.SAID.items()
            ),
            {"type": _BELOW, **_said(orders.STOP), "options": [_words(orders.AGENT), _words(orders.REASON)]},
            {"type": _BELOW, **_said(orders.RESUME), "options": [_words(orders.AGENT)]},
        ],
        **_WHERE,
    },
    {"name": looks.ANSWER, "type": components.MESSAGE_MENU, **_WHERE},
)
"""The commands of ours, as Discord keeps them."""
_PATH = "/applications/{application_id}/commands"


class Ways:
    """Shows people what waits for them."""

    def __init__(self, desk: Desk, members: Members) -> None:
        self._desk = desk
        self._members = members

    async def show(self, look: looks.Look) -> Json:
        """What to show, and only to this person. Raises `ChannelError`."""
        try:
            actor = await self._members.actor(look.who)
            match look.what:
                case "command" if look.order is not None:
                    return render.whisper(await orders.obey(self._desk, look.order, actor))
                case "command":
                    return await self._list(actor, *named_lists.read_turn(f"{look.about}."), look.words)
                case "turn":
                    return await self._list(actor, *named_lists.read_turn(look.about))
                case "end":
                    await granted.end(self._desk, actor, look.about)
                    return await self._list(actor, "grants")
                case "open" | "answer":
                    return await self._open(look, actor)
        except (errors.Refused, errors.InvalidRequest) as error:
            return render.whisper(telling.refusal(error))
        except errors.NotFound:
            return render.whisper(telling.line(telling.GONE))

    async def _list(self, actor: people.Actor, name: named_lists.Name, page: str = "", words: str = "") -> Json:
        return lists.whisper(await named_lists.show(self._desk, name, actor, page, words))

    async def _open(self, look: looks.Look, actor: people.Actor) -> Json:
        if look.what == "open":
            ticket = await listing.open_for(self._desk, look.about, actor)
        else:
            spots = [(spot.channel, spot.message) for spot in look.spots]
            found = await listing.at_message(self._desk, NAME, spots, actor)
            if found is None:
                return await self._open_in_thread(look, actor)
            ticket = found
        return lists.window(await self._desk.draw(ticket))

    async def _open_in_thread(self, look: looks.Look, actor: people.Actor) -> Json:
        """Any message of a session's thread stands for what waits there for this person."""
        session = await threads.find_session(self._desk.store, look.spots[0].channel) if look.spots else None
        if session is None:
            return render.whisper(telling.line(listing.NO_REQUEST))
        waiting = await listing.of_session(self._desk, actor, session.owner, session.id)
        if len(waiting) != 1:
            return lists.whisper(await listing.shown(self._desk, waiting))
        (ticket,) = waiting
        return lists.window(await self._desk.draw(ticket))


async def register(api: Api, application: str) -> None:
    """Make our commands known to Discord, each by itself: those of anybody else on the same bot stay as they are.

    Without them everything else works, so that a refusal is only told in the log.
    """
    try:
        known = {(one.get("name"), one.get("type")): one for one in await find(api, application)}
        for command in COMMANDS:
            if _facts(command) != _facts(known.get((command["name"], command["type"]))):
                await api.send("POST", _PATH, command, application_id=application)
    except errors.ChannelError as error:
        log.warning("commands not registered", extra={"error": error.message})


async def find(api: Api, application: str) -> Sequence[Json]:
    """The commands of the application, of all servers. Raises `ChannelError`."""
    found: Sequence[Json] = await api.get(_PATH, application_id=application)
    return found


def missing(known: Sequence[Mapping[str, object]]) -> list[str]:
    """Which commands of ours are not there, by name."""
    there = {(one.get("name"), one.get("type")) for one in known}
    return [str(one["name"]) for one in COMMANDS if (one["name"], one["type"]) not in there]


def _names(option: object) -> list[str]:
    """What stands below an option."""
    return [text(one, "name") for one in items(option, "options")]


def _facts(command: object) -> tuple[object, ...]:
    """What we say of a command; Discord adds fields of its own."""
    options = [(text(one, "name"), text(one, "description"), _names(one)) for one in items(command, "options")]
    where = [sorted(map(str, items(command, name))) for name in _WHERE]
    return text(command, "name"), text(command, "description"), options, where
