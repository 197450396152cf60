"""Whether those who allowed before still have the account from which they did, when the last place is filled.

The rule: it is asked when an allow would decide, and of every account from which those answered who count with it: who
loses one of them may have the others for a while longer. Where a platform does not say, nothing is decided, and whoever
pressed is told so.
"""

from __future__ import annotations

import asyncio
import logging

from sayso import errors, machine, model
from sayso.desk.shell import Shell
from sayso.machine import events
from sayso.stores import record_kinds

log = logging.getLogger(__name__)

# Seconds for all of them: a chat waits three for an answer, and who pressed was looked up before.
_WITHIN = 1.2
_KEY = "key"


async def since(shell: Shell, ticket: model.Ticket, event: events.Event) -> tuple[str, ...]:
    """The accounts that were closed since, of those who would decide together with this answer.

    Raises:
        MembershipUnknown: a platform did not say.
    """
    used = _used(ticket, event)
    if not used:
        return ()
    asking = {asyncio.ensure_future(is_open(shell, one)): one for one in used}
    _, late = await asyncio.wait(asking, timeout=_WITHIN)
    for one in late:
        one.cancel()
    for one, account in asking.items():
        if one in late or one.exception() is not None:
            why = "no answer in time" if one in late else str(one.exception())
            log.warning("could not find out whether an account is open", extra={"account": account, "error": why})
            said = f"could not find out whether the account of {used[account]}, who allowed this before, is still open"
            hint = "nothing was counted; try again in a minute"
            raise errors.MembershipUnknown(said, hint=hint)
    return tuple(account for one, account in asking.items() if not one.result())


async def without(shell: Shell, ticket: model.Ticket, event: events.Event) -> events.Event:
    """The event, with the accounts that were closed before it. Raises as `since`."""
    gone = await since(shell, ticket, event)
    return event.model_copy(update={"gone": gone}) if gone else event


def _used(ticket: model.Ticket, event: events.Event) -> dict[str, str]:
    """The accounts from which those answered before who would decide it together with this answer, with their names."""
    if not isinstance(event, events.Answered) or event.answer.verdict != "allow" or ticket.policy.most_needed == 1:
        return {}
    try:
        decision = machine.step(ticket, event).ticket.decision
    except errors.SaysoError:
        return {}  # whoever pressed is told of it by the step itself
    if decision is None or not decision.allowed or decision.break_glass:
        return {}
    decide = {one.delegate or one.person for one in decision.by}
    return {one.via: one.person for one in ticket.answers if one.human in decide and one.via != event.by.account}


async def is_open(shell: Shell, account: str) -> bool:
    """Whether an account still is one, as its platform says. Raises `ChannelError`."""
    name, _, rest = account.partition(":")
    if name == _KEY:
        return any(key.value["name"] == rest for key in await shell.store.scan(record_kinds.KEY))
    platform = shell.platforms.get(name)
    # an account of what is not connected here can be looked up by nobody
    return platform is None or platform.membership is None or await platform.membership.is_open(account)
