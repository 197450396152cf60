"""Looks up the people that sayso.toml names, one after the other, for as long as somebody waits for the outcome.

The rule: only what the platform said is a fault of the settings; what it did not say is reported as not found out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

from sayso import errors
from sayso.chat.finding import Finding
from sayso.content import wording
from sayso.machine import people

MOST = 90
"""People that are looked up at a time, with one call for each; platforms allow about a hundred calls a minute."""
# Seconds for all of them, because a person waits for the outcome.
_WITHIN = 20.0
LATER = "run sayso doctor again in a minute"


class Named(NamedTuple):
    """An account or a group as the settings name it."""

    setting: str
    """The key in the settings."""
    id: str
    """The id on the platform."""


def accounts(directory: people.Directory, platform: str) -> Iterator[Named]:
    """The accounts of a platform that the directory names."""
    for name, profile in directory.people.items():
        for account in sorted(profile.accounts):
            if account.startswith(f"{platform}:"):
                yield Named(f"people.{name}.{platform}", account.removeprefix(f"{platform}:"))


def groups(directory: people.Directory, platform: str, key: str) -> Iterator[Named]:
    """The groups of a platform that the directory names, each under *key* in the settings."""
    for name, group in directory.groups.items():
        for one in sorted(group.platform_groups):
            if one.startswith(f"{platform}:"):
                yield Named(f"groups.{name}.{key}", one.removeprefix(f"{platform}:"))


def account_of(directory: people.Directory, platform: str, name: str) -> str | None:
    """The account of somebody with this name in the settings, without the platform in front."""
    profile = directory.people.get(name)
    found = sorted(one for one in (profile.accounts if profile else ()) if one.startswith(f"{platform}:"))
    return found[0].removeprefix(f"{platform}:") if found else None


async def look_up(
    named: Sequence[Named], fault_of: Callable[[Named], Awaitable[Finding | None]], platform: str, knower: str
) -> AsyncIterator[Finding]:
    """What is wrong with each account, and how many are right; *knower* is who should know them.

    *fault_of* raises `ChannelError` if the platform does not say.
    """
    known = 0
    ends = asyncio.get_running_loop().time() + _WITHIN
    for number, one in enumerate(named):
        try:
            if number >= MOST:
                raise errors.ChannelError(f"{MOST} are looked up at a time")
            async with asyncio.timeout_at(ends):
                fault = await fault_of(one)
        except (errors.ChannelError, TimeoutError) as error:
            why = error.message if isinstance(error, errors.ChannelError) else f"{platform} did not answer in time"
            left = len(named) - number - 1
            rest = f" and {wording.counted(left, 'more person', 'more people')}" if left else ""
            said = f"could not find out whether {knower} knows {one.id}{rest}: {why}"
            yield Finding(one.setting, False, said, LATER)
            break
        if fault is not None:
            yield fault
        else:
            known += 1
    if known:
        yield Finding("people", True, f"{knower} knows {known} of {len(named)}")
