"""Who may answer, how many must agree, by when: a policy as plain data. Frozen.

The rule: whatever was written, there is one form that the rules read: stages of needs, in `Policy.needs_by_stage`.
"""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import pydantic

from sayso import attention, calendars, parts

MAX_NEEDS = 10
"""Kinds of people that one stage needs, and stages of one policy."""

_Count = Annotated[int, pydantic.Field(strict=True, ge=1, le=parts.MAX_PEOPLE)]
Confirmed = Annotated[str, pydantic.StringConstraints(pattern=r"^(tool|input(\.[^.\s]+){1,5})$", max_length=510)]
_Names = Annotated[tuple[str, ...], pydantic.Field(max_length=parts.MAX_PEOPLE)]


class Need(parts.Frozen):
    """So many different people of these."""

    who: _Names
    """People, `group:NAME`, `requester`, or `anyone`."""
    count: _Count = 1


def _one_way_to_say_who(given: Any) -> Any:
    """Refuse approvers beside needs or stages: one of them would count for nothing. Raises ValueError."""
    if not isinstance(given, dict):
        return given
    said = cast("dict[str, Any]", given)
    ways = [name for name in ("approvers", "needs", "stages") if said.get(name)]
    if len(ways) > 1:
        raise ValueError(f"say who by one of: {', '.join(ways)}")
    if ways in ([], ["approvers"]):
        return said
    if said.get("quorum", 1) != 1:
        raise ValueError(f"{ways[0]} say themselves how many; leave quorum out")
    return {**said, "approvers": ()}


class Stage(parts.Frozen):
    """Who has to agree at one point of an order: `approvers` and `quorum`, or `needs`."""

    approvers: _Names = ()
    quorum: _Count = 1
    needs: Annotated[tuple[Need, ...], pydantic.Field(max_length=MAX_NEEDS)] = ()
    expires_in: parts.Seconds | None = None
    """After so many seconds at this stage the request expires."""
    remind: Annotated[tuple[parts.Seconds, ...], pydantic.Field(max_length=20)] = ()
    """When those who are missing are reminded, in seconds after it was opened."""

    _ways = pydantic.model_validator(mode="before")(_one_way_to_say_who)

    @property
    def places(self) -> tuple[Need, ...]:
        """Its needs, however they were written."""
        return self.needs or (_alike(self.approvers, self.quorum),)


@functools.lru_cache(maxsize=1024)
def _alike(who: tuple[str, ...], count: int) -> Need:
    """The one need of approvers and a quorum; made once, since every rule asks for it."""
    return Need(who=who, count=count)


class Escalation(parts.Frozen):
    """What happens when nobody has decided for so long: more people, or others, and more places."""

    after: parts.Seconds
    add: Annotated[tuple[str, ...], pydantic.BeforeValidator(parts.several)] = ()
    """They may answer as well."""
    replace: Annotated[tuple[str, ...], pydantic.BeforeValidator(parts.several)] = ()
    """Only they may answer from then on; what was said before still counts."""
    route: Annotated[tuple[parts.Place, ...], pydantic.BeforeValidator(parts.several)] = ()
    """Where the card is posted as well."""

    @property
    def brings_in(self) -> tuple[str, ...]:
        """Those who may answer because of it."""
        return self.replace or self.add


class Planned(parts.Frozen):
    """What time does next to a request, if nobody decides it before."""

    at: datetime
    does: Literal["remind", "escalate", "expire", "turn", "open"]
    number: int = 0
    """Which one of its policy or stage, from 0."""
    stage: int | None = None
    """The stage that plans it; None is the policy itself."""
    need: int = 0
    """The kind of place of that stage that it concerns, from 0."""
    to: str | None = None
    """The one person whom it concerns; None is whoever is missing then."""


class Escalated(parts.Frozen):
    """An escalation that has happened."""

    at: datetime
    number: int
    """Which one of its policy, from 0."""
    stage: int = 0
    """The stage that was open, and that it concerns."""
    places: tuple[parts.Place, ...] = ()
    """The places that were new."""


class BreakGlass(parts.Frozen):
    """Who may allow alone and at once in an emergency, and who is told and reviews it."""

    who: _Names
    review: _Names
    tell: Annotated[tuple[parts.Place, ...], pydantic.Field(max_length=10)] = ()
    """Where others are told and review it; where it was asked if there is none."""
    review_in: parts.Seconds = 86_400.0
    """Seconds in which it is reviewed."""


