"""Suggests rules to whom the settings name, as requests of the service: in chats, inbox and terminal like any other.

The rule: one process suggests, and each thing once, over restarts and copies: what is suggested is on record before it
is asked. What somebody denied, ever and for any agent, is not suggested; if that happens later, it is
withdrawn, or ends.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sayso import aside, errors, machine, model
from sayso.cards import naming, tokens
from sayso.content import digest, requests, risk
from sayso.desk import setup as setups
from sayso.desk.admission import learned, routes
from sayso.desk.posting import reaching
from sayso.desk.shell import Shell
from sayso.desk.upkeep import denied, duties, looking_back, suggested, suggested_content
from sayso.machine import events
from sayso.rules import rule, rulings, suggesting
from sayso.rules.replaying import Past
from sayso.stores import Record
from sayso.stores.record_kinds import SUGGESTION

log = logging.getLogger(__name__)

_KIND, _NAME = "suggesting", "looked"
# Seconds between two looks whether it is time, and whether something was denied meanwhile.
_LOOK = 60.0
# Requests that are looked at, the newest; what is suggested at once; and all that is remembered of it.
_MOST_READ, _MOST_AT_ONCE, _MOST_KEPT = 10_000, 3, 2_000
_OPEN_FOR = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class _Found:
    key: str
    """By what it covers."""
    one: suggesting.Suggestion
    before: Record | None
    """What was suggested of the same before."""
    terms: tuple[str | None, str | None, str]
    """The key, the policy and the folder of the calls."""


async def suggest_on(shell: Shell) -> None:
    """Suggest again and again, for ever, as the settings say at that moment; one process at a time."""
    duty = duties.Duty(shell.store, shell.clock, "suggestions", _LOOK)
    await duties.repeat(duty, shell.clock, _LOOK, lambda: look(shell))


async def look(shell: Shell) -> int:
    """Withdraw what was denied meanwhile, and suggest what is new if it is time; how many were suggested."""
    record, now, wanted = await shell.store.get(_KIND, _NAME), shell.clock.now(), shell.setup.suggesting
    if record is not None:
        record = await _catch_up(shell, record)
    if not wanted.ask or (record is not None and now - datetime.fromisoformat(record.value["at"]) < wanted.every):
        return 0
    # what is denied while it is looked for is caught up with
    row = record.value["row"] if record else await shell.store.last_row()
    await suggested_content.tidy(shell.store, now)
    found = await _new(shell, now)
    for one in found:
        await _suggest(shell, one, now)
    await _note(shell, record, {"at": now.isoformat(), "row": row})
    return len(found)


async def current(shell: Shell, ticket: model.Ticket) -> model.Ticket:
    """What the service asks, as it stands once all that was denied is known: it may be withdrawn by now."""
    record = await shell.store.get(_KIND, _NAME) if naming.suggests(ticket) else None
    if record is not None:
        await _catch_up(shell, record)
    return await shell.store.load(ticket.id)


async def _catch_up(shell: Shell, record: Record) -> Record:
    """Look at what was denied since the last look; the record as it is then."""
    known = [one async for one in _standing(shell)]
    if not known:
        row = await shell.store.last_row()
    else:
        parse = shell.setup.rules.parse
        tables = [one.value["match"] for one in known]
        against, row = await denied.since(shell.store, record.value["row"], tables, parse)
        for number, id in against.items():
            await _take_back(shell, known[number], id)
    return await _note(shell, record, {**record.value, "row": row}) if row != record.value["row"] else record


async def _standing(shell: Shell) -> AsyncIterator[Record]:
    """What was suggested and may still count: it is open, or was accepted."""
    for record in await shell.store.scan(SUGGESTION):
        if "match" in record.value:
            yield record


async def _take_back(shell: Shell, record: Record, id: str) -> None:
    """Withdraw a suggestion, or end what came of it, because a call like these was denied."""
    reason = f"a call like these was denied: {id}"
    with contextlib.suppress(errors.NotFound):
        await shell.step(
            record.value["request"],
            lambda: events.Cancelled(at=shell.clock.now(), by=naming.SERVICE, reason=reason),
        )
    with contextlib.suppress(errors.NotFound):
        await learned.end(shell.store, record.name, naming.SERVICE, shell.clock.now())
    await _keep(shell, replace(record, value={"request": record.value["request"], "over": True, "denied": id}))
    log.info("suggestion taken back", extra={"suggestion": record.name, "denied": id})


async def _new(shell: Shell, now: datetime) -> Sequence[_Found]:
    """What people allowed again and again, and was not suggested before."""
    wanted = shell.setup.suggesting
    by_id, past = dict[str, model.Ticket](), list[Past]()
    async for ticket in looking_back.tickets(shell.store, now - wanted.since):
        if ticket.request.kind == "permission" and len(past) < _MOST_READ:
            past.append(looking_back.of(ticket))
            by_id[ticket.id] = ticket
    parse = shell.setup.rules.parse
    suggestions = await aside.run(suggesting.suggest, past, wanted.least, parse)
    found = [one for each in suggestions if (one := await _read(shell, each, by_id, now))]
    against = await denied.by_index(shell.store, [one.one.match for one in found], parse) if found else {}
    for number, id in against.items():
        # never again: whether it was denied is not asked twice
        await _keep(shell, Record(SUGGESTION, found[number].key, {"denied": id}))
    room = _MOST_AT_ONCE if len(await shell.store.scan(SUGGESTION)) < _MOST_KEPT else 0
    return [one for number, one in enumerate(found) if number not in against][:room]


async def _read(
    shell: Shell, one: suggesting.Suggestion, by_id: dict[str, model.Ticket], now: datetime
) -> _Found | None:
    """A suggestion that may be made: of one key and one policy, under which one plain allow is enough."""
    wanted, book = shell.setup.suggesting, shell.setup.rules
    match = rule.read_match("suggested", one.match)
    whole = [past for past in one.covered if suggesting.covers(match, book.call(past.request, past.owner))]
    if not whole or (one.costly and not wanted.costly):
        return None
    newest = by_id[whole[0].id]
    terms = _terms_of(newest)
    alike = tuple(past for past in whole if _terms_of(by_id[past.id]) == terms)
    if len(alike) < wanted.least or not learned.may_hold(newest.policy):
        return None
    call = book.call(newest.request, newest.owner)
    if rulings.decide(book.matching(call, now)).rule is not None:
        return None
    if any(learned.covers(each, book, newest.request, newest.owner) for each in await learned.find(shell.store)):
        return None
    key = digest.digest({"match": dict(one.match)}, "suggestion").rpartition(":")[2]
    before, whole_one = await shell.store.get(SUGGESTION, key), replace(one, covered=alike)
    if before is not None and await _is_known(shell, before, now):
        return None
    if not suggested.is_readable(whole_one, shell.mint.masks):
        log.info("too much to read for a suggestion", extra={"suggestion": key, "calls": len(alike)})
        return None
    return _Found(key, whole_one, before, terms)


def _terms_of(ticket: model.Ticket) -> tuple[str | None, str | None, str]:
    return ticket.key, ticket.policy_name, risk.folder_of(ticket.request.context)


async def _is_known(shell: Shell, record: Record, now: datetime) -> bool:
    """Whether it is not to be suggested again: somebody refused it or denied such a call, or it is not so long ago."""
    if "request" not in record.value or record.value.get("over"):
        return True
    try:
        ticket = await shell.store.load(record.value["request"])
    except errors.NotFound:
        return False  # what was to be asked was not stored
    return now < ticket.created_at + timedelta(seconds=record.value["lasts"])


async def _suggest(shell: Shell, found: _Found, now: datetime) -> None:
    wanted, one = shell.setup.suggesting, found.one
    risks = sorted({name for past in one.covered for name in risk.names_of(past.request)})
    key, policy, folder = found.terms
    id = tokens.new_id()
    value: model.JsonObject = {
        "request": id,
        "match": dict(one.match),
        "agent": one.covered[0].owner,
        "tool": one.covered[0].request.tool or "",
        "key": key,
        "policy": policy,
        "folder": folder,
        "risks": risks,
        "costly": one.costly,
        "covered": suggested_content.ids_of(one),
        "lasts": wanted.lasts.total_seconds(),
    }
    if not await _keep(
        shell, Record(SUGGESTION, found.key, value, version=found.before.version if found.before else 0)
    ):
        return
    asked = suggested.request_of(one, found.key, (now + wanted.lasts).date(), shell.mint.masks)
    terms = machine.Terms(
        owner=naming.SERVICE,
        policy=model.Policy(approvers=wanted.ask, expires_in=_OPEN_FOR),
        route=await _route(shell, wanted),
    )
    names = {"id": id, "ref": tokens.new_ref(), "salt": tokens.new_salt()}
    opened = machine.open_ticket(requests.checked(requests.plain(asked)), terms, **names, at=now)
    ticket = opened.ticket
    entry = events.Opened(at=now, by=ticket.owner, digest=ticket.digest, settings=shell.setup.digest)
    await shell.store.commit(opened, entry)
    shell.watched.committed(ticket, entry, decides=False)
    log.info("rule suggested", extra={"request": id})


async def _route(shell: Shell, wanted: setups.Suggesting) -> tuple[model.Place, ...]:
    """Where it is asked; in the inbox in any case."""
    present = await reaching.find(shell, wanted.ask)
    where = routes.Routes(shell.setup.directory, shell.setup.chats, shell.setup.channels, None, present)
    try:
        places = where.expanded(wanted.route, wanted.ask)
    except errors.SaysoError as error:
        log.info("a suggestion is shown in the inbox only", extra={"error": error.message})
        places = ()
    return tuple(dict.fromkeys((*places, machine.INBOX)))


async def _keep(shell: Shell, record: Record) -> bool:
    """Write a record; whether nobody else did meanwhile."""
    try:
        await shell.store.put(record)
    except errors.Conflict:
        return False
    return True


async def _note(shell: Shell, before: Record | None, value: model.JsonObject) -> Record:
    record = Record(_KIND, _NAME, value, version=before.version if before else 0)
    await _keep(shell, record)
    return replace(record, version=record.version + 1)
