"""What a press on a card comes to: the answer, or the dialog that opens first. The answer itself goes by the desk."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from sayso import aside, errors, machine, model
from sayso.cards import batch_tokens, buttons, dialog, submission, tokens
from sayso.content import requests
from sayso.desk.answering import drafts, identity, reading
from sayso.desk.posting import batching
from sayso.desk.shell import Shell
from sayso.machine import approvers, demands, glass, holding, people


@dataclass(frozen=True, slots=True)
class PressedMessage:
    """Where a press happened: the platform's channel, room and message."""

    channel: str
    conversation: str
    message: str
    within: str | None = None
    """The room that this one is a part of, such as a thread's."""


@dataclass(frozen=True, slots=True)
class Press:
    """A press that was read: who pressed, what, and what was typed. With a draft it is a submitted dialog."""

    pressed: tokens.Pressed
    actor: people.Actor
    limits: dialog.WindowLimits
    draft: dialog.Draft | None


async def following(shell: Shell, ticket: model.Ticket, press: Press) -> dialog.Dialog | model.Answer:
    """What follows from a press by somebody who may answer. Raises as `Desk.press`."""
    if opened := await _glass(shell, ticket, press):
        return opened
    await check(shell, ticket, press)
    if said := await _said_before(shell, ticket, press):
        return said
    pressed, known = press.pressed, shell.setup.directory
    shows = press.draft is not None or dialog.may_open(ticket, pressed, press.limits)
    large = shows and requests.is_large(ticket, aside.SMALL)
    if press.draft is None:
        opened = await aside.run_large(large, dialog.of_press, ticket, pressed, shell.mint, press.limits, known)
        if opened is not None:
            await _begin_reading(shell, ticket, press)
            return await drafts.filled_in(shell, ticket, pressed, press.actor, opened)
    else:
        await drafts.keep_typed(shell, ticket, pressed, press.actor, press.draft)
    typed = {**await drafts.earlier(shell, ticket, pressed, press.actor), **(press.draft or {})}
    # what was typed may be held against a schema, and its patterns take their time
    weighs = large or bool(typed)
    found = await aside.run_large(weighs, submission.follow, ticket, pressed, typed, shell.mint, press.limits, known)
    if not isinstance(found, dialog.Dialog):
        return found
    await drafts.keep(shell, ticket, tokens.read(found.token), press.actor, typed)
    return await drafts.filled_in(shell, ticket, pressed, press.actor, found)


async def _glass(shell: Shell, ticket: model.Ticket, press: Press) -> dialog.Dialog | None:
    """The window to break the glass, if a press on an allow decides nothing and this person may do more."""
    if press.draft is not None or not _is_open(ticket) or _verdict_of(ticket, press) != "allow":
        return None
    person = await identity.find(shell, ticket, press.actor) if ticket.policy.break_glass else None
    if person is None or not glass.may_break(ticket, person):
        return None
    if approvers.refused(ticket, person, "allow") is None and not approvers.sits(ticket, person.id):
        return None
    opened = tokens.read(shell.mint.token(ticket, "glass"))
    return dialog.of_press(ticket, opened, shell.mint, press.limits)


async def _said_before(shell: Shell, ticket: model.Ticket, press: Press) -> model.Answer | None:
    """What this person said already, if they press the same once more: no window opens, and the desk says it counts."""
    row = buttons.row_of(press.pressed.action, ticket.request.kind)
    if press.draft is not None or row.window or row.answer is None or not ticket.answers:
        return None
    return machine.said_before(ticket, await identity.find(shell, ticket, press.actor), row.answer)


def _is_open(ticket: model.Ticket) -> bool:
    return ticket.decision is None and not ticket.held and ticket.taken is None and ticket.stopped is None


async def _begin_reading(shell: Shell, ticket: model.Ticket, press: Press) -> None:
    row = buttons.row_of(press.pressed.action, ticket.request.kind)
    if demands.reading_time(ticket) and row.answer and row.answer.verdict == "allow":
        await reading.begun(shell, ticket, await identity.find(shell, ticket, press.actor))


def linked(shell: Shell, ticket: model.Ticket, opened: dialog.Dialog) -> dialog.Dialog:
    """A page of a review with the way to the whole request in the inbox."""
    if not shell.setup.address or tokens.read(opened.token).action not in ("review", "details"):
        return opened
    return replace(opened, link=f"{shell.setup.address}/requests/{ticket.id}")


