"""Since when somebody has a request before them: noted once, by surfaces that really know it.

The rule: only the first view of somebody who may answer is written, so that nobody who looks on makes work.
"""

from __future__ import annotations

import contextlib

from sayso import errors, machine, model
from sayso.content import digest
from sayso.desk.answering import identity
from sayso.desk.shell import Shell
from sayso.machine import events, people


async def begun(shell: Shell, ticket: model.Ticket, actor: people.Actor, shown: str | None = None) -> None:
    """Note that somebody has it open, if nobody had before. It never fails: to look is not to answer.

    *shown* is the text of the page that they get; its digest is kept.
    """
    if ticket.viewed_at is not None or ticket.decision is not None:
        return
    with contextlib.suppress(errors.SaysoError):
        person = await identity.find(shell, ticket, actor)
        if machine.may_answer(ticket, person):
            seen = digest.digest({"card": shown}, "card") if shown is not None else None
            await shell.step(ticket.id, lambda: events.Viewed(at=shell.clock.now(), by=person, shown=seen), ticket)
