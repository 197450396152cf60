"""`sayso.toml`: who may decide, and where requests go. One wrong key stops the start; secrets have no place in here."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast, get_args, get_origin

import pydantic

import sayso
from sayso import errors, machine, parts
from sayso.chat import plugin
from sayso.content import complaints, digest
from sayso.desk import DEFAULT
from sayso.desk import setup as setups
from sayso.desk.admission import quota
from sayso.machine import people
from sayso_bots.settings import attention, on_call, reach, records, rule_tables, schema, spelling, tables, times, who

# How our own secrets begin.
_OUR_SECRETS = r"sayso_(agent|approver|operator)_"
_SECRET_KEY = re.compile(r"(^|_)(token|secret|password|key)\Z")
# These mean something else in a policy.
_ONE_OWNER = "an account belongs to one person: remove one of them"
_RESERVED = {"anyone", "requester", "group", "nobody", "approvers"}


def load(path: Path | None) -> schema.Settings:
    """The settings in *path*; without one, `sayso.toml` here if there is one, else none.

    Raises:
        InvalidSettings: `field` is the full name of the key that is wrong.
    """
    return parse(tables.read(path))


def parse(raw: Mapping[str, Any]) -> schema.Settings:
    """Settings from a parsed file. Raises as `load`."""
    for key, value in _leaves(raw):
        _refuse_secret(key, value)
    try:
        settings = schema.with_chats().model_validate(raw)
    except pydantic.ValidationError as error:
        raise _complaint_of(error, raw) from error
    _check_names(settings)
    return settings


def setup(settings: schema.Settings, channels: Sequence[str] | None = None, *, callbacks: bool = False) -> sayso.Setup:
    """What the desk needs of the settings; *channels* are those that this process reaches."""
    tables = {chat.name: settings.chat(chat.name) for chat in plugin.installed()}
    route = tuple(f"{name}:{table.channel}" for name, table in tables.items() if table) or (machine.INBOX,)
    known = times.resolved(settings.calendars, datetime.now(UTC).year)
    policies = who.policies(settings, known)
    return sayso.Setup(
        policies=policies,
        directory=directory(settings),
        route=route,
        routes={name: tuple(policy.route) for name, policy in settings.policies.items() if policy.route},
        channels=channels,
        callbacks=callbacks,
        grace=timedelta(seconds=settings.service.grace),
        limits=limits(settings.service) if callbacks else quota.Limits(),
        address=(settings.service.url or "").rstrip("/"),
        policy=settings.service.policy or DEFAULT,
        readers=who.readers(settings),
        tell_requester=settings.service.tell_requester,
        stoppers=stoppers(settings.service),
        calendars=known,
        quiet={
            name: hours
            for name, person in settings.people.items()
            if (hours := attention.quiet(person.quiet, known, f"people.{name}.quiet"))
        },
        rules=rule_tables.book(settings.rules, known, policies),
        suggesting=suggesting(settings),
        retention=kept(settings.retention),
        observed=setups.Telling(tuple(settings.stats.tell), timedelta(seconds=settings.stats.tell_every)),
        audience=settings.receipts.audience if settings.receipts.issue else None,
        digest=digest.digest(settings.model_dump(mode="json", exclude_defaults=True), "settings"),
    )


def stoppers(service: schema.Service) -> tuple[str, ...]:
    """Who may stop agents."""
    return (service.owner or "owner", *service.stop)


def kept(retention: records.Retention) -> setups.Retention:
    """For how long what is kept."""
    return setups.Retention(retention.content, retention.traces)


def suggesting(settings: schema.Settings) -> setups.Suggesting:
    """What is suggested as a rule, and to whom."""
    suggestions = settings.suggestions
    return setups.Suggesting(
        ask=stoppers(settings.service) if suggestions.ask is None else tuple(suggestions.ask),
        route=tuple(suggestions.route),
        every=timedelta(seconds=suggestions.every),
        since=timedelta(seconds=suggestions.since),
        least=suggestions.least,
        lasts=timedelta(seconds=suggestions.lasts),
        costly=suggestions.costly,
    )


def limits(service: schema.Service) -> quota.Limits:
    """What one key may ask of the service; whoever opens the database needs no permission of ours."""
    return quota.Limits(service.pending_per_key, service.asks_per_minute)


def directory(settings: schema.Settings) -> people.Directory:
    """Everybody, with the accounts they press from."""
    known = {
        name: people.Profile(frozenset(_accounts_of(person)), person.email or "")
        for name, person in settings.people.items()
    }
    groups = {
        name: people.Group(
            frozenset(group.members), frozenset(_platform_groups_of(group)), on_call=group.on_call is not None
        )
        for name, group in settings.groups.items()
    }
    return people.Directory(known, groups, tuple(who.delegations(settings)))


def _accounts_of(person: schema.Person) -> Iterator[str]:
    given = person.model_dump(exclude={"email", "quiet"}, exclude_none=True)
    return (f"{platform}:{account}" for platform, account in given.items())


def _platform_groups_of(group: schema.Group) -> Iterator[str]:
    for chat in plugin.installed():
        if chat.group and (named := getattr(group, chat.group.name, None)):
            yield f"{chat.name}:{named}"


def _check_names(settings: schema.Settings) -> None:
    for name in _RESERVED & settings.people.keys():
        key = f"people.{name}"
        raise errors.InvalidSettings(f"{key}: {name!r} has a meaning of its own", field=key, hint="choose another name")
    owners: dict[str, str] = {}
    for name, person in settings.people.items():
        for account in _accounts_of(person):
            if account in owners:
                # or one person could be two of a quorum
                key = f"people.{name}.{account.partition(':')[0]}"
                said = f"{key}: {account} belongs to people.{owners[account]}"
                raise errors.InvalidSettings(said, field=key, hint=_ONE_OWNER)
            owners[account] = name
        if person.email and (other := owners.setdefault(person.email.lower(), name)) != name:
            key = f"people.{name}.email"
            said = f"{key}: {person.email} belongs to people.{other}"
            raise errors.InvalidSettings(said, field=key, hint=_ONE_OWNER)
    if settings.service.owner and settings.service.owner not in settings.people:
        hint = spelling.suggest(settings.service.owner, settings.people) or f"add [people.{settings.service.owner}]"
        raise errors.InvalidSettings("service.owner is no person", field="service.owner", hint=hint)
    if settings.service.policy and settings.service.policy not in setup(settings).policies:
        hint = (
            spelling.suggest(settings.service.policy, settings.policies) or f"add [policies.{settings.service.policy}]"
        )
        raise errors.InvalidSettings("service.policy is not a policy", field="service.policy", hint=hint)
    for key, places in (("audit.tell", settings.audit.tell), ("stats.tell", settings.stats.tell)):
        for place in places:
            if settings.chat(parts.channel_of(place)) is None:
                hint = "name a place of a chat that has a table here"
                raise errors.InvalidSettings(
                    f"{key}: there is no chat {parts.channel_of(place)!r}", field=key, hint=hint
                )
    for name, group in settings.groups.items():
        key = f"groups.{name}.members"
        for member in group.members:
            if member not in settings.people:
                hint = spelling.suggest(member, settings.people) or f"add [people.{member}]"
                raise errors.InvalidSettings(f"{key}: {member!r} is unknown", field=key, hint=hint)
        on_call.check(name, group.on_call)
    who.check(settings, setup(settings))
    # which chats are connected is known at the start; here any may be
    reach.check(setup(settings, [chat.name for chat in plugin.installed()]))


def _refuse_secret(key: str, value: Any) -> None:
    # the last part of a condition is a name of somebody else's
    leaf = "" if ".match." in key else key.rpartition(".")[2]
    if isinstance(value, str) and (_secret_value().match(value) or _SECRET_KEY.search(leaf)):
        such = next((f", such as {chat.token}" for chat in plugin.installed()), "")
        hint = f"secrets come only by environment{such}; this one may have been seen: replace it"
        raise errors.InvalidSettings(f"{key} looks like a secret", field=key, hint=hint)


@functools.cache
def _secret_value() -> re.Pattern[str]:
    """How secrets of ours and of chat platforms begin."""
    theirs = [chat.secret_values for chat in plugin.installed() if chat.secret_values]
    return re.compile("|".join([_OUR_SECRETS, *theirs]))


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from _leaves(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for inner in cast(list[object], value):
            yield from _leaves(inner, name)
    else:
        yield name, value


def _complaint_of(error: pydantic.ValidationError, raw: Mapping[str, Any]) -> errors.InvalidSettings:
    """One of Pydantic's complaints in our words; wrong values are not repeated, one may be a secret."""
    found = error.errors(include_url=False)
    # a misspelt key is missing under its right name, too; the spelling is what to tell
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    where = _in_file(tuple(map(str, first["loc"])), raw)
    key = ".".join(rule_tables.named(where, raw.get("rules")))
    if first["type"] == "extra_forbidden":
        known = _known_keys(where[:-1])
        hint = spelling.suggest(where[-1], known) or f"known here: {', '.join(known)}"
        return errors.InvalidSettings(f"{key} is no setting", field=key, hint=hint)
    if first["type"] == "missing":
        return errors.InvalidSettings(f"{key} is missing", field=key, hint=_expected_at(where))
    if first["type"] in ("model_type", "dict_type"):
        return errors.InvalidSettings(f"{key} is a table", field=key, hint=_expected_at(where) or f"write [{key}]")
    if first["type"] == "list_type" and len(where) == 1:
        return errors.InvalidSettings(f"{key} are tables", field=key, hint=f"write [[{key}]]")
    if where[-1] == "[key]":
        return errors.InvalidSettings(f"{key[:-6]} is no name", field=key[:-6], hint="letters, digits, . _ -")
    # what may be of several types is wrong as each of them
    several = sum(_in_file(tuple(map(str, one["loc"])), raw) == where for one in found) > 1
    said = complaints.FORM if several else complaints.said(first)
    return errors.InvalidSettings(f"{key}: {said}", field=key, hint=_expected_at(where))


