"""What the rules come to for one request: asked before it is opened, with what only a store remembers.

The rule: an allowance is taken before the request is stored, by compare-and-set and under its id. So over any number of
copies no more is allowed than the rule says, and a repeated call takes nothing more, and counts from when it is
allowed; a crash in between loses one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso import aside, errors, model, rules
from sayso.content import digest
from sayso.desk.shell import Shell
from sayso.desk.upkeep import stops
from sayso.rules import matching, rulings
from sayso.stores import Record, Store
from sayso.stores.record_kinds import ALLOWANCE, EARLIER

# More than writers of one record could win in a row.
_TRIES = 200


async def rule(
    shell: Shell, request: model.Request, owner: str, id: str, at: datetime, *, large: bool = False
) -> rules.Ruling:
    """The ruling on a request that is not stored yet."""
    book = shell.setup.rules
    call = book.call(request, owner)
    found = await aside.run_large(large, book.matching, call, at)
    found = tuple([one for one in found if one.after is None or await _came_before(shell.store, one.after, call, at)])
    await _keep_for_later(shell.store, book, call, at)
    stopped = bool(found) and (await stops.standing(shell.store)).of(owner) is not None
    # under a stop no rule allows anything: people are asked, and can allow it once it is lifted
    spent = {one.id for one in found if one.effect == "allow"} if stopped else set[str]()
    while True:
        ruling = rulings.decide(found, spent)
        limit = ruling.rule.limit if ruling.rule else None
        if ruling.rule is None or limit is None or await _take(shell.store, ruling.rule.id, limit, call, id, at):
            return ruling
        spent.add(ruling.rule.id)


async def _came_before(store: Store, after: rules.After, call: rules.Call, at: datetime) -> bool:
    """Whether an earlier call matched, within the time."""
    record = await store.get(EARLIER, _name_of_earlier(after, call))
    if record is None:
        return False
    return bool(record.value["at"] >= at.timestamp() - after.within)


async def _keep_for_later(store: Store, book: rules.Book, call: rules.Call, at: datetime) -> None:
    for one in book.rules:
        if one.after is not None and matching.holds(one.after.match, call, strictly=False):
            await _keep(store, _name_of_earlier(one.after, call), at, at + timedelta(seconds=one.after.within))


async def _keep(store: Store, name: str, at: datetime, until: datetime) -> None:
    for _ in range(_TRIES):
        before = await store.get(EARLIER, name)
        try:
            return await store.put(
                Record(EARLIER, name, {"at": at.timestamp()}, until, before.version if before else 0)
            )
        except errors.Conflict:
            continue
    raise errors.StoreUnavailable("calls that a rule looks for come too fast", hint="try again")


async def _take(store: Store, rule: str, limit: rules.Limit, call: rules.Call, id: str, at: datetime) -> bool:
    """Take one of an allowance, unless it is spent."""
    name = _hashed(rule, rulings.counted_by(limit.by, call.owner, call.request.source.session))
    since, until = at.timestamp() - limit.per, at + timedelta(seconds=limit.per)
    for _ in range(_TRIES):
        before = await store.get(ALLOWANCE, name)
        taken = {one: when for one, when in (before.value if before else {}).items() if when > since}
        if id not in taken and len(taken) >= limit.count:
            return False
        # one that was cut off before it was stored is allowed now, so that it counts from now on
        made = Record(ALLOWANCE, name, taken | {id: at.timestamp()}, until, before.version if before else 0)
        try:
            await store.put(made)
        except errors.Conflict:
            continue
        return True
    # whoever cannot be counted is asked about
    return False


def _name_of_earlier(after: rules.After, call: rules.Call) -> str:
    by = rulings.counted_by(after.by, call.owner, call.request.source.session)
    return _hashed(after.match.model_dump_json(), by)


def _hashed(*parts: str) -> str:
    return digest.digest({"parts": list(parts)}, "record")
