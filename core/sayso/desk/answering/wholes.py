"""Calls of which all are allowed or none: one answer is for all of them, and is stored in one step.

The rule: an allow counts only from somebody who was shown each of them, once all are there and open. If one of them is
closed before, the others are closed with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping

from sayso import errors, model
from sayso.content import wording
from sayso.desk.admission import together
from sayso.desk.answering import closed_accounts, identity, reading
from sayso.desk.shell import Shell
from sayso.machine import demands, events, people

_HINT = "answer all of them: on their card, or on the page for many requests in the inbox"


def key_of(ticket: model.Ticket) -> tuple[str, str | None, str | None, str]:
    """The same for calls that are decided together: a name alone is what any agent may choose."""
    named = ticket.request.batch
    return ticket.owner, ticket.key, ticket.request.source.session, named.id if named else ""


async def answer(
    shell: Shell,
    ticket: model.Ticket,
    actor: people.Actor,
    happened: Callable[[model.Person], events.Answered | events.TakenBack],
    shown: Collection[str],
) -> model.Ticket:
    """One answer for all; *shown* are the ids of those that this person was shown. The ticket itself after it.

    Raises:
        Refused: they cannot be allowed, or not by this answer; nothing was stored.
    """
    members = await together.members(shell.store, ticket)
    said: dict[str, events.Answered] = {}
    for one in members:
        if one.decision is None:
            person = await identity.find(shell, one, actor)
            event = happened(person)
            if isinstance(event, events.TakenBack):
                raise errors.Refused("there is no answer here that could be taken back")
            since = await reading.begun(shell, one, person) if demands.reading_time(one) else None
            # it counts at once: what can be taken back could be, for one of them
            facts = {"read_since": since, "at": shell.clock.now(), "grace": 0.0}
            said[one.id] = event.model_copy(update=facts)
    _check(ticket, members, said, shown)
    after = await shell.step_together(said, functools.partial(closed_accounts.without, shell), actor.key)
    return next(one for one in after if one.id == ticket.id)


def _check(
    ticket: model.Ticket,
    members: Collection[model.Ticket],
    said: Mapping[str, events.Answered],
    shown: Collection[str],
) -> None:
    if ticket.id not in said:
        raise errors.AlreadyDecided(ticket)
    given, named = said[ticket.id].answer, ticket.request.batch
    if given.verdict != "allow":
        return
    if given.input is not None or given.grant or given.standing or given.break_glass:
        why = "calls that are decided together are allowed as they are, and once"
        raise errors.InvalidAnswer(why, field="verdict", hint="deny with a reason instead")
    size = named.size if named else None
    if size is not None and len(members) < size:
        why = f"of the {size} calls that are decided together only {len(members)} came"
        raise errors.Refused(why, hint="wait for the others, or deny it")
    if any(one.request.batch != named for one in members):
        raise errors.Refused("its agent does not say the same of all calls that are decided together")
    if len({(one.policy_name, one.stage, one.policy.model_dump_json()) for one in members}) > 1:
        # an answer could be enough for one of them, and not for another
        raise errors.Refused("calls under different policies cannot be allowed together", hint="ask for each alone")
    if over := next((one for one in members if one.decision is not None), None):
        raise errors.Refused(f"one of the calls is decided already, and so none can be allowed ({over.id})")
    if not set(said) <= set(shown):
        others = wording.counted(len(members) - 1, "other call")
        raise errors.Refused(f"this is decided together with {others}", hint=_HINT)


async def follow(shell: Shell, ticket: model.Ticket) -> model.Ticket:
    """A call that came after another one of its own was denied, or after all: it is withdrawn, as it can never run."""
    there, named = await together.said(shell.store, ticket), ticket.request.batch
    members = there[: named.size] if named else there
    if ticket.decision is None and any(one.decision is not None for one in members):
        return await shell.cancel(ticket.id, reason="another call that it is decided together with is closed already")
    # of two at the same moment, or by clocks that differ, it may be an earlier one that has no part any more
    over = [one.id for one in there[len(members) :] if one.decision is None]
    for id in over:
        await shell.cancel(id, reason="all calls that are decided together were there already")
    return await shell.store.load(ticket.id) if ticket.id in over else ticket