def _in_file(where: tuple[str, ...], raw: Any) -> tuple[str, ...]:
    """Where it stands in the file: of what may be of several types Pydantic names the type as well."""
    for at, part in enumerate(where):
        if isinstance(raw, Mapping):
            raw = cast("Mapping[str, Any]", raw).get(part)
        elif isinstance(raw, list) and part.isdigit() and int(part) < len(cast("list[object]", raw)):
            raw = cast("list[object]", raw)[int(part)]
        else:
            return where[:at]
    return where


def _known_keys(where: Sequence[str]) -> list[str]:
    """The keys of the table at *where*."""
    return list(_walk(where)[0].model_fields)


def _expected_at(where: Sequence[str]) -> str | None:
    """What is expected at *where*, in words."""
    return _walk(where)[1]


def _walk(where: Sequence[str]) -> tuple[type[pydantic.BaseModel], str | None]:
    """The table that holds *where*, and what is expected of the last key on the way that is known."""
    table: type[pydantic.BaseModel] = schema.with_chats()
    expected: str | None = None
    is_name = False
    for part in where:
        field = None if is_name else table.model_fields.get(part)
        is_name = field is not None and get_origin(field.annotation) is dict
        if field is None:  # the name of a person, group or policy, or the number of an item
            continue
        expected = field.description or expected
        table = next(_tables(field.annotation), table)
    return table, expected


def _tables(kind: Any) -> Iterator[type[pydantic.BaseModel]]:
    """The tables in a type, also within lists and alternatives."""
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _tables(inner)
