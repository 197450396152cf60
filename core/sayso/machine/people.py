"""Who somebody is: accounts on platforms become people, with the groups they are in at this moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sayso import model

ON_CALL = "oncall:"
"""How an approver begins who is whoever is on call: `oncall:payments`."""


@dataclass(frozen=True, slots=True)
class Known:
    """What platforms and rotas say of somebody of the settings, who did not press."""

    person: str
    groups: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Actor:
    """What a door knows for certain about whoever pressed, from the platform and at the press."""

    account: str
    """Platform, organisation and user: `slack:T1/U1`, `web:ann`, `key:ann`. Never a display name."""
    name: str = ""
    """Untrusted, for showing only."""
    member: bool = False
    """A full member of the place: no guest, no stranger, no bot, not deactivated."""
    email: str = ""
    """As the platform verified it; never what somebody wrote of themselves."""
    groups: frozenset[str] = frozenset()
    """Platform groups or roles, as `slack:S1`, and rotas, as `oncall:payments`."""
    complete: frozenset[str] = frozenset()
    """Platforms that told all groups of theirs: this person is in no other one there."""
    unknown: frozenset[str] = frozenset()
    """Groups and rotas of which nobody could find out whether this person is in them."""
    others: tuple[Known, ...] = ()
    """What is known of those for whom this person may act."""
    person: str | None = None
    """Set only by a door that signed the person in itself: by a key, or by a session made with one."""
    key: str | None = None
    """The record of the key by which they answer."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A configured person: their accounts on every platform."""

    accounts: frozenset[str] = frozenset()
    email: str = ""
    """By which an account is theirs on a platform that verified it, and on which no account of theirs is named."""


_NO_PROFILE = Profile()


