"""Who acted: what Slack knows of a person at this moment, as far as it matters for deciding.

The rule: in doubt somebody is a stranger. No name is believed, and no fact is older than a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sayso import errors
from sayso.chat.received import Json
from sayso.clock import Clock
from sayso.desk.admission import fresh
from sayso.machine import people
from sayso_slack import parse, refusals
from sayso_slack.api import Api
from sayso_slack.settings import NAME

# Seconds. The click must be answered within three, and the decision has to be stored in that time as well.
_LOOK_UP_WITHIN = 1.2
UNKNOWN = ("user_not_found", "user_not_visible")
"""What Slack says of an account that is not there."""


@dataclass(frozen=True, slots=True)
class Home:
    """The workspace, and its organisation if it has one, that the app is installed in."""

    team: str
    enterprise: str | None = None


class Members:
    """Looks people and user groups up."""

    def __init__(self, api: Api, clock: Clock, home: Home) -> None:
        self._api = api
        self._home = home
        self._users: fresh.Fresh[Json] = fresh.Fresh(clock)
        self._lists: fresh.Fresh[Collection[str]] = fresh.Fresh(clock)

    async def actor(self, who: parse.Who) -> people.Actor:
        """The person who acted.

        Raises:
            NotAllowed: a bot, or somebody whose account was closed.
            UnknownPerson: Slack did not say who this is.
        """
        try:
            async with asyncio.timeout(_LOOK_UP_WITHIN):
                user = await self._load_user(who.user)
        except (TimeoutError, errors.ChannelError) as error:
            why = getattr(error, "message", "no answer in time")
            raise errors.UnknownPerson(f"Slack did not say who this is: {why}") from error
        if user.get("deleted") or user.get("is_bot") or user.get("id") != who.user:
            raise errors.NotAllowed("bots and closed accounts cannot decide anything")
        member = self._is_member(user, who)
        # a guest may be in a user group, and decides nothing all the same
        groups_known = frozenset[str]() if member else frozenset({NAME})
        email = _email_of(user) if member else ""
        name = _name_of(user) or who.name
        return people.Actor(self._account(user), name, member, email=email, complete=groups_known)

    async def is_in(self, group: str, account: str) -> bool:
        """Whether an account of ours is in a user group. Raises `ChannelError`."""
        _, _, some_id = account.rpartition("/")
        if some_id not in await self._load_members(group):
            return False
        user = await self._load_user(some_id)
        return self._is_whole(user) and account == self._account(user)

    async def account_of(self, email: str) -> str | None:
        """The account of a full member with this address, which Slack has verified. Raises `ChannelError`."""

        async def ask() -> Json:
            try:
                found: Json = (await self._api.get("users.lookupByEmail", email=email))["user"]
            except errors.ChannelError as error:
                if refusals.word_of(error) != "users_not_found":
                    raise
                return {}
            return found

        user = await self._users.get(f"mail:{email.lower()}", ask)
        verified = people.same_email(_email_of(user), email) and self._is_whole(user)
        return self._account(user) if verified else None

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        """The accounts in a user group; Slack lists all of them. Raises `ChannelError`."""
        return [f"{NAME}:{self._home.team}/{user}" for user in sorted(await self._load_members(group))]

    async def is_open(self, account: str) -> bool:
        """Whether an account is still there. Raises `ChannelError`."""
        try:
            return not (await self._load_user(account.rpartition("/")[2])).get("deleted")
        except errors.ChannelError as error:
            if refusals.word_of(error) in UNKNOWN:
                return False
            raise

    async def close(self) -> None:
        """Ask nothing more."""
        await self._users.close()
        await self._lists.close()

    async def find_name(self, user: str) -> str:
        """What somebody is called. Raises `ChannelError`."""
        return _name_of(await self._load_user(user)) or "somebody"

    def _account(self, user: Json) -> str:
        return f"{NAME}:{organisation(user, self._home)}/{user['id']}"

    def _is_whole(self, user: Json) -> bool:
        """Whether this is a full member whose account is open."""
        gone = user.get("deleted") or user.get("is_bot")
        return not gone and self._is_member(user, parse.Who(str(user.get("id"))))

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

        return await self._users.get(user, ask)

    async def _load_members(self, group: str) -> Collection[str]:
        async def ask() -> Collection[str]:
            answer = await self._api.get("usergroups.users.list", usergroup=group.removeprefix(f"{NAME}:"))
            return frozenset(map(str, answer["users"]))

        return await self._lists.get(group, ask)


def _name_of(user: Json) -> str:
    profile: Json = user.get("profile") or {}
    return str(profile.get("display_name") or profile.get("real_name") or user.get("name") or "")


def _email_of(user: Json) -> str:
    """The address, if Slack has verified it; it is there only with the scope users:read.email."""
    profile: Json = user.get("profile") or {}
    return str(profile.get("email") or "") if user.get("is_email_confirmed") is True else ""


def organisation(user: Json, home: Home) -> str:
    """The workspace or organisation that an account belongs to."""
    if _is_colleague(user, home) and user.get("team_id") != home.team:
        return str(home.enterprise)
    return str(user.get("team_id") or "unknown")


def _is_colleague(user: Json, home: Home) -> bool:
    about: Json = user.get("enterprise_user") or {}
    return home.enterprise is not None and about.get("enterprise_id") == home.enterprise
