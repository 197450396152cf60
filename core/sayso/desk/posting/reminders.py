"""Reminds people of a request that waits, below each card of a place."""

from __future__ import annotations

import logging
import zlib
from datetime import datetime

from sayso import aside, model
from sayso.cards import reminding
from sayso.desk.posting import batching, reaching
from sayso.desk.shell import Shell
from sayso.machine import approvers, events, people, rounds, silence

log = logging.getLogger(__name__)

# Bits: a request has fewer reminders than so many numbers.
_NUMBERS = 16


async def remind(shell: Shell, ticket: model.Ticket, effect: events.Remind, *, again: bool) -> None:
    """Mention those who are missing; nobody if an answer came meanwhile. Raises `ChannelError`."""
    over = ticket.decision is not None or ticket.taken is not None or ticket.held or ticket.stopped is not None
    platform = shell.platforms.get(model.channel_of(effect.place))
    directory = shell.setup.directory
    names = _called(ticket, directory, effect, shell.clock.now())
    # who has no card yet gets one, which mentions them
    cards = [one for _, one in await batching.cards_of(shell.store, ticket.id) if one.place == effect.place]
    if over or names is None or not cards:
        return
    if not await _speaks(shell, ticket, cards[-1], effect):
        return
    if platform is None or platform.reminder is None:
        log.warning("nobody is reminded there", extra={"ticket": ticket.id, "place": effect.place})
        return
    said = await aside.run(reminding.said, ticket, directory, effect)
    called = directory.called(await reaching.in_person(shell, ticket, names), platform.channel.name)
    if effect.why == "next" and ":@" not in effect.place and not (called.accounts or called.groups):
        return  # whoever it is put to now is called on another chat
    message = await platform.reminder.remind(cards[-1], said, called, number=number_of(effect), again=again)
    at = shell.clock.now()
    entry = events.Reminded(at=at, place=effect.place, message=message, people=names)
    await shell.store.append(ticket.id, ticket.version, entry)


def number_of(effect: events.Remind) -> int:
    """What tells it from the next one, and from what others are told at the same moment."""
    return effect.number if effect.to is None else zlib.crc32(effect.to.encode()) << _NUMBERS | effect.number


def _called(
    ticket: model.Ticket, directory: people.Directory, effect: events.Remind, at: datetime
) -> tuple[str, ...] | None:
    missing = approvers.to_remind(ticket, directory, effect.place, at)
    if missing is None:
        return None
    if effect.to is None:
        called = silence.mentioned(ticket, directory, _put_to(ticket, directory, missing, effect, at), at)
        # whoever acts for somebody does not read their direct messages, and has one of their own
        return tuple(filter(missing.__contains__, called)) or None if called and ":@" in effect.place else called
    # a direct message of somebody else is no place for it, and who has answered meanwhile need not be asked
    looked_up = bool(approvers.groups_behind(missing, directory)) and approvers.is_missing(ticket, effect.to)
    awaited = effect.to in {*missing, *directory.members(missing)} or looked_up
    return (effect.to,) if awaited else None


def _put_to(
    ticket: model.Ticket, directory: people.Directory, missing: tuple[str, ...], effect: events.Remind, at: datetime
) -> tuple[str, ...] | None:
    """Of those who are missing the ones to whom it is put; None in a direct message to somebody else."""
    # who took it on and is left alone for now does not look after it for now
    alone, put_to = silence.silent(ticket, at), rounds.current(ticket)
    first = [name for name in put_to if name not in alone and approvers.is_missing(ticket, name)]
    if not put_to or effect.why == "escalated" or (not first and alone.intersection(put_to)):
        return missing
    if effect.why == "next":
        # whoever was asked before, for another place, is not asked again
        first = [name for name in rounds.newest(ticket) if name not in alone and approvers.is_missing(ticket, name)]
    if ":@" in effect.place:
        meant = {*first, *directory.members(first), *map(people.id_of, first)}
        return missing if meant.intersection(missing) else None
    return tuple(first) or missing


async def _speaks(shell: Shell, ticket: model.Ticket, posted: model.PostedCard, effect: events.Remind) -> bool:
    """Whether it is this request that reminds: of those that share a card the first one that is open does, for all."""
    if effect.to is not None or posted.ticket_id == ticket.id:
        return True
    rows = await batching.tickets_at(shell.store, posted)
    return next((one.id for one in rows if one.decision is None), ticket.id) == ticket.id
