"""The settings of a team from six answers: who decides, in which chat, for which agents, about what, how many, when."""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pydantic

from sayso import calendars, errors
from sayso.chat.settings import Key, Table
from sayso_bots.settings import mix

GROUP = mix.GROUP
PRODUCTION = "production"
_HOURS = re.compile(
    r"(?P<zone>\S+)(?:\s+(?P<days>[a-z]{3}-[a-z]{3}))?\s+"
    r"(?P<hours>(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00))"
)
_HOURS_HINT = '"Europe/Berlin mon-fri 09:00-18:00", or "always"'
# A program, or a tool as agents call it; the id of its rule has room for so much of it.
_CALLED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,44}")
_READS = ("Read", "Grep", "Glob")
_SECRETS = ("*.env", "*.env.*", "*id_rsa*", "*id_ed25519*", "*.pem", "*credentials*")


@dataclass(frozen=True, slots=True)
class Hours:
    """When people are there."""

    zone: str
    days: Sequence[calendars.Day]
    hours: str


@dataclass(frozen=True, slots=True)
class Team:
    """The six answers."""

    people: Mapping[str, str]
    """Their names, with the account in the chat; empty if there is none."""
    chat: str | None = None
    channel: str = ""
    agents: Sequence[str] = ()
    production: Sequence[str] = ()
    """Programs and tools that touch production."""
    quorum: Sequence[mix.Share] = (mix.Share(1),)
    """How many of whom must agree about these."""
    groups: Mapping[str, mix.Members] = field(default_factory=dict[str, mix.Members])
    """The groups that it names, beside the team itself."""
    hours: Hours | None = None
    secrets: Sequence[str] = field(default=_SECRETS)


def read_hours(said: str) -> Hours | None:
    """Read office hours; None if it is always. Raises `InvalidSettings`."""
    if said.strip().lower() == "always":
        return None
    found = _HOURS.fullmatch(said.strip())
    if not found:
        raise errors.InvalidSettings(f"hours: {said!r} are no hours", field="hours", hint=_HOURS_HINT)
    try:
        zoneinfo.ZoneInfo(found["zone"])
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise errors.InvalidSettings(f"hours: {found['zone']!r} is no zone", field="hours", hint=_HOURS_HINT) from error
    return Hours(found["zone"], _days(found["days"] or "mon-fri"), found["hours"])


def read_names(said: str, what: str) -> list[str]:
    """Read names that commas part. Raises `InvalidSettings`."""
    names = [name for part in said.split(",") if (name := part.strip())]
    for name in names:
        if not _CALLED.fullmatch(name):
            hint = "at most 45 letters, digits, . _ -, with commas between"
            raise errors.InvalidSettings(f"{what}: {name!r} is no name", field=what, hint=hint)
    return list(dict.fromkeys(names))


def read_account(said: str, key: Key, taken: Collection[str]) -> str:
    """Read who somebody is in a chat; empty for later. Raises `InvalidSettings`."""
    account = said.strip()
    if account and not re.fullmatch(key.pattern, account):
        said = f"account: {account!r} has not the expected form"
        raise errors.InvalidSettings(said, field="account", hint=key.expected)
    if account and account in taken:
        said = f"account: {account!r} belongs to somebody else"
        raise errors.InvalidSettings(said, field="account", hint="or one person could be two of a quorum")
    return account


def read_channel(said: str, table: type[Table]) -> str:
    """Read where a chat asks. Raises `InvalidSettings`."""
    try:
        return table.model_validate({"channel": said.strip()}).channel
    except pydantic.ValidationError as error:
        hint = table.model_fields["channel"].description
        wrong = f"channel: {said!r} has not the expected form"
        raise errors.InvalidSettings(wrong, field="channel", hint=hint) from error


def check_people(names: list[str]) -> list[str]:
    """Refuse a team of nobody. Raises `InvalidSettings`."""
    if not names:
        raise errors.InvalidSettings("people: nobody could decide", field="people", hint="name one person at least")
    return names