@dataclass(frozen=True, slots=True)
class Group:
    """A configured group: people by id, and the platform groups that belong to it."""

    members: frozenset[str] = frozenset()
    platform_groups: frozenset[str] = frozenset()
    on_call: bool = False
    """Whether a rota says who of it is on call: `oncall:NAME`."""


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
class Delegation:
    """Somebody is away, and others act for them."""

    of: str
    to: frozenset[str]
    until: datetime
    policies: frozenset[str] = frozenset()
    """Under which policies; none means all."""

    def holds(self, person: str, policy: str | None, at: datetime) -> bool:
        """Whether this person acts for them under a policy at this moment."""
        return person in self.to and at < self.until and self.covers(policy)

    def covers(self, policy: str | None) -> bool:
        """Whether it is for requests under a policy of this name."""
        return not self.policies or policy in self.policies


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody who is configured. One person has one id, whatever they press on, so a quorum counts people."""

    people: Mapping[str, Profile] = field(default_factory=dict[str, Profile])
    groups: Mapping[str, Group] = field(default_factory=dict[str, Group])
    delegations: tuple[Delegation, ...] = ()

    def identify(self, actor: Actor) -> model.Person:
        """The person behind an account; an account that nobody configured is a person of its own."""
        person = actor.person or self.owner(actor.account) or self._by_email(actor) or actor.account
        return model.Person(
            id=person,
            # half a character in a platform's name can be neither stored nor shown
            name=(actor.name or person).encode(errors="replace").decode(),
            account=actor.account,
            groups=tuple(self._groups_of(person, actor)),
            unknown=tuple(self._unknown_of(person, actor)),
            member=actor.member,
            platforms=tuple(sorted({one.partition(":")[0] for one in self.people.get(person, _NO_PROFILE).accounts})),
        )

    def stand_ins(self, actor: Actor, policy: str | None, at: datetime) -> tuple[model.Person, ...]:
        """Those for whom the person behind an account acts under a policy at this moment, each with its delegate."""
        me = self.identify(actor)
        # the platform groups of an account say nothing of whom it acts for
        told = {one.person: one for one in actor.others}
        acts = (
            replace(actor, person=one.of, groups=known.groups, unknown=known.unknown)
            for one in self.delegations
            if one.holds(me.id, policy, at) and (known := told.get(one.of, Known(one.of)))
        )
        return tuple(self.identify(one).model_copy(update={"delegate": me.id, "name": me.name}) for one in acts)

    def deputies(self, names: Collection[str], policy: str | None, at: datetime) -> tuple[str, ...]:
        """Whoever acts at this moment, under a policy, for somebody of these names who is away."""
        if not self.delegations:
            return ()
        away = {*names, *self.members(names)}
        acting = (one for one in self.delegations if one.of in away and at < one.until and one.covers(policy))
        return tuple(dict.fromkeys(name for one in acting for name in sorted(one.to)))

    def called(self, names: Sequence[str], platform: str) -> Called:
        """How those whom a policy names are called on a platform: people, and groups by their platform groups."""
        people, groups = list[str](), list[str]()
        for name in names:
            if name.startswith(ON_CALL):
                continue  # a mention stays where it stands, and the next shift would read it
            if name.startswith("group:"):
                group = self.groups.get(name.removeprefix("group:"), Group())
                groups += sorted(group.platform_groups)
                people += sorted(group.members)
            else:
                people.append(name)
        # whom the settings do not know is called by the account
        known = (self.people[name].accounts if name in self.people else frozenset({name}) for name in people)
        accounts = (account for some in known for account in sorted(some))
        return Called(_on(platform, accounts), _on(platform, groups))

    def members(self, names: Iterable[str]) -> tuple[str, ...]:
        """The people of these names: of a group those whom the settings name."""
        plain = (name for name in names if not name.startswith(ON_CALL))
        groups = ((name, self.groups.get(name.removeprefix("group:"), Group())) for name in plain)
        listed = (sorted(group.members) if name.startswith("group:") else [name] for name, group in groups)
        return tuple(dict.fromkeys(person for some in listed for person in some))

    def owner(self, account: str) -> str | None:
        """Whose account this is; None if nobody configured it."""
        return next((name for name, profile in self.people.items() if account in profile.accounts), None)

    def has_account(self, person: str, platform: str) -> bool:
        """Whether an account of this person is known there."""
        return bool(_on(platform, self.people.get(person, Profile()).accounts))

    def _by_email(self, actor: Actor) -> str | None:
        if not actor.email:
            return None
        found = next((name for name, one in self.people.items() if same_email(one.email, actor.email)), None)
        # whoever named an account on this platform named the only one
        named = _on(actor.account.partition(":")[0], self.people[found].accounts) if found else ()
        return None if named else found

    def _groups_of(self, person: str, actor: Actor) -> Iterator[str]:
        for name, group in self.groups.items():
            if self._is_in(group, person, actor):
                yield name
            if group.on_call and f"{ON_CALL}{name}" in actor.groups:
                yield f"{ON_CALL}{name}"

    def _unknown_of(self, person: str, actor: Actor) -> Iterator[str]:
        """Groups that this person may be in: nobody could find out."""
        for name, group in self.groups.items():
            if not self._is_in(group, person, actor) and group.platform_groups & actor.unknown:
                yield name
            if f"{ON_CALL}{name}" in actor.unknown:
                yield f"{ON_CALL}{name}"

    def _is_in(self, group: Group, person: str, actor: Actor) -> bool:
        return person in group.members or bool(group.platform_groups & actor.groups)


def id_of(account: str) -> str:
    """What a platform calls an account: `U1` of `slack:T1/U1`; empty for a name of the settings."""
    return account.partition(":")[2].rpartition("/")[2]


def same_email(one: str, other: str) -> bool:
    """Whether two addresses are the same mailbox: case does not tell them apart, and nothing else is forgiven."""
    return bool(one) and one.lower() == other.lower()


NOBODY_KNOWN = Directory()
"""Where no settings say who anybody is."""


def local(name: str = "local") -> Actor:
    """Whoever sits at this machine's terminal; a full member of their own setup."""
    return Actor(account=f"terminal:{name}", name=name, member=True)


def _on(platform: str, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in ids if one.startswith(f"{platform}:")))
