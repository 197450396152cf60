"""How many connections there may be at the same time, and which of them goes if there are too many.

The rule: who has said nothing yet costs next to nothing, and makes room for whoever comes. Where there is no room left,
the connection goes that has been waiting the longest with nothing asked; one that is being answered stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from sayso import errors

log = logging.getLogger(__name__)

# Files that are not for connections: the database, the chats, calls to receivers, and what the system has accepted
# before we could look at it (asyncio takes as many at once as wait in the queue of the socket).
QUEUE = 128
RESERVED = QUEUE + 128
# No more than this is asked of the system.
_MOST_FILES = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and the seconds that each of their parts may take."""

    total: int = 10_000
    per_address: int = 2_000
    head: float = 15.0
    """From the first byte of a request, or from connecting, to the end of its headers."""
    body: float = 30.0
    """From the end of the headers to the end of the body."""
    idle: float = 75.0
    """Between two requests; a proxy in front should keep its connections for less."""


class Peer(Protocol):
    """One connection, as far as it is counted."""

    address: str
    counted: bool

    @property
    def asking(self) -> bool:
        """Whether a request is being answered that has come as a whole."""
        ...

    def abort(self) -> None:
        """Close it at once."""
        ...


class Connections:
    """The connections of one listener."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open = 0
        # in the order in which they last did something: the first ones go first
        self._loose: dict[Peer, None] = {}
        self._of: dict[str, _Address] = {}

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open

    def admit(self, one: Peer) -> None:
        """Count a new connection; where there are too many, an idle one makes room. Raises `TooMany`."""
        here = self._of.get(one.address)
        if here and here.open >= self.limits.per_address:
            self._make_room(here.loose, "from this address")
        if self._open >= self.limits.total:
            self._make_room(self._loose, "now")
        self._open += 1
        self._of.setdefault(one.address, _Address({})).open += 1
        one.counted = True
        self.loosen(one)

    def loosen(self, one: Peer) -> None:
        """From now on this one can make room for others."""
        self.hold(one)
        if one.counted:
            self._loose[one] = self._of[one.address].loose[one] = None

    def hold(self, one: Peer) -> None:
        """This one is being answered."""
        self._loose.pop(one, None)
        if here := self._of.get(one.address):
            here.loose.pop(one, None)

    def left(self, one: Peer) -> None:
        """It is closed."""
        self.hold(one)
        if not one.counted:
            return
        one.counted = False
        self._open -= 1
        here = self._of[one.address]
        here.open -= 1
        if not here.open:
            del self._of[one.address]

    def _make_room(self, loose: dict[Peer, None], where: str) -> None:
        while loose:
            oldest = next(iter(loose))
            if oldest.asking:
                # its body came meanwhile
                self.hold(oldest)
                continue
            self.left(oldest)
            oldest.abort()
            return
        raise errors.TooMany(f"there are too many connections {where}", hint="try again in a moment", retry_after=5.0)


@dataclass(slots=True)
class _Address:
    loose: dict[Peer, None]
    open: int = 0


def room_for() -> int:
    """How many connections the system lets this process have, once the limit is raised as far as it goes."""
    try:
        import resource
    except ImportError:  # not on Windows
        return _MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY:
        return _MOST_FILES
    if soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
        except (OSError, ValueError):
            log.warning("the limit of open files cannot be raised", extra={"files": soft})
    return max(16, soft - RESERVED)
