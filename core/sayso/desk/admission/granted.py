"""The grants that somebody may see and end: their own, and all of them for whoever may stop agents.

The rule: it is found out anew each time, and ending one is a removal that every copy of the service sees at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from sayso import errors
from sayso.desk.admission import granting
from sayso.desk.shell import Shell
from sayso.desk.upkeep import stopping
from sayso.machine import people


async def seen_by(shell: Shell, actor: people.Actor) -> Sequence[granting.Grant]:
    """The grants that this person may end, the newest first. Raises `Unauthorized`."""
    found = await granting.listed(shell.store, shell.clock.now())
    me = shell.setup.directory.identify(actor).id
    return found if await stopping.may(shell, actor) else [one for one in found if one.by == me]


async def end(shell: Shell, actor: people.Actor, id: str) -> granting.Grant:
    """End a grant as this person. Raises `NotFound`, `NotAllowed`, `Unauthorized`."""
    me, now = shell.setup.directory.identify(actor).id, shell.clock.now()
    own = any(one.id == id and one.by == me for one in await granting.listed(shell.store, now))
    if not own and not await stopping.may(shell, actor):
        raise errors.NotAllowed("you may not end what others allowed", hint="ask them, or who may stop agents")
    return await granting.end(shell.store, id, me, now)