class PassedOn(parts.Frozen):
    """Somebody who may answer asked somebody else who may."""

    at: datetime
    by: str
    name: str
    """Of whoever asked, as people know them."""
    via: str
    to: str
    """The person who was asked, by their name in the settings."""


class Policy(parts.Frozen):
    """Who may answer, how many must agree, by when."""

    approvers: _Names = ("anyone",)
    """People, `group:NAME`, `requester`, or `anyone` (full members of the place). Empty means nobody."""
    quorum: _Count = 1
    """How many different people must allow a permission."""
    needs: Annotated[tuple[Need, ...], pydantic.Field(max_length=MAX_NEEDS)] = ()
    """In place of approvers and quorum: how many of which people, in any order. One person fills one place."""
    stages: Annotated[tuple[Stage, ...], pydantic.Field(max_length=MAX_NEEDS)] = ()
    """In place of them: one after the other."""
    veto: _Count = 1
    """How many different people must deny it."""
    self_approval: pydantic.StrictBool = False
    expires_in: parts.Seconds | None = None
    """Seconds; a request may ask for less, never for more."""
    on_timeout: Literal["deny"] = "deny"
    """Silence is never consent: there is no other value."""
    valid_for: parts.Seconds = 900.0
    """Seconds in which an allow must be used; after them it is void."""
    grants: parts.Seconds | None = None
    """For how many seconds an allow may cover the same call, a tool of one session, or what is like it; None: none."""
    notify: Annotated[tuple[str, ...], pydantic.BeforeValidator(parts.several)] = (parts.APPROVERS,)
    """Whom the first card mentions: `approvers`, people, `group:NAME`. Empty means nobody."""
    fallback: Annotated[tuple[parts.Place, ...], pydantic.Field(max_length=10)] = ()
    """Where it is shown if it can be shown nowhere else, one after the other."""
    reveal: Annotated[tuple[str, ...], pydantic.Field(max_length=20)] = ()
    """Who may see what masks cover: people, `group:NAME`, or `anyone`. Each time is on record."""
    reason: Literal["allow", "deny", "both"] | None = None
    """For which verdicts a reason must be given."""
    confirm: parts.Seconds | Confirmed | None = None
    """What it takes to allow: seconds in which it is read, or what is typed: `tool`, or `input.` and a path in it."""
    break_glass: BreakGlass | None = None
    """An allow in an emergency. Without it there is none."""
    clock: calendars.Calendar | None = None
    """The deadline, reminders and escalations count only the time in which it is open."""
    remind: Annotated[tuple[parts.Seconds, ...], pydantic.Field(max_length=20)] = ()
    """When those who are missing are reminded, in seconds after it was asked."""
    quiet: attention.Quiet | None = None
    """When nobody is mentioned or written to; what falls into it comes at its end."""
    digest: parts.Seconds | None = None
    """Every so many seconds requests of low risk are shown together; None is each at once."""
    turns: Literal["round_robin", "least_recent"] | None = None
    """To whom of its people it is put first; None is all at once."""
    claim_in: parts.Seconds = 300.0
    """After so many seconds in which nobody takes it on it is put to the next one."""
    escalate: Annotated[tuple[Escalation, ...], pydantic.Field(max_length=20)] = ()

    _ways = pydantic.model_validator(mode="before")(_one_way_to_say_who)

    @property
    def needs_by_stage(self) -> tuple[tuple[Need, ...], ...]:
        """The one form of who and how many: in each stage its needs."""
        if self.stages:
            return tuple(stage.places for stage in self.stages)
        return (self.needs or (_alike(self.approvers, self.quorum),),)

    @property
    def everybody(self) -> tuple[str, ...]:
        """Whom it names in any stage, or brings in by an escalation, each once."""
        first = (name for needs in self.needs_by_stage for need in needs for name in need.who)
        return tuple(dict.fromkeys([*first, *(name for step in self.escalate for name in step.brings_in)]))

    @property
    def concerned(self) -> tuple[str, ...]:
        """The same with those who may break its glass."""
        return tuple(dict.fromkeys((*self.everybody, *(self.break_glass.who if self.break_glass else ()))))

    @property
    def most_needed(self) -> int:
        """How many people must allow it in all."""
        return sum([need.count for needs in self.needs_by_stage for need in needs])
