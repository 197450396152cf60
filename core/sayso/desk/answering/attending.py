"""Presses by which somebody takes a request on, or puts it off for themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sayso import errors, model
from sayso.cards import dialog, snoozing
from sayso.desk import authority
from sayso.desk.answering import identity, pressing
from sayso.desk.shell import Shell
from sayso.machine import events, people


async def press(shell: Shell, ticket: model.Ticket, press: pressing.Press) -> model.Ticket | dialog.Dialog:
    """The ticket once it was taken on or put off; or the window that asks for how long. Raises as these."""
    if press.pressed.action == "claim":
        return await claim(shell, ticket.id, press.actor)
    if press.draft is not None:
        return await snooze(shell, ticket.id, snoozing.chosen(press.draft), press.actor)
    await pressing.check(shell, ticket, press)
    left = ticket.expires_at - shell.clock.now()
    return snoozing.window(shell.mint.token(ticket, "snooze"), left)


async def claim(shell: Shell, id: str, actor: people.Actor) -> model.Ticket:
    """Take a request on: others see that, and are not reminded any more. They still may answer.

    Raises:
        NotFound: there is no such request.
        AlreadyDecided: it is closed; the error carries the ticket.
        NotAllowed: they may not answer it.
        Unauthorized: the key of this person was revoked.
    """
    return await _act(shell, id, actor, lambda by: events.Claimed(at=shell.clock.now(), by=by))


async def snooze(shell: Shell, id: str, seconds: float, actor: people.Actor) -> model.Ticket:
    """Put a request off for oneself, for so many seconds; its deadline stays. Raises as `claim`, and

    Raises:
        Refused: that is too short, or beyond the deadline.
    """
    wanted = timedelta(seconds=min(seconds, model.MAX_SECONDS))
    return await _act(
        shell, id, actor, lambda by: events.Snoozed(at=shell.clock.now(), by=by, until=shell.clock.now() + wanted)
    )


async def _act(
    shell: Shell, id: str, actor: people.Actor, happened: Callable[[model.Person], events.Event]
) -> model.Ticket:
    person = await identity.find(shell, await shell.store.load(id), actor)
    await authority.check(shell.store, actor.key)
    try:
        return await shell.step(id, lambda: happened(person))
    except errors.Refused as refused:
        await shell.record_refusal(id, person, refused)
        raise
