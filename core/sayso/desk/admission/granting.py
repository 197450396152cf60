"""Grants: an allow by a person that holds for a while, kept by us, and so the same for every agent system.

The rule: a grant is looked up under the policy that applies at that moment, behind every rule of the operator: a deny
beats it, and so does a policy that gives no grants.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import pydantic

from sayso import aside, errors, model, parts
from sayso.cards import tokens
from sayso.content import requests, risk
from sayso.desk.upkeep import stops
from sayso.machine import events, likeness, scopes
from sayso.stores import Record, Store
from sayso.stores.record_kinds import GRANT

if TYPE_CHECKING:
    from sayso.machine import Terms

MOST = 1_000
"""Grants at one moment. They are few: each was given by a person, and ends by itself."""
MOST_ALIKE = 20
"""Patterns of one agent and tool: all of them are looked at for each of its calls."""

log = logging.getLogger(__name__)


class Grant(model.Frozen):
    """One grant, as people see it."""

    id: str
    standing: parts.Standing | Literal["rule"]
    agent: str
    """The name of the key."""
    key: str | None
    """Its record: a new key of the same name has no grants."""
    tool: str
    session: str | None
    like: likeness.Pattern | None = None
    """Of *pattern*: what is like the call that was allowed."""
    match: model.JsonObject | None = None
    """Of *rule*: what a suggestion covers that somebody accepted, as a `match` table."""
    policy: str | None
    requester: str | None = None
    """On whose behalf it was asked: who may decide follows from that."""
    request: model.RequestId
    """The request whose card was allowed; it has what was shown."""
    by: str
    name: str
    """Of the person, for showing."""
    via: str | None = None
    """The account from which they gave it."""
    configured: bool = False
    """Whether the settings knew them then."""
    delegate: str | None = None
    """Who gave it in their place."""
    risks: tuple[str, ...] = ()
    """What its card, or of *rule* the calls that it came from, said is risky, by name; another risk is asked about."""
    costly: bool = False
    """Of *rule*: whether the calls that it came from were about money, secrets or what cannot be taken back."""
    folder: str | None = None
    """The folder of the project on the card: by another one an agent could hide that it writes outside."""
    at: datetime
    until: datetime


MayStill: TypeAlias = "Callable[[Terms, Grant], Awaitable[bool]]"
"""Whether who gave a grant may still allow what is asked under these terms."""


async def records(store: Store, ticket: model.Ticket, people: Container[str] = ()) -> Sequence[Record]:
    """The grant that a decision gives, if it gives one: written together with the decision.

    *people* are those of the settings.
    """
    try:
        return await _of_decision(store, ticket, people)
    except errors.SaysoError as error:
        # the decision stands, and whoever made it must not be told otherwise; what comes after it is asked
        log.warning("a grant is not kept", extra={"ticket": ticket.id, "error": error.message})
        return ()


async def _of_decision(store: Store, ticket: model.Ticket, people: Container[str]) -> Sequence[Record]:
    decision, lasts = ticket.decision, ticket.policy.grants
    if decision is None or decision.standing is None or lasts is None or not decision.by:
        return ()
    name = await _name(ticket.owner, ticket.request, decision.standing)
    if name is None or len(await store.scan(GRANT)) >= MOST:
        raise errors.Refused("there are too many grants; end some of them: sayso grants end ID")
    alike = await _pattern(ticket) if decision.standing == "pattern" else None
    if alike is not None:
        if len(await store.scan(GRANT, name)) >= MOST_ALIKE:
            raise errors.Refused("there are too many grants of this tool; end some of them: sayso grants end ID")
        name = f"{name}-{tokens.id_from('like', alike.model_dump_json())[-12:]}"
    by, until = decision.by[0], decision.decided_at + timedelta(seconds=lasts)
    grant = Grant(
        # the name follows from the input, and by it anybody could try out what is masked there
        id=tokens.new_id()[-12:],
        standing=decision.standing,
        agent=ticket.owner,
        key=ticket.key,
        tool=ticket.request.tool or "",
        session=ticket.request.source.session if decision.standing == "tool" else None,
        like=alike,
        policy=ticket.policy_name,
        requester=ticket.requester,
        request=ticket.id,
        by=by.person,
        name=by.name,
        via=by.via,
        configured=by.person in people,
        delegate=by.delegate,
        folder=risk.folder_of(ticket.request.context),
        risks=await aside.run_large(requests.is_large(ticket.request), risk.names_of, ticket.request),
        at=decision.decided_at,
        until=until,
    )
    before = await store.get(GRANT, name)
    value = grant.model_dump(mode="json")
    return [Record(GRANT, name, value, until, before.version if before else 0)]


async def _pattern(ticket: model.Ticket) -> likeness.Pattern:
    """What is like the call that was allowed, with what was left open by whoever allowed it."""
    free = next((one.answer.free for one in reversed(ticket.answers) if one.answer.free), ())
    return await aside.run_large(requests.is_large(ticket.request), likeness.pattern_of, ticket.request, free)


async def apply(store: Store, request: model.Request, terms: Terms, at: datetime, may_still: MayStill) -> Terms:
    """The terms of a request that people would be asked: allowed, if a grant covers it that may still be given."""
    if not scopes.can_hold(terms.policy):
        return terms
    found = await _find(store, request, terms, at)
    if found is None or not await may_still(terms, found) or (await stops.standing(store)).of(terms.owner) is not None:
        return terms
    return allowed(terms, found)


def allowed(terms: Terms, grant: Grant) -> Terms:
    """The terms of a request that a grant covers."""
    said = f"{grant.name} allowed {_WHAT[grant.standing]} until {grant.until:%Y-%m-%d %H:%M} UTC"
    watched = terms.ruled.watched if terms.ruled else ()
    ruled = model.Ruled(rule=f"grant {grant.id}", effect="allow", reason=said, watched=watched)
    return dataclasses.replace(terms, ruled=ruled, route=(events.INBOX,), stage_routes=())


_WHAT: dict[parts.Standing | Literal["rule"], str] = {
    "call": "this exact call",
    "tool": "this tool in this session",
    "pattern": "what is like this",
    "rule": "calls like this",
}


async def _find(store: Store, request: model.Request, terms: Terms, at: datetime) -> Grant | None:
    async for record in _possible(store, request, terms.owner):
        found = read(record)
        if found is None or found.until <= at or _terms_of(found) != (terms.key, terms.policy_name, terms.requester):
            continue
        if await aside.run_large(requests.is_large(request), _covers, found, request):
            return found
    return None


def _terms_of(grant: Grant) -> tuple[str | None, str | None, str | None]:
    return grant.key, grant.policy, grant.requester


async def _possible(store: Store, request: model.Request, owner: str) -> AsyncIterator[Record | None]:
    """The grants that may cover a call: two by their names, and the few patterns of its agent and tool."""
    for kind in get_args(parts.Standing):
        name = await _name(owner, request, kind)
        if name is None:
            continue
        if kind != "pattern":
            yield await store.get(GRANT, name)
            continue
        for record in await store.scan(GRANT, name):
            yield record


def _covers(grant: Grant, request: model.Request) -> bool:
    """Whether it covers a call that its name fits: nothing is risky in it that the card did not show."""
    if grant.folder not in (None, risk.folder_of(request.context)):
        return False
    if grant.standing == "pattern":
        return grant.like is not None and likeness.is_like(grant.like, request)
    found = {*risk.names_of(request)}
    # the same call to the last sign was read to its end by whoever allowed it; another one was not
    return found <= {*grant.risks} and (grant.standing == "call" or risk.LONG not in found)


async def listed(store: Store, at: datetime) -> Sequence[Grant]:
    """The grants that hold, the newest first."""
    found = [grant for record in await store.scan(GRANT) if (grant := read(record)) and grant.until > at]
    return [_shown(one) for one in sorted(found, key=lambda grant: grant.at, reverse=True)]


def _shown(grant: Grant) -> Grant:
    """Without the digest of what may not differ."""
    return grant.model_copy(update={"like": grant.like.model_copy(update={"fixed": ""})}) if grant.like else grant


async def end(store: Store, id: str, by: str, at: datetime) -> Grant:
    """End a grant: what comes after this is asked again. Raises `NotFound`."""
    for record in await store.scan(GRANT):
        grant = read(record)
        if grant is not None and grant.id == id and await store.remove(GRANT, record.name):
            ticket = await store.load(grant.request)
            ended = events.GrantEnded(at=at, by=by, grant=id)
            await store.append(grant.request, ticket.version, ended)
            return grant
    raise errors.NotFound(f"there is no grant {id!r}", field="id", hint="see: sayso grants list")


async def _name(owner: str, request: model.Request, kind: parts.Standing) -> str | None:
    covered = await aside.run_large(requests.is_large(request), scopes.covered, owner, request, kind)
    return tokens.id_from("grant", *covered) if covered else None


def read(record: Record | None) -> Grant | None:
    """The grant of a record; None if there is none, or none that this version knows."""
    if record is None:
        return None
    try:
        return Grant.model_validate(record.value)
    except pydantic.ValidationError:
        # of another version, or damaged: nothing is granted
        return None
