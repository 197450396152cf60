"""The tables of `sayso.toml` and the form of each value; what they mean is in `settings`. Nothing is converted."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from sayso import model
from sayso_bots.settings import durations

_Id = Annotated[str, pydantic.StringConstraints(pattern=r"^\S{1,200}$")]
_Snowflake = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9]{1,20}$")]
_SlackUser = Annotated[str, pydantic.StringConstraints(pattern=r"^[TE][A-Z0-9]*/[UW][A-Z0-9]*$")]
# Without a colon, which starts a group or an account.
_Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_Host = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9.:\[\]-]{1,253}$")]
_Url = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://[^/\s?#@]+$")]


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)


class Slack(_Table):
    """`[slack]`"""

    channel: Annotated[str, pydantic.StringConstraints(pattern=r"^(#|@)?[^\s#@]{1,80}$")]
    """Where a request without a route goes: `#approvals`, or the channel's id."""


class Discord(_Table):
    """`[discord]`"""

    channel: Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9]{1,20}$")]
    """Where a request without a route goes: the channel's id."""
    threads: Literal["session", "off"] = "off"
    """Whether what is asked in a session, permissions aside, goes to a thread of that session."""


class Person(_Table):
    """`[people.NAME]`: the accounts of one person."""

    slack: _SlackUser | None = None
    """Workspace and user, as `T0123/U0456`."""
    discord: _Snowflake | None = None
    """The user's id."""
    terminal: _Id | None = None
    """The user name at this machine."""


class Group(_Table):
    """`[groups.NAME]`: people, and the platform groups that count as well."""

    members: list[str] = []
    slack_group: _Id | None = None
    discord_role: _Snowflake | None = None


class Policy(_Table):
    """`[policies.NAME]`: who may answer, how many must agree, by when."""

    approvers: list[str]
    quorum: Annotated[int, pydantic.Field(ge=1, le=model.MAX_PEOPLE)] = 1
    veto: Annotated[int, pydantic.Field(ge=1, le=model.MAX_PEOPLE)] = 1
    self_approval: bool = False
    expires_in: durations.Duration | None = None
    on_timeout: Literal["deny"] = "deny"
    valid_for: durations.Duration = pydantic.Field(default="15m", validate_default=True)
    """An allow that is not used within it is void."""


class Service(_Table):
    """`[service]`: how the world reaches `sayso serve`."""

    url: _Url | None = None
    """The address people and agents use, such as `https://sayso.example.com`, where it is not the one listened on."""
    hosts: list[_Host] = []
    """Further host names that the server answers to."""
    callback_hosts: list[_Host] = []
    """Hosts that a request's `callback_url` may name."""
    connections: Annotated[int, pydantic.Field(ge=16, le=60_000)] = 10_000
    """Open connections in all; where the system allows fewer files, fewer."""
    connections_per_address: Annotated[int, pydantic.Field(ge=1, le=60_000)] = 2_000
    """Open connections of one address."""
    headers_within: durations.Duration = 15.0
    """For how long the headers of a request may take to come."""
    body_within: durations.Duration = 30.0
    """For how long the body of a request may take to come."""
    idle_for: durations.Duration = 75.0
    """For how long a connection may rest between two requests."""
    pending_per_key: Annotated[int, pydantic.Field(ge=1, le=100_000)] = 1_000
    """Requests of one key that may wait for a decision at the same time."""
    asks_per_minute: Annotated[int, pydantic.Field(ge=1, le=100_000)] = 600
    """New requests that one key may make in a minute."""
    policy: _Name | None = None
    """Of requests that name none, from keys that are bound to none; `default` where it is not set."""
    grace: durations.Grace = pydantic.Field(default="10s", validate_default=True)
    """How long an answer by plain words can be taken back before the agent is told."""
    owner: _Name | None = None
    """Whom the printed sign-in link signs in; a person, where there are any."""


class Settings(_Table):
    """The whole file."""

    slack: Slack | None = None
    discord: Discord | None = None
    people: dict[_Name, Person] = {}
    groups: dict[_Name, Group] = {}
    policies: dict[_Name, Policy] = {}
    service: Service = Service()
