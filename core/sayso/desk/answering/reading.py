"""Since when somebody has a request open, if its policy gives people time to read before they allow it.

The rule: the time begins with the first try to allow it, by whatever door, and it is kept, so that any process knows.
"""

from __future__ import annotations

import contextlib
from datetime import datetime

from sayso import errors, model
from sayso.desk.shell import Shell
from sayso.stores import Record, record_kinds


async def begun(shell: Shell, ticket: model.Ticket, person: model.Person) -> datetime:
    """Since when this person has it open; from now on, if they had not."""
    name = f"{ticket.ref}/{person.human}"
    found = await shell.store.get(record_kinds.READING, name)
    if found is None:
        at = shell.clock.now()
        # of two presses at the same moment one was first
        with contextlib.suppress(errors.Conflict):
            await shell.store.put(Record(record_kinds.READING, name, {"at": at.isoformat()}, ticket.expires_at, 0))
            return at
        found = await shell.store.get(record_kinds.READING, name)
    return shell.clock.now() if found is None else datetime.fromisoformat(found.value["at"])
