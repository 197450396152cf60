"""Direct messages to those whom a policy names: whom the settings know, and whom chats and rotas named just now. Pure.

The rule: a message is sent to nobody who was not found for certain. Where nobody was, the request is not asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sayso import errors, model
from sayso.machine import people

MOST = 100
"""As many direct messages as people can be mentioned on a card."""


@dataclass(frozen=True, slots=True)
class Present:
    """Who was found behind groups and rotas when something was asked."""

    places: Mapping[str, Sequence[model.Place]] = field(default_factory=dict[str, Sequence[model.Place]])
    """By the name in a policy: `group:release`, `oncall:payments`."""
    on_call: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Of a rota the people of the settings, by its name in a policy."""
    unknown: Collection[str] = ()
    """Names of which nobody could find out who is meant."""
    at: datetime | None = None
    """When that was, if anybody may act for somebody else."""


def places(
    directory: people.Directory, channels: Sequence[str], names: Sequence[str], present: Present
) -> tuple[model.Place, ...]:
    """The direct messages of these people, groups and rotas; *channels* are connected, in their order."""
    found = list[model.Place]()
    for name in names:
        found += [place for person in directory.members([name]) for place in of_person(directory, channels, person)]
        found += present.places.get(name, ())
    return tuple(dict.fromkeys(found))[:MOST]


def of_person(directory: people.Directory, channels: Sequence[str], person: str) -> list[model.Place]:
    """The direct messages of a person on the first chat of theirs that is connected."""
    named = directory.people.get(person, people.Profile()).accounts
    theirs = {model.channel_of(account) for account in named}
    reached = next((name for name in channels if name in theirs), None)
    return [f"{reached}:@{person}"] if reached else []


def may_reach(directory: people.Directory, channels: Sequence[str], names: Sequence[str]) -> bool:
    """Whether anybody of these names may ever have a direct message."""
    for name in names:
        group = directory.groups.get(name.removeprefix("group:"), people.Group())
        if name == "requester" or name.startswith(people.ON_CALL):
            return True
        if name.startswith("group:") and any(model.channel_of(one) in channels for one in group.platform_groups):
            return True
    by_email = any(directory.people.get(one, people.Profile()).email for one in directory.members(names))
    return by_email or bool(places(directory, channels, names, Present()))


def refuse(names: Sequence[str], present: Present) -> errors.SaysoError:
    """Why a request cannot be asked by direct messages to these names."""
    lost = next((name for name in names if name in present.unknown), None)
    if lost is not None:
        rota = lost.removeprefix(people.ON_CALL)
        what = f"who is on call for {rota}" if rota != lost else f"who is in the group {lost.removeprefix('group:')}"
        hint = "ask again in a minute; the operator sees the cause by: sayso doctor"
        return errors.MembershipUnknown(f"could not find out {what}, so nobody was asked", hint=hint)
    hint = "name people, groups or a rota under approvers, with accounts on a chat that is connected"
    return errors.InvalidRequest("its policy names nobody who has a direct message", field="route", hint=hint)
