"""Whether enough people could ever fill the places of a policy, as far as the settings and the platforms say. Pure.

The rule: all stages together, since one person fills one place. Where nobody can tell who is in a group, the places of
that group are taken for filled.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sayso import errors, model, parts
from sayso.content import wording
from sayso.machine import people, places

_NOBODY_ELSE: Mapping[str, people.Enrolled] = {}


@dataclass(frozen=True, slots=True)
class Shortage:
    """Places that nobody could fill."""

    key: str
    """Which part of the policy says so: `quorum`, `needs`, `stages.1.quorum`."""
    needed: int
    most: int
    """How many could be filled at most by people who are surely different."""


def check(directory: people.Directory, policy: model.Policy, name: str) -> None:
    """Refuse a policy that names somebody unknown, or that too few people could ever meet.

    Raises:
        InvalidSettings: `field` is the key of the policy.
    """
    for key, who in _named(policy):
        for one in who:
            if one not in ("anyone", "requester"):
                check_known(directory, one, f"policies.{name}.{key}")
    _check_escalations(directory, policy, name)
    for called in policy.notify:
        key = f"policies.{name}.notify"
        if called in ("anyone", "requester"):
            hint = 'people, "group:NAME", "approvers", or []'
            raise errors.InvalidSettings(f"{key}: {called!r} cannot be mentioned", field=key, hint=hint)
        if called != parts.APPROVERS:
            check_known(directory, called, key)
    for called in policy.reveal:
        if called != "anyone":
            check_known(directory, called, f"policies.{name}.reveal")
    if policy.break_glass:
        _check_glass(directory, policy.break_glass, f"policies.{name}.break_glass")
    if short := shortage(directory, policy):
        key = f"policies.{name}.{short.key}"
        raise errors.InvalidSettings(f"{key}: {said(short)}", field=key, hint=HINT)
    if short := veto_shortage(directory, policy):
        key = f"policies.{name}.veto"
        needed = wording.people_counted(short.needed)
        message = f"{key}: {needed} must deny, and only {short.most} may, so nobody could"
        raise errors.InvalidSettings(message, field=key, hint="a lower veto, or more people")


def veto_shortage(directory: people.Directory, policy: model.Policy) -> Shortage | None:
    """Whether fewer people may answer than must deny; None if enough do."""
    if policy.veto == 1 or not policy.everybody:
        return None
    denying = (model.Need(who=policy.everybody, count=policy.veto),)
    every = {"approvers": (), "quorum": 1, "stages": (), "needs": denying}
    return shortage(directory, policy.model_copy(update=every))


def _check_escalations(directory: people.Directory, policy: model.Policy, name: str) -> None:
    for number, step in enumerate(policy.escalate):
        key = f"policies.{name}.escalate.{number}.{'replace' if step.replace else 'add'}"
        for one in step.brings_in:
            if one not in ("anyone", "requester"):
                check_known(directory, one, key)
        for needs in policy.needs_by_stage if step.replace else ():
            others = tuple(need.model_copy(update={"who": step.replace}) for need in needs)
            then = policy.model_copy(update={"approvers": (), "quorum": 1, "stages": (), "needs": others})
            if short := shortage(directory, then):
                raise errors.InvalidSettings(f"{key}: {said(short)}", field=key, hint=HINT)


def _check_glass(directory: people.Directory, glass: model.BreakGlass, key: str) -> None:
    """Refuse names that are unknown, and a review that only who broke the glass could give."""
    for part, names in (("who", glass.who), ("review", glass.review)):
        for one in names:
            if one == "requester":
                message = f"{key}.{part}: {one!r} makes no sense here"
                raise errors.InvalidSettings(message, field=f"{key}.{part}", hint="name people or groups")
            if one != "anyone":
                check_known(directory, one, f"{key}.{part}")
    reviewers = directory.members(glass.review)
    told = _is_told(directory, model.Need(who=glass.review), _NOBODY_ELSE)
    if told and len(reviewers) == 1 and reviewers[0] in directory.members(glass.who):
        message = f"{key}.review: nobody else could review what {reviewers[0]} does"
        raise errors.InvalidSettings(message, field=f"{key}.review", hint="name more people")


HINT = "add approvers, or people to their groups; one person fills one place"


def said(short: Shortage) -> str:
    """A shortage in words."""
    needed = wording.people_counted(short.needed)
    return f"{needed} must allow, and only {short.most} may, one for each place"


def shortage(
    directory: people.Directory, policy: model.Policy, enrolled: Mapping[str, people.Enrolled] = _NOBODY_ELSE
) -> Shortage | None:
    """The first part of a policy that too few could meet; *enrolled* has who is in which platform group.

    A policy that lets nobody answer is meant so, and has no shortage.
    """
    needs = [(key, need) for stage in _keyed(policy) for key, need in stage]
    if not policy.everybody and not (policy.needs or policy.stages):
        return None
    known = [(key, need) for key, need in needs if _is_told(directory, need, enrolled)]
    for count in range(1, len(known) + 1):
        some = [need for _, need in known[:count]]
        needed = sum(need.count for need in some)
        most = max(_filled(some, crowd) for crowd in _crowds(directory, some, enrolled))
        if most < needed:
            return Shortage(known[count - 1][0], needed, most)
    return None


def _named(policy: model.Policy) -> Iterable[tuple[str, Sequence[str]]]:
    for stage in _keyed(policy):
        for key, need in stage:
            yield key.replace("quorum", "approvers"), need.who


def _keyed(policy: model.Policy) -> Iterable[Sequence[tuple[str, model.Need]]]:
    """The needs of each stage, each with the key that says how many."""
    stages: Sequence[model.Policy | model.Stage] = policy.stages or (policy,)
    for number, stage in enumerate(stages):
        above = f"stages.{number}." if policy.stages else ""
        if stage.needs:
            yield [(f"{above}needs.{index}", need) for index, need in enumerate(stage.needs)]
        else:
            yield [(f"{above}quorum", model.Need(who=stage.approvers, count=stage.quorum))]


def check_known(directory: people.Directory, name: str, key: str) -> None:
    """Refuse a name that is neither a person nor a group. Raises `InvalidSettings`."""
    if name.startswith(people.ON_CALL):
        group = name.removeprefix(people.ON_CALL)
        if not directory.groups.get(group, people.Group()).on_call:
            hint = f'add to [groups.{group}]: on_call = {{ ical = "https://…" }}'
            raise errors.InvalidSettings(f"{key}: nobody says who is {name!r}", field=key, hint=hint)
        return
    group = name.removeprefix("group:")
    if name not in directory.people and not (name.startswith("group:") and group in directory.groups):
        add = f"add [people.{name}]" if group == name else f"add [groups.{group}]"
        known = [*directory.people, *(f"group:{one}" for one in directory.groups)]
        near = [f"group:{name}"] if name in directory.groups else difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? Or {add}" if near else add
        raise errors.InvalidSettings(f"{key}: {name!r} is unknown", field=key, hint=hint)


def _is_told(directory: people.Directory, need: model.Need, enrolled: Mapping[str, people.Enrolled]) -> bool:
    """Whether it can be told who is meant."""
    if any(name.startswith(people.ON_CALL) for name in need.who):
        return False
    return "anyone" not in need.who and _platform_groups(directory, need) <= enrolled.keys()


def _filled(needs: Sequence[model.Need], crowd: Sequence[Sequence[int]]) -> int:
    return sum(one is not None for one in places.match(crowd, [need.count for need in needs]))


def _crowds(
    directory: people.Directory, needs: Sequence[model.Need], enrolled: Mapping[str, people.Enrolled]
) -> Iterable[list[list[int]]]:
    """Sets of surely different people, each person as the needs that they could fill: as `places` counts answers.

    An account that nobody configured may belong to somebody who allowed it on another platform.
    """
    known = _people_of(directory, needs, enrolled)
    yield list(known.values())
    groups = sorted({group for need in needs for group in _platform_groups(directory, need)})
    for platform in dict.fromkeys(group.partition(":")[0] for group in groups):
        there = [fits for name, fits in known.items() if directory.has_account(name, platform)]
        strangers: dict[str, list[int]] = {}
        for group in (one for one in groups if one.partition(":")[0] == platform):
            fits = [at for at, need in enumerate(needs) if group in _platform_groups(directory, need)]
            unknown = (one for one in enrolled[group].accounts if directory.owner(one) is None)
            for account in (*unknown, *(f"{group}#{number}" for number in range(enrolled[group].others))):
                strangers[account] = sorted({*strangers.get(account, ()), *fits})
        yield [*there, *strangers.values()]


def _people_of(
    directory: people.Directory, needs: Sequence[model.Need], enrolled: Mapping[str, people.Enrolled]
) -> dict[str, list[int]]:
    """Everybody with a name, and the needs that they could fill."""
    found: dict[str, list[int]] = {}
    for at, need in enumerate(needs):
        accounts = (account for group in _platform_groups(directory, need) for account in enrolled[group].accounts)
        owners = (directory.owner(account) for account in accounts)
        # a request may name people who have left the settings since
        named = (one for one in directory.members(need.who) if one in directory.people or one == "requester")
        for name in dict.fromkeys((*named, *(owner for owner in owners if owner))):
            found.setdefault(name, []).append(at)
    return found


def _platform_groups(directory: people.Directory, need: model.Need) -> frozenset[str]:
    groups = (directory.groups.get(name.removeprefix("group:")) for name in need.who if name.startswith("group:"))
    return frozenset[str]().union(*(group.platform_groups for group in groups if group))
