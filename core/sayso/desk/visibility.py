"""For which requests somebody is among those who may ever answer: what their lists are read by.

The rule: this is found out once for each audience, of which there are as many as policies, and never for each request.
Under which policy they stand in for somebody is not asked here, so whoever lists looks at each request once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from sayso import machine, model
from sayso.desk.shell import Shell
from sayso.machine import people


async def concerning(shell: Shell, actor: people.Actor) -> Sequence[str]:
    """The audiences to which this person belongs, as themselves or for somebody who is away; for `Query.audiences`."""
    faces = _faces(shell, actor)
    every = await shell.store.audiences()
    return [audience for audience in every if any(machine.concerns(audience, face) for face in faces)]


def _faces(shell: Shell, actor: people.Actor) -> Sequence[model.Person]:
    directory, now = shell.setup.directory, shell.clock.now()
    policies = {None, *(name for one in directory.delegations for name in one.policies)}
    stand_ins = (face for name in policies for face in directory.stand_ins(actor, name, now))
    return (directory.identify(actor), *stand_ins)
