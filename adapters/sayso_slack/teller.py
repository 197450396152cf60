"""Tells people what their cards do not say: privately if Slack can, and once if they would read it again and again."""

from __future__ import annotations

import functools
import logging
from datetime import datetime, timedelta
from typing import Any

from sayso import errors, model
from sayso.cards import card, telling
from sayso.chat import background
from sayso.chat.recent import Recent
from sayso.desk import Desk
from sayso.desk.posting import batching
from sayso_slack import parse, render
from sayso_slack.api import Api
from sayso_slack.channel import SlackChannel
from sayso_slack.settings import NAME

log = logging.getLogger(__name__)

_REMEMBERED = 5_000
# Somebody who presses three times in a row need not read the same text three times.
_SAME = timedelta(seconds=10)
# Seconds between tries.
_PAUSES = (1.0, 5.0, 25.0)
_TAKEN = "white_check_mark"


class Teller:
    """Tells people, and brings up to date the cards that they looked at."""

    def __init__(self, desk: Desk, channel: SlackChannel, api: Api, work: background.Background) -> None:
        self._desk = desk
        self._channel = channel
        self._api = api
        self._background = work
        self._told: Recent[str, datetime] = Recent(_REMEMBERED)
        self._lasting: Recent[tuple[str, str], None] = Recent(_REMEMBERED)

    def tell(self, click: parse.Click | parse.Submission, line: card.Line) -> None:
        """Tell the person who pressed, or who submitted a window."""
        message = click.spot.message if click.spot else ""
        mark, now = f"{click.who.user}/{message}/{line}", self._desk.clock.now()
        if mark in self._told and now - self._told[mark] < _SAME:
            return
        self._told[mark] = now
        self._background.start(self._whisper(click, render.whisper(line)))

    def tell_once(self, reply: parse.Reply, line: card.Line) -> None:
        """Tell the person who wrote. People go on talking, so each of them is told the same thing once in a thread."""
        mark = f"{reply.spot.channel}/{reply.spot.message}/{reply.who.user}/{line}"
        if mark not in self._told:
            self._told[mark] = self._desk.clock.now()
            self._background.start(self._whisper(reply, render.whisper(line)))

    def is_below_words(self, reply: parse.Reply) -> bool:
        """Whether it stands below words of the app, and not below a card that is not recorded yet."""
        return (reply.spot.channel, reply.spot.message) in self._lasting

    def tell_taken(self, reply: parse.Reply, line: card.Line, undo: str) -> None:
        """Tell the person who wrote that their words were taken as the answer, with a button to take it back."""
        self._background.start(self._whisper(reply, render.whisper(line, undo)))

    def mark(self, reply: parse.Reply) -> None:
        """Show everybody that these words were taken."""
        self._background.start(self._react("reactions.add", reply.spot.channel, reply.ts))

    def unmark(self, conversation: str, message: str) -> None:
        """Show that they are not taken any more."""
        self._background.start(self._react("reactions.remove", conversation, message))

    def freshen(self, error: errors.SaysoError, spot: parse.Spot | None) -> None:
        """Bring the card up to date at which somebody was too late."""
        if isinstance(error, errors.AlreadyDecided) and spot is not None and spot.message:
            self.redraw(error.ticket, spot)

    def redraw(self, ticket: model.Ticket, spot: parse.Spot) -> None:
        """Bring one card up to date; once, however many press it while that waits for its turn."""
        what = spot.channel, spot.message, ticket.id, ticket.version
        self._background.start_once(what, functools.partial(self._redraw, ticket, spot))

    async def _redraw(self, ticket: model.Ticket, spot: parse.Spot) -> None:
        try:
            posted = await batching.at(self._desk, ticket, NAME, spot.channel, spot.message)
            await self._channel.edit(posted, await batching.card_at(self._desk, posted, ticket))
        except (errors.ChannelError, errors.NotFound) as error:
            log.info("late card not edited", extra={"error": error.message})

    async def close_card(self, click: parse.Click) -> None:
        """Take away the buttons of a card whose request is gone."""
        await self._respond(click.response_url, {**render.without_controls(click.blocks), "replace_original": True})

    async def close_whisper(self, click: parse.Click, line: card.Line) -> None:
        """Replace a message that only this person sees."""
        await self._respond(click.response_url, {**render.whisper(line), "replace_original": True})

    async def _whisper(self, to: parse.Click | parse.Submission | parse.Reply, shown: dict[str, Any]) -> None:
        # works without membership and without scopes
        other_way = to.response_url if isinstance(to, parse.Click) else ""
        if to.spot is not None:
            say = functools.partial(self._say, to, to.spot, shown)
            try:
                said = "ephemeral not taken yet"
                return await background.persist(say, said, () if other_way else _PAUSES, self._desk.clock)
            except errors.ChannelError as error:
                log.info("ephemeral refused", extra={"error": error.message})
        if other_way:
            await self._respond(other_way, {**shown, "response_type": "ephemeral", "replace_original": False})

    async def _say(
        self, to: parse.Click | parse.Submission | parse.Reply, spot: parse.Spot, shown: dict[str, Any]
    ) -> None:
        if isinstance(to, parse.Reply):
            return await self._answer_reply(to, shown)
        await self._api.post("chat.postEphemeral", channel=spot.channel, user=to.who.user, **shown)

    async def _answer_reply(self, to: parse.Reply, shown: dict[str, Any]) -> None:
        thread = {"thread_ts": to.spot.message} if to.spot.message else {}
        if to.alone:
            # nobody else is there, and this stays when the window is reloaded
            posted = await self._api.post("chat.postMessage", channel=to.spot.channel, **shown, **thread)
            self._lasting[to.spot.channel, str(posted.get("ts"))] = None
            return
        await self._api.post("chat.postEphemeral", channel=to.spot.channel, user=to.who.user, **shown, **thread)

    async def _react(self, method: str, conversation: str, message: str) -> None:
        try:
            await self._api.post(method, channel=conversation, timestamp=message, name=_TAKEN)
        except errors.ChannelError as error:
            log.info("reaction refused", extra={"error": error.message})

    async def _respond(self, url: str, body: dict[str, Any]) -> None:
        try:
            await self._channel.response_urls.tell(url, body)
        except errors.ChannelError as error:
            log.warning("response refused", extra={"error": error.message})


def explain(error: errors.SaysoError, account: str, *, shared: bool) -> card.Line:
    """Why an act was not counted; *shared* says whether another program uses the same app."""
    if isinstance(error, errors.NotFound):
        return telling.line(SHARED if shared else telling.GONE)
    return telling.refusal(error, account)


SHARED = (
    "This was not counted: another program uses the same Slack app, and Slack sent your press to the wrong one. Press "
    "again, and tell whoever runs them: each program needs an app of its own."
)
