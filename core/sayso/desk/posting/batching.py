"""Which requests stand on one card together, and where that card is.

The rule: a batch holds no decision and no right of its own. Each request in it stays a ticket, which is decided by
itself; what is kept here only says whose rows a message has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sayso import aside, errors, machine, model
from sayso.cards import batch, batch_facts, batch_tokens, card, tokens
from sayso.desk.shell import Shell
from sayso.stores import Record, Store

CHANNEL = "batch"
"""In place of a platform's name in the cards of a request: it has a row on the card of a batch."""
MOST_ROWS = 20
"""Of one card, however large a surface's messages are."""
_KIND = "batch"
# Somebody may want to read a closed card; then its requests are still there.
_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that stand on one card, at one place."""

    ref: str
    place: model.Place
    tickets: tuple[str, ...]
    version: int = 0

    @property
    def id(self) -> str:
        """Under which its cards are kept."""
        return batch_tokens.id_of(self.ref)


def may_stand(ticket: model.Ticket) -> bool:
    """Whether a request may have a row: it is open, and can be read in a row or a window of text."""
    image = any(one.kind == "image" for one in ticket.request.attachments)
    return ticket.decision is None and not ticket.held and ticket.request.kind == "permission" and not image


def group_of(ticket: model.Ticket) -> str:
    """What requests must have in common to stand on one card: who asks, in which session, and who decides how."""
    if _is_in_digest(ticket):
        # whoever asks
        shared = ["digest", ticket.requester, ticket.policy_name, ticket.stage]
        return json.dumps([*shared, ticket.policy.model_dump(mode="json", exclude_defaults=True)])
    said = ticket.request.batch.id if ticket.request.batch else None
    terms = [ticket.owner, ticket.request.source.session, said, ticket.requester, ticket.policy_name, ticket.stage]
    return json.dumps([*terms, ticket.policy.model_dump(mode="json", exclude_defaults=True)])


def may_share(ticket: model.Ticket) -> bool:
    """Whether a card in a chat may show it beside like ones: only a session says that they belong together."""
    return may_stand(ticket) and (_is_in_digest(ticket) or ticket.request.source.session is not None)


def _is_in_digest(ticket: model.Ticket) -> bool:
    return ticket.reach is not None and ticket.reach.shown_at is not None


async def form(store: Store, place: model.Place, tickets: Sequence[model.Ticket], ref: str | None = None) -> Batch:
    """Let these requests stand on one card at *place*, the most risky first."""
    held = await aside.run(batch_facts.ordered, tickets)
    made = Batch(ref or tokens.new_ref(), place, tuple(one.id for one in held))
    until = max(one.expires_at for one in tickets) + _KEPT
    # first, so that nobody is shown whose row is not known; one that is cut short between leaves rows of nothing
    for one in held:
        await seat(store, made, one.id)
    # of several processes one is first, and the others join those that it holds
    with contextlib.suppress(errors.Conflict):
        await store.put(Record(_KIND, made.ref, {"place": place, "tickets": made.tickets}, until))
    return made


async def seat(store: Store, found: Batch, ticket_id: str) -> None:
    """Know that a request has a row there; done twice it has no further effect."""
    await store.add_card(_row(found, ticket_id))


def _row(found: Batch, ticket_id: str) -> model.PostedCard:
    return model.PostedCard(ticket_id, found.place, CHANNEL, found.ref, ticket_id)


async def join(store: Store, found: Batch, ticket: model.Ticket) -> bool:
    """Give a request that came later a row below the others; False if somebody else changed the batch meanwhile."""
    value = {"place": found.place, "tickets": [*found.tickets, ticket.id]}
    until = ticket.expires_at + _KEPT
    await seat(store, found, ticket.id)
    try:
        await store.put(Record(_KIND, found.ref, value, until, found.version))
    except errors.Conflict:
        await store.remove_card(_row(found, ticket.id))
        return False
    return True


async def load(store: Store, ref: str) -> Batch | None:
    """A batch by its reference; None if nobody knows it any more."""
    found = await store.get(_KIND, ref)
    if found is None:
        return None
    return Batch(ref, str(found.value["place"]), tuple(map(str, found.value["tickets"])), found.version)


async def tickets_of(store: Store, found: Batch) -> list[model.Ticket]:
    """Its requests as they are now, in the order of the rows; one that is gone or damaged is left out."""
    # at once: whoever posts its card has only so long for all of it, also where the database is slow to answer
    loaded = await asyncio.gather(*(_loaded(store, id) for id in found.tickets))
    return [one for one in loaded if one is not None]


async def _loaded(store: Store, id: str) -> model.Ticket | None:
    with contextlib.suppress(errors.NotFound, errors.Unreadable):
        return await store.load(id)
    return None


async def draw_batch(shell: Shell, found: Batch, tickets: Sequence[model.Ticket]) -> batch.BatchCard:
    """The card of a batch."""
    return await aside.run(batch.draw_card, found.ref, tickets, shell.mint, shell.setup.directory)


def refs_in(cards: Iterable[model.PostedCard]) -> list[str]:
    """The batches among the cards of a request."""
    return [one.conversation for one in cards if one.channel == CHANNEL]


async def cards_of(store: Store, *ticket_ids: str) -> list[tuple[str, model.PostedCard]]:
    """Where each of these requests is shown: on cards of its own, and on those that it shares with others."""
    cards = await store.cards(*ticket_ids)
    refs = list(dict.fromkeys(refs_in(cards)))
    shared = await store.cards(*map(batch_tokens.id_of, refs)) if refs else ()
    found: list[tuple[str, model.PostedCard]] = []
    for one in cards:
        mine = (
            [one]
            if one.channel != CHANNEL
            else [it for it in shared if it.ticket_id == batch_tokens.id_of(one.conversation)]
        )
        found += [(one.ticket_id, it) for it in mine]
    return found


async def shows(store: Store, posted: model.PostedCard, ticket: model.Ticket) -> bool:
    """Whether a posted card is that of a request, or of a batch in which it has a row."""
    if posted.ticket_id == ticket.id:
        return True
    ref = batch_tokens.ref_of(posted.ticket_id)
    return ref is not None and ref in refs_in(await store.cards(ticket.id))


async def tickets_at(store: Store, posted: model.PostedCard) -> list[model.Ticket]:
    """The requests that a posted card shows. Raises `NotFound` if there is none."""
    ref = batch_tokens.ref_of(posted.ticket_id)
    if ref is None:
        return [await store.load(posted.ticket_id)]
    found = await load(store, ref)
    tickets = await tickets_of(store, found) if found else []
    if not tickets:
        raise errors.NotFound("there is no such request")
    return tickets


async def ticket_at(shell: Shell, posted: model.PostedCard) -> model.Ticket:
    """The request that a posted card shows, as it is now; of several the first that is open. Raises `NotFound`."""
    now = shell.clock.now()
    tickets = [machine.read(one, now) for one in await tickets_at(shell.store, posted)]
    return next((one for one in tickets if one.decision is None), tickets[-1])


async def card_at(shell: Shell, posted: model.PostedCard, ticket: model.Ticket) -> card.Card:
    """What a posted card shows now: *ticket*, or all of the batch in which it has a row. Raises `NotFound`."""
    ref = batch_tokens.ref_of(posted.ticket_id)
    if ref is None:
        return await shell.draw_posted(ticket)
    found = await load(shell.store, ref)
    if found is None:
        raise errors.NotFound("there is no such request")
    return await draw_batch(shell, found, await tickets_of(shell.store, found))


async def at(shell: Shell, ticket: model.Ticket, channel: str, conversation: str, message: str) -> model.PostedCard:
    """The card that a message is, as it was recorded; if it was not, it counts as that of *ticket*."""
    found = await shell.store.find_card(channel, conversation, message)
    mine = model.PostedCard(ticket.id, channel, channel, conversation, message)
    return replace(found, shown="") if found else mine
