"""Suggestions that somebody accepted: grants of a rule, kept among the other grants, listed and ended as these are.

The rule: each stands behind every rule of the operator, for one agent under one policy. A copy of the service knows
which there are, and looks at the stored one again before it allows anything: one that was ended counts nowhere.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sayso import errors, model, rules
from sayso.cards import naming
from sayso.content import risk
from sayso.desk.admission import granting
from sayso.machine import scopes
from sayso.rules import rule, suggesting
from sayso.rules.rule import Match
from sayso.stores import Record, Store
from sayso.stores.record_kinds import GRANT, SUGGESTION

log = logging.getLogger(__name__)

ACCEPT: Final = "Allow them from now on"
REFUSE: Final = "Keep asking"
_PREFIX = "rule-"


@dataclass(frozen=True, slots=True)
class Learned:
    """One grant of a rule, ready to be looked at."""

    name: str
    """Of its record."""
    grant: granting.Grant
    match: Match


async def records(store: Store, ticket: model.Ticket, people: Container[str] = ()) -> Sequence[Record]:
    """What comes of the answer to a suggestion, written together with it: a grant, or that it was refused for good.

    *people* are those of the settings.
    """
    decision, key = ticket.decision, ticket.request.metadata.get(naming.SUGGESTED)
    if decision is None or decision.choice not in (ACCEPT, REFUSE) or not isinstance(key, str):
        return ()
    made = await store.get(SUGGESTION, key)
    if made is not None and made.value.get("request") == ticket.id and decision.choice == REFUSE:
        # what was answered is erased some day, and what was asked does not outlast it here
        return [replace(made, value={"request": ticket.id, "over": True})]
    if made is None or made.value.get("request") != ticket.id or len(await store.scan(GRANT)) >= granting.MOST:
        # the answer stands, and what comes after it is asked
        log.warning("what was accepted is not kept", extra={"ticket": ticket.id})
        return ()
    by, value = decision.by[0], made.value
    until = decision.decided_at + timedelta(seconds=value["lasts"])
    id = grant_of(key)
    grant = granting.Grant(
        id=id,
        standing="rule",
        agent=value["agent"],
        key=value["key"],
        tool=value["tool"],
        session=None,
        match=value["match"],
        risks=tuple(value["risks"]),
        folder=value.get("folder"),
        costly=value.get("costly", False),
        policy=value["policy"],
        request=ticket.id,
        by=by.person,
        name=by.name,
        via=by.via,
        configured=by.person in people,
        delegate=by.delegate,
        at=decision.decided_at,
        until=until,
    )
    name = f"{_PREFIX}{id}"
    before = await store.get(GRANT, name)
    return [Record(GRANT, name, grant.model_dump(mode="json"), until, before.version if before else 0)]


async def find(store: Store) -> tuple[Learned, ...]:
    """Those that are stored; what cannot be read allows nothing."""
    found = list[Learned]()
    for record in await store.scan(GRANT, _PREFIX):
        grant = granting.read(record)
        try:
            if grant is not None and grant.match is not None:
                found.append(Learned(record.name, grant, rule.read_match(grant.id, grant.match)))
        except errors.InvalidSettings:
            log.warning("a grant cannot be read", extra={"grant": record.name})
    return tuple(found)


def grant_of(key: str) -> str:
    """The id of the grant that comes of a suggestion."""
    return key[-12:]


async def end(store: Store, key: str, by: str, at: datetime) -> None:
    """End what came of a suggestion. Raises `NotFound` if nothing did."""
    await granting.end(store, grant_of(key), by, at)


def covers(one: Learned, book: rules.Book, request: model.Request, owner: str) -> bool:
    """Whether a call is one of these, in the same folder, with nothing risky or costly that was not in them."""
    if request.offers or request.confirm or one.grant.folder != risk.folder_of(request.context):
        return False
    if not suggesting.covers(one.match, book.call(request, owner)):
        return False
    found = {*risk.names_of(request)}
    known = found <= {*one.grant.risks} and risk.LONG not in found
    return known and (one.grant.costly or not suggesting.is_costly(request))


def may_hold(policy: model.Policy) -> bool:
    """Whether one plain allow is enough under this policy, by somebody who is not only the one that asked."""
    return scopes.is_plain(policy) and "requester" not in policy.everybody
