"""A press by which somebody asks somebody else: whom they may ask, and the mention that follows."""

from __future__ import annotations

from collections.abc import Sequence

from sayso import errors, model
from sayso.cards import dialog, someone_else
from sayso.desk import authority
from sayso.desk.admission import direct
from sayso.desk.answering import identity, pressing
from sayso.desk.shell import Shell
from sayso.machine import events, passing, people


async def press(shell: Shell, ticket: model.Ticket, press: pressing.Press) -> model.Ticket | dialog.Dialog:
    """The window in which somebody is chosen; the ticket once they are asked. Raises as `pass_on`."""
    if press.draft is not None:
        chosen = someone_else.chosen(press.draft)
        names = await candidates(shell, ticket, press.actor)
        if chosen is None or chosen >= len(names):
            raise errors.InvalidAnswer("choose somebody to ask", field=someone_else.NAME)
        return await pass_on(shell, ticket.id, names[chosen], press.actor)
    await pressing.check(shell, ticket, press)
    names = await candidates(shell, ticket, press.actor)
    return someone_else.window(shell.mint.token(ticket, "pass"), names[: press.limits.options])


async def pass_on(shell: Shell, id: str, to: str, actor: people.Actor) -> model.Ticket:
    """Ask a person of the settings to answer a request in place of whoever asks.

    Raises:
        NotFound: there is no such request.
        AlreadyDecided: it is closed; the error carries the ticket.
        NotAllowed: whoever asks may not answer it.
        Refused: whom they ask may not answer it, has answered, or was asked before.
        Unauthorized: the key of this person was revoked.
    """
    ticket = await shell.store.load(id)
    person = await identity.find(shell, ticket, actor)
    await authority.check(shell.store, actor.key)
    asked, place = _named(shell, to), _place(shell, ticket, to)
    try:
        return await shell.step(id, lambda: events.Passed(at=shell.clock.now(), by=person, to=asked, place=place))
    except errors.Refused as refused:
        await shell.record_refusal(id, person, refused)
        raise


async def candidates(shell: Shell, ticket: model.Ticket, actor: people.Actor) -> Sequence[str]:
    """The people of the settings who could be asked, by name."""
    mine = shell.setup.directory.identify(actor).id
    others = (name for name in sorted(shell.setup.directory.people) if name != mine)
    return [name for name in others if passing.could_answer(ticket, _named(shell, name))]


def _named(shell: Shell, name: str) -> model.Person:
    """A person as the settings alone know them: in the groups whose members they are."""
    return shell.setup.directory.identify(people.Actor(account=f"settings:{name}", name=name, person=name))


def _place(shell: Shell, ticket: model.Ticket, name: str) -> model.Place | None:
    """Their direct message, if all cards stand in those of others."""
    rooms = [place for place in ticket.route if model.channel_of(place) != "web" and ":@" not in place]
    found = direct.of_person(shell.setup.directory, shell.setup.chats, name)
    return None if rooms else next(iter(found), None)
