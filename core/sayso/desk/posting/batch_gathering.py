"""Gathers the requests that an agent says belong together: their card waits a moment for the others.

The rule: it waits for a bound time only, and only if the agent said that more will come.
"""

from __future__ import annotations

from datetime import timedelta

from sayso import errors, model
from sayso.cards import batch_tokens
from sayso.desk.admission import together
from sayso.desk.posting import batching
from sayso.desk.shell import Shell

# Seconds for which a card waits: until all have come that the agent announced, or a moment if it did not say how many.
_FOR_ALL, _FOR_MORE = 5.0, 1.0
_LOOK_EVERY = 0.25
_TRIES = 20


async def ref_for(shell: Shell, ticket: model.Ticket, place: model.Place, rows: int) -> tuple[str, bool] | None:
    """The batch in which a request gets its row, and whether it joined one that may be shown already.

    None if it stays alone.

    Raises:
        NotYet: more of its batch are to come.
    """
    members = await together.said(shell.store, ticket)
    _wait(shell, ticket, len(members))
    standing = [one for one in members if batching.may_stand(one) and place in one.route]
    alike = [one for one in standing if batching.group_of(one) == batching.group_of(ticket)]
    if len(alike) < 2:
        return None
    named = ticket.request.batch.id if ticket.request.batch else ""
    for number in range(_TRIES):
        session = ticket.request.source.session or ""
        ref = batch_tokens.ref_from(shell.mint, ticket.owner, session, named, place, str(number))
        found = await batching.load(shell.store, ref)
        if found is None:
            fresh = await _without_card(shell, alike, place, ref)
            if ticket.id not in {one.id for one in fresh}:
                fresh = [*fresh, ticket]
            if len(fresh) > 1:
                await batching.form(shell.store, place, fresh[:rows], ref)
            # somebody else may have begun it at the same moment
            found = await batching.load(shell.store, ref)
            if found is None:
                return None
        if found and ticket.id in found.tickets:
            await batching.seat(shell.store, found, ticket.id)
            return ref, False
        # nobody looks at a card again on which all is decided
        open_rows = {one.id for one in alike} & set(found.tickets) if found else set[str]()
        if found and open_rows and len(found.tickets) < rows and await batching.join(shell.store, found, ticket):
            return ref, True
    return None


def _wait(shell: Shell, ticket: model.Ticket, there: int) -> None:
    named = ticket.request.batch
    age = (shell.clock.now() - ticket.created_at) / timedelta(seconds=1)
    size = named.size if named else None
    left = (_FOR_MORE if size is None else _FOR_ALL) - age
    if left > 0 and (size is None or there < size):
        raise errors.NotYet("more of its batch are to come", min(left, _FOR_MORE if size is None else _LOOK_EVERY))


async def _without_card(shell: Shell, tickets: list[model.Ticket], place: model.Place, ref: str) -> list[model.Ticket]:
    """Those without a card at *place*; a row in the batch that is begun counts for nothing until it is begun."""
    cards = await shell.store.cards(*(one.id for one in tickets))
    shown = {one.ticket_id for one in cards if one.place == place and one.conversation != ref}
    return [one for one in tickets if one.id not in shown]
