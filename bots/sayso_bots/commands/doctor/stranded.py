"""Open requests that nobody can allow any more: since they were asked, people have left, or a group is gone.

The rule: only what is certain is said. Whoever has answered and left since may count, and an escalation brings in
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sayso import model
from sayso.machine import people, staffing
from sayso_bots.commands.doctor.finding import Finding

_HINT = "sayso cancel ID, so that its agent asks again under the policy of now; or put them back into the settings"
# More of them say nothing new.
_MOST = 5


def look(directory: people.Directory, waiting: Sequence[model.Ticket]) -> Iterator[Finding]:
    """One finding for each of the first of them; *waiting* are open requests."""
    found = ((one, short) for one in waiting if (short := _shortage(directory, one)))
    for (ticket, short), _ in zip(found, range(_MOST), strict=False):
        said = f"nobody can allow it any more: {staffing.said(short)}, as the settings are now"
        yield Finding(f"request {ticket.id}", True, said, _HINT, warn=True)


def _shortage(directory: people.Directory, ticket: model.Ticket) -> staffing.Shortage | None:
    if ticket.policy.escalate or not {one.person for one in ticket.answers} <= directory.people.keys():
        return None
    return staffing.shortage(directory, ticket.policy)
