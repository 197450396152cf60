"""The tables of `sayso.toml` and the form of each value, with what is expected in words. Nothing is converted.

Every chat adds a table of its own, and a key for people and for groups.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable
from types import GenericAlias
from typing import Annotated, Any, Literal

import pydantic

from sayso import model, policies
from sayso.chat import plugin
from sayso.chat.settings import Key, Table
from sayso_bots.settings import attention, durations, records, rule_tables, times

_Id = Annotated[str, pydantic.StringConstraints(pattern=r"^\S+$", max_length=model.MAX_NAME)]
# Without a colon, which starts a group or an account.
_Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_Host = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9.:\[\]-]{1,253}$")]
_Url = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://[^/\s?#@]+$")]


_Count = Annotated[int, pydantic.Field(ge=1, le=model.MAX_PEOPLE)]
MOST_DAYS = 90
"""For how long somebody may act for another at most."""


def _confirm(given: object) -> object:
    """A time to read in seconds; what is to be typed stays as it is."""
    return durations.seconds(given) if not isinstance(given, str) or given[:1].isdigit() else given


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Person(_Table):
    """`[people.NAME]`: the accounts of one person."""

    terminal: _Id | None = pydantic.Field(default=None, description='terminal = "ann", the user name at this machine')
    """The user name at this machine."""
    email: Annotated[str, pydantic.StringConstraints(pattern=r"^[^\s@]{1,64}@[A-Za-z0-9.-]{1,190}$")] | None = (
        pydantic.Field(default=None, description='email = "ann@example.com"')
    )
    """By which rotas, and platforms that verified it, know this person."""
    quiet: attention.Hours | None = pydantic.Field(default=None, description=attention.QUIET)
    """When they are not mentioned and not written to; what falls into it comes at its end."""


class OnCall(_Table):
    """`on_call` of `[groups.NAME]`: who says who is on call, one of them."""

    ical: Annotated[str, pydantic.StringConstraints(pattern=r"^https?://\S+$", max_length=model.MAX_URL)] | None = (
        pydantic.Field(default=None, description='on_call = { ical = "https://…" }, the address of a calendar')
    )
    """The address of a calendar."""
    pagerduty: Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Z0-9]{4,40}$")] | None = pydantic.Field(
        default=None, description='on_call = { pagerduty = "P538IZH" }, the id of a schedule'
    )
    """The id of a schedule of PagerDuty."""
    private: bool = pydantic.Field(default=False, description="private = true, or false")
    """Whether the calendar's address may be plain http, or lead into a private network."""


class Group(_Table):
    """`[groups.NAME]`: people, the platform groups that count as well, and who of them is on call."""

    members: list[str] = pydantic.Field(default=[], description='members = ["ann", "bob"]')
    on_call: OnCall | None = pydantic.Field(
        default=None, description='on_call = { ical = "https://…" } or { pagerduty = "P538IZH" }'
    )
    """Whoever is on call for it, written `oncall:NAME` as an approver."""


class Need(_Table):
    """One of the `needs` of a policy: so many different people of these."""

    who: list[str] = pydantic.Field(min_length=1, description='who = ["group:release"]')
    count: _Count = pydantic.Field(default=1, description="count = 2")


_Needs = Annotated[list[Need], pydantic.Field(min_length=1, max_length=policies.MAX_NEEDS)]
_NEEDS = 'needs = [{ who = ["group:release"], count = 2 }, { who = ["group:security"] }]'


class _Places(_Table):
    """Who must agree, and how many."""

    approvers: list[str] | None = pydantic.Field(
        default=None, description='approvers = ["ann", "group:release"], or ["anyone"]'
    )
    quorum: _Count = pydantic.Field(default=1, description="quorum = 2")
    needs: _Needs | None = pydantic.Field(default=None, description=_NEEDS)
    """In place of approvers and quorum: how many of whom, in any order."""


_Reminders = Annotated[list[durations.Duration], pydantic.Field(max_length=20)]


class Stage(_Places):
    """One of the `stages` of a policy: `approvers` and `quorum`, or `needs`."""

    expires_in: durations.Duration | None = pydantic.Field(
        default=None, description='expires_in = "1h"; nobody at this stage within it is a denial'
    )
    remind: _Reminders = pydantic.Field(default=[], description='remind = ["15m"]')


class BreakGlass(_Table):
    """`break_glass` of a policy: an allow in an emergency, by one of these, reviewed by others."""

    who: list[str] = pydantic.Field(min_length=1, description='who = ["group:sre"]')
    review: list[str] = pydantic.Field(min_length=1, description='review = ["group:security"]')
    tell: list[model.Place] = pydantic.Field(default=[], max_length=10, description='tell = ["slack:#security"]')
    """Where others are told, and review it; where it was asked if there is none."""
    review_in: durations.Duration = pydantic.Field(default="1d", validate_default=True, description='review_in = "1d"')


