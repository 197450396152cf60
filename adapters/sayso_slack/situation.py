"""In which situation a message was written: what its thread hangs on, and what was open there at that moment.

The rule: Slack's own order of messages decides what was there before what, since two machines' clocks differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from sayso import desk, errors, marks, model, store
from sayso_slack import notes, parse
from sayso_slack.channel import NAME

To = Literal["thread", "app", "other"] | None

# More open requests than this nobody overlooks; somebody who mentions the app there is asked to reply to a card.
_MOST_PENDING = 300
_JUST_DECIDED = 50
# A card that was posted is recorded sooner than this, also after a crash.
_RECORDED_WITHIN = timedelta(minutes=10)


class Situation:
    """Looks back at the moment of a message."""

    def __init__(self, front: desk.Desk, app: str) -> None:
        self._desk = front
        self._app = app

    async def replied_to(self, said: parse.Reply) -> tuple[model.Ticket | None, To]:
        """The request of the card above it, and what it is that it stands below.

        Raises:
            ChannelError: it stands below a message of the app that is not recorded yet; it must come again.
        """
        root = said.spot.message
        if not root:
            return None, None
        ref = await self._desk.store.find_ref(NAME, said.spot.channel, root)
        if ref is not None:
            return await self._desk.get(ref.ticket_id), "thread"
        if said.parent != self._app:
            return None, "other"
        if await self._desk.store.get(notes.KIND, notes.root_name(said.spot.channel, root)):
            return None, "app"
        if self._desk.clock.now() - moment(root) < _RECORDED_WITHIN:
            raise errors.ChannelError("the card above this message is not recorded yet")
        return None, "app"

    async def here(self, said: parse.Reply, *, changed: bool = False) -> list[model.Ticket]:
        """What was open where it was written, at that moment; *changed* is whether its words are those of a change."""
        at = moment(said.ts)
        pending = await self._desk.store.list(store.Query(state="pending", limit=_MOST_PENDING))
        decided = await self._desk.store.list(store.Query(state="decided", limit=_JUST_DECIDED))
        found = (*pending, *decided)
        open_then = [one for one in found if one.decision is None or _was_open(one.decision, at, changed)]
        return [one for one in open_then if await self._stood(one, said)]

    async def standing(self, conversation: str) -> list[tuple[model.Ticket, model.MessageRef]]:
        """What is open in a channel, with its cards there."""
        found: list[tuple[model.Ticket, model.MessageRef]] = []
        for ticket in await self.pending():
            refs = await self._desk.store.refs(ticket.id)
            found += [(ticket, ref) for ref in refs if ref.channel == NAME and ref.conversation == conversation]
        return found

    async def pending(self) -> Sequence[model.Ticket]:
        """All that is open, newest first."""
        found: list[model.Ticket] = []
        before = None
        while page := await self._desk.store.list(store.Query(state="pending", limit=_MOST_PENDING, before=before)):
            found += page
            before = (page[-1].created_at, page[-1].id)
        return found

    async def _stood(self, ticket: model.Ticket, said: parse.Reply) -> bool:
        refs = await self._desk.store.refs(ticket.id)
        mine = (ref for ref in refs if ref.channel == NAME and ref.conversation == said.spot.channel)
        return any(marks.later(said.ts, ref.message) for ref in mine)


def _was_open(decision: model.Decision, at: datetime, changed: bool) -> bool:
    # what was decided in the same moment was open when words were written that are changed only now
    return decision.decided_at > at or (changed and decision.decided_at == at)


def moment(ts: str) -> datetime:
    """When a message was written, by Slack's clock; long ago where its id makes no sense."""
    try:
        return datetime.fromtimestamp(int(ts.partition(".")[0]), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