def write(team: Team) -> str:
    """The text of `sayso.toml`."""
    return "\n".join(_lines(team)) + "\n"


def _lines(team: Team) -> Iterator[str]:
    yield "# sayso.toml: who may decide, and where requests go. Secrets come only by environment."
    yield "# After a change: sayso policy lint, sayso doctor, sayso reload."
    if team.chat:
        yield from ("", f"[{team.chat}]", f"channel = {_text(team.channel)}")
    for name, account in team.people.items():
        yield from ("", f"[people.{_key(name)}]")
        if team.chat and account:
            yield f"{team.chat} = {_text(account)}"
    yield from ("", f"[groups.{GROUP}]", f"members = {_list(list(team.people))}")
    for name, members in team.groups.items():
        yield from ("", f"[groups.{_key(name)}]")
        if isinstance(members, Mapping):
            yield from (f"{key} = {_text(id)}" for key, id in members.items())
        else:
            yield f"members = {_list(members)}"
    yield from _hours(team.hours)
    yield from ("", "# What no rule decides: one of the team, within an hour.", "[policies.default]")
    yield from (f'approvers = ["group:{GROUP}"]', 'expires_in = "1h"')
    yield from ("", f"[policies.{PRODUCTION}]", *_who(team.quorum))
    yield from ('reason = "deny"', 'valid_for = "10m"')
    yield from (['clock = "office"'] if team.hours else [])
    yield from ('expires_in = "4h"', 'remind = ["30m", "2h"]')
    yield from _rules(team)
    yield from ("", "[service]", f"owner = {_text(next(iter(team.people)))}")


def _who(shares: Sequence[mix.Share]) -> Iterator[str]:
    if [one.of for one in shares] == [GROUP]:
        yield from (f'approvers = ["group:{GROUP}"]', f"quorum = {shares[0].count}")
        return
    needs = (f"{{ who = [{_text(f'group:{one.of}')}], count = {one.count} }}" for one in shares)
    yield f"needs = [{', '.join(needs)}]"


def _hours(hours: Hours | None) -> Iterator[str]:
    if hours is not None:
        yield from ("", "[calendars.office]", f"zone = {_text(hours.zone)}")
        yield from (f"days = {_list(hours.days)}", f"hours = {_text(hours.hours)}")


def _rules(team: Team) -> Iterator[str]:
    yield from ("", "[[rules]]", 'id = "no-secrets"', f'match = {{ "input.*" = {_list(team.secrets)} }}')
    yield from ('effect = "deny"', 'reason = "Secrets are not read by agents. Ask a person for the value you need."')
    if team.production:
        yield from ("", "[[rules]]", 'id = "production-tools"', f"match = {{ tool = {_list(team.production)} }}")
        yield from ('effect = "ask"', f'policy = "{PRODUCTION}"')
    for name in () if "Bash" in team.production else team.production:
        yield from ("", "[[rules]]", f"id = {_text(_id_of(name))}")
        yield from (
            f'match = {{ tool = "Bash", program = {_text(name)} }}',
            'effect = "ask"',
            f'policy = "{PRODUCTION}"',
        )
    # what touches production is asked, whatever else it is
    if reads := [name for name in _READS if name not in team.production]:
        yield from ("", "[[rules]]", 'id = "reads"', f"match = {{ tool = {_list(reads)} }}", 'effect = "allow"')
    if not {"git", "Bash"} & {*team.production}:
        yield from ("", "[[rules]]", 'id = "git-looks"')
        yield from ('match = { tool = "Bash", program = "git", args = ["status", "**"] }', 'effect = "allow"')


def _id_of(program: str) -> str:
    return f"production-{program}" if program != "tools" else "production-program-tools"


def _days(said: str) -> Sequence[calendars.Day]:
    first, _, last = said.partition("-")
    days: Sequence[str] = calendars.WEEK
    if first not in days or last not in days or days.index(first) > days.index(last):
        raise errors.InvalidSettings(f"hours: {said!r} are no days", field="hours", hint=_HOURS_HINT)
    return calendars.WEEK[days.index(first) : days.index(last) + 1]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