class Policy(_Places, attention.Attention):
    """`[policies.NAME]`: who may answer, how many must agree, by when."""

    stages: Annotated[list[Stage], pydantic.Field(min_length=1, max_length=policies.MAX_NEEDS)] | None = pydantic.Field(
        default=None, description='stages = [{ approvers = ["ann"] }, { approvers = ["group:leads"] }]'
    )
    """In place of approvers or needs: one stage after the other."""
    veto: Annotated[int, pydantic.Field(ge=1, le=model.MAX_PEOPLE)] = pydantic.Field(default=1, description="veto = 1")
    self_approval: bool = pydantic.Field(default=False, description="true or false")
    expires_in: durations.Duration | None = pydantic.Field(
        default=None, description='expires_in = "15m", "2h", or a number of seconds; at most 30 days'
    )
    on_timeout: Literal["deny"] = pydantic.Field(
        default="deny", description='on_timeout = "deny"; silence is never consent'
    )
    valid_for: durations.Duration = pydantic.Field(
        default="15m", validate_default=True, description='valid_for = "15m", "2h", or a number of seconds'
    )
    """An allow that is not used within it is void."""
    grants: durations.Duration | None = pydantic.Field(
        default=None, description='grants = "8h": an allow may hold so long for the same call, or a tool of a session'
    )
    notify: Annotated[list[str], pydantic.BeforeValidator(attention.several)] = pydantic.Field(
        default="approvers",
        validate_default=True,
        description='notify = "approvers", ["ann", "group:release"], or [] for nobody',
    )
    """Whom the first card mentions."""
    reveal: list[str] = pydantic.Field(default=[], max_length=20, description='reveal = ["ann", "group:security"]')
    """Who may see what masks cover."""
    reason: Literal["allow", "deny", "both"] | None = pydantic.Field(
        default=None, description='reason = "allow", "deny" or "both"'
    )
    """For which verdicts a reason must be given."""
    confirm: Annotated[model.Seconds | policies.Confirmed | None, pydantic.BeforeValidator(_confirm)] = pydantic.Field(
        default=None, description='confirm = "10s" to read it, or what is typed: "tool", or "input.NAME"'
    )
    """What it takes to allow."""
    break_glass: BreakGlass | None = pydantic.Field(
        default=None, description='break_glass = { who = ["group:sre"], review = ["group:security"] }'
    )
    """An allow in an emergency; without it there is none."""
    clock: str | None = pydantic.Field(default=None, description='clock = "office", of [calendars.office]')
    """The deadline, reminders and escalations count only the time in which this calendar is open."""
    remind: _Reminders = pydantic.Field(default=[], description='remind = ["15m", "2h"]')
    """When those who are missing are mentioned again."""
    escalate: Annotated[list[times.Escalation], pydantic.Field(max_length=20)] = pydantic.Field(
        default=[], description='escalate = [{ after = "3h", add = ["group:leads"], route = ["slack:#leads"] }]'
    )
    """What happens when nobody has decided for so long."""


class Delegation(_Table):
    """One of `[[delegations]]`: somebody is away, and others act for them."""

    of: _Name = pydantic.Field(description='of = "ann", a person')
    to: Annotated[list[_Name], pydantic.Field(min_length=1)] = pydantic.Field(description='to = ["bob"], people')
    until: datetime.date = pydantic.Field(description=f"until = 2026-12-24, a date; at most {MOST_DAYS} days from now")
    """The last day, to its end in UTC."""
    policies: list[_Name] = pydantic.Field(default=[], description='policies = ["change"]; without it, all')


