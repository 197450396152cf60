"""Whether whoever gave a grant may still allow what it covers: as settings, chats and rotas say at this moment.

The rule: of the three answers only *in* counts. Who is out, and of whom nobody could find out, gave nothing: people are
asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from sayso import errors
from sayso.content import wording
from sayso.desk.admission import granting
from sayso.desk.answering import closed_accounts, identity
from sayso.desk.shell import Shell
from sayso.machine import Terms, approvers, people

log = logging.getLogger(__name__)

# Seconds for a chat to say whether an account is open; who is in its groups has a limit of its own.
_WITHIN = 1.2


async def may_still(shell: Shell, terms: Terms, grant: granting.Grant, names: Sequence[str] | None = None) -> bool:
    """Whether who gave it is one of those whom the policy names now, or *names*, with an account that is open."""
    if not _is_known(shell, grant) or (grant.by == terms.requester and not terms.policy.self_approval):
        return False
    try:
        is_open = grant.via is None or await asyncio.wait_for(closed_accounts.is_open(shell, grant.via), _WITHIN)
    except (errors.SaysoError, TimeoutError) as error:
        log.warning(
            "could not find out whether an account is open",
            extra={"grant": grant.id, "error": wording.of_error(error)},
        )
        return False
    return is_open and await _is_named(shell, terms, grant, terms.policy.everybody if names is None else names)


def _is_known(shell: Shell, grant: granting.Grant) -> bool:
    """Whether the settings still have them, if they had them; a delegate acts as long as the settings say so."""
    directory, now = shell.setup.directory, shell.clock.now()
    if grant.configured and grant.by not in directory.people:
        return False
    acts = (one.of == grant.by and one.holds(grant.delegate or "", grant.policy, now) for one in directory.delegations)
    return grant.delegate is None or any(acts)


async def _is_named(shell: Shell, terms: Terms, grant: granting.Grant, names: Sequence[str]) -> bool:
    if "requester" in names and grant.by == terms.requester:
        return True
    actor = people.Actor(grant.via or f"key:{grant.by}", person=grant.by, member=True)
    person = await identity.of(shell, actor, names)
    return any(approvers.is_called(name, person) for name in names)
