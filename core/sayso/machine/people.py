"""Who somebody is: accounts on platforms become people, with the groups they are in at this moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sayso import errors, model, parts


@dataclass(frozen=True, slots=True)
class Actor:
    """What a door knows for certain about whoever pressed, from the platform and at the press."""

    account: str
    """Platform, organisation and user: `slack:T1/U1`, `web:ann`, `key:ann`. Never a display name."""
    name: str = ""
    """Untrusted, for showing only."""
    member: bool = False
    """A full member of the place: no guest, no stranger, no bot, not deactivated."""
    groups: frozenset[str] = frozenset()
    """Platform groups or roles, as `slack:S1`."""
    person: str | None = None
    """Set only by a door that signed the person in itself: by a key, or by a session made with one."""
    key: str | None = None
    """The record of the key by which they answer."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A configured person: their accounts on every platform."""

    accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """A configured group: people by id, and the platform groups that belong to it."""

    members: frozenset[str] = frozenset()
    platform_groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Who is in a platform group at this moment: accounts that are known, and how many others."""

    accounts: frozenset[str] = frozenset()
    others: int = 0


@dataclass(frozen=True, slots=True)
class Called:
    """Accounts and platform groups, as `slack:T1/U1` and `slack:S1`."""

    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody who is configured. One person has one id, whatever they press on, so a quorum counts people."""

    people: Mapping[str, Profile] = field(default_factory=dict[str, Profile])
    groups: Mapping[str, Group] = field(default_factory=dict[str, Group])

    def identify(self, actor: Actor) -> model.Person:
        """The person behind an account; an account that nobody configured is a person of its own."""
        person = actor.person or self._owner(actor.account) or actor.account
        return model.Person(
            id=person,
            # half a character in a platform's name can be neither stored nor shown
            name=(actor.name or person).encode(errors="replace").decode(),
            account=actor.account,
            groups=tuple(name for name, group in self.groups.items() if self._is_in(group, person, actor)),
            member=actor.member,
            platforms=tuple(sorted({one.partition(":")[0] for one in self.people.get(person, Profile()).accounts})),
        )

    def called(self, names: Sequence[str], platform: str) -> Called:
        """How those whom a policy names are called on a platform: people, and groups by their platform groups."""
        people, groups = list[str](), list[str]()
        for name in names:
            if name.startswith("group:"):
                group = self.groups.get(name.removeprefix("group:"), Group())
                groups += sorted(group.platform_groups)
                people += sorted(group.members)
            else:
                people.append(name)
        known = (self.people.get(name, Profile()).accounts for name in people)
        accounts = (account for some in known for account in sorted(some))
        return Called(_on(platform, accounts), _on(platform, groups))

    def members(self, names: Iterable[str]) -> tuple[str, ...]:
        """The people of these names: of a group those whom the settings name."""
        groups = ((name, self.groups.get(name.removeprefix("group:"), Group())) for name in names)
        listed = (sorted(group.members) if name.startswith("group:") else [name] for name, group in groups)
        return tuple(dict.fromkeys(person for some in listed for person in some))

    def check(self, policy: model.Policy, name: str) -> None:
        """Refuse a policy that names somebody unknown, or that too few people could ever meet.

        Raises:
            InvalidSettings: `field` is the key of the policy.
        """
        for approver in policy.approvers:
            if approver not in ("anyone", "requester"):
                self._check_known(approver, f"policies.{name}.approvers")
        for called in policy.notify:
            key = f"policies.{name}.notify"
            if called in ("anyone", "requester"):
                hint = 'people, "group:NAME", "approvers", or []'
                raise errors.InvalidSettings(f"{key}: {called!r} cannot be mentioned", field=key, hint=hint)
            if called != parts.APPROVERS:
                self._check_known(called, key)
        known_to_all = self.most(policy, {})
        if policy.approvers and known_to_all is not None and known_to_all < policy.quorum:
            message = f"policies.{name}.quorum is {policy.quorum}, and only {known_to_all} may approve"
            raise errors.InvalidSettings(message, field=f"policies.{name}.quorum", hint="add approvers")

    def _check_known(self, name: str, key: str) -> None:
        group = name.removeprefix("group:")
        if name not in self.people and not (name.startswith("group:") and group in self.groups):
            hint = f"add [people.{name}]" if group == name else f"add [groups.{group}]"
            raise errors.InvalidSettings(f"{key}: {name!r} is unknown", field=key, hint=hint)

    def most(self, policy: model.Policy, enrolled: Mapping[str, Enrolled]) -> int | None:
        """How many may approve who are surely different people; *enrolled* has who is in which platform group.

        None where nobody can tell: anyone may approve, or a platform group is not among *enrolled*.
        """
        named = [one for one in policy.approvers if not one.startswith("group:")]
        groups = [self.groups.get(one.removeprefix("group:"), Group()) for one in policy.approvers if one not in named]
        platform_groups = frozenset[str]().union(*(group.platform_groups for group in groups))
        if "anyone" in named or not platform_groups <= enrolled.keys():
            return None
        found = set(named).union(*(group.members for group in groups))
        accounts = (account for name in platform_groups for account in enrolled[name].accounts)
        found |= {person for account in accounts if (person := self._owner(account))}
        platforms = {name.partition(":")[0] for name in platform_groups}
        # an account that nobody configured may belong to somebody who allowed it on another platform
        there = (self._most_there(found, [enrolled[g] for g in _on(one, platform_groups)], one) for one in platforms)
        return max((len(found), *there))

    def _most_there(self, found: Collection[str], groups: Sequence[Enrolled], platform: str) -> int:
        """How many may approve on one platform."""
        known = [name for name in found if _on(platform, self.people.get(name, Profile()).accounts)]
        accounts = frozenset[str]().union(*(group.accounts for group in groups))
        strangers = [account for account in accounts if self._owner(account) is None]
        return len(known) + len(strangers) + sum(group.others for group in groups)

    def _owner(self, account: str) -> str | None:
        return next((name for name, profile in self.people.items() if account in profile.accounts), None)

    def _is_in(self, group: Group, person: str, actor: Actor) -> bool:
        return person in group.members or bool(group.platform_groups & actor.groups)


def local(name: str = "local") -> Actor:
    """Whoever sits at this machine's terminal; a full member of their own setup."""
    return Actor(account=f"terminal:{name}", name=name, member=True)


def _on(platform: str, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in ids if one.startswith(f"{platform}:")))
