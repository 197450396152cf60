"""The ways in beside cards: the app's Home tab, `/sayso pending`, and the shortcut *Answer this* on a message.

The rule: who asks is looked up anew each time, and sees only what they may answer. An answer is a press like any.
"""

from __future__ import annotations

import asyncio
import json
import logging
from http import HTTPStatus

from slack_bolt.response import BoltResponse

from sayso import errors, model
from sayso.cards import card, telling
from sayso.chat import listing, named_lists, orders
from sayso.chat.background import Background
from sayso.chat.received import Json
from sayso.chat.recent import Recent
from sayso.desk import Desk
from sayso.desk.admission import granted
from sayso.machine import people
from sayso_slack import lists, looks, parse, render
from sayso_slack.api import Api
from sayso_slack.members import Members
from sayso_slack.response_urls import ResponseUrls
from sayso_slack.settings import NAME

log = logging.getLogger(__name__)

_HOMES_REMEMBERED = 5_000
_NOT_IN_TIME = "That was not found out in time. Please try again."


class Ways:
    """Shows people what waits for them."""

    def __init__(
        self, desk: Desk, members: Members, api: Api, response_urls: ResponseUrls, background: Background
    ) -> None:
        self._desk = desk
        self._background = background
        self._members = members
        self._api = api
        self._response_urls = response_urls
        self._homes: Recent[str, str] = Recent(_HOMES_REMEMBERED)

    async def show(self, look: looks.Look) -> Json | None:
        """Show it; what it returns is the answer to a command. Raises `ChannelError`."""
        try:
            actor = await self._members.actor(look.who)
            match look.what:
                case "home":
                    await self._publish(look.who, actor, "")
                case "command":
                    return _private(await self._obey(look, actor))
                case "order":
                    told = await orders.obey(self._desk, look.order, actor) if look.order else None
                    await self._publish(look.who, actor, "", told)
                case "turn":
                    await self._turn(look, actor, look.about)
                case "end":
                    await granted.end(self._desk, actor, look.about)
                    await self._turn(look, actor, "grants.")
                case "open" | "answer":
                    await self._open(look, actor)
        except (errors.Refused, errors.UnknownPerson, errors.InvalidRequest) as error:
            return await self._refuse(look, telling.refusal(error))
        except errors.NotFound:
            return await self._refuse(look, telling.line(telling.GONE))
        except errors.SaysoError as error:
            if look.what != "command":
                raise  # Slack tells of the same again, or shows at the button that it failed
            log.warning("nothing shown", extra={"error": error.message})
            return await self._refuse(look, telling.refusal(error))
        return None

    async def tell_late(self, look: looks.Look, showing: asyncio.Task[BoltResponse]) -> None:
        """Tell what somebody asked to see, once it is found out later than Slack waits."""
        response = await showing
        if not look.response_url or (response.status == HTTPStatus.OK and not response.body):
            return  # it was shown elsewhere, or there is no way to tell
        told = json.loads(response.body) if response.body else _private(render.whisper(telling.line(_NOT_IN_TIME)))
        try:
            await self._response_urls.tell(look.response_url, told)
        except errors.ChannelError as error:
            log.warning("late list not told", extra={"error": error.message})

    async def update(self, click: parse.Click, ticket: model.Ticket, told: card.Line | None) -> None:
        """Bring the window up to date in which somebody pressed. Raises `ChannelError`."""
        drawn = await self._desk.draw(ticket)
        await self._api.post("views.update", view_id=click.view, view=lists.window(drawn, told))

    def renew_home(self, who: parse.Who) -> None:
        """Bring the Home tab up to date of somebody who has looked at it, after an answer of theirs."""
        if who.user in self._homes:
            self._background.start(self._renew_home(who))

    async def _renew_home(self, who: parse.Who) -> None:
        try:
            await self._publish(who, await self._members.actor(who), self._homes[who.user])
        except errors.SaysoError as error:
            log.info("home not renewed", extra={"error": error.message})

    async def _obey(self, look: looks.Look, actor: people.Actor) -> Json:
        """What is told about the words after the command."""
        if look.order is not None:
            return render.whisper(await orders.obey(self._desk, look.order, actor))
        named = named_lists.named(look.about)
        if named is None:
            return render.whisper(orders.HOW)
        name, words = named
        return lists.whisper(await named_lists.show(self._desk, name, actor, words=words))

    async def _publish(self, who: parse.Who, actor: people.Actor, carried: str, told: card.Line | None = None) -> None:
        name, page = named_lists.read_turn(carried)
        # beside each other: each may wait for a group that Slack does not tell
        shown, others, offered = await asyncio.gather(
            named_lists.show(self._desk, name, actor, page),
            named_lists.others(self._desk, name, actor),
            orders.offered(self._desk, actor),
        )
        view = lists.home(shown, others, told, offered)
        await self._api.post("views.publish", user_id=who.user, view=view)
        self._homes[who.user] = carried

    async def _turn(self, look: looks.Look, actor: people.Actor, carried: str) -> None:
        """Show another list where the one stands in which somebody pressed."""
        if look.in_home:
            await self._publish(look.who, actor, carried)
        elif look.response_url:
            name, page = named_lists.read_turn(carried)
            shown = lists.whisper(await named_lists.show(self._desk, name, actor, page))
            await self._response_urls.tell(look.response_url, {**_private(shown), "replace_original": True})

    async def _open(self, look: looks.Look, actor: people.Actor) -> None:
        if look.what == "open":
            ticket = await listing.open_for(self._desk, look.about, actor)
        else:
            spots = [(spot.channel, spot.message) for spot in look.spots]
            found = await listing.at_message(self._desk, NAME, spots, actor)
            if found is None:
                await self._refuse(look, telling.line(listing.NO_REQUEST))
                return
            ticket = found
        drawn = await self._desk.draw(ticket)
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
