"""Who acted: what Slack knows of a person at this moment, as far as it matters for deciding.

The rule: in doubt somebody is a stranger. No name is believed, and no fact is older than a minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sayso import errors
from sayso.chat.received import Json
from sayso.clock import Clock
from sayso.machine import people
from sayso_slack import parse
from sayso_slack.api import Api

log = logging.getLogger(__name__)

Found = TypeVar("Found")
Needs = Callable[[people.Actor], Collection[str]]

# Long enough for a burst of clicks, short enough for somebody who has just lost their account.
_FRESH = timedelta(seconds=60)
# Seconds. The click must be answered within three, and the decision has to be stored in that time as well.
_LOOK_UP_WITHIN = 1.5
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Home:
    """The workspace, and its organisation if it has one, that the app is installed in."""

    team: str
    enterprise: str | None = None


class Members:
    """Looks people and user groups up; *groups* are the user groups that the directory names, such as `slack:S1`."""

    def __init__(self, api: Api, clock: Clock, home: Home, groups: Collection[str]) -> None:
        self._api = api
        self._clock = clock
        self._home = home
        self._groups = sorted(groups)
        self._kept: dict[str, tuple[datetime, Any]] = {}

    async def actor(self, who: parse.Who, needs: Needs | None = None) -> people.Actor:
        """The person who acted; *needs* says which user groups matter, without it all of them do.

        Raises:
            NotAllowed: a bot, or somebody whose account was closed.
            ChannelError: Slack did not say who this is, or whether they are in a group that matters.
        """
        ends = asyncio.get_running_loop().time() + _LOOK_UP_WITHIN
        try:
            async with asyncio.timeout_at(ends):
                user = await self._load_user(who.user)
        except TimeoutError as error:
            raise errors.ChannelError("Slack did not say in time who this is") from error
        if user.get("deleted") or user.get("is_bot") or user.get("id") != who.user:
            raise errors.NotAllowed("bots and closed accounts cannot decide anything")
        member = self._is_member(user, who)
        account = f"slack:{organisation(user, self._home)}/{who.user}"
        alone = people.Actor(account, _name_of(user) or who.name, member)
        wanted = self._groups if needs is None else [one for one in needs(alone) if one.startswith("slack:")]
        return replace(alone, groups=await self._find_groups(who.user, wanted, ends)) if member and wanted else alone

    async def find_name(self, user: str) -> str:
        """What somebody is called. Raises `ChannelError`."""
        return _name_of(await self._load_user(user)) or "somebody"

    async def _find_groups(self, user: str, groups: Collection[str], ends: float) -> frozenset[str]:
        """The groups that somebody is in. A group that fails matters only if no other group has that person."""
        asking = {asyncio.ensure_future(self._load_members(group)): group for group in groups}
        left = max(0.0, ends - asyncio.get_running_loop().time())
        done, late = await asyncio.wait(asking, timeout=left)
        for one in late:
            one.cancel()
        failed = [error for one in done if (error := one.exception()) is not None]
        inside = frozenset(asking[one] for one in done if one.exception() is None and user in one.result())
        if inside or not (late or failed):
            return inside
        raise failed[0] if failed else errors.ChannelError("Slack did not say in time who is in which group")

    def _is_member(self, user: Json, who: parse.Who) -> bool:
        guest = any(user.get(fact) for fact in ("is_restricted", "is_ultra_restricted", "is_stranger"))
        if guest or user.get("team_id") is None:
            return False
        if _is_colleague(user, self._home):
            return True
        # a payload may leave the team out; one that names another team is about somebody from outside
        return user["team_id"] == self._home.team and who.team in (None, self._home.team, self._home.enterprise)

    async def _load_user(self, user: str) -> Json:
        async def ask() -> Json:
            found: Json = (await self._api.get("users.info", user=user))["user"]
            return found

        return await self._recall(f"user:{user}", ask)

    async def _load_members(self, group: str) -> Collection[str]:
        async def ask() -> Collection[str]:
            some_id = group.removeprefix("slack:")
            try:
                answer = await self._api.get("usergroups.users.list", usergroup=some_id)
            except errors.ChannelError as error:
                if not error.final:
                    raise
                # a group that cannot be read has no members; others can still decide
                log.error("user group unreadable", extra={"group": group, "error": error.message, "hint": error.hint})
                return frozenset()
            return frozenset(map(str, answer["users"]))

        return await self._recall(group, ask)

    async def _recall(self, key: str, ask: Callable[[], Awaitable[Found]]) -> Found:
        now = self._clock.now()
        at, kept = self._kept.get(key, (None, None))
        if at is None or not now - _FRESH < at <= now:
            kept = await ask()
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (now, kept)
        return cast(Found, kept)


def _name_of(user: Json) -> str:
    profile: Json = user.get("profile") or {}
    return str(profile.get("display_name") or profile.get("real_name") or user.get("name") or "")


def organisation(user: Json, home: Home) -> str:
    """The workspace or organisation that an account belongs to."""
    if _is_colleague(user, home) and user.get("team_id") != home.team:
        return str(home.enterprise)
    return str(user.get("team_id") or "unknown")


def _is_colleague(user: Json, home: Home) -> bool:
    about: Json = user.get("enterprise_user") or {}
    return home.enterprise is not None and about.get("enterprise_id") == home.enterprise
