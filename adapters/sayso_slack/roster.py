"""Looks up the people and user groups that sayso.toml names: nobody can ask somebody whom Slack does not know.

The rule: only what Slack said is a fault of the settings; what it did not say is reported as not found out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from sayso import errors
from sayso.chat import roster
from sayso.chat.finding import Finding
from sayso.chat.received import Json
from sayso.clock import SystemClock
from sayso.machine import people
from sayso_slack import members, refusals
from sayso_slack.api import Api

_EMAIL_SCOPE = "add users:read.email under OAuth & Permissions > Bot Token Scopes, then reinstall the app"


async def look(api: Api, home: members.Home, directory: people.Directory) -> AsyncIterator[Finding]:
    """What there is to say about everybody and every group that is named."""
    named = list(roster.accounts(directory, "slack"))

    async def fault_of(one: roster.Named) -> Finding | None:
        return await _fault_of(api, home, one)

    async for finding in roster.look_up(named, fault_of, "Slack", "Slack"):
        yield finding
    async for finding in _emails(api, home, directory):
        yield finding
    async for finding in _groups(api, home, list(roster.groups(directory, "slack", "slack_group"))):
        yield finding


async def _fault_of(api: Api, home: members.Home, named: roster.Named) -> Finding | None:
    """What is wrong with an account. Raises `ChannelError` if Slack does not say."""
    key, account = named
    team, _, user = account.partition("/")
    try:
        found: Json = (await api.get("users.info", user=user))["user"]
    except errors.ChannelError as error:
        if refusals.word_of(error) not in members.UNKNOWN:
            raise
        workspace = (
            "" if team in (home.team, home.enterprise) else f"; {team} is another workspace, this is {home.team}"
        )
        hint = f'that person\'s profile > Copy member ID, then: slack = "{home.team}/U…"'
        return Finding(key, False, f"Slack does not know {account}{workspace}", hint)
    pressed_by = f"{members.organisation(found, home)}/{found.get('id')}"
    if found.get("deleted"):
        return Finding(key, False, f"{account} is deactivated", "name somebody who is still here")
    if found.get("is_bot") or user == "USLACKBOT":
        return Finding(key, False, f"{account} is a bot, and bots cannot decide", "name a person")
    if pressed_by != account:
        return Finding(key, False, f"{account} presses as {pressed_by}, so it is nobody", f'slack = "{pressed_by}"')
    return None


async def _emails(api: Api, home: members.Home, directory: people.Directory) -> AsyncIterator[Finding]:
    """Whether people whom only their address makes known are found by it."""
    known = members.Members(api, SystemClock(), home)
    for name, person in directory.people.items():
        if not person.email or any(not one.startswith("terminal:") for one in person.accounts):
            continue
        key = f"people.{name}.email"
        try:
            account = await known.account_of(person.email)
        except errors.ChannelError as error:
            hint = _EMAIL_SCOPE if refusals.word_of(error) == "missing_scope" else error.hint or roster.LATER
            yield Finding(key, False, f"could not find out whose {person.email} is: {error.message}", hint)
            return
        if account is None:
            hint = f'another address, or [people.{name}] slack = "{home.team}/U…"'
            yield Finding(key, False, f"{person.email} is no verified address of a full member", hint)
        else:
            yield Finding(key, True, f"{person.email} is {account.removeprefix('slack:')}")


async def _groups(api: Api, home: members.Home, named: Sequence[roster.Named]) -> AsyncIterator[Finding]:
    if not named:
        return
    try:
        answer = await api.get("usergroups.list", include_users="true", include_disabled="true")
    except errors.ChannelError as error:
        for key, group in named:
            hint = error.hint or roster.LATER
            yield Finding(key, False, f"could not find out whether Slack knows {group}: {error.message}", hint)
        return
    known: Mapping[str, Json] = {str(one["id"]): one for one in answer["usergroups"]}
    for key, group in named:
        yield _group(home, key, group, known)


def _group(home: members.Home, key: str, group: str, known: Mapping[str, Json]) -> Finding:
    found = known.get(group)
    if found is None:
        # people write the name by which they mention the group
        hint = next(
            (f'slack_group = "{id}"' for id, one in known.items() if one.get("handle") == group.lstrip("@")), None
        )
        copy = "the id S… is at the end of the group's address in Slack on the web: People > User groups"
        return Finding(key, False, f"Slack has no user group {group}", hint or copy)
    if found.get("date_delete"):
        return Finding(key, False, f"{group} is disabled, so nobody is in it", "enable it, or name another one")
    listed: list[str] = found.get("users") or []
    accounts = frozenset(f"slack:{home.team}/{user}" for user in listed)
    enrolled = {f"slack:{group}": people.Enrolled(accounts)}
    return Finding(key, True, f"{group} is @{found.get('handle')}, members: {len(listed)}", enrolled=enrolled)
