"""Who may decide: policies and delegations of the settings as the rules take them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta

import pydantic

import sayso
from sayso import calendars, errors, model
from sayso.chat import plugin
from sayso.content import complaints, wording
from sayso.desk import DEFAULT
from sayso.machine import INBOX, people, schedule, staffing
from sayso_bots.settings import attention, schema, spelling

_WAYS = ("approvers", "needs", "stages")


def policies(settings: schema.Settings, known: Mapping[str, calendars.Calendar]) -> dict[str, sayso.Policy]:
    """The policies by name, with the calendars that their clocks name. Raises `InvalidSettings`."""
    for name, policy in settings.policies.items():
        _check_ways(policy, f"policies.{name}")
        for number, stage in enumerate(policy.stages or ()):
            _check_ways(stage, f"policies.{name}.stages.{number}")
    return {DEFAULT: sayso.Policy(), **{name: _policy(name, one, known) for name, one in settings.policies.items()}}


def _policy(name: str, table: schema.Policy, known: Mapping[str, calendars.Calendar]) -> sayso.Policy:
    if table.clock is not None and table.clock not in known:
        hint = spelling.suggest(table.clock, known) or f"add [calendars.{table.clock}]"
        raise _wrong(f"policies.{name}.clock", f"{table.clock!r} is no calendar", hint)
    written = table.model_dump(exclude_none=True, exclude={"route"})
    quiet = attention.quiet(table.quiet, known, f"policies.{name}.quiet")
    try:
        policy = sayso.Policy.model_validate({**written, "clock": known.get(table.clock or ""), "quiet": quiet})
    except pydantic.ValidationError as error:
        raise _too_much(f"policies.{name}", error) from error
    schedule.check(policy, name, datetime.now(UTC))
    lives = policy.expires_in or schedule.DEFAULT_EXPIRES_IN
    if isinstance(policy.confirm, float) and policy.confirm >= lives:
        said = f"it expires after {wording.time(lives)}, before anybody has read it for {wording.time(policy.confirm)}"
        raise _wrong(f"policies.{name}.confirm", said, "less time to read, or a later expires_in")
    return policy


def readers(settings: schema.Settings) -> tuple[str, ...]:
    """Who may see the numbers: those whom the file names, or the owner; without any people anybody who is signed in."""
    for name in settings.stats.readers:
        known = settings.groups if name.startswith("group:") else settings.people
        if name != "anyone" and name.removeprefix("group:") not in known:
            hint = spelling.suggest(name.removeprefix("group:"), known) or 'people, "group:NAME", or "anyone"'
            raise _wrong("stats.readers", f"{name!r} is unknown", hint)
    owner = settings.service.owner
    return tuple(settings.stats.readers) or ((owner,) if owner else () if settings.people else ("anyone",))


def delegations(settings: schema.Settings) -> Iterator[people.Delegation]:
    """Who acts for whom, to the end of the last day."""
    for one in settings.delegations:
        ends = datetime.combine(one.until + timedelta(days=1), time(), UTC)
        yield people.Delegation(one.of, frozenset(one.to), ends, frozenset(one.policies))


def check(settings: schema.Settings, made: sayso.Setup) -> None:
    """Refuse policies and delegations that make no sense. Raises `InvalidSettings`; `field` is the key."""
    chats = {INBOX, *(chat.name for chat in plugin.installed() if settings.chat(chat.name))}
    for name, policy in made.policies.items():
        staffing.check(made.directory, policy, name)
        attention.check(made.directory, policy, name)
        written = settings.policies.get(name)
        if written and policy.turns is None and "claim_in" in written.model_fields_set:
            raise _wrong(f"policies.{name}.claim_in", "without turns it does nothing", "add turns, or remove it")
        for place in policy.break_glass.tell if policy.break_glass else ():
            if model.channel_of(place) not in chats:
                key = f"policies.{name}.break_glass.tell"
                raise _wrong(key, f"there is no channel for {place!r}", f"channels here: {', '.join(sorted(chats))}")
    for stopper in settings.service.stop:
        staffing.check_known(made.directory, stopper, "service.stop")
    for name in settings.suggestions.ask or ():
        staffing.check_known(made.directory, name, "suggestions.ask")
    for number, one in enumerate(settings.delegations):
        _check_delegation(one, f"delegations.{number}", made)


def _check_ways(who: schema.Policy | schema.Stage, key: str) -> None:
    """One of the ways to say who, and only one: another one would count for nothing."""
    given = [way for way in _WAYS if getattr(who, way, None) is not None]
    if not given:
        hint = 'approvers = ["ann", "group:release"], or ["anyone"]; or needs, or stages'
        raise errors.InvalidSettings(f"{key}.approvers is missing", field=f"{key}.approvers", hint=hint)
    if len(given) > 1:
        said = f"{key}.{given[1]} cannot stand beside {given[0]}"
        raise errors.InvalidSettings(said, field=f"{key}.{given[1]}", hint=f"say who by one of: {', '.join(_WAYS)}")
    if given != ["approvers"] and who.quorum != 1:
        said = f"{key}.quorum cannot stand beside {given[0]}, which say themselves how many"
        raise errors.InvalidSettings(said, field=f"{key}.quorum", hint="remove it")


def _check_delegation(one: schema.Delegation, key: str, made: sayso.Setup) -> None:
    for part, names in (("of", [one.of]), ("to", one.to)):
        for name in names:
            if name not in made.directory.people:
                raise _wrong(f"{key}.{part}", f"{name!r} is unknown", f"add [people.{name}]")
    if one.of in one.to:
        raise _wrong(f"{key}.to", f"{one.of!r} needs nobody to act as themselves", "name somebody else")
    for name in one.policies:
        if name not in made.policies:
            raise _wrong(f"{key}.policies", f"there is no policy {name!r}", f"policies: {', '.join(made.policies)}")
    if one.until > datetime.now(UTC).date() + timedelta(days=schema.MOST_DAYS):
        hint = f"name a day within {schema.MOST_DAYS} days, and prolong it then"
        raise _wrong(f"{key}.until", f"{one.until} is more than {schema.MOST_DAYS} days from now", hint)


def _too_much(table: str, error: pydantic.ValidationError) -> errors.InvalidSettings:
    """What the form of the file allows, and a policy does not hold: too many names, or a longer one."""
    first = error.errors(include_url=False, include_input=False)[0]
    key, said = f"{table}.{'.'.join(map(str, first['loc']))}", complaints.said(first)
    known = schema.Policy.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    expected = known.description if known else None
    hint = "a group is one name: group:NAME" if first["type"] == "too_long" else expected
    return _wrong(key, said, hint or "see docs/settings.md")


def _wrong(key: str, said: str, hint: str) -> errors.InvalidSettings:
    return errors.InvalidSettings(f"{key}: {said}", field=key, hint=hint)
