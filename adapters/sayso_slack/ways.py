"""The ways in beside cards: the app's Home tab, `/sayso pending`, and the shortcut *Answer this* on a message.

The rule: who asks is looked up anew each time, and sees only what they may answer. An answer is a press like any.
"""

from __future__ import annotations

import logging

from sayso import aside, errors, model
from sayso.cards import card, draw, telling
from sayso.chat import listing, orders
from sayso.chat.received import Json
from sayso.chat.recent import Recent
from sayso.desk import Desk
from sayso.machine import people
from sayso_slack import lists, looks, parse, render
from sayso_slack.api import Api
from sayso_slack.members import Members
from sayso_slack.settings import NAME

log = logging.getLogger(__name__)

_HOMES_REMEMBERED = 5_000


class Ways:
    """Shows people what waits for them."""

    def __init__(self, desk: Desk, members: Members, api: Api) -> None:
        self._desk = desk
        self._members = members
        self._api = api
        self._homes: Recent[str, int] = Recent(_HOMES_REMEMBERED)

    async def show(self, look: looks.Look) -> Json | None:
        """Show it; what it returns is the answer to a command. Raises `ChannelError`."""
        try:
            actor = await self._members.actor(look.who)
            match look.what:
                case "home":
                    await self._publish(look.who, actor, 0)
                case "command":
                    if look.order is not None:
                        return _private(render.whisper(await orders.obey(self._desk, look.order, actor)))
                    if look.about in ("", looks.PENDING):
                        return _private(lists.whisper(await listing.list_for(self._desk, actor)))
                    return _private(render.whisper(listing.HOW))
                case "turn":
                    await self._turn(look, actor)
                case "open" | "answer":
                    await self._open(look, actor)
        except errors.Refused as error:
            return await self._refuse(look, telling.refusal(error))
        except errors.NotFound:
            return await self._refuse(look, telling.line(telling.GONE))
        return None

    async def update(self, click: parse.Click, ticket: model.Ticket, told: card.Line | None) -> None:
        """Bring the window up to date in which somebody pressed. Raises `ChannelError`."""
        drawn = await aside.run(draw.card_of, ticket, self._desk.mint, self._desk.setup.directory)
        await self._api.post("views.update", view_id=click.view, view=lists.window(drawn, told))

    async def renew_home(self, who: parse.Who) -> None:
        """Bring the Home tab up to date of somebody who has looked at it, after an answer of theirs."""
        if who.user not in self._homes:
            return
        try:
            await self._publish(who, await self._members.actor(who), self._homes[who.user])
        except errors.SaysoError as error:
            log.info("home not renewed", extra={"error": error.message})

    async def _publish(self, who: parse.Who, actor: people.Actor, page: int) -> None:
        shown = await listing.list_for(self._desk, actor, page)
        await self._api.post("views.publish", user_id=who.user, view=lists.home(shown))
        self._homes[who.user] = page

    async def _turn(self, look: looks.Look, actor: people.Actor) -> None:
        page = int(look.about) if look.about.isascii() and look.about.isdigit() and len(look.about) < 4 else 0
        if look.in_home:
            await self._publish(look.who, actor, page)
        elif look.response_url:
            shown = lists.whisper(await listing.list_for(self._desk, actor, page))
            await self._api.respond(look.response_url, {**_private(shown), "replace_original": True})

    async def _open(self, look: looks.Look, actor: people.Actor) -> None:
        if look.what == "open":
            ticket = await listing.open_for(self._desk, look.about, actor)
        else:
            found = [await self._desk.store.find_card(NAME, spot.channel, spot.message) for spot in look.spots]
            posted = next(filter(None, found), None)
            if posted is None:
                await self._refuse(look, telling.line(listing.NO_REQUEST))
                return
            ticket = await listing.check(self._desk, await self._desk.store.load(posted.ticket_id), actor)
        drawn = await aside.run(draw.card_of, ticket, self._desk.mint, self._desk.setup.directory)
        await self._api.post("views.open", trigger_id=look.trigger, view=lists.window(drawn))

    async def _refuse(self, look: looks.Look, told: card.Line) -> Json | None:
        """Tell why nothing is shown: where it was asked for."""
        if look.what == "command":
            return _private(render.whisper(told))
        if look.what == "home":
            await self._api.post("views.publish", user_id=look.who.user, view=lists.notice(told))
        elif look.trigger:
            await self._api.post("views.open", trigger_id=look.trigger, view=render.notice("Not shown", told))
        return None


def _private(body: Json) -> Json:
    return {**body, "response_type": "ephemeral"}
