"""Cards that came late: of a try that was cut short, and was still on its way when the next one looked for it.

The rule: whoever posts a card anew looks for such ones a minute later, and takes care of them as of all others.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sayso import errors, model
from sayso.desk.posting import deliveries
from sayso.desk.shell import Shell
from sayso.machine import events
from sayso.stores import Job

log = logging.getLogger(__name__)

LOOKED_FOR_AFTER = 60.0
"""Seconds after which nothing is on its way any more."""


async def others(shell: Shell, posted: model.PostedCard) -> Sequence[model.PostedCard]:
    """All cards under the id of this one that stand beside it, known or not. Raises `ChannelError`."""
    await adopt(shell, posted.ticket_id, posted.place)
    cards = await shell.store.cards(posted.ticket_id)
    # what is a row on another card is not edited by itself
    return [one for one in cards if (one.place, one.channel) == (posted.place, posted.channel) and one != posted]


async def adopt(shell: Shell, id: str, place: model.Place) -> Sequence[model.PostedCard]:
    """Know all cards under an id at a place; those that nobody knew of. Raises `ChannelError`."""
    platform = shell.platforms.get(model.channel_of(place))
    if platform is None or platform.find_cards is None:
        return ()
    try:
        there = await platform.find_cards(place, id)
    except errors.ChannelError as error:
        if not error.final:
            raise
        log.warning("cards that came late are not looked for", extra={"place": place, "error": error.message})
        return ()
    known = {(one.conversation, one.message) for one in await shell.store.cards(id)}
    late = [one for one in there if (one.conversation, one.message) not in known]
    for one in late:
        log.info("a card came late", extra={"ticket": id, "place": place})
        await shell.store.add_card(one)
    return late


async def look_at(shell: Shell, job: Job) -> datetime | None:
    """When to look for cards that came late, once this job is performed; None if not, as after all first tries."""
    if not job.attempts or not isinstance(job.effect, events.Announce):
        return None
    platform, place = shell.platforms.get(model.channel_of(job.effect.place)), job.effect.place
    if platform is None or platform.find_cards is None:
        return None
    posted = await deliveries.first(shell.store, job.ticket_id, place)
    at = posted and posted.at + timedelta(seconds=LOOKED_FOR_AFTER)
    return at if at and at > shell.clock.now() else None
