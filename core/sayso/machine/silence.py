"""Who is not to be mentioned or written to for now: they have put it off, or their quiet hours are on. Pure.

The rule: it is only put off. Whatever nobody hears now is planned for the moment at which they may hear it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from sayso import attention, model, policies
from sayso.machine import people, places


def silent(ticket: model.Ticket, at: datetime) -> frozenset[str]:
    """The people who are left alone at this moment."""
    snoozed = ticket.attending.snoozed if ticket.attending else ()
    quiet = ticket.reach.quiet if ticket.reach else ()
    return frozenset((*(one.person for one in snoozed if at < one.until), *_hushed(quiet, at)))


def is_quiet(policy: model.Policy, at: datetime) -> bool:
    """Whether nobody at all is mentioned at this moment."""
    return policy.quiet is not None and policy.quiet.holds(at)


def after(policy: model.Policy, moment: datetime | None) -> datetime | None:
    """This moment, or the end of the policy's quiet hours that are on then; None if they never end."""
    if moment is None or policy.quiet is None or not policy.quiet.holds(moment):
        return moment
    return policy.quiet.ends(moment)


def mentioned(
    ticket: model.Ticket, directory: people.Directory, names: tuple[str, ...] | None, at: datetime
) -> tuple[str, ...] | None:
    """These, and whoever acts for them, without those who are left alone for now; None if nobody is left."""
    if is_quiet(ticket.policy, at):
        return None
    alone = silent(ticket, at)
    if names and (acting := deputies(ticket, directory, names, at)):
        names = tuple(dict.fromkeys((*names, *acting)))
    if not names or not alone:
        return names
    found = list[str]()
    for name in names:
        members = directory.members([name])
        # a group of which somebody is left alone is called by its other members
        found += [name] if alone.isdisjoint(members) else [one for one in members if one not in alone]
    return tuple(dict.fromkeys(found)) or None


def deputies(
    ticket: model.Ticket, directory: people.Directory, names: tuple[str, ...], at: datetime
) -> tuple[str, ...]:
    """Whoever acts for one of these who is away, and has not answered this by themselves."""
    acting = directory.deputies(names, ticket.policy_name, at)
    answered = {given.human for given in places.latest(ticket)} if acting else set[str]()
    return tuple(name for name in acting if name not in answered and name != ticket.requester)


def opening(policy: model.Policy, reach: attention.Reach | None, at: datetime) -> Iterator[policies.Planned]:
    """When those hear of a new request who may not hear of it now."""
    if policy.notify or (reach is not None and reach.direct):
        yield from _openings(policy, reach.quiet if reach else (), at)


def later(ticket: model.Ticket, at: datetime) -> Iterator[policies.Planned]:
    """When those hear of something that happens now who may not hear of it now, unless that is planned already."""
    known = {one.to for one in ticket.plan if one.does == "open"}
    answered = {one.person for one in places.latest(ticket)}
    for one in _openings(ticket.policy, ticket.reach.quiet if ticket.reach else (), at):
        if one.to not in known and one.to not in answered:
            yield one


def over(ticket: model.Ticket, names: Collection[str]) -> model.Ticket:
    """The ticket once these people are told of it again."""
    attending = ticket.attending
    if attending is None or not names:
        return ticket
    kept = tuple(one for one in attending.snoozed if one.person not in names)
    return ticket.model_copy(update={"attending": attending.model_copy(update={"snoozed": kept})})


def _openings(policy: model.Policy, quiet: Iterable[attention.Quiet], at: datetime) -> Iterator[policies.Planned]:
    whole = [policy.quiet] if policy.quiet and policy.quiet.holds(at) else []
    for one in whole or (one for one in quiet if one.holds(at)):
        if ends := one.ends(at):
            yield policies.Planned(at=ends, does="open", to=one.person)


def _hushed(quiet: Iterable[attention.Quiet], at: datetime) -> Iterator[str]:
    return (one.person for one in quiet if one.person is not None and one.holds(at))


def until(ticket: model.Ticket, person: str, at: datetime) -> datetime | None:
    """When the quiet hours are over that somebody has at this moment; None if they have none, or for ever."""
    quiet = [one for one in (ticket.reach.quiet if ticket.reach else ()) if one.person == person]
    quiet += [ticket.policy.quiet] if ticket.policy.quiet else []
    found = [ends for one in quiet if one.holds(at) and (ends := one.ends(at))]
    return max(found, default=None)
