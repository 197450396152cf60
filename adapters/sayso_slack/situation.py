"""The situation in which a message was written: what it replies to, and what was open there at that moment.

The rule: Slack's own order of messages decides what was there before what, since two machines' clocks differ.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sayso import errors, model
from sayso.chat import marks, pending, talk
from sayso.desk import Desk
from sayso.desk.posting import batching
from sayso_slack import notes, parse
from sayso_slack.settings import NAME

# A card that was posted is recorded sooner than this, also after a crash.
_RECORDED_WITHIN = timedelta(minutes=10)


class Situation:
    """Looks back at the moment of a message."""

    def __init__(self, desk: Desk, app: str) -> None:
        self._desk = desk
        self._app = app

    async def find_replied_to(self, reply: parse.Reply) -> tuple[model.Ticket | None, talk.To]:
        """The request of the card that it replies to, and what it replies to.

        Raises:
            ChannelError: it replies to a message of the app that is not recorded yet; it must come again.
        """
        root = reply.spot.message
        if not root:
            return None, None
        posted = await self._desk.store.find_card(NAME, reply.spot.channel, root)
        if posted is not None:
            return await batching.ticket_at(self._desk, posted), "thread"
        if reply.parent != self._app:
            return None, "other"
        if await self._desk.store.get(notes.KIND, notes.root_name(reply.spot.channel, root)):
            return None, "app"
        if self._desk.clock.now() - moment(root) < _RECORDED_WITHIN:
            raise errors.ChannelError("the card above this message is not recorded yet")
        return None, "app"

    async def find_open(self, reply: parse.Reply, *, changed: bool = False) -> list[model.Ticket]:
        """What was open in its place when it was written; *changed* says whether its words were changed since."""
        at = moment(reply.ts)
        open_then = await pending.open_at(self._desk.store, at, changed=changed)
        return [one for one in open_then if await self._was_there(one, reply)]

    async def _was_there(self, ticket: model.Ticket, reply: parse.Reply) -> bool:
        cards = await batching.cards_of(self._desk.store, ticket.id)
        mine = (posted for _, posted in cards if posted.channel == NAME and posted.conversation == reply.spot.channel)
        return any(marks.later(reply.ts, posted.message) for posted in mine)


def moment(ts: str) -> datetime:
    """When a message was written, by Slack's clock; long ago if its id makes no sense."""
    try:
        return datetime.fromtimestamp(int(ts.partition(".")[0]), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
