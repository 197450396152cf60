"""Shows somebody what masks cover, if the policy of a request names them, and puts on record that it did."""

from __future__ import annotations

from dataclasses import replace

from sayso import aside, errors, model
from sayso.cards import dialog
from sayso.desk import authority
from sayso.desk.answering import identity, pressing
from sayso.desk.shell import Shell
from sayso.machine import approvers, events, people, who


async def press(shell: Shell, ticket: model.Ticket, press: pressing.Press) -> dialog.Dialog:
    """A page of the whole request with its secrets, for whoever pressed alone. Raises as `reveal`."""
    first = press.draft is None and press.pressed.index == 0
    if first:
        await reveal(shell, ticket, press.actor)
    else:
        await _check(shell, ticket, press.actor)
    page = press.pressed.index + (press.draft is not None)
    plain, known = replace(shell.mint, plain=True), shell.setup.directory
    return await aside.run(dialog.review, ticket, page, plain, press.limits, "reveal", known)


async def reveal(shell: Shell, ticket: model.Ticket, actor: people.Actor) -> None:
    """Put on record that somebody is shown what masks cover, before they are.

    Raises:
        NotAllowed: its policy does not name them.
        MembershipUnknown: nobody could find out whether it does.
        Unauthorized: the key of this person was revoked.
    """
    await note(shell, ticket, await _check(shell, ticket, actor))


async def note(shell: Shell, ticket: model.Ticket, person: model.Person) -> None:
    """Put on record that this person, who may see everything, is shown what masks cover."""
    await shell.store.append(ticket.id, 0, events.Revealed(at=shell.clock.now(), by=person))


async def _check(shell: Shell, ticket: model.Ticket, actor: people.Actor) -> model.Person:
    allowed = ticket.policy.reveal
    person = await identity.of(shell, actor, allowed)
    await authority.check(shell.store, actor.key)
    if identity.is_among(allowed, person):
        return person
    if unknown := approvers.unsure(person, allowed):
        raise unknown
    told = f"; it is for {who.in_words(allowed, shell.setup.directory)}" if allowed else "; its policy names nobody"
    refusal = errors.NotAllowed(f"you may not see what masks cover here{told}")
    await shell.record_refusal(ticket.id, person, refusal)
    raise refusal
