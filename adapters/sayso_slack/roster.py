"""Looks up the people and user groups that sayso.toml names: whom Slack does not know, nobody can ask.

The rule: only what Slack said is a fault of the settings; what it did not say is told as not found out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sayso import errors, people
from sayso_slack import members
from sayso_slack.settings import Finding
from sayso_slack.web import Web

Json = dict[str, Any]

MOST = 90
"""Calls for people, one for each: Slack takes about a hundred a minute. User groups take one call for all."""
# Seconds for all of them: whoever asks looks on.
_WITHIN = 20.0
_LATER = "run sayso doctor again in a minute"
_UNKNOWN = ("user_not_found", "user_not_visible")


async def look(api: Web, home: members.Home, directory: people.Directory) -> AsyncIterator[Finding]:
    """What there is to say about everybody and every group that is named."""
    async for finding in _people(api, home, directory):
        yield finding
    async for finding in _groups(api, home, directory):
        yield finding


async def _people(api: Web, home: members.Home, directory: people.Directory) -> AsyncIterator[Finding]:
    named = [
        (f"people.{name}.slack", account.removeprefix("slack:"))
        for name, profile in directory.people.items()
        for account in sorted(profile.accounts)
        if account.startswith("slack:")
    ]
    well = 0
    ends = asyncio.get_running_loop().time() + _WITHIN
    for number, (key, account) in enumerate(named):
        try:
            if number >= MOST:
                raise errors.ChannelError(f"{MOST} are looked up at a time")
            async with asyncio.timeout_at(ends):
                wrong = await _person(api, home, key, account)
        except (errors.ChannelError, TimeoutError) as error:
            why = error.message if isinstance(error, errors.ChannelError) else "Slack did not answer in time"
            rest = f" and {len(named) - number - 1} more people" if number + 1 < len(named) else ""
            yield Finding(key, False, f"could not find out whether Slack knows {account}{rest}: {why}", _LATER)
            break
        if wrong is not None:
            yield wrong
        else:
            well += 1
    if well:
        yield Finding("people", True, f"Slack knows {well} of {len(named)}")


async def _person(api: Web, home: members.Home, key: str, account: str) -> Finding | None:
    """What is wrong with an account. Raises `ChannelError` where Slack does not say."""
    team, _, user = account.partition("/")
    try:
        found: Json = (await api.get("users.info", user=user))["user"]
    except errors.ChannelError as error:
        if not any(code in error.message for code in _UNKNOWN):
            raise
        where = "" if team in (home.team, home.enterprise) else f"; {team} is another workspace, this is {home.team}"
        hint = f'that person\'s profile > Copy member ID, then: slack = "{home.team}/U…"'
        return Finding(key, False, f"Slack does not know {account}{where}", hint)
    pressed_by = f"{members.organisation(found, home)}/{found.get('id')}"
    if found.get("deleted"):
        return Finding(key, False, f"{account} is deactivated", "name somebody who is still here")
    if found.get("is_bot") or user == "USLACKBOT":
        return Finding(key, False, f"{account} is a bot, and bots cannot decide", "name a person")
    if pressed_by != account:
        return Finding(key, False, f"{account} presses as {pressed_by}, so it is nobody", f'slack = "{pressed_by}"')
    return None


async def _groups(api: Web, home: members.Home, directory: people.Directory) -> AsyncIterator[Finding]:
    named = [
        (f"groups.{name}.slack_group", one.removeprefix("slack:"))
        for name, group in directory.groups.items()
        for one in sorted(group.platform_groups)
        if one.startswith("slack:")
    ]
    if not named:
        return
    try:
        answer = await api.get("usergroups.list", include_users="true", include_disabled="true")
    except errors.ChannelError as error:
        for key, group in named:
            hint = error.hint or _LATER
            yield Finding(key, False, f"could not find out whether Slack knows {group}: {error.message}", hint)
        return
    known: Mapping[str, Json] = {str(one["id"]): one for one in answer["usergroups"]}
    for key, group in named:
        yield _group(home, key, group, known)


def _group(home: members.Home, key: str, group: str, known: Mapping[str, Json]) -> Finding:
    found = known.get(group)
    if found is None:
        # people write the name by which they mention it
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
