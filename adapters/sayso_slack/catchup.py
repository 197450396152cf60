"""After a start: reads what people wrote meanwhile, and finds the cards that are gone.

The rule: Slack loses the clicks that were made while nobody listened, but not the messages. Each is judged once.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from sayso import errors, model
from sayso.chat import background, pending
from sayso.desk import Desk
from sayso.stores import Query
from sayso_slack import parse
from sayso_slack.api import Api, next_page
from sayso_slack.replies import Replies
from sayso_slack.settings import NAME
from sayso_slack.upkeep import Upkeep

log = logging.getLogger(__name__)

_PAGE = 200
# Seconds between tries of a call that may succeed later, and between those while the database cannot be asked.
_CALL_PAUSES, _PAUSES = (5.0,) * 5, (1.0, 5.0, 25.0, 60.0)
# Of the requests that ended, only a few were answered a moment too late.
_JUST_DECIDED, _LONGEST_AWAY = 50, timedelta(hours=12)

Found = TypeVar("Found")


class CatchUp:
    """Makes up for the time in which nobody listened."""

    def __init__(self, desk: Desk, replies: Replies, upkeep: Upkeep, api: Api, app: str) -> None:
        self._desk = desk
        self._replies = replies
        self._upkeep = upkeep
        self._api = api
        self._app = app

    async def run(self) -> None:
        """Look at every pending card, questions first; a failure at one card does not stop the others."""
        # what was judged is known: it is not judged twice
        await background.persist(self._catch_up, "not caught up yet", _PAUSES, self._desk.clock)

    async def _catch_up(self) -> None:
        undecided = [one async for one in pending.cards_on(self._desk.store, NAME)]
        undecided.sort(key=lambda one: one[0].created_at)
        cards = [*undecided, *await self._find_just_decided()]
        # one that several requests share is read once
        once: dict[tuple[str, str], tuple[model.Ticket, model.PostedCard]] = {}
        for one in cards:
            once.setdefault((one[1].conversation, one[1].message), one)
        visible: dict[str, bool] = {}
        for ticket, posted in sorted(once.values(), key=_by_urgency):
            try:
                if posted.conversation not in visible:
                    visible[posted.conversation] = await self._retry(
                        functools.partial(self._upkeep.look_at, posted.conversation)
                    )
                if visible[posted.conversation]:
                    await self._read(ticket, posted)
            except errors.StoreUnavailable:
                raise
            except errors.SaysoError as error:
                log.warning("card not looked at", extra={"ticket": ticket.id, "error": error.message})

    async def _find_just_decided(self) -> Sequence[tuple[model.Ticket, model.PostedCard]]:
        """The questions that ended while nobody listened: people who answered them are told that it was too late."""
        found = await self._desk.store.list(Query(state="decided", limit=_JUST_DECIDED))
        since = self._desk.clock.now() - _LONGEST_AWAY
        ended = [one for one in found if one.decision and one.decision.decided_at > since]
        asked = {one.id: one for one in ended if one.request.kind in ("question", "choice")}
        cards = await self._desk.store.cards(*asked)
        return [(asked[posted.ticket_id], posted) for posted in cards if posted.channel == NAME]

    async def _read(self, ticket: model.Ticket, posted: model.PostedCard) -> None:
        try:
            async for message in self._read_below(posted):
                await self._judge(message, posted, posted.message)
        except errors.ChannelError as error:
            if not error.gone:
                raise
            if ticket.decision is None:
                await self._desk.card_lost(ticket.id, posted.place)
            return
        if posted.conversation.startswith("D") and ticket.request.kind != "permission":
            async for message in self._read_pages(
                "conversations.history", channel=posted.conversation, oldest=posted.message
            ):
                await self._judge(message, posted, "")

    async def _read_below(self, posted: model.PostedCard) -> AsyncIterator[Any]:
        """The messages below a card, oldest first."""
        async for message in self._read_pages("conversations.replies", channel=posted.conversation, ts=posted.message):
            if message.get("ts") != posted.message:
                yield message

    async def _judge(self, message: Any, posted: model.PostedCard, thread: str) -> None:
        said = parse.reply({**message, "parent_user_id": self._app}, posted.conversation)
        if said is not None and said.spot.message == thread:
            await self._replies.handle(said)

    async def _read_pages(self, method: str, **query: Any) -> AsyncIterator[Any]:
        found: list[Any] = []
        cursor = ""
        while True:
            asked = functools.partial(self._api.get, method, limit=_PAGE, cursor=cursor, **query)
            page: Any = await self._retry(asked)
            found += page["messages"]
            cursor = next_page(page)
            if not cursor:
                break
        for message in sorted(found, key=lambda one: str(one.get("ts", ""))):
            yield message

    async def _retry(self, call: Callable[[], Awaitable[Found]]) -> Found:
        """Call until it succeeds: wait as Slack says, and try again if the failure may pass."""
        return await background.persist(call, "card not looked at yet", _CALL_PAUSES, self._desk.clock)


def _by_urgency(card: tuple[model.Ticket, model.PostedCard]) -> tuple[bool, bool]:
    ticket, _ = card
    return ticket.decision is not None, ticket.request.kind == "permission"