class Service(_Table):
    """`[service]`: how the world reaches `sayso serve`."""

    url: _Url | None = pydantic.Field(default=None, description='url = "https://sayso.example.com", without a path')
    """The address people and agents use, such as `https://sayso.example.com`, if it is not the one listened on."""
    hosts: list[_Host] = pydantic.Field(default=[], description='hosts = ["sayso.example.com"]')
    """Further host names that the server answers to."""
    callback_hosts: list[_Host] = pydantic.Field(default=[], description='callback_hosts = ["hooks.example.com"]')
    """Hosts that a request's `callback_url` may name."""
    connections: Annotated[int, pydantic.Field(ge=16, le=60_000)] = pydantic.Field(
        default=10_000, description="a whole number, 16 or more"
    )
    """Open connections in all; fewer if the system allows fewer files."""
    connections_per_address: Annotated[int, pydantic.Field(ge=1, le=60_000)] = pydantic.Field(
        default=2_000, description="a whole number, 1 or more"
    )
    """Open connections of one address."""
    headers_within: durations.Duration = pydantic.Field(default=15.0, description='headers_within = "15s"')
    """For how long the headers of a request may take to come."""
    body_within: durations.Duration = pydantic.Field(default=30.0, description='body_within = "30s"')
    """For how long the body of a request may take to come."""
    idle_for: durations.Duration = pydantic.Field(
        default=75.0, description='idle_for = "75s"; more than a proxy in front keeps its connections'
    )
    """For how long a connection may rest between two requests."""
    pending_per_key: Annotated[int, pydantic.Field(ge=1, le=100_000)] = pydantic.Field(
        default=1_000, description="a whole number, 1 or more"
    )
    """Requests of one key that may wait for a decision at the same time."""
    asks_per_minute: Annotated[int, pydantic.Field(ge=1, le=100_000)] = pydantic.Field(
        default=600, description="a whole number, 1 or more"
    )
    """New requests that one key may make in a minute."""
    policy: _Name | None = pydantic.Field(default=None, description='policy = "NAME", of [policies.NAME]')
    """Of requests that name none, from keys that are bound to none; `default` if it is not set."""
    grace: durations.Grace = pydantic.Field(
        default="10s", validate_default=True, description='grace = "10s"; at most "1m"'
    )
    """How long an answer by plain words can be taken back before the agent is told."""
    drain: durations.Grace = pydantic.Field(default=0.0, description='drain = "5s"; at most "1m"')
    """How long a service that was told to stop still takes calls, while `/readyz` sends them elsewhere."""
    tell_requester: bool = pydantic.Field(default=True, description="tell_requester = true, or false")
    """Whether the person of the key that asked is told in a chat what became of it."""
    push: Annotated[str, pydantic.StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=255)] | None = (
        pydantic.Field(default=None, description='push = "ops@example.com", whom push services write to')
    )
    """Switches Web Push on; the address is told to push services."""
    stop: list[str] = pydantic.Field(default=[], description='stop = ["ann", "group:NAME"]')
    """Who may stop everything, or an agent, and lift that again; the owner may, too."""
    owner: _Name | None = pydantic.Field(default=None, description='owner = "ann", a person')
    """Whom the printed sign-in link signs in; a person, if there are any."""


class Stats(_Table):
    """`[stats]`: who may see the numbers of everybody's answers."""

    readers: list[str] = pydantic.Field(default=[], description='readers = ["ann", "group:leads"], or ["anyone"]')
    """The owner of the service if nobody is named; anybody if there are no people."""
    tell: list[model.Place] = pydantic.Field(default=[], description='tell = ["slack:#agents"], places in a chat')
    """Where it is told what rules that only observe would have decided."""
    tell_every: durations.Duration = pydantic.Field(
        default="7d", validate_default=True, description='tell_every = "7d"'
    )
    """How often it is told there."""


class Settings(_Table):
    """The whole file, but for the tables of chats."""

    people: dict[_Name, Person] = {}
    groups: dict[_Name, Group] = {}
    calendars: dict[_Name, times.Calendar] = {}
    policies: dict[_Name, Policy] = {}
    delegations: list[Delegation] = []
    rules: list[rule_tables.Rule] = []
    service: Service = Service()
    stats: Stats = Stats()
    audit: records.Audit = records.Audit()
    receipts: records.Receipts = records.Receipts()
    suggestions: records.Suggestions = records.Suggestions()
    retention: records.Retention = records.Retention()
    secrets: records.Secrets = records.Secrets()

    def chat(self, name: str) -> Table | None:
        """The table of a chat, if the file has it."""
        return getattr(self, name, None)


@functools.cache
def with_chats() -> type[Settings]:
    """The whole file, with what the chats that are installed add to it. Raises `InvalidSettings` as `installed`."""
    chats = plugin.installed()
    person = pydantic.create_model("Person", __base__=Person, **_keys(chat.account for chat in chats))
    group = pydantic.create_model("Group", __base__=Group, **_keys(chat.group for chat in chats if chat.group))
    tables: dict[str, Any] = {chat.name: (chat.table | None, None) for chat in chats}
    tables |= {name: (GenericAlias(dict, (_Name, one)), {}) for name, one in (("people", person), ("groups", group))}
    return pydantic.create_model("Settings", __base__=Settings, **tables)


def _keys(keys: Iterable[Key]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in keys:
        form: Any = Annotated[str, pydantic.StringConstraints(pattern=key.pattern, max_length=model.MAX_NAME)]
        found[key.name] = (form | None, pydantic.Field(default=None, description=key.expected))
    return found
