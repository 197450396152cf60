"""Suggestions that somebody accepted, as one copy of the service knows and applies them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso import aside, model
from sayso.content import requests
from sayso.desk.admission import givers, granting, learned
from sayso.desk.shell import Shell
from sayso.desk.upkeep import duties, stops
from sayso.machine import Terms
from sayso.stores.record_kinds import GRANT

# Seconds between two looks for those that were accepted.
_LOOK = 5.0


async def follow(shell: Shell) -> None:
    """Know those that there are, for ever."""
    while True:
        await learn(shell)
        await duties.rest(shell.clock, shell.clock.now() + timedelta(seconds=_LOOK))


async def learn(shell: Shell) -> None:
    """Know those that there are at this moment."""
    shell.learned = await learned.find(shell.store)


async def apply(shell: Shell, request: model.Request, terms: Terms, at: datetime) -> Terms:
    """The terms of a request that people would be asked and no rule speaks of: allowed, if one of these covers it."""
    if request.kind != "permission" or (terms.ruled is not None and terms.ruled.rule is not None):
        return terms
    if not learned.may_hold(terms.policy):
        return terms
    large = requests.is_large(request)
    for one in shell.learned:
        grant = one.grant
        if (grant.agent, grant.key, grant.policy) != (terms.owner, terms.key, terms.policy_name) or grant.until <= at:
            continue
        if await aside.run_large(large, learned.covers, one, shell.setup.rules, request, terms.owner):
            # whoever ended it ended it everywhere
            stands = granting.read(await shell.store.get(GRANT, one.name)) == grant
            stands = stands and await givers.may_still(shell, terms, grant, shell.setup.suggesting.ask)
            if stands and (await stops.standing(shell.store)).of(terms.owner) is None:
                return granting.allowed(terms, grant)
    return terms