async def seated(shell: Shell, ticket: model.Ticket, pressed: PressedMessage) -> None:
    """A card counts on its own request, at a place of its route; one whose posting a crash cut short is adopted.

    Raises:
        InvalidToken: no card of this request was posted there.
    """
    found = await shell.store.find_card(pressed.channel, pressed.conversation, pressed.message)
    if found is not None and (found.ticket_id == ticket.id or await batching.shows(shell.store, found, ticket)):
        return
    place = await _place(shell, ticket, pressed) if found is None else None
    if place is None:
        raise errors.InvalidToken("this card was not posted here by sayso")
    shared = [
        one for one in await shell.store.cards(ticket.id) if one.channel == batching.CHANNEL and one.place == place
    ]
    id = batch_tokens.id_of(shared[0].conversation) if shared else ticket.id
    posted = model.PostedCard(id, place, pressed.channel, pressed.conversation, pressed.message)
    await shell.store.add_card(posted)


async def _place(shell: Shell, ticket: model.Ticket, pressed: PressedMessage) -> model.Place | None:
    """Which place of the route this room is, whether a card was posted there already or not."""
    cards = [posted for posted in await shell.store.cards(ticket.id) if posted.channel == pressed.channel]
    places = [place for place in ticket.route if model.channel_of(place) == pressed.channel]
    for posted in cards:
        if posted.conversation == pressed.conversation and posted.place in places:
            return posted.place
    # where a card stands already, or never will, a second room is another one
    free = [place for place in places if place not in {*ticket.undelivered, *(posted.place for posted in cards)}]
    for place in free:
        if await is_at(shell, place, pressed):
            return place
    # a channel that cannot say which room a place is: only if nothing else can be meant
    alone = len(places) == 1 and not cards and _finder(shell, pressed.channel) is None
    return next(iter(free), None) if alone else None


async def is_at(shell: Shell, place: model.Place, pressed: PressedMessage) -> bool:
    """Whether a press happened in the room of a place."""
    room = await _room(shell, place) if model.channel_of(place) == pressed.channel else None
    return room is not None and room in (pressed.conversation, pressed.within)


async def _room(shell: Shell, place: model.Place) -> str | None:
    name, _, address = place.partition(":")
    find = _finder(shell, name)
    if find is None:
        return address
    with contextlib.suppress(errors.ChannelError):
        return await find(place)
    return None


def _finder(shell: Shell, name: str) -> Callable[[model.Place], Awaitable[str]] | None:
    platform = shell.platforms.get(name)
    return platform.find_room if platform else None


async def check(shell: Shell, ticket: model.Ticket, press: Press) -> None:
    """Refuse a press before a dialog opens; the answer itself is checked again."""
    person = await identity.find(shell, ticket, press.actor)
    if press.pressed.action == "details" and ticket.decision is not None:
        # it stood there for every member to read
        if press.actor.member or machine.may_answer(ticket, person):
            return
        raise errors.NotAllowed("only full members of this place may read it again")
    holding.check(ticket)
    if ticket.decision is not None:
        refusal: errors.Refused = errors.AlreadyDecided(ticket)
    elif ticket.taken and ticket.taken.given.person != person.id:
        refusal = errors.AlreadyTaken(ticket)
    elif barred := _barred(shell, ticket, person, press):
        refusal = barred
    else:
        return
    await shell.record_refusal(ticket.id, person, refusal)
    raise refusal


def _barred(shell: Shell, ticket: model.Ticket, person: model.Person, press: Press) -> errors.Refused | None:
    directory = shell.setup.directory
    if press.pressed.action == "glass":
        return glass.refused(ticket, person, directory)
    if press.pressed.action == "review" and glass.may_break(ticket, person):
        return None
    return approvers.refused(ticket, person, _verdict_of(ticket, press), directory)


def _verdict_of(ticket: model.Ticket, press: Press) -> model.Verdict | None:
    """What a press comes to say in the end, whatever window opens first; a review may be read by all who may answer."""
    row = buttons.row_of(press.pressed.action, ticket.request.kind)
    return row.answer.verdict if row.answer and press.pressed.action != "review" else None
