"""Who presses, with the groups that matter, as platforms and rotas say at this moment.

The rule: there are three answers, *in*, *out* and *could not find out*. The last one never counts as the first, and
whoever pressed is told which one it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from sayso import errors, model
from sayso.machine import approvers, people

if TYPE_CHECKING:
    from sayso.desk.shell import Shell

log = logging.getLogger(__name__)

# Seconds for all of them. A chat waits three for an answer, and it has to find out who pressed as well.
_WITHIN = 1.2


async def find(shell: Shell, ticket: model.Ticket, actor: people.Actor) -> model.Person:
    """The person who acts on a request, with the groups that its policy names."""
    directory = shell.setup.directory
    person = directory.identify(actor)
    wanted = approvers.groups_to_ask(ticket, directory, person)
    if not wanted and not directory.delegations:
        return person
    whole = await complete(shell, actor, wanted)
    if directory.delegations and not approvers.may_answer(ticket, directory.identify(whole)):
        whole = replace(whole, others=await _others(shell, ticket, whole))
    return shell.acting(ticket, whole)


async def _others(shell: Shell, ticket: model.Ticket, actor: people.Actor) -> tuple[people.Known, ...]:
    """Those for whom this person acts, with the groups that the policy names."""
    directory, now = shell.setup.directory, shell.clock.now()
    me = directory.identify(actor).id
    away = sorted({one.of for one in directory.delegations if one.holds(me, ticket.policy_name, now)})
    wanted = approvers.groups_behind(ticket.policy.everybody, directory)
    alone = [await complete(shell, people.Actor(f"key:{name}", person=name), wanted) for name in away]
    return tuple(people.Known(name, one.groups, one.unknown) for name, one in zip(away, alone, strict=True))


async def complete(shell: Shell, actor: people.Actor, wanted: Collection[str] | None = None) -> people.Actor:
    """The actor with what is known of these platform groups and rotas; without *wanted* of all in the settings."""
    directory = shell.setup.directory
    if wanted is None:
        names = [*map("group:{}".format, directory.groups), *_rotas(directory)]
        wanted = approvers.groups_behind(names, directory)
    open_ones = [one for one in wanted if one not in actor.groups and one.partition(":")[0] not in actor.complete]
    if not open_ones:
        return actor
    asking = {asyncio.ensure_future(_is_in(shell, one, actor)): one for one in open_ones}
    try:
        done, late = await asyncio.wait(asking, timeout=_WITHIN)
    finally:
        # also if nobody wants to know any more: what fails then is nobody's
        for one in asking:
            one.cancel()
    failed = frozenset(asking[one] for one in asking if one in late or one.exception() is not None)
    inside = frozenset(asking[one] for one in done if one.exception() is None and one.result())
    if failed:
        why = "; ".join(sorted({str(one.exception()) for one in done if one.exception()} | _slow(late)))
        log.warning("could not find out who is in a group", extra={"groups": sorted(failed), "error": why})
    return replace(actor, groups=actor.groups | inside, unknown=actor.unknown | failed)


async def _is_in(shell: Shell, group: str, actor: people.Actor) -> bool:
    directory = shell.setup.directory
    person = directory.identify(actor).id
    profile = directory.people.get(person, people.Profile())
    if group.startswith(people.ON_CALL):
        rota = shell.setup.rotas.get(group.removeprefix(people.ON_CALL))
        return rota is not None and (await rota.on_call()).has(person, profile.email)
    platform = group.partition(":")[0]
    accounts = {one for one in (actor.account, *profile.accounts) if one.startswith(f"{platform}:")}
    if not accounts and not profile.email:
        return False  # nobody here has an account there
    known = shell.platforms.get(platform)
    if known is None or known.membership is None:
        hint = f"connect {platform}, or name people in place of its groups"
        raise errors.ChannelError(f"{platform} is not connected here", hint=hint)
    if not accounts and (found := await known.membership.account_of(profile.email)):
        accounts = {found}
    return any([await known.membership.is_in(group, account) for account in sorted(accounts)])


def _rotas(directory: people.Directory) -> list[str]:
    return [f"{people.ON_CALL}{name}" for name, group in directory.groups.items() if group.on_call]


def _slow(late: Collection[object]) -> set[str]:
    return {"no answer in time"} if late else set()


async def of(shell: Shell, actor: people.Actor, names: Collection[str]) -> model.Person:
    """The person behind an account, with the groups among *names* looked up as they are now."""
    directory = shell.setup.directory
    return directory.identify(await complete(shell, actor, approvers.groups_behind(names, directory)))


def is_among(names: Collection[str], person: model.Person) -> bool:
    """Whether a person is one of *names*: people, `group:NAME`, or `anyone`, which is every full member."""
    groups = {name if ":" in name else f"group:{name}" for name in person.groups}
    return person.id in names or not groups.isdisjoint(names) or ("anyone" in names and person.member)
